"""What people have said, in a terminal: error rates, strengths, agreement, and who was left out."""

from pandas import DataFrame
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.rating.tally import SIMULATED, Tally
from ganbench.reports.frames.rows import each
from ganbench.reports.numbers import count, estimate, fixed, short
from ganbench.statistics import Interval

RULES = (
    "Human error is the mean of both shares: 0.5 where nobody can tell a row from real data. Strength is the log odds "
    "of being found more like the data than an average row. Brackets: 95 %, over raters and pictures."
)


def terminal(tally: Tally) -> RenderableType:
    """Two tables and some sentences; names are never read as markup."""
    parts: list[RenderableType] = [Text(_who(tally), style="bold")]
    parts += [Text(f"Rater {row.rater} is left out: {row.excluded}.", style="yellow") for row in each(_excluded(tally))]
    if len(tally.errors):
        columns = {"Human error ↑": "human_error", "on fakes": "on_fakes", "on reals": "on_reals"}
        parts.append(_table(tally.errors, columns, best_by="human_error"))
    if len(tally.strengths):
        parts.append(_table(tally.strengths, {"Strength ↑": "strength"}, best_by="strength"))
    parts += [
        Text(f"Agreement on {short(row.dataset)}, {row.kind}: Krippendorff's alpha {fixed(row.alpha, 2)}.")
        for row in each(tally.agreement)
        if row.alpha == row.alpha
    ]
    if tally.dropped:
        parts.append(Text(f"{count(tally.dropped, 'answer')} to pictures that the results hold no more are left out."))
    return Group(*parts, Text(RULES, style="dim"))


def _who(tally: Tally) -> str:
    kept = len(tally.raters) - len(_excluded(tally))
    who = "simulated rater" if tally.judge == SIMULATED else "rater"
    return f"{count(kept, who)}, {count(int(tally.raters['answers'].sum()), 'answer')}."


def _excluded(tally: Tally) -> DataFrame:
    return tally.raters[tally.raters["excluded"] != ""]


def _table(rows: DataFrame, columns: dict[str, str], best_by: str) -> Table:
    table = Table("dataset", "variant", *columns, "answers", box=box.SIMPLE_HEAD)
    order = rows.assign(place=[-interval.mean for interval in rows[best_by]]).sort_values(["dataset", "place"])
    for row in each(order):
        cells = [_cell(getattr(row, column)) for column in columns.values()]
        table.add_row(Text(short(row.dataset)), Text(short(row.label)), *cells, str(row.answers))
    return table


def _cell(interval: Interval) -> str:
    return " ".join(estimate(*interval)).strip()
