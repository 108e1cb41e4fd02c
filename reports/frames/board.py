"""A dataset's boards. Their columns are the list `COLUMNS`, which every format shows: a new column is one entry of it.

A board has a row per label and, beside `COLUMNS`, a column per metric. The page, Markdown, LaTeX, JSON and the terminal
write what `Board.columns` and their cells say.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter
from ganbench.reports.frames.order import best_first, metrics_in_order
from ganbench.reports.numbers import APART, NONE, arrow, estimate, fixed, short, spans

NARROW = 4  # metrics that a narrow output has room for
UNVERIFIED = "budget unverified"  # of external samples
# What the scores of a metric on a board share.
ABOUT = ["title", "judge", "direction", "unit", "key", "split", "samples", "usual_samples"]

Row = Mapping[Any, Any]  # of `Board.rows`


class Cell(NamedTuple):
    """What stands in a cell."""

    text: str
    value: float | str | None = None  # sorts the column; None: there is nothing to sort
    detail: str = ""  # an interval, or of how many: smaller on the page
    remark: str = ""  # what the page says elsewhere
    spoken: str = ""  # what a screen reader says in place of the text
    lacking: bool = False  # whether the detail says that something is missing

    def __str__(self) -> str:
        return " ".join(filter(None, (self.text, self.detail, self.remark)))


@dataclass(frozen=True)
class Column:
    """A column of a board: its name, its cells, and how it is shown."""

    key: str  # in JSON and in the page's markup
    title: str
    cell: Callable[[Row], Cell]
    descending: bool = False  # whether its first sorting begins with the largest
    left: bool = False  # whether it is aligned like words, not like numbers
    narrow: bool = True  # whether a terminal shows it
    metric: str = ""  # "": no metric
    checkpoint: str = ""
    direction: str = ""  # of the metric
    few: bool = False  # whether the metric was computed on fewer samples than is usual for it
    paired: bool = False  # whether its metric has a column for each checkpoint

    @property
    def heading(self) -> str:
        """The title with the metric's better direction and, of a pair, the checkpoint."""
        title = f"{self.title} {arrow(self.direction)}".strip()
        return f"{title}, {self.checkpoint}" if self.paired else title


def _rank_cell(row: Row) -> Cell:
    if pd.isna(row["rank"]):
        return Cell(APART)
    rank = int(row["rank"])
    if row["tied"]:
        return Cell(f"={rank}", rank, spoken=f"tied with others at {rank}")
    return Cell(str(rank), rank)


def _name_cell(row: Row) -> Cell:
    marks = [f"({UNVERIFIED})"] if row["guest"] else []
    marks += [] if pd.isna(row["distinct"]) else [f"({distinct_samples(row['distinct'])})"]
    return Cell(short(row["label"]), str(row["label"]), " ".join(marks), "(control)" if row["control"] else "")


def distinct_samples(n: float) -> str:
    """The mark of a row of real data of which there were no more."""
    return f"{n:,.0f} distinct samples"


def _given_cell(row: Row) -> Cell:
    given = str(row["given"])
    return Cell(given, given) if given else Cell(APART)


def _seeds_cell(row: Row) -> Cell:
    done, runs = row["done"], row["runs"]
    if done == runs:
        return Cell(str(done), done)
    return Cell(str(done), done, f"of {runs}", f"({short(row['reasons'])})" if row["reasons"] else "", lacking=True)


def _tier_cell(row: Row) -> Cell:
    return Cell(spans(row["tier"]), row["tier"]) if row["tier"] else Cell(APART)


def _best_cell(row: Row) -> Cell:
    return Cell(APART) if math.isnan(row["p_best"]) else Cell(fixed(row["p_best"], 2), row["p_best"])


def _metric_cell(row: Row, metric: str) -> Cell:
    """Mean and interval; APART where a finished run has no such number, NONE where it is owed."""
    mean, low, high, n = (row[metric + part] for part in ("", "_low", "_high", "_n"))
    if not n:
        return Cell(APART if row["done"] else NONE)
    text, interval = estimate(mean, low, high)
    fewer = f"{n} of {row['done']} seeds" if n != row["done"] else ""  # a seed may lack a single metric
    return Cell(text, mean, f"{interval} {fewer}".strip())


COLUMNS = (
    Column("rank", "Rank", _rank_cell),
    Column("name", "Variant", _name_cell, left=True),
    Column("given", "Given", _given_cell),
    Column("seeds", "Seeds", _seeds_cell, descending=True),
    Column("tier", "Tier", _tier_cell),
    Column("best", "P(best)", _best_cell, descending=True, narrow=False),
)


@dataclass(frozen=True)
class Board:
    """The scores of one dataset at a checkpoint that were measured alike."""

    dataset: str
    checkpoint: str
    part: int  # counts from 1: scores that were not measured alike stand on different boards
    rows: DataFrame  # of `board_rows`
    metrics: Mapping[str, Row]  # -> its `ABOUT`; the first one ranks
    columns: tuple[Column, ...]

    def cells(self, narrow: bool = False) -> DataFrame:
        """A frame of text under the columns' headings; `narrow`: of those columns that a terminal shows."""
        shown = [column for column in self.columns if column.narrow or not narrow]
        lines = [[str(column.cell(row)) for column in shown] for row in self.rows.to_dict("records")]
        return DataFrame(lines, columns=[column.heading for column in shown])


def boards(chapter: Chapter, checkpoint: str) -> Iterator[Board]:
    """All boards of a dataset at a checkpoint."""
    for part in sorted(set(chapter.summary.loc[chapter.summary["checkpoint"] == checkpoint, "board"])):
        yield board(chapter, checkpoint, part)


def board(chapter: Chapter, checkpoint: str = "last", part: int = 1) -> Board:
    """One board: a row per label by group, the best by the primary metric first.

    `rows` has the columns of `rows.rows`, distinct (samples, where there were fewer real ones than were asked for),
    tied, tier, p_best (the probability of being the best, NaN: unknown), and per metric `fid`, `fid_low`, `fid_high`,
    `fid_n`. Labels without any score stand on the
    first part. On the board of the last checkpoint the first metric has a second column, `fid selected`.
    """
    here = chapter.summary[chapter.summary["board"] == part]
    scored = _by_metric(here[here["checkpoint"] == checkpoint], chapter.primary)
    metrics = {metric: scores.iloc[0][ABOUT].to_dict() for metric, scores in scored.items()}
    rows = _labels_on_board(chapter, checkpoint, part).assign(tied=False, tier="", p_best=math.nan)
    rows = rows.assign(distinct=rows["label"].map(_distinct(here[here["checkpoint"] == checkpoint])))
    columns = []
    for i, (metric, scores) in enumerate(scored.items()):
        chosen = here[(here["checkpoint"] == "selected") & (here["metric"] == metric)]
        paired = i == 0 and checkpoint == "last" and len(chosen) > 0
        rows = _with_scores(rows, metric, scores)
        columns.append(_metric_column(metric, metrics[metric], checkpoint, paired, narrow=i < NARROW))
        if paired:
            rows = _with_scores(rows, f"{metric} selected", chosen)
            columns.append(_metric_column(metric, chosen.iloc[0][ABOUT].to_dict(), "selected", paired))
        if i == 0:
            rows = _placed(rows, columns[0], scores)
    return Board(chapter.dataset, checkpoint, part, rows.reset_index(drop=True).copy(), metrics, (*COLUMNS, *columns))


def _distinct(here: DataFrame) -> dict[str, int]:
    """Labels with fewer samples than others on the board -> how many; their real data have no more."""
    scored = here[here["n"] > 0]
    counts = scored.groupby("label")["samples"].max()
    return {str(label): int(n) for label, n in counts.items() if n < counts.max()}


def _by_metric(here: DataFrame, primary: str) -> dict[str, DataFrame]:
    """Rows of a board -> those of each metric in order; a metric that nobody has is left out, unless nobody has any."""
    drawn = here[(here["n"] > 0) | (here["metric"] == primary)] if (here["n"] > 0).any() else here
    return {metric: here[here["metric"] == metric] for metric in metrics_in_order(list(drawn["metric"]), primary)}


def _labels_on_board(chapter: Chapter, checkpoint: str, part: int) -> DataFrame:
    """The labels that stand on a board: with a score there or, on the first part, with none anywhere."""
    scored = chapter.summary[(chapter.summary["checkpoint"] == checkpoint) & (chapter.summary["n"] > 0)]
    here = scored.loc[scored["board"] == part, "label"]
    nowhere = ~chapter.rows["label"].isin(scored["label"]) & (part == 1)
    return chapter.rows[chapter.rows["label"].isin(here) | nowhere]


def _with_scores(rows: DataFrame, name: str, scores: DataFrame) -> DataFrame:
    """Add a metric's columns."""
    own = scores.set_index("label")
    parts = {"": "mean", "_low": "low", "_high": "high"}
    added = {name + part: rows["label"].map(own[column]) for part, column in parts.items()}
    added[f"{name}_n"] = rows["label"].map(own["n"]).fillna(0).astype(int)
    return pd.concat([rows, DataFrame(added, index=rows.index)], axis=1)


def _metric_column(metric: str, about: Row, checkpoint: str, paired: bool, narrow: bool = False) -> Column:
    second = paired and checkpoint == "selected"
    name = f"{metric} selected" if second else metric
    return Column(
        name, about["title"], partial(_metric_cell, metric=name), descending=about["direction"] == "higher",
        narrow=narrow, metric=metric, checkpoint=checkpoint, direction=about["direction"], few=few(about),
        paired=paired,
    )  # fmt: skip


def why_without(row: Row) -> str:
    """Why a row has no score."""
    return short(row["reasons"], 160) if row["failed"] else "not measured" if row["done"] else "not run yet"


def few(about: Row) -> bool:
    """Whether a metric was computed on fewer samples than is usual for it; False where nobody says what is usual."""
    return bool(about["samples"] < about["usual_samples"])


def _placed(rows: DataFrame, column: Column, ranks: DataFrame) -> DataFrame:
    """Order the rows by a board's first column, and add what the verdicts say of them: rank, tied, tier, p_best."""
    said = ranks.set_index("label")
    rank = rows["label"].map(said["rank"]).astype("Int64")
    placed = rows.assign(rank=rank, tied=rank.notna() & rank.duplicated(keep=False))
    placed = placed.assign(tier=rows["label"].map(said["tier"]).fillna(""), p_best=rows["label"].map(said["p_best"]))
    return best_first(placed, column.key, lower=column.direction == "lower")
