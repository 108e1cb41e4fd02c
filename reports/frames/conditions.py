"""What scores were measured under."""

from collections import Counter

import pandas as pd
from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter
from ganbench.reports.frames.rows import MISSING

CONDITIONS = [
    *("judge", "judge_key", "primary", "select", "samples", "preprocessing", "fingerprint"),
    *("budget_unit", "budget_amount", "scale", "precision", "device", "processor", "threads"),
    *("ganbench", "torch", "python", "platform", "commit"),
]


def conditions_of(chapter: Chapter) -> DataFrame:
    """The conditions of all runs: condition, value, runs; a condition with several values has several rows."""
    runs = chapter.runs if chapter.runs.empty else chapter.runs[chapter.runs["status"] != MISSING]
    rows = []
    for name in CONDITIONS:
        if name in runs:
            rows += [(name, value, n) for value, n in Counter(map(_written, runs[name])).most_common()]
    return DataFrame(rows, columns=["condition", "value", "runs"])


def about_judge(chapter: Chapter, judge: str) -> str:
    """What the judge says of itself in a sentence; "" of most judges, and in results of older versions."""
    runs = chapter.runs
    if "judge_about" not in runs:
        return ""
    said = runs.loc[runs["judge"] == judge, "judge_about"].dropna()
    return str(said.iloc[0]) if len(said) else ""


def _written(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return "unknown"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
