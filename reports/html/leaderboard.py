"""The page's leaderboards, which sort, the numbers of papers beside them, and the failures."""

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ganbench.reports.formats import sentences
from ganbench.reports.frames.board import Board, Column, board, few, why_without
from ganbench.reports.frames.conditions import about_judge
from ganbench.reports.frames.failures import failed_runs
from ganbench.reports.frames.order import APART, CONTROLS, ENTRANTS, REFERENCES, WHY_APART, groups_of
from ganbench.reports.frames.published import published_and_ours
from ganbench.reports.frames.rows import each
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.sections import Page, Section
from ganbench.reports.numbers import short

OPENING = 5  # columns of a board that are seen at first
FEW = "†"  # marks a number from fewer samples than is usual


class RowGroup(NamedTuple):
    """Rows that are compared with one another, and what stands above them."""

    title: str
    muted: bool  # whether the rows step back


GROUPS = {
    ENTRANTS: RowGroup("", False),
    APART: RowGroup(f"Not ranked among generators: {WHY_APART}", False),
    REFERENCES: RowGroup("Reference rows: generative models that are no GAN, not ranked among them", False),
    CONTROLS: RowGroup(
        "Controls: no GAN, but what each metric sees and does not see. Their intervals are of redrawn samples.",
        True,
    ),
}


class Standing(NamedTuple):
    """A board as the page shows it."""

    board: Board
    caption: str
    ids: dict[str, str]  # of the rows, by label
    folded: str  # the title of a fold that hides it; "": it is open

    @property
    def opening(self) -> list[str]:
        """The keys of the columns that are seen before others are chosen."""
        tiers = set(self.board.rows["tier"]) - {""}
        keys = ["name", *(["tier"] if len(tiers) > 1 else []), "seeds"]
        return keys + [column.key for column in self.board.columns if column.metric][: OPENING - len(keys)]

    @property
    def first(self) -> Column:
        """The column that rows are ordered by when the page opens."""
        return next(column for column in self.board.columns if column.metric)

    @property
    def groups(self) -> list[tuple[RowGroup, list[dict[Any, Any]]]]:
        """The groups of rows that there are, in order; the first is that of the entrants, even if it is empty."""
        rows = self.board.rows.assign(group=groups_of(self.board.rows))
        there = [(GROUPS[group], rows[rows["group"] == group].to_dict("records")) for group in sorted(GROUPS)]
        return [(group, own) for group, own in there if own or not group.title]


def leaderboards(section: Section) -> str:
    """All boards of a dataset; several, where scores were not measured alike."""
    return leaderboards_among(section.page, section, standings(section))


def leaderboards_among(page: Page, section: Section, boards: Sequence[Standing]) -> str:
    """The same, on a page that need not be about this dataset alone."""
    return lay_out(
        "leaderboards.html", page=page, boards=boards, parts=len({one.board.part for one in boards}),
        few=FEW, place=place_of, lost=why_without, beside=sentences.beside(section),
    )  # fmt: skip


def standings(section: Section) -> list[Standing]:
    """The boards of the last checkpoint, each followed by that of the selected one, which is a click away."""
    boards = []
    for part in sorted(set(section.summary["board"])):
        last, selected = board(section, "last", part), board(section, "selected", part)
        if last.metrics:
            ids = {label: section.anchor("row", label) for label in last.rows["label"]} if part == 1 else {}
            caption = f"Scores on {short(section.dataset)}: {measured(last)}"
            said = about_judge(section, str(next(iter(last.metrics.values()))["judge"]))
            boards.append(Standing(last, f"{caption}. {short(said, 300)}" if said else caption, ids, ""))
        if selected.metrics:
            title = "All metrics at the checkpoint selected on validation"
            boards.append(Standing(selected, f"Checkpoint selected on validation: {measured(selected)}", {}, title))
    return boards


def measured(board: Board) -> str:
    """How the scores were measured by which a board is ranked."""
    about = next(iter(board.metrics.values()))
    fewer = f" ({FEW}: {about['usual_samples']:,.0f} are usual)" if few(about) else ""
    where = f"{short(about['split'])} split, {about['samples']:,} samples{fewer}, judge {short(about['judge'])}"
    return where + (f", key {str(about['key'])[:12]}" if about["key"] else "")


def place_of(column: Column) -> str:
    """A column's key in markup and in selectors of the script."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", column.key)


def published(section: Section) -> str:
    """What papers have printed, beside what was found here; nothing if the suite names none."""
    return published_among(section.page, section)


def published_among(page: Page, section: Section) -> str:
    """The same, on a page that need not be about this dataset alone."""
    both = published_and_ours(section)
    rows = [(row, section.metrics[row.metric].title, _apart(row)) for row in each(both)]
    return lay_out("published.html", page=page, rows=rows) if rows else ""


def _apart(row: Any) -> str:
    if math.isnan(row.ours_low):
        return "one seed" if row.n else "not run"
    overlap = row.ours_low <= row.theirs_high and row.theirs_low <= row.ours_high
    return "overlap" if overlap else "apart"


def failures(section: Section) -> str:
    """Why runs failed, and after how much of the budget; nothing if none did."""
    failed = failed_runs(section)
    return lay_out("failures.html", page=section.page, runs=list(each(failed))) if len(failed) else ""
