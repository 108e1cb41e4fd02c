"""Whether two folders of results are parts of one suite; the first thing that tells them apart is named."""

import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from ganbench.errors import BadResults, shortened
from ganbench.store import Results
from ganbench.store.columns import run_title
from ganbench.store.records import read_manifest

CODE = ("ganbench", "torch")  # conditions of a run that are its code's
MACHINE = ("device", "processor")  # and those that say what a second is worth
TOLD = ("ganbench", "fingerprint", "budget_unit", "budget_amount", "samples")  # of a run that is not the same twice
ROW = ["label", "dataset", "seed"]


def check_comparable(one: Results, other: Results) -> None:
    """Raise BadResults unless suite and budgets, runs, code and keys of scores are the same."""
    for difference in (_of_suites, _of_runs, _of_code, _of_machines, _of_keys):
        if why := difference(one, other):
            raise not_comparable(one, other, why)


def not_comparable(one: Results, other: Results, why: str) -> BadResults:
    """The error of two folders that are no parts of one suite."""
    return BadResults(f"{one.path} and {other.path} cannot be merged: {why}. Leave one of them out.")


def _of_suites(one: Results, other: Results) -> str:
    """The same name, and the same text."""
    if one.suite != other.suite:
        return f"the one is of the suite {one.suite}, the other of {other.suite}"
    texts = [read_manifest(part.path)["text"] for part in (one, other)]
    return "" if texts[0] == texts[1] else f"their suites differ: {_first_difference(*texts)}"


def _of_runs(one: Results, other: Results) -> str:
    """The same text may make other runs: where the code or the data are others."""
    rows, others = (
        {tuple(run[name] for name in ROW): run["run"] for run in read_manifest(part.path)["runs"]}
        for part in (one, other)
    )
    for row in dict.fromkeys([*rows, *others]):
        if rows.get(row) != others.get(row):
            return f"{run_title(*row)}, is not the same run in both{_told(one, other, row)}"
    return ""


def _told(one: Results, other: Results, row: tuple[Any, ...]) -> str:
    """What the two records of a row say differently."""
    found = [part.runs[(part.runs[ROW] == pd.Series(row, ROW)).all(axis=1)] for part in (one, other)]
    for name in TOLD:
        values = [runs[name].dropna().tolist() if name in runs else [] for runs in found]
        if all(values) and values[0] != values[1]:
            return f": {name} {values[0][0]} and {values[1][0]}"
    return ": a file that it names, its data or the version of ganbench is another"


def _of_code(one: Results, other: Results) -> str:
    commits = [read_manifest(part.path)["commit"] for part in (one, other)]
    if all(commits) and commits[0] != commits[1]:
        return f"their code differs: commit {commits[0]} and {commits[1]}"
    return next((f"their code differs: {name} {both}" for name, both in _differing(one, other, CODE)), "")


def _of_machines(one: Results, other: Results) -> str:
    """Only where seconds are the budget."""

    def timed(runs: pd.DataFrame) -> pd.DataFrame:
        return runs[runs["budget_unit"] == "seconds"] if "budget_unit" in runs else runs.iloc[:0]

    words = (
        f"seconds are their budget, on other machines: {both}" for _, both in _differing(one, other, MACHINE, timed)
    )
    return next(words, "")


def _differing(
    one: Results,
    other: Results,
    conditions: tuple[str, ...],
    chosen: Callable[[pd.DataFrame], pd.DataFrame] = lambda runs: runs,
) -> Iterator[tuple[str, str]]:
    """Conditions whose values are others in the one than in the other, and the values."""
    tables = [chosen(part.runs) for part in (one, other)]
    for name in conditions:
        ours, theirs = (sorted({*map(str, runs[name].dropna())}) if name in runs else [] for runs in tables)
        if ours and theirs and ours != theirs:
            yield name, f"{', '.join(ours)} and {', '.join(theirs)}"


def _of_keys(one: Results, other: Results) -> str:
    """What a metric says of the same data has a key in common."""
    keys, others = (_keys(part.scores) for part in (one, other))
    for place in keys.keys() & others.keys():
        if not keys[place] & others[place]:
            dataset, metric, split = place
            both = f"{min(keys[place])} and {min(others[place])}"
            return f"{metric} on {dataset}, {split} split, has the keys {both}: judge or data are others"
    return ""


def _keys(scores: pd.DataFrame) -> dict[Any, set[str]]:
    known = scores[scores["board_key"].fillna("") != ""]
    return {place: {*keys} for place, keys in known.groupby(["dataset", "metric", "split"])["board_key"]}


def _first_difference(*texts: str) -> str:
    """Where two suites say different things."""
    try:
        one, other = map(tomllib.loads, texts)
    except tomllib.TOMLDecodeError:
        return "the one is no TOML"
    for place, *both in _settings("", one, other):
        values = [shortened(repr(value), 60) for value in both]
        return f"{place} is {values[0]} in the one and {values[1]} in the other"
    return "in layout or comments"


def _settings(place: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Settings that are not equal, with both their values."""
    match one, other:
        case dict(), dict():
            for key in dict.fromkeys([*one, *other]):
                yield from _settings(f"{place}, {key}".lstrip(", "), one.get(key), other.get(key))
        case list(), list() if len(one) == len(other):
            for number, both in enumerate(zip(one, other, strict=True), 1):
                yield from _settings(f"{place}, number {number}", *both)
        case _ if one != other:
            yield place, one, other
