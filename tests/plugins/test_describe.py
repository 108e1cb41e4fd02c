"""What `list` and `show` say, read from the plugins' own files, is what Python says when it imports them."""

import inspect
import json
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import pytest

from ganbench import plugins
from ganbench.errors import BadSuite
from ganbench.plugins.describe import catalogue, describe, describe_all, reflowed

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


def test_a_plugin_is_described_in_a_line_and_at_length() -> None:
    for kind, name in INSTALLED:
        found = describe(kind, name)
        assert found.name == name
        assert found.summary and "\n" not in found.summary, name
        assert found.summary in found.text, name


@pytest.mark.parametrize("kind", [kind for kind in plugins.KINDS if kind != "metrics"])
def test_options_have_the_types_and_defaults_of_the_signature(kind: str) -> None:
    """What is described is source text: evaluated where it was written it is what Python has."""
    for name in plugins.names(kind):
        check_options(kind, name)


def check_options(kind: str, name: str) -> None:
    plugin = plugins.load(kind, name)
    signature = plugins.options(plugin) if callable(plugin) else {}
    types = get_type_hints(plugin.__init__ if inspect.isclass(plugin) else plugin) if callable(plugin) else {}
    described = {option.name: option for option in describe(kind, name).options}
    assert [*described] == [*signature], name
    words = vars(typing) | (vars(inspect.getmodule(plugin)) if callable(plugin) else {})
    for option, parameter in signature.items():
        assert described[option].type, f"{option} of {name} has no type"
        assert eval(described[option].type, words) == types[option], name
        if parameter.default is not parameter.empty:
            assert eval(described[option].default, words) == parameter.default, name


def test_variants_and_datasets_say_what_their_unusual_options_mean() -> None:
    comments = {option.name: option.comment for option in describe("variants", "wgan").options}
    assert comments["n_critic"] == "critic steps for each generator step"
    assert "28: as stored" in next(o.comment for o in describe("datasets", "mnist").options if o.name == "size")


def test_a_file_is_described_without_being_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN + "\n1 / 0\n")
    found = describe("variants", "mine.py:Mine", tmp_path)
    assert found.summary == "My own words."
    assert found.text == "A file for tests, https://example.org.\n\nMy own words.\n\nMore of them."
    assert [tuple(vars(option).values()) for option in found.options] == [
        ("lr", "float", "", "0.001", "a name"),
        ("name", "", "", "'x'", "a name"),
        ("width", "int", "", "", ""),
    ]
    assert describe("losses", "mine.py:value", tmp_path).summary == "Somebody, 2020"
    plain = describe("variants", "mine.py:Plain", tmp_path)
    assert (plain.summary, plain.options) == ("A file for tests, https://example.org.", [])
    with pytest.raises(BadSuite, match=r"'mine\.py:Yours': its file defines no 'Yours'"):
        describe("variants", "mine.py:Yours", tmp_path)


def lines(kind: str, name: str, beside: Path | None = None) -> list[tuple[str, ...]]:
    return [tuple(vars(option).values()) for option in describe(kind, name, beside).options]


def test_the_fields_of_a_dataclass_are_its_options_and_its_class_variables_are_not() -> None:
    assert lines("penalties", "gradient") == [
        ("weight", "float", "at least 0", "10.0", "of the term in D's loss"),
        ("target", "float", "at least 0", "1.0", "the slope that D should have"),
        ("one_sided", "bool", "", "False", "slopes below the target are free"),
    ]
    assert lines("remedies", "packing") == [("samples", "int", "at least 1", "2", "in a pack")]
    assert lines("penalties", "none") == lines("remedies", "feature_matching") == []


def test_a_type_that_has_a_name_is_shown_as_what_it_means() -> None:
    (d_norm,) = (option for option in describe("variants", "dcgan").options if option.name == "d_norm")
    assert (d_norm.type, d_norm.default) == ("Literal['batch', 'layer', 'none']", "'batch'")


def test_a_range_is_shown_in_words_beside_the_plain_type(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(RANGES)
    assert lines("variants", "mine.py:Mine", tmp_path) == [
        ("lr", "float", "above 0", "0.1", ""),
        ("betas", "tuple[float, float]", "at least 0, below 1", "(0.0, 0.9)", "of Adam"),
        ("height", "int", "at least -2, at most 5", "0", ""),
        ("free", "float", "", "1.0", ""),
    ]


RANGES = '''"""A file."""

from typing import Annotated

from annotated_types import Ge, Le

from ganbench.plugins.spec import Decay, Positive

Height = Annotated[int, Ge(-2), Le(5)]


class Mine:
    def __init__(
        self,
        spec,
        *,
        lr: Positive = 0.1,
        betas: tuple[Decay, Decay] = (0.0, 0.9),  # of Adam
        height: Height = 0,
        free: float = 1.0,
    ):
        pass
'''


def test_a_value_may_be_followed_by_its_words_and_names_its_paper_itself_or_by_what_made_it(tmp_path: Path) -> None:
    hinge, kl = describe("losses", "hinge"), describe("losses", "kl")
    assert hinge.summary == "D minimises E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), G -E D(G(z))."
    assert hinge.text == (f'{hinge.summary}\n\nLim and Ye, "Geometric GAN", 2017, https://arxiv.org/abs/1705.02894')
    assert kl.summary.startswith("Kullback-Leibler divergence KL(p || q): T = v")
    assert kl.text.endswith('Nowozin et al., "f-GAN", 2016, table 6, https://arxiv.org/abs/1606.00709')
    (tmp_path / "mine.py").write_text(VALUES)
    texts = {name: describe("losses", f"mine.py:{name}", tmp_path).text for name in ("plain", "made", "bare")}
    assert texts == {"plain": "Words.\n\nA paper", "made": "Another paper", "bare": "A file."}


VALUES = '''"""A file."""

PAPER = "Another paper"

plain = dict(source="A paper")
"""Words."""

def make(name):
    return dict(name, source=PAPER)

made = make("made")
bare = make
'''

CHILDREN = '''"""A file."""

from dataclasses import dataclass, field
from typing import ClassVar

from ganbench.zoo.gan import GAN as Base


class Mine(Base):
    pass


class Grandchild(Mine):
    def sample(self, like):
        pass


class Own(Mine):
    def __init__(self, spec, *, width: int = 3):
        pass


@dataclass(frozen=True, kw_only=True)
class Parent:
    kind: ClassVar[str] = "x"
    a: int = 1  # the first
    b: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Child(Parent):
    b: float = 3.0  # another
    c: str = "c"
'''


def test_options_that_a_class_inherits_are_its_own_too(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CHILDREN)
    for name in ("Mine", "Grandchild"):
        assert lines("variants", f"mine.py:{name}", tmp_path) == lines("variants", "gan")
    assert lines("variants", "mine.py:Own", tmp_path) == [("width", "int", "", "3", "")]
    assert lines("penalties", "mine.py:Child", tmp_path) == [
        ("a", "int", "", "1", "the first"),
        ("b", "float", "", "3.0", "another"),
        ("c", "str", "", "'c'", ""),
    ]


def test_a_name_may_belong_to_several_kinds() -> None:
    assert [kind for kind, _ in describe_all("mnist")] == ["datasets", "judges"]


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


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_everything_can_be_shown(kind: str, ganbench: Callable[..., tuple[int, str, str]]) -> None:
    for name in plugins.names(kind):
        code, out, err = ganbench("show", name)
        assert (code, err) == (0, ""), name
        (found,) = (found for of, found in describe_all(name) if of == kind)
        assert f"{name} ({kind})" in out
        assert all(option.name in out for option in found.options), name


def test_paragraphs_flow_and_what_is_indented_or_listed_stays() -> None:
    text = "One\ntwo.\n\nThree\n    code\n- a list\nfour"
    assert reflowed(text) == "One two.\n\nThree\n    code\n- a list four"


def test_show_names_the_paper_and_the_options(ganbench: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = ganbench("show", "wgan")
    assert "https://arxiv.org/abs/1701.07875" in out
    assert "n_critic" in out and "critic steps for each generator step" in " ".join(out.split())


QUICK = [
    *("--help", "--version", "run --help", "list variants", "list suites"),
    *("show gan", "list penalties", "show packing"),
]


def test_the_quick_commands_do_without_torch_and_pandas() -> None:
    """All in one process, since what one of them imports is what the next would find."""
    code = f"""
import sys
from ganbench.cli import main
for command in {QUICK}:
    sys.argv = ["ganbench", *command.split()]
    try:
        main()
    except SystemExit as ended:
        heavy = sorted({{"torch", "pandas", "plotly", "scipy", "ganbench.zoo"}} & {{*sys.modules}})
        print(command, ended.code or 0, *heavy, file=sys.stderr)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stderr.splitlines() == [f"{command} 0" for command in QUICK]


def test_importing_ganbench_imports_nothing_heavy() -> None:
    code = "import sys, ganbench; sys.exit(str({'torch', 'numpy', 'typer'} & {*sys.modules} or ''))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == ""
