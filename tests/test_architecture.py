"""Imports go one way, and whoever opens a file is told what it is for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(file for package in ("ganbench", "zoo", "reports") for file in (ROOT / package).rglob("*.py"))
EXPLAINED = (
    "ganbench/metrics/",
    "ganbench/statistics.py",
    "ganbench/suite/language.py",
    "ganbench/store.py",
    "ganbench/data/",
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions that others may call; those of a statement or two speak for themselves."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and len(node.body) > 2:
            yield node


def test_imports_go_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts are in `pyproject.toml`; `lint-imports` explains what breaks them."""
    linter = pytest.importorskip("importlinter.cli")
    monkeypatch.chdir(ROOT)
    assert linter.lint_imports(no_cache=True) == 0


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [path for path in MODULES if name(path).startswith(EXPLAINED)], ids=name)
def test_a_public_function_says_what_it_does(path: Path) -> None:
    found = public_functions(ast.parse(path.read_text(encoding="utf-8")))
    assert [function.name for function in found if not ast.get_docstring(function)] == []


def test_there_are_no_files_for_odds_and_ends() -> None:
    odd = ("util", "helper", "common", "misc", "manager", "base_")
    assert [name(path) for path in MODULES if any(word in path.stem for word in odd)] == []
