"""Clipped density and clipped coverage: the share of good samples, and how much of real data good samples would cover.

Salvy, Talbot and Thirion, "Enhanced Generative Model Evaluation with Clipped Density and Coverage", ICLR 2026,
https://arxiv.org/abs/2507.01761. Density and coverage have values without a meaning of their own: outliers of the
reference make huge balls, one sample may count in hundreds of balls, and neither falls in proportion as samples get
bad. Here no ball is larger than the median one, no sample counts more than one that lies in k balls, and the numbers
are brought to a scale on which they fall in proportion to the share of bad samples.

Deviation: the authors' code reads the calibration of coverage as a step function, this one between its steps, which is
at most 1 / n apart.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

from ganbench.metrics import Estimate, Evidence, metric
from ganbench.metrics.fidelity import DENSITY_K, among

SALVY = (
    'Salvy, Talbot and Thirion, "Enhanced Generative Model Evaluation with Clipped Density and Coverage", 2026, '
    "https://arxiv.org/abs/2507.01761"
)


@metric(
    "clipped_density",
    title="Clipped density",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=SALVY,
    least=DENSITY_K + 1,
    aspect="fidelity",
)
def clipped_density(evidence: Evidence) -> Estimate:
    """The share of samples that are as deep in the support of real data as real data are.

    A sample counts by the number of reference balls that it lies in, by k = 5, but no more than 1. A ball reaches from
    a reference sample to its fifth nearest neighbour, or as far as the median ball does, if that is less. The mean is
    divided by that of the reference samples among their like. From 0 to 1, where it is cut; it falls in proportion to
    the share of bad samples. 10,000 samples and reference samples. The standard error is exact below 1: given the
    reference, samples count independently.

    Blind to: diversity; differences within the support; all above 1, where it is cut.
    """
    found = among(evidence)
    counts, whole = ((x.double() / DENSITY_K).clamp(max=1) for x in (found.clipped_depth, found.own_depth))
    real = float(whole.mean())
    return Estimate(min(1.0, float(counts.mean()) / real), float(counts.std()) / real / len(counts) ** 0.5)


@metric(
    "clipped_coverage",
    title="Clipped coverage",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=SALVY,
    least=DENSITY_K + 1,
    aspect="diversity",
)
def clipped_coverage(evidence: Evidence) -> Estimate:
    """How much of real data the samples cover, as the share of good samples that would cover as much.

    A reference sample counts by the number of samples in its ball, out to its fifth nearest neighbour, by k = 5, but no
    more than 1. So many a share of perfect samples would reach on average, whatever the data: it is that share. From 0
    to 1; real data score 1 but for noise, and it falls in proportion to the share of bad samples. 10,000 samples and
    reference samples. The standard error is a bootstrap of 50 over the samples.

    Blind to: quality, as long as enough samples are good; missed classes, where samples are far fewer than reference
    samples: no ball holds five then, and twice as many samples in half of the balls count as much.
    """
    held = among(evidence).held
    n, m = len(evidence.samples.features), len(held)
    covered, *resampled = (held.double() / DENSITY_K).clamp(max=1).mean(0).tolist()
    expected, shares = expected_coverage(m, n), np.arange(n + 1) / n
    value = float(np.interp(covered, expected, shares))
    at = min(int(value * n), n - 1)
    slope = (shares[at + 1] - shares[at]) / (expected[at + 1] - expected[at])
    return Estimate(value, float(np.std(resampled, ddof=1) * slope))


@lru_cache(maxsize=4)  # every judgement of a suite asks for the same
def expected_coverage(reference: int, samples: int, k: int = DENSITY_K) -> NDArray[np.float64]:
    """(samples + 1,) the mean clipped coverage, before its calibration, of 0, 1, ... perfect samples.

    The mass of a ball out to the k-th of the others is Beta(k, reference - k), whatever the distribution, so that the
    number of perfect samples in it is beta-binomial: the authors' section 4.2.
    """
    good = np.arange(samples + 1)[:, None]
    few = np.arange(k)
    lacking = ((k - few) * betabinom.pmf(few, good, k, reference - k)).sum(1)
    expected: NDArray[np.float64] = 1 - lacking / k
    return expected
