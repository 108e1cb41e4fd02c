"""docs/notebook.ipynb, executed: `python tests/notebooks.py RESULTS`, of the quick suite, writes its outputs anew.

A cell's output is what its last line shows of itself: HTML, a Plotly figure, or nothing. A kernel would be a hundred
packages for a handful of cells, and would write paths and times of this machine into the file.
"""

import ast
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.ipynb"
PLOTLY = "application/vnd.plotly.v1+json"


def executed(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each cell with its output, one after the other in one namespace; what a cell raises is raised."""
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            shown = _run("".join(cell["source"]), names)
            output = {"output_type": "display_data", "metadata": {}, "data": shown}
            cell = {**cell, "outputs": [output] if shown else [], "execution_count": None}
        yield cell


def _run(source: str, names: dict[str, Any]) -> dict[str, Any]:
    *body, last = ast.parse(source).body
    exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "<cell>", "exec"), names)
        return {}
    return _shown(eval(compile(ast.Expression(last.value), "<cell>", "eval"), names))


def _shown(value: Any) -> dict[str, Any]:
    plain = {"text/plain": f"<{type(value).__name__}>"}
    if hasattr(value, "to_plotly_json"):
        return plain | {PLOTLY: json.loads(value.to_json())}
    return plain | {"text/html": value._repr_html_()}


def main(results: Path) -> None:
    notebook, results = json.loads(NOTEBOOK.read_text(encoding="utf-8")), results.resolve()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("results").mkdir()
        Path("results/quick").symlink_to(results)
        notebook["cells"] = list(executed(notebook))
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
