"""Latent space: what a generator makes of a short step between two of its latents. Real data have no such numbers."""

from math import inf

import torch
from torch import Tensor

from ganbench.metrics import Estimate, Evidence, metric

WALKED = 2_000  # steps
STEP = 1e-4  # share of the way between two latents
KEPT = (0.01, 0.99)  # quantiles


@metric(
    "ppl",
    title="PPL",
    bounds=(0, inf),
    direction="lower",
    unit="",
    source='Karras, Laine and Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks", 2019 '
    "(section 4.1), https://arxiv.org/abs/1812.04948",
    needs=("walk",),
    samples=1,
    on_curves=False,
    growth=0,
)
def ppl(evidence: Evidence) -> Estimate:
    """Perceptual path length: how fast samples change on the way from one latent to another, in the judge's features.

    E[|f(G(z(t))) - f(G(z(t + e)))|^2] / e^2 with t uniform in [0, 1) and e = 1e-4, on great circles between latents;
    what lies beyond the 1st and 99th percentile is dropped, as in the authors' code. In the squared unit of the
    features: the speed of features as the judge sees them, where the paper takes VGG's. From 0, without upper
    end. Real data and other rows without latents have none. It draws 2,000 steps of its own (the paper: 100,000 pairs),
    whatever the number of samples. The standard error is that of a trimmed mean, over redrawn steps.

    The step may be as short as the paper's: with the digit judge in 32 bits, eight generators of digits differed by
    0.4 % at most between e = 1e-3 and 1e-4, and 1e-5 added up to 0.4 %, which is rounding.

    Sharp modes that must be crossed cost as much as needless detours.

    Blind to: quality: a generator that has collapsed scores 0, the best there is, so read it beside `recall` or `fid`.
    """
    assert evidence.walk is not None, "the caller asks only of variants with latents"
    here, there = (judged.features.double() for judged in evidence.walk(WALKED, STEP))
    return trimmed_mean((here - there).square().sum(1) / STEP**2)


def trimmed_mean(x: Tensor) -> Estimate:
    """Of what lies within the quantiles KEPT; its standard error is by the values drawn in to them.

    Tukey and McLaughlin, "Less Vulnerable Confidence and Significance Procedures for Location", 1963.
    """
    low, high = torch.quantile(x, x.new_tensor(KEPT))
    kept = x[(x >= low) & (x <= high)]
    share = KEPT[1] - KEPT[0]
    return Estimate(float(kept.mean()), float(x.clamp(low, high).std()) / (share * len(x) ** 0.5))
