"""How much scores scatter over seeds, beside what redrawn samples of one run would scatter."""

from math import nan

import numpy as np
from pandas import DataFrame

from ganbench.reports.frames.order import is_entrant

FEWEST = 2  # seeds


def seeds_over_samples(scores: DataFrame) -> float:
    """Tidy scores of one metric -> standard deviation over seeds, in standard errors of a single score over redrawn
    samples: the median over the entrants with two seeds or more; NaN where nobody has both.
    """
    ended = scores[scores["value"].notna() & is_entrant(scores)]
    ratios = []
    for _, own in ended.groupby("label"):
        redrawn = float(np.sqrt((own["stderr"] ** 2).mean()))
        if len(own) >= FEWEST and redrawn > 0:
            ratios.append(float(own["value"].std(ddof=1)) / redrawn)
    return float(np.median(ratios)) if ratios else nan
