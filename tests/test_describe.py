"""What `list` and `show` say, read from the plugins' own files, is what Python says when it imports them."""

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ganbench import plugins
from ganbench.describe import catalogue, describe, find
from ganbench.errors import BadSuite

KINDS = (*plugins.KINDS, "suites")
INSTALLED = [(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]

PLUGIN = '''"""A file for tests, https://example.org."""

from typing import Any

value: Any = dict(source="Somebody, 2020")


class Mine:
    """My own words.

    More of them.
    """

    def __init__(self, spec, *, lr: float = 1e-3, name="x",  # a name
                 width: int):
        pass


class Plain:
    pass
'''


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
def test_a_plugin_is_described_in_a_line_and_at_length(kind: str, name: str) -> None:
    found = describe(kind, name)
    assert found.name == name
    assert found.summary and "\n" not in found.summary
    assert found.summary in found.text


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, name in INSTALLED if kind in ("variants", "datasets", "judges")]
)
def test_options_have_the_types_and_defaults_of_the_signature(kind: str, name: str) -> None:
    signature = plugins.options(plugins.load(kind, name))
    described = {option.name: option for option in describe(kind, name).options}
    assert [*described] == [*signature]
    for option, parameter in signature.items():
        default = parameter.default
        assert described[option].type, f"{option} has no type"
        assert described[option].type == inspect.formatannotation(parameter.annotation).rpartition(".")[2].strip("'")
        # A formulation is written by its name in code and in suites.
        assert described[option].default == getattr(default, "name", None) or eval(described[option].default) == default


def test_variants_and_datasets_say_what_their_unusual_options_mean() -> None:
    comments = {option.name: option.comment for option in describe("variants", "wgan").options}
    assert comments["clip"] == "every critic weight is held in [-clip, clip]"
    assert "28: as stored" in next(o.comment for o in describe("datasets", "mnist").options if o.name == "size")


def test_a_file_is_described_without_being_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN + "\n1 / 0\n")
    found = describe("variants", "mine.py:Mine", tmp_path)
    assert found.summary == "My own words."
    assert found.text == "A file for tests, https://example.org.\n\nMy own words.\n\nMore of them."
    assert [tuple(vars(option).values()) for option in found.options] == [
        ("lr", "float", "0.001", "a name"),
        ("name", "", "'x'", "a name"),
        ("width", "int", "", ""),
    ]
    assert describe("losses", "mine.py:value", tmp_path).summary == "Somebody, 2020"
    plain = describe("variants", "mine.py:Plain", tmp_path)
    assert (plain.summary, plain.options) == ("A file for tests, https://example.org.", [])
    with pytest.raises(BadSuite, match=r"'mine\.py:Yours': its file defines no 'Yours'"):
        describe("variants", "mine.py:Yours", tmp_path)


def test_a_name_may_belong_to_several_kinds() -> None:
    assert [kind for kind, _ in find("mnist")] == ["datasets", "judges"]


def test_suites_are_listed_with_their_first_words_and_not_with_their_schema() -> None:
    listed = catalogue("suites")
    assert set(listed) >= {"quick", "standard"}
    assert all(line.startswith("`ganbench run suites/") for line in listed.values())


@pytest.mark.parametrize("kind", KINDS)
def test_lists_are_for_people_and_for_programs(kind: str, ganbench: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = ganbench("list", kind, "--json")
    listed = json.loads(out)
    assert (code, err) == (0, "")
    assert listed == catalogue(kind)
    assert all(listed.values()), "each has a line about it"
    code, out, _ = ganbench("list", kind)
    assert code == 0
    assert all(name in out for name in listed)


@pytest.mark.parametrize("name", sorted({name for _, name in INSTALLED}))
def test_everything_can_be_shown(name: str, ganbench: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = ganbench("show", name)
    assert (code, err) == (0, "")
    for kind, found in find(name):
        assert f"{name} ({kind})" in out
        assert all(option.name in out for option in found.options)


def test_show_names_the_paper_and_the_options(ganbench: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = ganbench("show", "wgan")
    assert "https://arxiv.org/abs/1701.07875" in out
    assert "n_critic" in out and "critic steps for each generator step" in " ".join(out.split())


@pytest.mark.parametrize("command", ["--help", "--version", "run --help", "list variants", "list suites", "show gan"])
def test_the_quick_commands_do_without_torch_and_pandas(command: str) -> None:
    code = f"""
import sys, atexit
from ganbench.cli import main
atexit.register(lambda: print(sorted({{"torch", "pandas", "plotly", "zoo"}} & {{*sys.modules}}), file=sys.stderr))
sys.argv = ["ganbench", *{command.split()}]
main()
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "[]\n")


def test_importing_ganbench_imports_nothing_heavy() -> None:
    code = "import sys, ganbench; sys.exit(str({'torch', 'numpy', 'typer'} & {*sys.modules} or ''))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == ""
