"""The board in a terminal: short, for the end of a run."""

from pandas import DataFrame
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.reports.formats import sentences
from ganbench.reports.frames.board import Board, boards
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.rows import each
from ganbench.reports.numbers import arrow, short
from ganbench.store import Results


def summary_boards(results: Results) -> RenderableType:
    """Per dataset the answer and the boards of the last checkpoint, in their narrow columns; names are never read as
    markup.
    """
    parts: list[RenderableType] = []
    for chapter in Report(results).chapters:
        parts += [Text(), Text(sentences.answer(chapter), style="bold")]
        parts += [Text(remark, style="yellow") for remark in sentences.remarks(chapter)]
        parts += [_board_table(board) for board in boards(chapter, "last")]
    return Group(*parts) if parts else Text("No run has finished yet.")


def score_table(scores: DataFrame) -> RenderableType:
    """One row per metric and seed, with the standard error over redrawn samples."""
    table = Table(box=box.SIMPLE)
    for title in ("seed", "metric", "value", "± over samples", "samples"):
        table.add_column(title, justify="left" if title == "metric" else "right")
    for row in each(scores):
        fewer = f" ({row.usual_samples:,} are usual)" if row.samples < row.usual_samples else ""
        title = f"{row.metric} {arrow(row.direction)} {row.unit}".strip()
        table.add_row(str(row.seed), title, f"{row.value:.5g}", f"{row.stderr:.2g}", f"{row.samples:,}{fewer}")
    return table


def _board_table(board: Board) -> Table:
    title = f"{short(board.dataset)}, last checkpoint, mean [95 %]"
    table = Table(box=box.SIMPLE, title=Text(title), title_justify="left", title_style="dim")
    for column in board.columns:
        if column.narrow:
            table.add_column(Text(column.heading), justify="left" if column.left else "right", overflow="fold")
    lines = board.cells(narrow=True).to_numpy().tolist()
    for line, is_control in zip(lines, board.rows["control"], strict=True):
        table.add_row(*map(Text, line), style="dim" if is_control else "")
    return table
