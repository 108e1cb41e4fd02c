"""The verdicts of a board: `ganbench.statistics.verdicts` over the entrants' scores of the primary metric."""

import numpy as np
from pandas import DataFrame, Series

from ganbench.reports.frames.order import is_entrant
from ganbench.reports.frames.rows import primary
from ganbench.reports.frames.scores import SENSES, WORST
from ganbench.statistics import Verdicts, decide
from ganbench.statistics.verdicts import ERROR

CONTROLS_TO_BEAT = (WORST, "mode_dropper")  # what is no better than these has learnt nothing


def verdicts(part: DataFrame) -> Verdicts | None:
    """Tidy scores of one metric on one board -> verdicts on its entrants.

    None if the metric is not the dataset's primary one, or has no direction. A run that ended without this metric
    counts nowhere.
    """
    if part.empty or part["metric"].iloc[0] != primary(part) or part["direction"].iloc[0] not in SENSES:
        return None
    return decide(of_runs(part[is_entrant(part)]))


def against_controls(part: DataFrame) -> dict[str, list[str]]:
    """Tidy scores of the primary metric on one board -> per control of `CONTROLS_TO_BEAT` the entrants better than it.

    One family of tests of its own. A leader is one claim, and so needs no correction: it is better than the controls
    if each test of it against them passes by itself (intersection-union, as among the entrants).
    """
    controls = part[part["control"].astype(bool) & part["variant"].isin(CONTROLS_TO_BEAT)]
    entrants = list(dict.fromkeys(part.loc[is_entrant(part), "label"]))
    names = list(dict.fromkeys(controls["label"]))
    pairs = [(entrant, control) for control in names for entrant in entrants]
    tests = decide(of_runs(part[is_entrant(part) | part["label"].isin(names)]), pairs=pairs).tests
    better = (tests["verdict"] == "a") | _claim_of_leader(part, tests)
    return {name: list(tests.loc[better & (tests["b"] == name), "a"]) for name in names}


def _claim_of_leader(part: DataFrame, tests: DataFrame) -> "Series[bool]":
    """The tests of the leader among the entrants, if all of them are passed."""
    rows = decide(of_runs(part[is_entrant(part)])).rows
    own = tests["a"].isin(rows.loc[rows["leads"].astype(bool), "label"])
    ahead = tests["gap"] > 0 if part["direction"].iloc[0] == "lower" else tests["gap"] < 0
    return own & bool((ahead & (tests["p_raw"] <= ERROR))[own].all())


def of_runs(part: DataFrame) -> DataFrame:
    """Scores -> those that count: of runs that ended with a score, and of runs that failed."""
    lacks = part["value"].isna() & (part["status"] == "done")
    kept = part.loc[~lacks, [name for name in KEPT if name in part]]
    return kept.rename(columns={"stderr": "noise"}).assign(value=kept["value"].replace([np.inf, -np.inf], np.nan))


KEPT = ["dataset", "metric", "label", "seed", "value", "direction", "stderr", "look", "level"]
