"""Everything of a report for programs: one JSON document of the frames that the page is made of."""

import json
import math
from typing import Any

from ganbench.reports.frames import tables
from pandas import DataFrame

from ganbench.store import Results

FORMAT = 1


def document(results: Results) -> str:
    """One JSON object: format, suite, path, runs, scores, summary, published; a frame is a list of its rows.

    `scores` has the rows of the CSV, `summary` those of `tables.summary`: means over seeds, intervals and ranks. What
    is not known is null. JSON has no infinity: it is the string "Infinity" or "-Infinity", which JavaScript's `Number`
    and Python's `float` read.
    """
    frames = {
        "runs": tables.runs(results),
        "scores": tables.tidy(results),
        "summary": tables.summary(results),
        "published": results.published,
    }
    about = {"format": FORMAT, "suite": results.suite, "path": str(results.path)}
    found = about | {title: _rows(frame) for title, frame in frames.items()}
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _rows(frame: DataFrame) -> list[dict[str, Any]]:
    columns = [str(column) for column in frame]
    known = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(columns, map(_plain, row), strict=True)) for row in known.to_numpy().tolist()]


def _plain(value: Any) -> Any:
    """What JSON has a word for; numpy's scalars become Python's."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
