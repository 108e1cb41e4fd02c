"""What so many trials are worth: the expected best of k."""

from math import comb

import numpy as np
from numpy.typing import ArrayLike

from ganbench.statistics.intervals import Floats, floats


def expected_best(values: ArrayLike, lower_is_better: bool) -> Floats:
    """(n,) values of trials, NaN or infinite for those that failed -> (n,): of k = 1 ... n of them, the mean best.

    Over all sets of k trials, in closed form: Dodge et al., "Show Your Work: Improved Reporting of Experimental
    Results", EMNLP 2019, here without replacement, so that k = n is the best of all. Lucic et al., "Are GANs Created
    Equal?", NeurIPS 2018, figure 3, have the same by the bootstrap. NaN where all k might be of those that failed.
    """
    x = floats(values)
    ended, n = np.sort(x[np.isfinite(x)]), len(x)
    if not lower_is_better:
        ended = ended[::-1]
    found = np.full(n, np.nan)
    for k in range(n - len(ended) + 1, n + 1):
        ways = np.array([comb(n - 1 - i, k - 1) for i in range(len(ended))], dtype=np.float64)  # i is the best of k
        found[k - 1] = float(ways @ ended / comb(n, k))
    return found
