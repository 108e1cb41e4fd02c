"""Everything of a report for programs: one JSON document of the frames that the page is made of."""

import json
import math
from typing import Any

from pandas import DataFrame

from ganbench.reports.frames.board import Board, boards
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.rows import runs
from ganbench.reports.frames.scores import CHECKPOINTS
from ganbench.store import Results

FORMAT = 1


def to_json(results: Results) -> str:
    """One JSON object: format, suite, path, runs, scores, summary, published, boards; a frame is a list of its rows.

    `scores` has the rows of the CSV, `summary` those of `summary.summary`: means over seeds, intervals and ranks.
    `boards` has the boards as the page shows them: columns in order, and by row and column a text and the value that
    sorts it. What is not known is null. JSON has no infinity: it is the string "Infinity" or "-Infinity", which
    JavaScript's `Number` and Python's `float` read.
    """
    report = Report(results)
    frames = {
        "runs": runs(results), "scores": report.scores, "summary": report.summary, "published": results.published,
    }  # fmt: skip
    about = {"format": FORMAT, "suite": results.suite, "path": str(results.path)}
    every = [board for chapter in report.chapters for at in CHECKPOINTS for board in boards(chapter, at)]
    content = about | {title: _records(frame) for title, frame in frames.items()}
    content |= {"boards": [*map(_board_object, every)]}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _board_object(board: Board) -> dict[str, Any]:
    columns = [{"key": column.key, "title": column.heading} for column in board.columns]
    rows = []
    for row in board.rows.to_dict("records"):
        cells = {column.key: column.cell(row) for column in board.columns}
        rows.append({key: {"text": str(cell), "value": _json_value(cell.value)} for key, cell in cells.items()})
    about = {"dataset": board.dataset, "checkpoint": board.checkpoint, "board": board.part}
    return {**about, "columns": columns, "rows": rows}


def _records(frame: DataFrame) -> list[dict[str, Any]]:
    columns = [str(column) for column in frame]
    known = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(columns, map(_json_value, row), strict=True)) for row in known.to_numpy().tolist()]


def _json_value(value: Any) -> Any:
    """What JSON has a word for; numpy's scalars become Python's."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
