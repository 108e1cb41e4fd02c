"""Imports go one way, the house stays small, and no file is for odds and ends."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Arrows = dict[str, set[str]]  # who imports -> what it imports


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `ganbench` as a wheel does: the zoo is `ganbench.zoo` there."""
    folder = tmp_path_factory.mktemp("installed")
    ran = subprocess.run([sys.executable, ROOT / "tests/installed.py", folder], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return folder


def imported_names(module: str, node: ast.AST) -> Iterator[str]:
    """What one statement imports: `from a import b` may mean the module `a.b` or a name in `a`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{module} imports relatively; write the whole name"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def read_imports(folder: Path) -> Arrows:
    """Every module below the folder, and the modules there that it imports, wherever in its text."""
    files = {file.relative_to(folder).with_suffix("").parts: file for file in folder.rglob("*.py")}
    files = {parts[:-1] if parts[-1] == "__init__" else parts: file for parts, file in files.items()}
    texts = {".".join(parts): file.read_text(encoding="utf-8") for parts, file in files.items()}
    arrows: Arrows = {}
    for module, text in texts.items():
        names = {name for node in ast.walk(ast.parse(text)) for name in imported_names(module, node)}
        found = {name if name in texts else name.rpartition(".")[0] for name in names}
        arrows[module] = {name for name in found if name in texts and name != module}
    return arrows


def between_rooms(arrows: Arrows) -> Arrows:
    """The same between rooms: a file of `ganbench`, or a package in it with all that it holds."""
    rooms: Arrows = {}
    for module, imported in arrows.items():
        own = ".".join(module.split(".")[:2])
        rooms.setdefault(own, set()).update({".".join(name.split(".")[:2]) for name in imported} - {own})
    return rooms


@pytest.fixture(scope="module")
def imports(installed: Path) -> Arrows:
    found = read_imports(installed)
    assert len(found) > 100 and "ganbench.zoo.dcgan" in found
    return found


def test_imports_go_one_way(installed: Path) -> None:
    """The contracts are in `pyproject.toml`; `lint-imports` explains what breaks them."""
    pytest.importorskip("importlinter")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    options = ["--config", ROOT / "pyproject.toml", "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(installed), "NO_COLOR": "1"}
    ran = subprocess.run([*command, *options], cwd=installed, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " 0 broken" in ran.stdout


def test_the_layers_name_every_module() -> None:
    """import-linter holds a layers contract to that where it is exhaustive."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [contract for contract in contracts if contract["type"] == "layers"]
    assert all(contract["exhaustive"] for contract in layers)
    containers = {name for contract in layers for name in contract["containers"]}
    assert containers >= {"ganbench", "ganbench.runs", "ganbench.judges", "ganbench.reports"}


def test_no_imports_go_in_a_circle(imports: Arrows) -> None:
    """Neither modules nor rooms; whoever closes one is named by the error."""
    TopologicalSorter(imports).prepare()
    TopologicalSorter(between_rooms(imports)).prepare()


def test_the_house_stays_small(imports: Arrows) -> None:
    rooms = between_rooms(imports)

    @cache
    def floor(room: str) -> int:
        return 1 + max((floor(below) for below in rooms[room]), default=0)

    assert len(rooms) <= 32
    assert sum(map(len, rooms.values())) <= 126
    assert max(map(floor, rooms)) <= 12
    assert len([*(ROOT / "ganbench").glob("*.py")]) <= 16


def test_there_are_no_files_for_odds_and_ends(imports: Arrows) -> None:
    odd = ("util", "helper", "common", "misc", "manager", "base_")
    assert [module for module in imports if any(word in module.rpartition(".")[2] for word in odd)] == []
