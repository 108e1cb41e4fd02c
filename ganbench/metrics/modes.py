"""Modes of a Gaussian mixture whose density is known: which are found, how evenly, how cleanly.

Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning", 2017,
https://arxiv.org/abs/1705.07761, and Lin et al., "PacGAN: The power of two samples in generative adversarial
networks", 2018, https://arxiv.org/abs/1712.04086: a sample belongs to the mode with the nearest mean, and is of high
quality when it lies within three standard deviations of it, in Euclidean distance (others use a box, which lets
99.46 % of perfect data pass instead of 98.89 %). Both draw 2,500 samples; here 10,000 are usual.

Samples that are far off or not numbers are of no mode. Standard errors come from a seeded multinomial bootstrap.

What counts cannot see, how far samples are from where they should be, the Wasserstein distances do: the least mean
cost of moving samples onto as many points of the reference, exact, by linear assignment (scipy).
"""

import math
from collections.abc import Callable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ganbench.metrics import Estimate, Evidence, metric, rarest_alone
from ganbench.metrics.diversity import ROUNDING, VEEGAN, divergence, over_counts
from ganbench.metrics.fidelity import shuffled

RADIUS = 3  # in standard deviations
THIRD = 1 / 3
MOVED = 2_500  # points: the time of an assignment grows with the third power
BLOCKS = 10  # of that many points, on which the scatter is seen

PACGAN = 'Lin et al., "PacGAN", 2018, https://arxiv.org/abs/1712.04086'
PEYRE = 'Peyré and Cuturi, "Computational Optimal Transport", 2019, https://arxiv.org/abs/1803.00567'


def high_quality_counts(evidence: Evidence) -> tuple[Tensor, Tensor]:
    """(modes + 1,) high-quality samples of each mode, then all the others; and the (modes,) true shares."""
    mixture = evidence.mixture
    assert mixture is not None, "the caller asks only where the density is known"
    x, means = evidence.samples.features.double(), mixture.means.double()
    distance, nearest = torch.cdist(x, means).min(1)
    cells = torch.where(distance < RADIUS * mixture.sigma, nearest, len(means))
    return cells.bincount(minlength=len(means) + 1), mixture.weights.double()


def enough(counts: Tensor, weights: Tensor) -> Tensor:
    """(resamples, modes + 1) counts -> (resamples, modes): does a mode hold a third of what it should?"""
    return counts[:, :-1] >= THIRD * (1 - ROUNDING) * weights * counts.sum(1, keepdim=True)


def divergence_or_worst(counts: Tensor, weights: Tensor) -> Tensor:
    """(resamples, modes) counts -> (resamples,) KL to the true shares; if all counts are 0, the worst there is.

    No distribution over the modes is further from the true one than that with everything in the rarest mode:
    ln(1 / min w). So a generator that finds nothing never ranks before one that finds something.
    """
    total = counts.sum(1, keepdim=True)
    kl = divergence(counts / total.clamp(min=1), weights)
    return torch.where(total[:, 0] > 0, kl, -weights.min().log())


def over_modes(evidence: Evidence, statistic: Callable[[Tensor, Tensor], Tensor]) -> Estimate:
    """A statistic of (resamples, modes + 1) counts and (modes,) shares, with its standard error."""
    counts, weights = high_quality_counts(evidence)
    return over_counts(counts, lambda resampled: statistic(resampled, weights))


@metric(
    "modes", title="Modes", bounds=(0, math.inf), direction="higher", unit="modes", source=VEEGAN, needs=("mixture",)
)
def modes(evidence: Evidence) -> Estimate:
    """How many modes hold at least one high-quality sample.

    From 0 to the number of modes, which real data reach. It grows with the number of samples (2,500 in the papers,
    10,000 here) and saturates early: one lucky sample in a desert counts like a full mode. `modes_third` is stricter.

    Blind to: shares, spread within a mode, and everything that is not near a mode.
    """
    return over_modes(evidence, lambda counts, _: (counts[:, :-1] > 0).sum(1).double())


@metric(
    "modes_third",
    title="Modes ⅓",
    bounds=(0, math.inf),
    direction="higher",
    unit="modes",
    source=VEEGAN,
    needs=("mixture",),
)
def modes_third(evidence: Evidence) -> Estimate:
    """How many modes hold at least a third of the samples they should, counting those of high quality.

    A mode of true share w counts when it holds n * w / 3 or more. From 0 to the number of modes, which real data reach
    as soon as n * w is above about 20. The threshold is this project's; `modes` is the papers' count.

    Blind to: imbalance milder than three to one, spread within a mode, and everything that is not near a mode.
    """
    return over_modes(evidence, lambda counts, weights: enough(counts, weights).sum(1).double())


@metric(
    "captured_mass",
    title="Captured mass",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=VEEGAN,
    needs=("mixture",),
)
def captured_mass(evidence: Evidence) -> Estimate:
    """The share of the true mass that lies in modes which hold at least a third of the samples they should.

    `modes_third`, each mode counted by its true share: from 0 to 1, which real data reach as soon as the rarest mode
    expects more than about 20 samples. A generator that has lost the rare modes alone is near 1, as it should be. Where
    all modes weigh the same it is `modes_third` by their number. 10,000 samples; the measure is this project's.

    Blind to: imbalance milder than three to one, spread within a mode, and everything that is not near a mode.
    """
    return over_modes(evidence, lambda counts, weights: enough(counts, weights).double() @ weights)


@metric(
    "high_quality",
    title="High quality",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=VEEGAN,
    needs=("mixture",),
)
def high_quality(evidence: Evidence) -> Estimate:
    """The share of samples within three standard deviations of the nearest mean.

    From 0 to 1, but perfect samples in the plane give 1 - exp(-4.5) = 0.9889: more than that means that they huddle at
    the centres. 10,000 samples give it to 0.001.

    Blind to: missing modes; imbalance; collapse to the means, which scores 1.
    """
    return over_modes(evidence, lambda counts, _: counts[:, :-1].sum(1) / counts.sum(1))


@metric(
    "reverse_kl",
    ceiling=rarest_alone,
    title="Reverse KL",
    bounds=(0, math.inf),
    direction="lower",
    unit="nats",
    source=PACGAN,
    needs=("mixture",),
)
def reverse_kl(evidence: Evidence) -> Estimate:
    """How far the shares of the modes are from the true ones: sum_k p_k ln(p_k / w_k) over high-quality samples.

    0 is perfect; half of the modes missing gives ln 2 = 0.693 where all weigh the same; everything in the rarest mode
    gives ln(1 / min w), and so, by definition, does a generator without any high-quality sample. Even perfect samples
    give (K - 1) / 2n on average: 0.00035 for 8 modes, 0.0012 for 25, with 10,000 samples.

    Blind to: the share of bad samples, and spread within a mode.
    """
    return over_modes(evidence, lambda counts, weights: divergence_or_worst(counts[:, :-1], weights))


@metric(
    "reverse_kl_third",
    ceiling=rarest_alone,
    title="Reverse KL ⅓",
    bounds=(0, math.inf),
    direction="lower",
    unit="nats",
    source=PACGAN,
    needs=("mixture",),
)
def reverse_kl_third(evidence: Evidence) -> Estimate:
    """How far the shares of the modes are from the true ones, where a mode with less than a third of the samples that
    it should hold counts as lost.

    `reverse_kl` of the other modes. From 0 to ln(1 / min w), as `reverse_kl`, which it equals where every mode is above
    a third: for perfect samples too. It tells a generator that leaves a thin trail in each mode from one that fills
    them. The threshold is this project's.

    Blind to: the share of bad samples, and spread within a mode.
    """

    def statistic(counts: Tensor, weights: Tensor) -> Tensor:
        return divergence_or_worst(counts[:, :-1] * enough(counts, weights), weights)

    return over_modes(evidence, statistic)


def transport(x: Tensor, y: Tensor, order: int) -> float:
    """Wasserstein distance of that order between two sets of n points, (n, 2) float64."""
    # Expanding the square into a matrix product would cancel: a mode is narrow beside its distance from the origin.
    cost = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") ** order
    rows, columns = linear_sum_assignment(cost.numpy())
    return math.pow(float(cost[rows, columns].mean()), 1 / order)


def wasserstein(evidence: Evidence, order: int) -> Estimate:
    """Between 2,500 samples and as many points of the reference; or as many as there are of both.

    The standard error comes from the scatter of blocks of a tenth, against the same points of the reference: all the
    samples make blocks. Near the floor it is off by up to half, either way.
    """
    x, y = shuffled(evidence.samples.features.double()), evidence.reference.features.double()
    n = min(len(x), len(y), MOVED)
    size = n // BLOCKS
    blocks = [transport(block, y[:size], order) for block in torch.split(x, size) if len(block) == size]
    stderr = float(torch.tensor(blocks, dtype=torch.float64).std()) * (size / n) ** 0.5
    return Estimate(transport(x[:n], y[:n], order), stderr)


@metric(
    "wasserstein1",
    title="Wasserstein-1",
    bounds=(0, math.inf),
    direction="lower",
    unit="",
    source=PEYRE,
    needs=("mixture",),
    samples=MOVED,
    least=BLOCKS,
    on_curves=False,
    growth=2.5,  # measured from 500 to 2,500
    enough=MOVED,
)
def wasserstein1(evidence: Evidence) -> Estimate:
    """How far samples must move to become real data: the mean distance, moved as best one can (earth mover's).

    In the data's units, between 2,500 samples and 2,500 points of the reference, whatever more there are. 0 only if all
    coincide, no upper end. Two draws of real data are apart too: their modes hold a few points more or less, which must
    cross the gap. That floor is 0.034 on the ring of 8 and 0.18 on the grid of 25, and falls with the root of the
    number of points. A missing mode costs its mass times the way to the modes that have too much, bad samples cost
    theirs.

    It takes seconds, for bad samples more.

    Blind to: what is finer than the floor, such as the width of a ring's modes.
    """
    return wasserstein(evidence, 1)


@metric(
    "wasserstein2",
    title="Wasserstein-2",
    bounds=(0, math.inf),
    direction="lower",
    unit="",
    source=PEYRE,
    needs=("mixture",),
    samples=MOVED,
    least=BLOCKS,
    on_curves=False,
    growth=2.5,  # measured from 500 to 2,500
    enough=MOVED,
)
def wasserstein2(evidence: Evidence) -> Estimate:
    """How far samples must move to become real data: the root of the least mean squared distance.

    As `wasserstein1`, with long ways weighing more. 0 only if all coincide, no upper end; two draws of real data
    are apart by 0.155 on the ring of 8 and 0.57 on the grid of 25, which falls but with the fourth root of the number
    of points, since a little mass must cross a wide gap.

    It takes seconds. One sample far off may outweigh all others.

    Blind to: what is finer than the floor between two draws of real data.
    """
    return wasserstein(evidence, 2)
