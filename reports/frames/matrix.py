"""The report in one table: a row per label, and per dataset what it scores, how sure that is and what is decided."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, nan
from typing import Any, NamedTuple, get_args

import numpy as np
from pandas import DataFrame

from ganbench.reports.frames.board import Board, board, why_without
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.order import APART, CONTROLS, ENTRANTS, REFERENCES, groups_of
from ganbench.reports.frames.rows import MISSING
from ganbench.reports.frames.scores import BEST, SENSES, WORST
from ganbench.reports.numbers import APART as NEVER
from ganbench.reports.numbers import arrow, count, estimate, number, short, spans
from ganbench.statistics.scale import scale_of
from ganbench.store.columns import NOT_SAID, Given

Place = Callable[[float], float]  # a value -> its share of the way from noise to real data

GIVEN = [*get_args(Given), NOT_SAID]
TITLES = {
    APART: "Given real images of the other domain: not ranked",
    REFERENCES: "Reference rows: generative models that are no GAN",
    CONTROLS: "Controls: no GAN, they show what a metric sees",
}


class MatrixCell(NamedTuple):
    """A label on a dataset, at the last checkpoint, by the metric that ranks."""

    mean: float  # NaN: there is none, and `lacking` says why
    low: float
    high: float
    place: tuple[float, float, float]  # the same on the way from noise, 0, to real data, 1
    tier: str  # "": none
    lacking: str
    run: str  # whose samples are shown: of the first seed that ended; "": of none


class MatrixDataset(NamedTuple):
    """What a dataset's cells share."""

    dataset: str
    title: str  # of the metric
    direction: str
    worst: float  # what noise scores; NaN: no such control
    best: float  # what real data score
    leader: str  # the label that leads for sure; "": nobody does
    tiers: bool  # whether there are several
    cells: Mapping[str, MatrixCell]

    @property
    def heading(self) -> str:
        """The metric with the direction that is better."""
        return f"{self.title} {arrow(self.direction)}".strip()


class MatrixRow(NamedTuple):
    """A label over all datasets."""

    label: str
    group: int  # of `order`
    given: str
    seeds: str  # that ended, on every dataset
    failed: int
    runs: int  # that were tried
    seconds: float  # of a seed on all datasets; NaN: unknown
    cost: float  # the same, as a multiple of the cheapest


class Matrix(NamedTuple):
    """Rows in the order of the groups, and columns in the order of the suite."""

    rows: list[MatrixRow]
    datasets: list[MatrixDataset]

    @property
    def groups(self) -> dict[str, list[MatrixRow]]:
        """Title -> rows."""
        groups: dict[str, list[MatrixRow]] = {}
        for row in self.rows:
            groups.setdefault(title_of(row), []).append(row)
        return groups


def title_of(row: MatrixRow) -> str:
    """What stands above a row's group."""
    given = f"Given {row.given}" if row.given != NOT_SAID else "What they were given is not said"
    return TITLES.get(row.group, given)


def matrix(report: Report) -> Matrix:
    """All labels on all datasets."""
    boards = [board(chapter) for chapter in report.chapters]
    chapters = list(zip(report.chapters, boards, strict=True))
    spent = _seconds(report.chapters)
    own: dict[str, list[dict[Any, Any]]] = {label: [] for label in report.labels}
    for row in (row for chapter in report.chapters for row in chapter.rows.to_dict("records")):
        own[str(row["label"])].append(row)
    rows = [_row(label, on_datasets, *_cost(spent, label)) for label, on_datasets in own.items()]
    places = {row.label: _mean_place(row.label, boards) for row in rows}
    rows.sort(key=lambda row: (row.group, row.group == ENTRANTS and _order_of(row.given), places[row.label]))
    return Matrix(rows, [_dataset(*chapter) for chapter in chapters])


def _order_of(given: str) -> int:
    return GIVEN.index(given) if given in GIVEN else len(GIVEN)


def matrix_cells(found: Matrix) -> DataFrame:
    """A matrix -> text."""
    heads = ["variant", "given", "seeds", "failed", "cost"]
    for one in found.datasets:
        heads += [f"{short(one.dataset, 24)}: tier"] if one.tiers else []
        heads.append(f"{short(one.dataset, 24)}: {one.heading}")
    lines = []
    for row in found.rows:
        name = short(row.label) + (" (control)" if row.group == CONTROLS else "")
        line = [name, row.given or NEVER, row.seeds, failed_text(row), cost_text(row)]
        for one in found.datasets:
            line += [_tier(one, row.label)] if one.tiers else []
            line.append(_score(one.cells.get(row.label)))
        lines.append(line)
    return DataFrame(lines, columns=heads)  # of which two may be alike: names are cut


def cost_text(row: MatrixRow) -> str:
    """How many times the cheapest."""
    return f"× {number(row.cost, 2)}" if isfinite(row.cost) else NEVER


def failed_text(row: MatrixRow) -> str:
    """How many of the runs that were tried."""
    return f"{row.failed} of {row.runs}" if row.failed else "0" if row.runs else NEVER


def _tier(one: MatrixDataset, label: str) -> str:
    return (one.cells[label].tier if label in one.cells else "") or NEVER


def _score(cell: MatrixCell | None) -> str:
    if cell is None:
        return NEVER
    return cell.lacking or " ".join(filter(None, estimate(cell.mean, cell.low, cell.high)))


def _row(label: str, own: Sequence[Mapping[Any, Any]], seconds: float, cost: float) -> MatrixRow:
    """`own`: its rows of `rows.rows`, one for each dataset that it is run on."""
    done = sorted({(row["done"], row["runs"]) for row in own})
    seeds = " to ".join(str(n) for n in sorted({ended for ended, _ in done}))
    wanted = max(runs for _, runs in done)
    lacking = any(ended < runs for ended, runs in done)
    return MatrixRow(
        label,
        group=groups_of(DataFrame([{**own[0], "entrant": all(row["entrant"] for row in own)}]))[0],
        given=str(own[0]["given"]),
        seeds=f"{seeds} of {wanted}" if lacking else seeds,
        failed=sum(row["failed"] for row in own),
        runs=sum(row["done"] + row["failed"] for row in own),
        seconds=seconds,
        cost=cost,
    )


def _seconds(chapters: Sequence[Chapter]) -> dict[str, dict[str, float]]:
    """Label -> dataset -> what one seed takes there, of the datasets where any run has ended; NaN: none of its own."""
    spent: dict[str, dict[str, float]] = {}
    for chapter in chapters:
        ledger = mean_ledger(chapter)
        if len(ledger) and "seconds" in ledger:
            own = dict(zip(ledger["label"], ledger["seconds"], strict=True))
            for label in chapter.rows.loc[~chapter.rows["control"], "label"]:
                spent.setdefault(str(label), {})[chapter.dataset] = float(own.get(label, nan))
    return spent


def _cost(spent: Mapping[str, Mapping[str, float]], label: str) -> tuple[float, float]:
    """What one seed of a label takes on all of its datasets, and how many times what the cheapest takes on those."""
    datasets = spent.get(label, {})
    totals = [sum(own.get(dataset, nan) for dataset in datasets) for own in spent.values()]
    least = min((total for total in totals if total > 0), default=nan)
    seconds = sum(datasets.values()) if datasets else nan
    return seconds, seconds / least


def _mean_place(label: str, boards: Sequence[Board]) -> float:
    """How far from the top of the boards a row stands, on average."""
    places = [list(own.rows["label"]).index(label) / len(own.rows) for own in boards if label in set(own.rows["label"])]
    return float(np.mean(places)) if places else 1.0


def _dataset(chapter: Chapter, own: Board) -> MatrixDataset:
    metric, about = next(iter(own.metrics.items()), ("", {"title": "", "direction": ""}))
    rows = own.rows.to_dict("records")
    ends = {end: _mean_of(own.rows, metric, end) for end in (WORST, BEST)}
    place = _places(own.rows, metric, about["direction"], ends[WORST], ends[BEST])
    said = chapter.verdicts.rows if chapter.verdicts is not None and metric == chapter.primary else DataFrame()
    leaders = list(said.loc[said["leads"].astype(bool), "label"]) if len(said) > 1 else []
    return MatrixDataset(
        chapter.dataset,
        title=about["title"],
        direction=about["direction"],
        worst=ends[WORST],
        best=ends[BEST],
        leader=str(next(iter(leaders), "")),
        tiers=len({row["tier"] for row in rows} - {""}) > 1,
        cells={str(row["label"]): _cell(row, metric, place, _run_of(chapter, row["label"])) for row in rows},
    )


def _mean_of(rows: DataFrame, metric: str, control: str) -> float:
    own = rows[rows["control"].astype(bool) & (rows["variant"] == control)]
    return float(own[metric].mean()) if metric and len(own) else nan


def _places(rows: DataFrame, metric: str, direction: str, worst: float, best: float) -> Place:
    """Values -> their shares of the way from noise to real data, or without these controls from the worst to the best
    row; on the scale of the tests.
    """
    values = rows[metric].to_numpy(dtype=float) if metric else np.empty(0)
    known = values[np.isfinite(values)]
    if not len(known) or direction not in SENSES:
        return lambda value: nan
    lower = direction == "lower"
    worst = worst if isfinite(worst) else float(known.max() if lower else known.min())
    best = best if isfinite(best) else float(known.min() if lower else known.max())
    scale = scale_of(known, lower)
    start, end = (float(scale.to(np.array(value))) for value in (worst, best))

    def place(value: float) -> float:
        if start == end or not isfinite(value):
            return nan
        share = (float(scale.to(np.array(value))) - start) / (end - start)
        return nan if np.isnan(share) else min(1.0, max(0.0, share))

    return place


def _cell(row: Mapping[Any, Any], metric: str, place: Place, run: str) -> MatrixCell:
    numbers = [float(row[f"{metric}{part}"]) for part in ("", "_low", "_high")] if metric else [nan] * 3
    mean, low, high = numbers
    lacking = "" if isfinite(mean) else why_without(row)
    return MatrixCell(mean, low, high, (place(mean), place(low), place(high)), spans(row["tier"]), lacking, run)


def _run_of(chapter: Chapter, label: str) -> str:
    own = chapter.runs[(chapter.runs["label"] == label) & (chapter.runs["status"] != MISSING)]
    own = own.assign(lost=own["status"] != "done").sort_values(["lost", "seed"], kind="stable")
    return str(own["run"].iloc[0]) if len(own) else ""


def outcome(own: Matrix) -> str:
    """How the runs ended, in a sentence."""
    failed, runs = sum(row.failed for row in own.rows), sum(row.runs for row in own.rows)
    return f"{failed} of {count(runs, 'run')} failed." if failed else f"No run failed, of {runs}."
