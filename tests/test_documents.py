"""What README and docs name exists: files, links, commands, options, and each file of the house."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from ganbench.cli import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = "ganbench|zoo|reports|suites|tests|docs|baselines"
document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@document
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    made = re.compile(r"(variants|metrics)/index\.md")  # by docs/hooks.py, when the site is built
    assert [target for target in targets if not (made.match(target) or (document.parent / target).exists())] == []


def test_readme_and_site_lead_to_every_page() -> None:
    readme, site = DOCUMENTS[0].read_text(), (ROOT / "docs/index.md").read_text()
    pages = {page.name for page in DOCUMENTS[1:]} - {"index.md"}
    assert [page for page in pages if f"(docs/{page})" not in readme or f"({page})" not in site] == []


@document
def test_paths_of_the_repository_exist(document: Path) -> None:
    paths = re.findall(rf"(?<![\w/.])((?:{FOLDERS})/[\w./-]*\w(?:\.\w+)?/?)", document.read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


def paths_of_the_tree(text: str) -> set[str]:
    """What the tree in docs/design.md names: an entry is indented below its folder, and two spaces end its name."""
    folders: list[str] = []
    found = set()
    for line in re.search(r"^## The tree of files\n\n(.*?)\n\n", text, re.M | re.S)[1].splitlines():
        entry = line[4:]
        depth = (len(entry) - len(entry.lstrip())) // 2
        names = re.split(r"  +", entry.strip())[0].split(" ")
        found |= {"".join([*folders[:depth], name]) for name in names}
        folders = [*folders[:depth], names[0]]
    return found


def test_the_tree_names_what_there_is_and_every_module() -> None:
    named = paths_of_the_tree((ROOT / "docs/design.md").read_text())
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    modules = {file for folder in ("ganbench", "zoo", "reports") for file in (ROOT / folder).rglob("*.py")}
    paths = {file.relative_to(ROOT).as_posix() for file in modules if file.name != "__init__.py"}
    assert paths - named == set()


def test_the_guess_test_has_a_file_for_each_of_24_changes() -> None:
    design = (ROOT / "docs/design.md").read_text()
    table = re.search(r"^## Where a change is made\n(.*?)^## ", design, re.M | re.S)[1]
    rows = re.findall(r"^\| ([^*|]+) \| (.+) \|$", table, re.M)[2:]
    assert len(rows) == 24
    assert [change for change, where in rows if where.count("`") != 2] == []


def commands(text: str) -> Iterator[list[str]]:
    """The words of each `ganbench ...` in a code block or between backticks, without comments."""
    blocks = re.findall(r"^(?:```\w*\n(.*?)^```)|^    (.+?)$", text, re.M | re.S)
    lines = [line for block in blocks for part in block for line in part.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    for line in [*lines, *spans]:
        for command in re.split(r"&&|\|\||;", line.partition(" #")[0]):
            words = command.strip(" -").split()
            if words[:1] == ["ganbench"] and len(words) > 1:
                yield words[1:]


def unknown(words: list[str]) -> list[str]:
    """The first word that is no command, or the options that it does not have."""
    command, context = get_command(app), typer.Context(get_command(app))
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        inner = command.get_command(context, words[0])
        if inner is None:
            return [words[0]]
        command, words = inner, words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in words if word.startswith("--") and word not in {*known, "--help"}]


@document
def test_commands_and_their_options_exist(document: Path) -> None:
    for words in commands(document.read_text()):
        assert unknown(words) == [], f"ganbench {' '.join(words)}"


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert list(commands("```sh\ncd x && ganbench run a.toml --scal 1  # --no\n```\nSee `ganbench lst`.")) == [
        ["run", "a.toml", "--scal", "1"],
        ["lst"],
    ]
    assert unknown(["run", "a.toml", "--scal", "1"]) == ["--scal"]
    assert unknown(["lst"]) == ["lst"]
    assert unknown(["data", "fetch", "mnist"]) == []
