"""The notebook of the documentation does what it shows."""

import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def notebooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks", Path(__file__).with_name("notebooks.py"))
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    return module


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _kinds(cells: list[dict[str, Any]]) -> list[list[str]]:
    return [sorted(output["data"]) for cell in cells for output in cell.get("outputs", ())]


def test_each_cell_shows_what_is_kept(
    notebooks: ModuleType, kept: dict[str, Any], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plotly = notebooks.PLOTLY
    shutil.copytree(finished, tmp_path / "results" / "quick")
    monkeypatch.chdir(tmp_path)
    cells = list(notebooks.executed(kept))
    assert _kinds(cells) == _kinds(kept["cells"])
    assert {kind for kinds in _kinds(cells) for kind in kinds} == {"text/plain", "text/html", plotly}
    figures = [o["data"][plotly] for cell in cells for o in cell.get("outputs", ()) if plotly in o["data"]]
    assert all(figure["data"] for figure in figures)


def test_it_is_small_and_knows_nothing_of_a_machine(kept: dict[str, Any]) -> None:
    assert NOTEBOOK.stat().st_size < 1e6
    text = re.sub(r"base64,[^\"\\]+", "", json.dumps(kept))
    assert not re.search(r"/(tmp|home|Users|root|work)/|execution_count\": \d", text)
