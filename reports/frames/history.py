"""A history as text: how many lines step, the steps, and the results that the lines are made of."""

from typing import Any

from pandas import DataFrame

from ganbench.compare.history import History
from ganbench.reports.frames.rows import each
from ganbench.reports.numbers import NONE, arrow, count, number, percent, probability, short


def steps_answer(history: History) -> str:
    """How many lines step, in a line."""
    lines = count(history.points["line"].nunique(), "line")
    where = f"{count(len(history.results), 'result')} of {short(history.suite)}, {lines}"
    if history.steps.empty:
        return f"{where}: no step."
    worse = int((history.steps["verdict"] == "worse").sum())
    return f"{where}: {count(len(history.steps), 'step')}, {worse} for the worse."


def step_rules(history: History) -> str:
    """What counts as a step, in sentences."""
    return (
        "A step is larger than the gate tolerates, and more than chance: the p-values of all lines are adjusted "
        f"together, so that of histories without a step one in {number(1 / history.gate.error, 2)} shows any. What was "
        "measured under other conditions or for another budget is another line. Speeds are lines of one machine."
    )


def commit_of(row: Any) -> str:
    """A result's commit, shortened, or its place where none is known."""
    return short(row.commit, 12) if row.commit else f"result {row.place + 1}"


def step_cells(steps: DataFrame) -> DataFrame:
    """A history's steps -> a frame of text."""
    return DataFrame(
        [
            {
                "": row.verdict,
                "since": commit_of(row),
                "date": row.date[:10] or NONE,
                "dataset": short(row.dataset),
                "variant": short(row.variant),
                "metric": f"{short(row.metric)} {arrow(row.direction)}",
                "before": number(row.before),
                "after": number(row.after),
                "change": percent(row.change),
                "p": probability(row.p),
            }
            for row in each(steps)
        ]
    )


def result_cells(results: DataFrame) -> DataFrame:
    """A history's results -> a frame of text."""
    return DataFrame(
        [
            {
                "commit": commit_of(row),
                "date": row.date or NONE,
                "rows": str(row.rows),
                "failed runs": str(row.failed),
                "device": row.device or NONE,
                "source": row.source,
            }
            for row in each(results)
        ]
    )
