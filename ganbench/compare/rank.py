"""Anybody's scores -> tiers, intervals, pairs, the answer in a sentence, and the seeds that would decide. No torch."""

import sys
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from ganbench.compare.words import answer, answer_over_all
from ganbench.errors import BadResults
from ganbench.statistics import Verdicts, decide
from ganbench.statistics.verdicts import ERROR
from ganbench.store.columns import SENSES
from ganbench.store.files import harmless

NEEDED = ("label", "seed", "value")
FEW = 2  # rows, below which nothing can be better
NUMBERS = ("value", "look", "level")
TOLD = ["dataset", "metric", "tier", "rank", "label", "mean", "low", "high", "n", "failed"]  # in a notebook


@dataclass(frozen=True)
class Ranking:
    """Verdicts on anybody's scores.

    `rows` and `tests` are those of `ganbench.statistics.Verdicts`; `pairs` are nine columns of the tests. `overall` is
    the same over all datasets: of each label the mean of its ranks, and for each pair the datasets that decide.
    """

    verdicts: Verdicts
    overall: DataFrame  # a, b, a_better, b_better, undecided (datasets), verdict; empty for a single dataset

    @property
    def rows(self) -> DataFrame:
        return self.verdicts.rows

    @property
    def tests(self) -> DataFrame:
        return self.verdicts.tests

    @property
    def pairs(self) -> DataFrame:
        return self.verdicts.pairs

    @property
    def tiers(self) -> dict[tuple[str, str], list[list[str]]]:
        """Dataset and metric -> sets of labels that no test separates, the best first."""
        found: dict[tuple[str, str], list[list[str]]] = {}
        for name, rows in self.rows.groupby(["dataset", "metric"], sort=False):
            numbers = [set(map(int, tier.split())) for tier in rows["tier"]]
            labels = list(rows["label"])
            found[name] = [  # type: ignore[index]
                [label for label, own in zip(labels, numbers, strict=True) if tier in own]
                for tier in sorted(set().union(*numbers))
            ]
        return found

    @cached_property
    def answers(self) -> list[str]:
        """A sentence for each dataset and metric."""
        names = self.rows[["dataset", "metric"]].drop_duplicates().itertuples(index=False)
        several = self.rows["metric"].nunique() > 1
        said = []
        for dataset, metric in names:
            rows, tests = (
                table[(table["dataset"] == dataset) & (table["metric"] == metric)] for table in (self.rows, self.tests)
            )
            place = f" on {dataset}" if dataset else ""
            said.append(answer(rows, tests, place + (f" by {metric}" if several and metric else "")))
        return said

    @property
    def answer(self) -> str:
        """All of them, and that over all datasets."""
        over_all = answer_over_all(self.overall, self.rows["dataset"].nunique())
        return " ".join([*self.answers, *([over_all] if over_all else [])])

    def _repr_html_(self) -> str:
        told = [name for name in TOLD if not self.rows[name].astype(str).eq("").all()]
        rows = self.rows[told].to_html(index=False, float_format="{:.4g}".format)
        return f"<p>{escape(self.answer)}</p>{rows}"


def rank(frame: DataFrame, direction: str | None = None, error: float = ERROR) -> Ranking:
    """A tidy table of scores from any tool -> its ranking.

    Columns: label, seed, value; and, if there, dataset, metric, direction ("lower" or "higher" is better), status
    ("done", or how a run failed), key (of the conditions: only equal ones are compared), look and level (of seeds that
    were added until decided). `direction` holds where the table says none. Of each dataset and metric all verdicts
    together are wrong in at most `error` of all cases; over several datasets, those over all of them too. Raises
    BadResults where the table is not that, with what was found and what to do.
    """
    if not 0 < error < 1:
        raise BadResults(
            f"Found error {error:g}, but need a share between 0 and 1: how often any verdict may be wrong."
        )
    scores = _checked(frame, direction)
    verdicts = decide(scores, error=error)
    return Ranking(verdicts, over_datasets(verdicts.tests, error))


def read_scores(path: Path) -> DataFrame:
    """A CSV file, or stdin for "-", as a table; labels, seeds and datasets stay text. Raises BadResults."""
    words = dict.fromkeys(("label", "seed", "dataset", "metric", "direction", "status", "key"), str)
    try:
        found = pd.read_csv(sys.stdin if str(path) == "-" else path, dtype=words)
        return found.rename(columns=harmless).map(harmless)
    except pd.errors.EmptyDataError:
        raise BadResults(f"{path} is empty, but a ranking needs a heading and rows: label,seed,value.") from None
    except OSError as error:
        raise BadResults(f"{path} cannot be read: {error.strerror}. Name a CSV file.") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise BadResults(f"{path} is no CSV: {error}. The first line names the columns: label,seed,value.") from error


def _checked(frame: DataFrame, direction: str | None) -> DataFrame:
    """The table in the form that `decide` takes."""
    if twice := [str(name) for name in frame.columns[frame.columns.duplicated()]]:
        raise BadResults(f"Found two columns {twice[0]!r}, but need one. Rename or remove the other.")
    if lacking := [name for name in NEEDED if name not in frame]:
        raise BadResults(
            f"Found the columns {', '.join(map(str, frame.columns)) or '(none)'}, but need label, seed and value: "
            f"{', '.join(lacking)} is missing. A row is the score of one run."
        )
    if frame.empty:
        raise BadResults("Found a table without rows, but need a row for each run: label, seed, value.")
    scores = frame.reset_index(drop=True).copy()
    for name in NUMBERS:
        if name in scores:
            scores[name] = _numbers(scores[name], name)
    _check_looks(scores)
    for name in ("dataset", "metric", "label"):
        if name in scores:
            if scores[name].isna().any():
                raise BadResults(f"Found a row without a {name}: row {_first(scores[name].isna())}. Fill it in.")
            scores[name] = scores[name].astype(str)
        else:
            scores[name] = ""
    if scores["seed"].isna().any():
        raise BadResults(f"Found a row without a seed: row {_first(scores['seed'].isna())}. Number the runs.")
    _check_conditions(scores)
    scores["direction"] = _directions(scores, direction)
    _check_twice(scores)
    if "status" in scores:  # how a run ended says more than a number that it left
        scores["value"] = scores["value"].where(scores["status"].isin(["done", "ok", ""]) | scores["status"].isna())
    scores["value"] = scores["value"].replace([np.inf, -np.inf], np.nan)
    if scores["label"].nunique() < FEW:
        raise BadResults(f"Found one label, {scores['label'].iloc[0]!r}, but a ranking needs at least two.")
    return scores


def _numbers(column: "Series[Any]", name: str) -> "Series[float]":
    """A column as numbers; empty fields stay empty."""
    if column.dtype.kind in "cmM" or isinstance(column.dtype, pd.CategoricalDtype):
        raise BadResults(f"Found {column.dtype} in the column {name}, but need numbers.")
    found = pd.to_numeric(column, errors="coerce")
    if (wrong := found.isna() & column.notna()).any():
        raise BadResults(
            f"Found {column[wrong].iloc[0]!r} in row {_first(wrong)} of the column {name}, but need a number; leave "
            "the field empty for a run that failed."
        )
    return found.astype(float)


def _check_looks(scores: DataFrame) -> None:
    """A look is a number of a look, and a level a share of the error."""
    if "look" in scores and (wrong := (scores["look"] < 1) | (scores["look"] % 1 > 0)).any():
        found = f"{scores['look'][wrong].iloc[0]:g} in row {_first(wrong)}"
        raise BadResults(
            f"Found look {found}, but need a whole number from 1 on: the look at which the seed was added."
        )
    if "level" in scores and (wrong := (scores["level"] <= 0) | (scores["level"] > ERROR)).any():
        found = f"{scores['level'][wrong].iloc[0]:g} in row {_first(wrong)}"
        raise BadResults(
            f"Found level {found}, but need more than 0 and at most {ERROR:g}: what a look may be wrong in."
        )


def _first(wrong: "Series[bool]") -> int:
    """The row as a person counts it, from 1, without the heading."""
    return int(np.flatnonzero(wrong)[0]) + 1


def _check_conditions(scores: DataFrame) -> None:
    if "key" in scores:
        keys = scores[scores["value"].notna()].groupby(["dataset", "metric"])["key"].nunique(dropna=False)
        if (keys > 1).any():
            dataset, metric = keys[keys > 1].index[0]
            raise BadResults(
                f"Found {int(keys.max())} comparability keys for {metric or 'the metric'} on {dataset or 'the dataset'}"
                ": its scores were not measured alike. Rank those of one key."
            )


def _directions(scores: DataFrame, direction: str | None) -> "Series[str]":
    said = scores["direction"] if "direction" in scores else Series(np.nan, index=scores.index, dtype=object)
    said = said.astype(object).where(said.notna() & (said != ""), direction)
    if said.isna().any():
        metric = scores.loc[said.isna(), "metric"].iloc[0]
        raise BadResults(
            f"Found no direction for {metric or 'these scores'}: is lower or higher better? Say --direction lower or "
            "--direction higher (direction=... in Python), or add a column `direction`."
        )
    known = said.astype(str).str.strip().str.lower()
    if (wrong := ~known.isin(SENSES)).any():
        raise BadResults(f"Found direction {said[wrong].iloc[0]!r} in row {_first(wrong)}, but need lower or higher.")
    mixed = known.groupby([scores["dataset"], scores["metric"]]).nunique()
    if (mixed > 1).any():
        dataset, metric = mixed[mixed > 1].index[0]
        raise BadResults(
            f"Found both directions for {metric or 'one metric'} on {dataset or 'one dataset'}, but a metric has one. "
            "Correct the column `direction`."
        )
    return known


def _check_twice(scores: DataFrame) -> None:
    name = ["dataset", "metric", "label", "seed"]
    if (twice := scores.duplicated(name)).any():
        one = scores[twice].iloc[0]
        raise BadResults(
            f"Found two rows of {one['label']}, seed {one['seed']}{' on ' + one['dataset'] if one['dataset'] else ''}"
            f" (row {_first(twice)}), but one run counts once. Remove one, or give it a seed of its own."
        )


def over_datasets(tests: DataFrame, error: float = ERROR) -> DataFrame:
    """`Verdicts.tests` of several datasets -> every pair over all: a, b, a_better, b_better and undecided (datasets),
    verdict. On each dataset a pair is tested at its share of the error; empty for a single one.

    a is better over all if it is so somewhere, and worse nowhere.
    """
    columns = ["a", "b", "a_better", "b_better", "undecided", "verdict"]
    cells = len(tests[["dataset", "metric"]].drop_duplicates())
    if cells < FEW:
        return DataFrame(columns=columns)
    swap, sure = tests["a"] > tests["b"], tests["p"] <= error / cells
    a, b = tests["a"].where(~swap, tests["b"]), tests["b"].where(~swap, tests["a"])
    won = tests["a"].where(tests["verdict"] == "a", tests["b"]).where(sure, "")
    table = DataFrame({"a": a, "b": b, "a_better": won == a, "b_better": won == b, "undecided": won == ""})
    found = table.groupby(["a", "b"], sort=False, as_index=False).sum()
    only_a, only_b = (found[one].gt(0) & found[other].eq(0) for one, other in (columns[2:4], columns[3:1:-1]))
    return found.assign(verdict=np.where(only_a, "a", np.where(only_b, "b", "undecided")))[columns]
