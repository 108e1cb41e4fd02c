"""A history in the terminal: the answer, and a sentence per step."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ganbench.compare.history import History
from ganbench.reports.frames.history import commit_of, step_rules, steps_answer
from ganbench.reports.frames.rows import each
from ganbench.reports.numbers import number, p_value, percent, short


def step_sentence(row: Any) -> str:
    """A step in words."""
    since = f"{commit_of(row)} of {row.date[:10]}" if row.date else commit_of(row)
    return (
        f"{row.verdict} since {since}: {short(row.variant)} on {short(row.dataset)}, {short(row.metric)} went from "
        f"{number(row.before)} to {number(row.after)}, by {percent(row.change)}, {p_value(row.p)}"
    )


def terminal(history: History) -> RenderableType:
    """The answer, the steps and the remarks; names are never read as markup."""
    parts = [Text(steps_answer(history), style="bold")]
    for row in each(history.steps):
        parts.append(Text(step_sentence(row), style="red" if row.verdict == "worse" else "green"))
    parts += [Text(short(remark, 600), style="yellow") for remark in history.remarks]
    return Group(*parts, Text(step_rules(history), style="dim"))
