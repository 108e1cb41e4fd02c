"""The verdicts of a board: `ganbench.statistics.verdicts` over the entrants' scores of the primary metric."""

import numpy as np
from pandas import DataFrame

from ganbench.reports.frames.order import is_entrant
from ganbench.reports.frames.scores import SENSES
from ganbench.statistics import Verdicts, decide

CONTROLS_TO_BEAT = ("noise", "mode_dropper")  # what is no better than these has learnt nothing


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

    One family of tests of its own.
    """
    controls = part[part["control"].astype(bool) & part["variant"].isin(CONTROLS_TO_BEAT)]
    entrants = list(dict.fromkeys(part.loc[is_entrant(part), "label"]))
    names = list(dict.fromkeys(controls["label"]))
    pairs = [(entrant, control) for control in names for entrant in entrants]
    tests = decide(of_runs(part[is_entrant(part) | part["label"].isin(names)]), pairs=pairs).tests
    better = tests[tests["verdict"] == "a"]
    return {name: list(better.loc[better["b"] == name, "a"]) for name in names}


def of_runs(part: DataFrame) -> DataFrame:
    """Scores -> those that count: of runs that ended with a score, and of runs that failed."""
    lacks = part["value"].isna() & (part["status"] == "done")
    kept = part.loc[~lacks, [name for name in KEPT if name in part]]
    return kept.rename(columns={"stderr": "noise"}).assign(value=kept["value"].replace([np.inf, -np.inf], np.nan))


KEPT = ["dataset", "metric", "label", "seed", "value", "direction", "stderr", "look", "level"]


def primary(part: DataFrame) -> str:
    """The primary metric: the one that the suite declares, or else the one by which checkpoints are selected."""
    for name in ("primary", "select"):
        if name in part and (named := part[name].dropna()[lambda names: names != ""]).size:
            return str(named.iloc[0])
    return ""
