"""Anybody's scores -> tiers, intervals, pairs, the answer in a sentence, and the seeds that would decide. No torch."""

from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np
from pandas import DataFrame

from ganbench.compare.scores import FEW, checked_scores
from ganbench.compare.words import answer, answer_over_all
from ganbench.errors import BadResults
from ganbench.statistics import Verdicts, decide
from ganbench.statistics.verdicts import ERROR

TOLD = ["dataset", "metric", "tier", "rank", "label", "mean", "low", "high", "n", "failed"]  # in a notebook


@dataclass(frozen=True)
class Ranking:
    """Verdicts on anybody's scores.

    `rows` and `tests` are those of `ganbench.statistics.Verdicts`; `pairs` are nine columns of the tests. `overall` has
    the pairs over all datasets: on how many of them either is better.
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
    verdicts = decide(checked_scores(frame, direction), error=error)
    return Ranking(verdicts, over_datasets(verdicts.tests, error))


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
