"""Whose code a run's numbers come from."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import SimpleNamespace

import pytest

from ganbench import plugins
from ganbench.plugins import code
from ganbench.plugins.code import code_hash, code_of, code_of_file, code_of_modules, neighbours

TEXT = 'def f():\n    return "# no comment"\n'


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    for cached in (code_of, code_of_modules, code._code_hash, code._imports, code._module_file):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('"""What it is."""\n\n\n# why\ndef f():\n    "As said."\n\n    return "# no comment"  # indeed\n', True),
        ('def f():\n    return "# a comment"\n', False),
        ("def f():\n    return f'# no comment'\n", False),
    ],
)
def test_words_about_code_are_no_code(tmp_path: Path, text: str, same: bool) -> None:
    (tmp_path / "a.py").write_text(TEXT)
    (tmp_path / "b.py").write_text(text)
    assert (code_hash(tmp_path / "a.py") == code_hash(tmp_path / "b.py")) == same


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('class A: "Bücher, on one line"; width = 1  # ü\n', True),
        ('class A: "Words"; width = 2\n', False),
        ('class A: """Words\n  on two lines"""; width = 1\n', True),
    ],
)
def test_code_beside_a_docstring_counts(tmp_path: Path, text: str, same: bool) -> None:
    (tmp_path / "a.py").write_text('class A: "Words"; width = 1\n')
    (tmp_path / "b.py").write_text(text, encoding="utf-8")
    assert (code_hash(tmp_path / "a.py") == code_hash(tmp_path / "b.py")) == same


def test_what_is_no_python_counts_whole(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def (:  # 1\n")
    (tmp_path / "b.py").write_text("def (:  # 2\n")
    assert code_hash(tmp_path / "a.py") != code_hash(tmp_path / "b.py") and code_hash(tmp_path / "none.py") == ""


def test_neighbours_are_what_is_imported_from_the_folder_all_the_way_down(tmp_path: Path) -> None:
    for name, text in {
        "mine.py": "import one, torch\ndef late():\n    from package import two\n",
        "one.py": "import mine\n", "package/__init__.py": "", "package/two.py": "from . import three\n",
        "package/three.py": "", "stranger.py": "",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    names = [file.relative_to(tmp_path).as_posix() for file in neighbours(tmp_path / "mine.py")]
    assert names == ["mine.py", "one.py", "package/__init__.py", "package/three.py", "package/two.py"]


def edited(monkeypatch: pytest.MonkeyPatch, module: str, tmp_path: Path, old: str, new: str) -> None:
    """As if this module of ganbench had another text."""
    file = code._module_file(module)
    assert file is not None
    text = file.read_text()
    assert old in text
    copy = tmp_path / file.name
    copy.write_text(text.replace(old, new))
    found = code._module_file
    monkeypatch.setattr(code, "_module_file", lambda name: copy if name == module else found(name))
    code_of_modules.cache_clear()
    code_of.cache_clear()


@pytest.mark.parametrize(
    ("module", "old", "new", "whose"),
    [
        ("ganbench.zoo.dcgan", "z_dim: Size = 100", "z_dim: Size = 99", {"dcgan"}),
        ("ganbench.zoo.parts", "0.02", "0.03", {"dcgan", "wgan", "stylegan"}),
        ("ganbench.zoo.dcgan", "the recipe that made GANs train", "a recipe", set()),
        ("ganbench.runs.training", "grad", "dgar", {"loop"}),
        ("ganbench.runs.record", "status", "state", set()),
    ],
)
def test_an_edit_of_the_harness_or_the_zoo_makes_other_runs_of_whom_it_concerns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, old: str, new: str, whose: set[str]
) -> None:
    def codes() -> dict[str, str]:
        variants = {name: code_of("variants", name) for name in ("dcgan", "wgan", "stylegan")}
        return {**variants, "loop": code_of_modules("ganbench.runs.run")}

    before = codes()
    edited(monkeypatch, module, tmp_path, old, new)
    assert {name for name, now in codes().items() if now != before[name]} == whose


def test_version_and_source_of_an_installed_plugin_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "__init__.py").write_text("")
    (tmp_path / "elsewhere" / "gans.py").write_text("from elsewhere.nets import net\n")
    (tmp_path / "elsewhere" / "nets.py").write_text("net = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("mine", "elsewhere.gans:Mine", "ganbench.variants")
    dist = SimpleNamespace(name="elsewhere", version="1.0")
    monkeypatch.setattr(plugins, "_installed", lambda kind: EntryPoints([point._for(dist)]))
    first = code_of("variants", "mine")
    dist.version = "1.1"
    forget()
    second = code_of("variants", "mine")
    forget()
    (tmp_path / "elsewhere" / "nets.py").write_text("net = 2\n")
    third = code_of("variants", "mine")
    assert len({first, second, third}) == 3 and code_of("variants", "others") == ""


def test_a_plugin_imports_its_neighbours_and_each_folder_its_own(tmp_path: Path) -> None:
    for folder, width in (("here", 1), ("there", 2)):
        (tmp_path / folder / "my_package").mkdir(parents=True)
        (tmp_path / folder / "my_networks.py").write_text(f"WIDTH = {width}\n")
        (tmp_path / folder / "my_package" / "__init__.py").write_text("")
        (tmp_path / folder / "my_package" / "deep.py").write_text(f"DEPTH = {width}\n")
        text = (
            "from my_networks import WIDTH\nfrom my_package.deep import DEPTH\n"
            "def late():\n    import my_networks\n    return my_networks.WIDTH\n"
        )
        (tmp_path / folder / "mine.py").write_text(text)
    before = [*sys.path]
    here = plugins.load("variants", "mine.py:WIDTH", tmp_path / "here")
    late = plugins.load("variants", "mine.py:late", tmp_path / "here")
    assert (here, late()) == (1, 1)
    assert [plugins.load("variants", f"mine.py:{name}", tmp_path / "there") for name in ("WIDTH", "DEPTH")] == [2, 2]
    assert sys.path[: len(before)] == before, "what is installed is found first, but while a plugin is imported"
    assert code_of_file("mine.py:WIDTH", str(tmp_path / "here")) != code_of_file(
        "mine.py:WIDTH", str(tmp_path / "there")
    )
