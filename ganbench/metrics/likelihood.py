"""What a model says of real data it has not seen: only models that have a likelihood, or a bound on it.

Theis, van den Oord and Bethge, "A Note on the Evaluation of Generative Models", 2016, https://arxiv.org/abs/1511.01844:
likelihood and the look of samples are largely independent, so that neither stands for the other.
"""

import math
from functools import lru_cache

from torch import Generator, Tensor

from ganbench.metrics import Estimate, Evidence, metric

MOST_IMAGES = 500  # of the reference that are asked for: some models take many passes for each
REAL_SEED = 402  # of the fresh points
NOTE = 'Theis et al., "A Note on the Evaluation of Generative Models", 2016, https://arxiv.org/abs/1511.01844'


@metric(
    "bits_per_dimension", title="Bits per dimension", direction="lower", unit="bits", source=NOTE,
    needs=("log_likelihood", "fresh"), samples=MOST_IMAGES, on_curves=False,
)  # fmt: skip
def bits_per_dimension(evidence: Evidence) -> Estimate:
    """Bits that the model needs for each number of a real image it has not seen, of 256 levels each.

    From 0. A perfect model needs what real data hold, one that knows nothing 8.

    Exact for flows and autoregressive models; a VAE and a diffusion model need at most as many.

    Blind to: how samples look.
    """
    assert evidence.log_likelihood is not None and evidence.fresh is not None, "`needs` says so"
    x = evidence.fresh[:MOST_IMAGES]
    return _mean(-evidence.log_likelihood(x).double() / (math.log(2) * x[0].numel()))


@metric(
    "forward_kl", title="Forward KL", direction="lower", unit="nats", source=NOTE,
    needs=("log_likelihood", "mixture"), on_curves=False,
)  # fmt: skip
def forward_kl(evidence: Evidence) -> Estimate:
    """KL divergence from the data to the model, over fresh points, whose true density is known. From 0, which a model
    of real data to perfection has.

    Exact for flows and autoregressive models; of a VAE and a diffusion model it is at most as much.

    Blind to: little. A mode that the model leaves out costs a lot, one that it makes up very little.
    """
    points = _points(evidence)
    assert evidence.log_likelihood is not None and evidence.mixture is not None, "`needs` says so"
    return _mean(evidence.mixture.log_density(points).double() - evidence.log_likelihood(points).double())


@lru_cache(maxsize=1)
def _points(evidence: Evidence) -> Tensor:
    """As many fresh points as there are samples; always the same."""
    assert evidence.mixture is not None, "the caller asks only where the density is known"
    return evidence.mixture.sample(len(evidence.samples.features), Generator().manual_seed(REAL_SEED)).x


def _mean(each: Tensor) -> Estimate:
    return Estimate(float(each.mean()), float(each.std() / math.sqrt(len(each))))
