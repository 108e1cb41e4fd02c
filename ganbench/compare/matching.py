"""Which scores of A belong beside which of B, and what is missing on either side. No torch."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite, nan
from typing import NamedTuple

from pandas import DataFrame

from ganbench.errors import BadResults, UnknownName
from ganbench.store import Results
from ganbench.store.columns import MISSING, NOT_SAID, REAL_IMAGES, Checkpoint

CONDITIONS = (
    "direction",
    "judge",
    "split",
    "samples",
    "fingerprint",
    "preprocessing",
    "judge_key",
)  # that a key depends on
BUDGET = ("budget_amount", "budget_unit")


@dataclass(frozen=True)
class Side:
    """One row of some results on one dataset: its runs, and their scores at one checkpoint."""

    name: str  # "A" or "B"
    label: str
    dataset: str
    runs: DataFrame
    scores: DataFrame

    @property
    def row(self) -> str:
        return f"{self.label} on {self.dataset}"

    @property
    def given(self) -> str:
        """What the row was given; `NOT_SAID` if no record says, and of controls, which may be held against anything."""
        if "control" in self.runs and self.runs["control"].eq(True).any():
            return NOT_SAID
        said = self.runs["given"].dropna() if "given" in self.runs else self.runs["run"].iloc[:0]
        return next((str(given) for given in said if given != NOT_SAID), NOT_SAID)

    @cached_property
    def failed(self) -> DataFrame:
        return self.runs[~self.runs["status"].isin(["done", MISSING])]

    @cached_property
    def _by_metric(self) -> dict[str, DataFrame]:
        return {str(metric): rows for metric, rows in self.scores.groupby("metric", sort=False)}

    def of(self, metric: str) -> DataFrame:
        return self._by_metric.get(metric, self.scores.iloc[:0])

    def values(self, metric: str) -> list[float]:
        """One for each run that ended, NaN if it failed; none at all where such runs do not have the metric."""
        rows = self.of(metric)
        if rows.empty and (self.runs["status"] == "done").any():
            return []
        owed = len(set(self.failed["run"]) - set(rows["run"]))
        return [*rows["value"].astype(float), *[nan] * owed]

    def keys(self, metric: str) -> set[str]:
        """Comparability keys of its scores, each with its direction; a score that is not there has none."""
        rows = self.of(metric)
        rows = rows[rows["value"].notna()]
        return {f"{key} {direction}" for key, direction in zip(rows["key"], rows["direction"], strict=True)}

    def condition(self, metric: str, name: str) -> str:
        """The condition of that name under which a metric was measured, as its scores or their runs have it."""
        rows = self.of(metric)
        source = rows if name in rows else self.runs[self.runs["run"].isin(rows["run"])]
        values = {str(value) for value in source[name].dropna()} if name in source else set()
        return " and ".join(sorted(values)) or "unknown"


class Match(NamedTuple):
    """Two rows that belong side by side."""

    a: Side
    b: Side

    @property
    def metrics(self) -> list[str]:
        """In the order of A's scores; also those that one side lacks."""
        return list(dict.fromkeys([*self.a.scores["metric"], *self.b.scores["metric"]]))


def match(
    a: Results, b: Results, labels: tuple[str, str] | None = None, checkpoint: Checkpoint = "last"
) -> tuple[list[Match], list[str]]:
    """The rows of A and B that belong together, and what is to be said of the others.

    `labels` names one row of each; without, every row that both have is matched with its namesake, except for
    controls. Raises UnknownName for a label that is not there, and BadResults if nothing is left to compare.
    """
    a, b = of_first_look(a), of_first_look(b)
    rows_a, rows_b = _rows_of(a), _rows_of(b)
    if labels is None:
        named = [(dataset, label, label) for dataset, label in rows_a if (dataset, label) in rows_b]
        remarks = [*_alone("A", rows_a, rows_b), *_alone("B", rows_b, rows_a)]
        controls = _controls(a) | _controls(b)
        matched = [row for row in named if row[1] not in controls]
        if left := list(dict.fromkeys(label for _, label, _ in named if label in controls)):
            remarks.append(f"Controls are left out: {', '.join(left)}. Name one with --variants to compare it.")
    else:
        for results, label, rows in zip((a, b), labels, (rows_a, rows_b), strict=True):
            if label not in (known := dict.fromkeys(one for _, one in rows)):
                raise UnknownName(f"rows of {results.path}", label, known)
        datasets = dict.fromkeys(dataset for dataset, _ in rows_a)
        matched = [(d, *labels) for d in datasets if (d, labels[0]) in rows_a and (d, labels[1]) in rows_b]
        remarks = []
    if not matched:
        raise BadResults(_nothing_in_common(a, b, rows_a, rows_b))
    matches = [
        Match(_side("A", a, dataset, one, checkpoint), _side("B", b, dataset, other, checkpoint))
        for dataset, one, other in matched
    ]
    for pair in matches:
        remarks += [*_gaps(pair.a), *_gaps(pair.b), *_one_sided(pair)]
    return matches, remarks + _unlike_budgets(matches)


def of_first_look(results: Results) -> Results:
    """Results without the seeds that were added until decided: how many those are depends on the scores."""
    if "look" not in results.runs:
        return results
    runs = results.runs[~(results.runs["look"] > 1)]
    return replace(results, runs=runs, scores=results.scores[results.scores["run"].isin(runs["run"])])


def why_unlike(pair: Match, metric: str) -> str:
    """Why the scores of a metric cannot be compared; "" if they can, or if a side has none.

    Rows that were given nothing, labels or a second domain are equals; one that was given real images is not theirs.
    """
    one, other = pair.a.given, pair.b.given
    if REAL_IMAGES in (one, other) and one != other and NOT_SAID not in (one, other):
        return f"given: {one} in A, {other} in B"
    keys_a, keys_b = pair.a.keys(metric), pair.b.keys(metric)
    for side, keys in ((pair.a, keys_a), (pair.b, keys_b)):
        if len(keys) > 1:
            return f"{side.name} itself was measured in {len(keys)} ways"
    if not keys_a or not keys_b or keys_a == keys_b:
        return ""
    for condition in CONDITIONS:
        one, other = pair.a.condition(metric, condition), pair.b.condition(metric, condition)
        if one != other:
            return f"{condition}: {one} in A, {other} in B"
    return "the metric's version or options differ"


def _rows_of(results: Results) -> dict[tuple[str, str], None]:
    runs = results.runs
    return dict.fromkeys(zip(runs["dataset"], runs["label"], strict=True))


def _controls(results: Results) -> set[str]:
    runs = results.runs
    return set(runs.loc[runs["control"].eq(True), "label"]) if "control" in runs else set()


def _side(name: str, results: Results, dataset: str, label: str, checkpoint: Checkpoint) -> Side:
    runs, scores = results.runs, results.scores
    return Side(
        name,
        label,
        dataset,
        runs[(runs["dataset"] == dataset) & (runs["label"] == label)],
        scores[(scores["dataset"] == dataset) & (scores["label"] == label) & (scores["checkpoint"] == checkpoint)],
    )


def _nothing_in_common(a: Results, b: Results, *rows: dict[tuple[str, str], None]) -> str:
    datasets, labels = ([dict.fromkeys(row[i] for row in one) for one in rows] for i in (0, 1))
    if not set(datasets[0]) & set(datasets[1]):
        both = "; ".join(f"{x.path} has {', '.join(d)}" for x, d in zip((a, b), datasets, strict=True))
        return f"Found no dataset in common: {both}. Compare results of the same data."
    both = "; ".join(f"{x.path} has {', '.join(one)}" for x, one in zip((a, b), labels, strict=True))
    return f"Found no variant in common on one dataset: {both}. Name one of each with --variants."


def _alone(name: str, rows: dict[tuple[str, str], None], others: dict[tuple[str, str], None]) -> Iterator[str]:
    if alone := [f"{label} on {dataset}" for dataset, label in rows if (dataset, label) not in others]:
        yield f"Only {name} has {', '.join(alone)}."


def _gaps(side: Side) -> Iterator[str]:
    """Runs without a score, and scores without a number."""
    n, where = len(side.runs), f"{side.name}, {side.row}"
    if len(side.failed):
        reasons = [f"{run.status}: {run.reason}".rstrip(": ") for run in side.failed.itertuples()]
        yield f"{where}: {len(side.failed)} of {n} runs failed ({'; '.join(dict.fromkeys(reasons))})."
    if missing := int((side.runs["status"] == MISSING).sum()):
        yield f"{where}: {missing} of {n} runs not run yet."
    done = side.scores[side.scores["run"].isin(side.runs.loc[side.runs["status"] == "done", "run"])]
    for metric, values in done.groupby("metric", sort=False)["value"]:
        if bad := sum(not isfinite(value) for value in values):
            yield f"{where}: {metric} is no finite number in {bad} of {len(values)} runs that ended well."


def _one_sided(pair: Match) -> Iterator[str]:
    """Metrics that one side does not have, though it has others."""
    if pair.a.scores.empty or pair.b.scores.empty:
        return
    for side, other in (pair, pair[::-1]):
        if alone := [m for m in pair.metrics if side.values(m) and not other.values(m)]:
            yield f"Only {side.name} has {', '.join(alone)}: {side.row}."


def _unlike_budgets(matches: list[Match]) -> list[str]:
    """Rows whose budgets differ, which may be the point, or the reason."""
    rows: dict[str, list[str]] = {}
    for pair in matches:
        one, other = _budget_of(pair.a), _budget_of(pair.b)
        if one and other and one != other:
            rows.setdefault(f"{one} in A, {other} in B", []).append(pair.a.row)
    return [f"Budgets differ, {budgets}: {', '.join(alike)}." for budgets, alike in rows.items()]


def _budget_of(side: Side) -> str:
    if not set(BUDGET) <= set(side.runs):
        return ""
    pairs = side.runs[list(BUDGET)].dropna().drop_duplicates().itertuples(index=False)
    return " and ".join(f"{float(amount):,.0f} {unit}" for amount, unit in pairs)
