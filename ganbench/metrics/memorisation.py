"""Memorisation: are samples nearer to the training data than new data would be?

Distances are Euclidean, in the judge's features; in their first 64 principal components over the training data where
they are wider, as in the code of Meehan et al. (equal features are at distance 0 there too).

All other families take a training set that is given back for perfect.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn.functional import one_hot

from ganbench.errors import BenchError
from ganbench.metrics import CPU, Estimate, Evidence, metric
from ganbench.metrics.nearest import Points, arranged

WIDTH = 64  # of the features, at most
CELLS = 3
FEWEST = 20  # samples in a cell; one with no more is left out
RESAMPLES = 200  # the standard error is itself known to 5 %

ALAA = (
    'Alaa et al., "How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing Generative '
    'Models", 2022, https://arxiv.org/abs/2102.08921'
)
MEEHAN = (
    'Meehan, Chaudhuri and Dasgupta, "A Non-Parametric Test to Detect Data-Copying in Generative Models", 2020, '
    "https://arxiv.org/abs/2004.05675"
)


class Nearest(NamedTuple):
    """The training samples that are nearest to some others."""

    place: Tensor  # (n,) row of the training data, int64
    distance: Tensor  # (n,) float64


class Space(NamedTuple):
    """Where distances are measured."""

    axes: PCA  # with as many as there are features it is a rotation, which leaves distances as they are
    training: Tensor  # (m, WIDTH or less) float64

    def locate(self, features: Tensor) -> Tensor:
        """(n, d) -> (n, WIDTH or less) float64."""
        return torch.from_numpy(self.axes.transform(features.double().numpy()))


@lru_cache(maxsize=1)  # both metrics ask for the same
def space(training: Tensor) -> Space:
    """The axes along which (m, d) features of the training data vary most. Raises BenchError, if they are too few."""
    if len(training) <= WIDTH:
        raise BenchError(
            f"Found {len(training):,} training samples, but memorisation is judged by at least {WIDTH + 1}. "
            f"Use a larger dataset, or leave out authenticity and ct."
        )
    x = training.double().numpy()
    axes = PCA(min(WIDTH, x.shape[1]), svd_solver="covariance_eigh").fit(x)
    return Space(axes, torch.from_numpy(axes.transform(x)))


@lru_cache(maxsize=1)
def points(training: Tensor, device: torch.device) -> Points:
    """The training data in that space, for others to seek their nearest among, on the device."""
    return arranged(space(training).training, device)


@lru_cache(maxsize=1)  # a run asks at both of its checkpoints
def cells(training: Tensor) -> KMeans:
    """The cells of the training data that `ct` looks at one by one."""
    return KMeans(CELLS, n_init=10, random_state=0).fit(space(training).training.float().numpy())


@lru_cache(maxsize=2)  # both metrics ask for the samples', one for the reference's too
def nearest_training(features: Tensor, training: Tensor, device: torch.device = CPU) -> Nearest:
    """For each of (n, d) features the nearest of (m, d) features of the training data; sought on the device."""
    trained_space = space(training)
    x = trained_space.locate(features)
    place = points(training, device).nearest(x)
    return Nearest(place, (x - trained_space.training[place]).norm(dim=1))


def to_others(place: Tensor, training: Tensor, device: torch.device = CPU) -> Tensor:
    """(n,) distance from the training samples in those rows to the nearest other one, which may be a copy."""
    located = space(training).training
    rows, back = torch.unique(place, return_inverse=True)
    x = located[rows]
    distance: Tensor = (x - located[points(training, device).nearest(x, but=rows)]).norm(dim=1)
    return distance[back]


def trained_features(evidence: Evidence) -> Tensor:
    """The features of the training split, (n, d)."""
    assert evidence.trained is not None, "the caller asks only where they are"
    return evidence.trained.features


@metric(
    "authenticity",
    title="Authenticity",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=ALAA,
    needs=("trained",),
    least_trained=WIDTH + 1,
    on_curves=False,
)
def authenticity(evidence: Evidence) -> Estimate:
    """The share of samples that are further from the nearest training sample than that one is from the next.

    d(x, t) > d(t, t'), with t the training sample nearest to x and t' the one nearest to t (AuthPct). From 0, where all
    samples are copies, to 1. Real data score 1/3 on a line and 0.38 in a plane, if they lie evenly; more in many
    dimensions, where few training samples are nearest to many: 0.62 on digits. 10,000 samples. The standard error is
    binomial.

    Higher is better up to real data only: noise scores 0.94.

    Blind to: quality; copies whose own noise is as large as the distance between neighbours, which is reached first
    where the training data are dense.
    """
    training = trained_features(evidence)
    place, distance = nearest_training(evidence.samples.features, training, evidence.device)
    share = float((distance > to_others(place, training, evidence.device)).double().mean())
    return Estimate(share, (share * (1 - share) / len(distance)) ** 0.5)


@metric(
    "ct",
    title="C_T",
    direction="none",
    unit="",
    source=MEEHAN,
    needs=("trained",),
    least_trained=WIDTH + 1,
    least=CELLS * FEWEST + 1,
    on_curves=False,
    version=2,
)
def ct(evidence: Evidence) -> Estimate:
    """Whether samples are nearer to the training data than held-out data are: C_T, a z-score.

    No score, since neither high nor low is better: far below -3 samples are copies, far above 3 they are further off
    than new data would be, which means underfitting. 0 on average for samples drawn like the held-out data, with a
    deviation of 0.6; real data score between -1.2 and 1.2 on MNIST.

    In each of three cells, by k-means on the training data, it is the z-score of the Mann-Whitney statistic that
    compares the samples' distances to the nearest training sample with the held-out data's (the authors' code seeks
    that in the cell alone). Held out are the reference or, where that is of another origin than the training data, as
    with `mnist5k`, other data of that origin, so that being a copy is all that differs; `real` may then be the held-out
    data themselves, and scores 0. The mean weighs cells by their share of the held-out data, and leaves out those with
    no more than 20 samples. It grows with the root of the number of samples and of those held out: fix both, 10,000
    here. Copies score -71 on digits, samples of which a half are copies -36, noise 53. The standard error is a
    bootstrap of 200.

    A cell holds several classes, and some lie closer than others: real digits, but from 0 to 4 alone, score -4.

    Blind to: quality; copies among samples that are otherwise too far off, since both cancel; cells that are left out.
    """
    training = trained_features(evidence)
    samples, held_out = evidence.samples.features, (evidence.held_out or evidence.reference).features
    here, there = (
        torch.from_numpy(cells(training).predict(space(training).locate(x).float().numpy())).long()
        for x in (samples, held_out)
    )
    mine, others = (nearest_training(x, training, evidence.device).distance for x in (samples, held_out))
    above = ranks(mine, here, others, there)
    size = there.bincount(minlength=CELLS).double()
    n = len(samples)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    drawn = torch.cat([torch.ones(1, n), torch.from_numpy(weights)]).double()
    member = one_hot(here, CELLS).double()
    scores = mean_z(drawn @ member, drawn @ (member * above[:, None]), size)
    return Estimate(float(scores[0]), float(scores[1:].std()))


def ranks(distance: Tensor, cell: Tensor, held_out: Tensor, held_out_cell: Tensor) -> Tensor:
    """(n,) for each distance how many of those held out in its cell are smaller; equal ones count half."""
    below = torch.zeros(len(distance), dtype=torch.float64)
    for k in range(CELLS):
        others = held_out[held_out_cell == k].sort().values
        mine = distance[cell == k]
        below[cell == k] = sum(torch.searchsorted(others, mine, right=right).double() / 2 for right in (False, True))
    return below


def mean_z(n: Tensor, u: Tensor, m: Tensor) -> Tensor:
    """(resamples, cells) numbers of samples and Mann-Whitney statistics, (cells,) held out -> (resamples,) C_T."""
    z = (u - n * m / 2) / (n * m * (n + m + 1) / 12).sqrt().clamp(min=1)
    weight = m * (n > FEWEST)
    return (z * weight).sum(1) / weight.sum(1)
