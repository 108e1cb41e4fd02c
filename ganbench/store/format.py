"""The format of results: its number stands in `suite.json`, and older ones are brought up to date as they are read.

    1   samples from elsewhere in `guests/`; scores do not say what their metric means
    2   samples from elsewhere in `external/`; every score has its metric's title, bounds and meaning

A suite that an older version began is continued in its folder, so that records of both formats stand there. Therefore
a step looks at what a record lacks, not at a number.
"""

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from pandas import DataFrame

from ganbench.errors import BadResults
from ganbench.store.columns import NUMBERS, SCORE_COLUMNS

FORMAT = 2
EXTERNAL = "external"
EXTERNAL_FOLDERS = (EXTERNAL, "guests")  # now, and in format 1


def check_format(number: Any, path: Path) -> None:
    """Raise BadResults if results of that format cannot be read, with the way out."""
    if number in range(1, FORMAT + 1):
        return
    raise BadResults(
        f"{path} was written in format {number}, this ganbench reads formats up to {FORMAT}. "
        "Read it with the ganbench that wrote it, or choose another folder with --results."
    )


def upgrade_scores(scores: DataFrame) -> DataFrame:
    """Scores as any format has them -> SCORE_COLUMNS, by one step per format, the oldest first."""
    for step in STEPS:
        scores = step(scores)
    return scores


def _say_what_metrics_mean(scores: DataFrame) -> DataFrame:
    """1 -> 2. The name stands for the title, and nothing bounds the value."""
    blank = {"title": scores["metric"], "lower_bound": -inf, "upper_bound": inf, "meaning": "", "blind_to": ""}
    blank["board_key"] = scores["key"]  # of scores before there was a difference
    written = scores.reindex(columns=SCORE_COLUMNS)
    return written.assign(**{name: written[name].where(written[name].notna(), blank[name]) for name in blank})


def _say_nothing_where_nothing_is_said(scores: DataFrame) -> DataFrame:
    """A text that is missing is an empty one."""
    texts = [name for name in SCORE_COLUMNS if name not in NUMBERS]
    return scores.assign(**{name: scores[name].astype(object).where(scores[name].notna(), "") for name in texts})


STEPS: tuple[Callable[[DataFrame], DataFrame], ...] = (_say_what_metrics_mean, _say_nothing_where_nothing_is_said)
