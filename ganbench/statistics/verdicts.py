"""Which of several labels are better, and is that real? The one rule for board, rank, compare, disagreement and gate.

No torch. A *cell* is one metric on one dataset. Its labels have a value for each seed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pandas import DataFrame

ERROR = 0.05  # the chance of any false verdict in a family of tests


@dataclass(frozen=True)
class Verdicts:
    """What `decide` found.

    rows: one per dataset, metric and label: seeds, failed, mean, low, high, rank, tier, p_best.
    tests: one per pair: dataset, metric, a, b, difference (b - a, in the metric's unit), low, high, p (corrected for
    the family), verdict ("a" or "b", whichever is better; "same"; "undecided"), test (what decided: "t", "t and
    permutation", "rank", "failures"), seeds (of each, that would probably decide; <NA>: unknown), and on the scale of
    the test gap (b - a), error (its standard error), df, log (whether that scale is logarithmic), p_raw (two-sided,
    uncorrected).
    """

    rows: DataFrame
    tests: DataFrame

    @property
    def pairs(self) -> DataFrame:
        """The tests as a table of nine columns."""
        return self.tests[["dataset", "metric", "a", "b", "difference", "low", "high", "p", "verdict"]]


def decide(
    frame: DataFrame,
    pairs: Iterable[tuple[str, str]] | None = None,  # (a, b), tested in every cell that has both; None: all pairs
    error: float = ERROR,
    band: float | None = None,  # a share: smaller differences are none, and then a verdict may be "same"
) -> Verdicts:
    """A tidy frame of scores -> verdicts that are wrong in at most `error` of all families.

    `frame` has a row per run: label, seed, value (NaN: failed), direction ("lower" or "higher"); and, where there are
    several, dataset and metric. More columns, if there: status ("done", or how a run failed), look (from 1, of seeds
    added until decided) and level (of that look), noise (standard error of a value over redrawn samples; a spread is
    never taken for less). All pairs of a cell are a family; named `pairs` are one family over all cells.
    Raises ValueError where the frame says no such thing; `ganbench.compare.rank` says it in the user's words.
    """
    raise NotImplementedError
