"""Results of one suite over many commits: lines of scores, and where they step.

A *line* is one metric of one variant on one dataset, measured alike: under one comparability key and one budget. A new
line begins where either changes, and nothing joins the two. Results stand in the order of their commits' dates. Where
git does not know all commits, they stand in the order in which they are given.

A *step* is a lasting change of a line's mean. Each line is tested for one (`ganbench.statistics.changepoint`), and the
p-values of all lines are adjusted together by the weights of the gate. A step is neither chance nor smaller than what
the gate tolerates; in its size a point counts by its interval, since one whose seeds scatter much says little. The test
itself weighs all values alike: with weights from the values' own scatter 20 % of histories without a step showed one,
where 5 % were allowed. What is before and what is after it are then tested likewise, until nothing is found: binary
segmentation, Vostrikova, "Detecting 'disorder' in multidimensional random processes", 1981. Values that are all
positive are compared as logarithms. Results in which every seed of a line repeats the value before are one
measurement, because equal bits are no new evidence.

Error rates, of 400 made-up histories each: 12 results of 8 variants with 3 seeds that scatter by 15 %
(`tests/bench/test_history.py`).

    step                      none      15 %    25 %    50 %
    found                     4 to 5 %  27 %    76 %    100 %
    found in its very place             15 %    61 %    98 %

No torch.
"""

import math
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame

from ganbench import store
from ganbench.compare.baseline import Baseline, Score, measure
from ganbench.compare.baseline_file import read_baseline
from ganbench.compare.gate import Gate, Limit
from ganbench.errors import BadResults
from ganbench.statistics import holm, mean_interval
from ganbench.statistics.changepoint import LevelStep, step_test
from ganbench.statistics.intervals import Floats
from ganbench.statistics.moderated import moderated, prior
from ganbench.store import csv
from ganbench.store.whole import json_rows, write_json

RESULTS = ["place", "commit", "date", "source", "rows", "failed", "device"]
POINTS = [
    "line", "place", "commit", "date", "dataset", "variant", "metric", "direction", "unit", "budget", "key", "seeds",
    "mean", "low", "high", "repeats", "title", "lower_bound",
]  # fmt: skip
STEPS = [
    "line", "place", "commit", "date", "dataset", "variant", "metric", "direction", "unit", "verdict", "before",
    "after", "change", "p", "tolerance", "results_before", "results_after",
]  # fmt: skip
LEAST_RESAMPLES = 20_000


@dataclass(frozen=True)
class CommitResult:
    """What was measured at one commit."""

    source: str
    board: Baseline
    date: str = ""  # of the commit, as ISO 8601; "" if git does not know it


@dataclass(frozen=True)
class History:
    """The results in order, the points of all lines, and the steps that were found."""

    suite: str
    gate: Gate
    results: DataFrame  # RESULTS
    points: DataFrame  # POINTS; limits are Student's 95 % over seeds
    steps: DataFrame  # STEPS, the surest first
    remarks: list[str]


def read_history(paths: Iterable[Path]) -> History:
    """Results folders of one suite, or baselines of it, -> their history, by the gate of the newest folder.

    Raises BadResults if one cannot be read, if they are of two suites, or if there are fewer than two.
    """
    results, remarks = in_order([_read_result(path) for path in dict.fromkeys(path.resolve() for path in paths)])
    folders = [Path(result.source) for result in results if Path(result.source).is_dir()]
    return follow(results, Gate.of_results(folders[-1]) if folders else Gate(), remarks)


def follow(results: Sequence[CommitResult], gate: Gate, remarks: Iterable[str] = ()) -> History:
    """Results in order -> lines and steps. Raises BadResults if they are of two suites, or fewer than two."""
    suites = sorted({result.board.suite for result in results})
    if len(suites) > 1:
        raise BadResults(f"Found results of {' and '.join(suites)}, but a history is of one suite. Name only its own.")
    if len(results) < 2:
        raise BadResults("Found one result, but a history needs two or more. Name the results of several commits.")
    lines = list(_score_lines(results, gate))
    steps = sorted(_steps(lines, gate.error), key=lambda step: float(step["p"]))
    return History(
        suites[0],
        gate,
        DataFrame([_about(place, result) for place, result in enumerate(results)], columns=RESULTS),
        DataFrame([row for line in lines for row in line.records()], columns=POINTS),
        DataFrame([{**step, **_when(results[step["place"]])} for step in steps], columns=STEPS),
        [*remarks, *_broken(lines)],
    )


def write_history(history: History, out: Path) -> None:
    """Write `history.csv`, a row per point, and `history.json`: results, steps, and how they were found."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "history.csv").write_text(csv.to_csv(history.points), encoding="utf-8")
    write_json(out / "history.json", to_plain(history))


def to_plain(history: History) -> dict[str, Any]:
    """For programs: results, steps, and how they were found."""
    return {
        "suite": history.suite,
        "error": history.gate.error,
        "lines": int(history.points["line"].nunique()),
        "results": json_rows(history.results),
        "steps": json_rows(history.steps),
        "remarks": history.remarks,
    }


# Order


def _read_result(path: Path) -> CommitResult:
    board = read_baseline(path) if path.is_file() else measure(store.read(path))
    folder = path if path.is_file() else store.suite_folder(path)
    return CommitResult(str(folder), board, commit_date(board.commit))


def commit_date(commit: str) -> str:
    """The date of a commit of the working folder's repository in UTC, as ISO 8601; "" if git does not know it."""
    if not re.fullmatch("[0-9a-f]{4,40}", commit):
        return ""
    command = ["git", "show", "--no-patch", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd", commit]
    try:
        shown = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=5, env={**os.environ, "TZ": "UTC0"}
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return shown.stdout.strip()


def in_order(results: Sequence[CommitResult]) -> tuple[list[CommitResult], list[str]]:
    """By date, if all have one; and what is to be said if not."""
    if unknown := [result.board.commit or f"of {result.source}" for result in results if not result.date]:
        remark = f"In the order given: git here does not know the commit {', '.join(dict.fromkeys(unknown))}."
        return list(results), [remark]
    return sorted(results, key=lambda result: result.date), []


def _when(result: CommitResult) -> dict[str, str]:
    return {"commit": result.board.commit, "date": result.date}


def _about(place: int, result: CommitResult) -> dict[str, Any]:
    board = result.board
    failed = sum(len(runs.failures) for runs in board.runs.values())
    about = {"rows": len(board.scores), "failed": failed, "device": board.environment.get("device", "")}
    return {"place": place, **_when(result), "source": result.source, **about}


# Lines


class Point(NamedTuple):
    """One score at one place."""

    place: int
    result: CommitResult
    score: Score

    @property
    def values(self) -> Floats:
        return self.score.numbers


@dataclass(frozen=True)
class Line:
    """One metric of one variant on one dataset, measured alike."""

    number: int
    budget: str
    limit: Limit
    points: list[Point]

    @property
    def score(self) -> Score:
        return self.points[0].score

    @property
    def measurements(self) -> list[list[Point]]:
        """Points in a row that have the same values are one; a point without any is none."""
        measured = [point for point in self.points if len(point.values)]
        return [list(points) for _, points in groupby(measured, key=lambda point: point.score.values)]

    def records(self) -> Iterator[dict[str, Any]]:
        before: dict[int, float | None] | None = None
        for place, result, score in self.points:
            values = score.numbers
            mean, low, high = mean_interval(values)
            yield {
                "line": self.number, "place": place, **_when(result), "dataset": score.dataset,
                "variant": score.variant, "metric": score.metric, "direction": score.direction, "unit": score.unit,
                "budget": self.budget, "key": score.key, "seeds": len(values), "mean": mean, "low": low, "high": high,
                "repeats": score.values == before, "title": score.title or score.metric,
                "lower_bound": -math.inf if score.lower_bound is None else score.lower_bound,
            }  # fmt: skip
            before = score.values


def _score_lines(results: Sequence[CommitResult], gate: Gate) -> Iterator[Line]:
    """In the order of their names. A score without a comparability key is a line by itself."""
    points: dict[tuple[str, ...], list[Point]] = {}
    limits: dict[tuple[str, ...], Limit] = {}
    for place, (result, board) in enumerate((result, result.board) for result in results):
        for name, score in board.scores.items():
            runs = board.runs[name[:2]]
            alike = (*name, runs.budget, score.key or f"none at {place}")
            points.setdefault(alike, []).append(Point(place, result, score))
            limits[alike] = gate.limit(score.metric, score.metric == runs.decides)
    for number, line in enumerate(sorted(points, key=lambda line: (line[:3], points[line][0].place))):
        yield Line(number, line[3], limits[line], points[line])


def _broken(lines: Sequence[Line]) -> Iterator[str]:
    """Rows of several lines."""
    rows: dict[tuple[str, str, str], int] = {}
    for line in lines:
        name = (line.score.dataset, line.score.variant, line.score.metric)
        rows[name] = rows.get(name, 0) + 1
    if several := sum(n > 1 for n in rows.values()):
        yield f"{several} of {len(rows)} rows were measured in several ways: no line joins those."


# Steps


class Part(NamedTuple):
    """Measurements of a line in a row."""

    line: Line
    measurements: list[list[Point]]

    def samples(self, logarithmic: bool) -> list[Floats]:
        """The values of each, on the scale of the test."""
        values = [points[0].values for points in self.measurements]
        return [np.log(x) for x in values] if logarithmic else values

    @property
    def logarithmic(self) -> bool:
        return all((points[0].values > 0).all() for points in self.measurements)


def point_weights(samples: Sequence[Floats]) -> Floats:
    """One over the variance of each sample's values: its interval, but for the number of seeds.

    A few seeds may lie close by chance, so a variance is drawn towards the others' and never less than half their mean.
    A single seed has the mean variance; where nothing varies, all are equal.
    """
    counts = np.array([len(sample) for sample in samples])
    several = counts > 1
    variances = np.array([float(sample.var(ddof=1)) if len(sample) > 1 else 0.0 for sample in samples])
    usual = float(variances[several].mean()) if several.any() else 0.0
    if not usual:
        return np.ones(len(samples))
    own, df = variances[several], (counts - 1.0)[several]
    drawn, _ = moderated(own, df, prior(own, df))
    variances[several], variances[~several] = np.maximum(drawn, usual / 2), usual
    return np.asarray(usual / variances)


def _steps(lines: Iterable[Line], error: float) -> Iterator[dict[str, Any]]:
    parts = [Part(line, line.measurements) for line in lines if line.limit.weight]
    while parts:
        weights = [part.line.limit.weight for part in parts]
        resamples = max(LEAST_RESAMPLES, math.ceil(4 * sum(weights) / min(weights) / error))  # or none is small enough
        scaled = [part.samples(part.logarithmic) for part in parts]
        steps = [step_test(samples, resamples) for samples in scaled]
        tested = [(part, step) for part, step in zip(parts, steps, strict=True) if step]
        adjusted = holm([step.p for _, step in tested], [part.line.limit.weight for part, _ in tested])
        parts = []
        for (part, step), p in zip(tested, adjusted, strict=True):
            record = _step_record(part, step, float(p))
            if p <= error and abs(record["change"]) > part.line.limit.tolerance:
                yield record
                halves = part.measurements[: step.place], part.measurements[step.place :]
                parts += [Part(part.line, half) for half in halves]


def _step_record(part: Part, step: LevelStep, p: float) -> dict[str, Any]:
    """What changed: the weighted mean before and after, the geometric one of values that are all positive."""
    samples = part.samples(part.logarithmic)
    weights = np.repeat(point_weights(samples), [len(sample) for sample in samples])
    n = sum(map(len, samples[: step.place]))
    values = np.concatenate(samples)
    before, after = (float(np.average(values[part], weights=weights[part])) for part in (np.s_[:n], np.s_[n:]))
    if part.logarithmic:
        before, after = np.exp(before), np.exp(after)
    score, first = part.line.score, part.measurements[step.place][0]
    change = (after - before) / abs(before) if before else np.copysign(np.inf, after - before)
    worse = (after > before) == (score.direction == "lower")
    counts = [sum(map(len, some)) for some in (part.measurements[: step.place], part.measurements[step.place :])]
    return {
        "line": part.line.number, "place": first.place, "dataset": score.dataset, "variant": score.variant,
        "metric": score.metric, "direction": score.direction, "unit": score.unit,
        "verdict": "worse" if worse else "better", "before": float(before), "after": float(after),
        "change": float(change), "p": p, "tolerance": part.line.limit.tolerance,
        "results_before": counts[0], "results_after": counts[1],
    }  # fmt: skip
