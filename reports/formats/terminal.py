"""The board in a terminal: short, for the end of a run."""

from ganbench.reports.formats import prose
from ganbench.reports.formats.words import arrow, short
from ganbench.reports.frames import tables
from pandas import DataFrame
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.store import Results


def board(results: Results, most_metrics: int = 4) -> RenderableType:
    """Per dataset the answer and a table of the last checkpoint with the first few metrics; names are never read as
    markup.
    """
    parts: list[RenderableType] = []
    everything = tables.summary(results)
    for dataset in tables.datasets(results):
        rows, people = tables.of_dataset(everything, dataset), tables.roster(results, dataset)
        select = tables.selecting(results, dataset)
        parts += [Text(), Text(prose.answer(rows, people, dataset, select), style="bold")]
        parts += [Text(remark, style="yellow") for remark in prose.remarks(results, dataset)]
        for part in sorted(set(rows["board"])):
            wide = tables.wide(rows[rows["checkpoint"] == "last"], people, select, part)
            wide.attrs["metrics"] = dict(list(wide.attrs["metrics"].items())[:most_metrics])
            if wide.attrs["metrics"]:
                parts.append(
                    _table(prose.cells(wide), list(wide["control"]), f"{short(dataset)}, last checkpoint, mean [95 %]")
                )
    return Group(*parts) if parts else Text("No run has finished yet.")


def scores(found: DataFrame) -> RenderableType:
    """One row per metric and seed, with the standard error over redrawn samples."""
    table = Table(box=box.SIMPLE)
    for title in ("seed", "metric", "value", "± over samples", "samples"):
        table.add_column(title, justify="left" if title == "metric" else "right")
    for row in tables.each(found):
        fewer = f" ({row.usual_samples:,} are usual)" if row.samples < row.usual_samples else ""
        title = f"{row.metric} {arrow(row.direction)} {row.unit}".strip()
        table.add_row(str(row.seed), title, f"{row.value:.5g}", f"{row.stderr:.2g}", f"{row.samples:,}{fewer}")
    return table


def _table(cells: DataFrame, control: list[bool], title: str) -> Table:
    table = Table(box=box.SIMPLE, title=Text(title), title_justify="left", title_style="dim")
    for column in cells:
        table.add_column(Text(str(column)), justify="left" if column == "variant" else "right", overflow="fold")
    for line, is_control in zip(cells.to_numpy().tolist(), control, strict=True):
        table.add_row(*map(Text, line), style="dim" if is_control else "")
    return table
