"""Theory as a check: the game's value at the trained D, and at the best D there is, on data whose density is known.

Goodfellow et al., "Generative Adversarial Networks", 2014, https://arxiv.org/abs/1406.2661: for a generator of density
q and data of density p the best D is p / (p + q) (proposition 1), and the value of the game is then -log 4 + 2 JSD
(theorem 1), least where q = p.

p is exact; q is estimated from the samples: its value at a point is K - 1 neighbours, by their number and the area out
to the K-th (K = 20; unbiased where q is even). A sample is never its own neighbour, so each is judged by a density of
all the others. Expectations over p are means over as many fresh points as there are samples, the same for every row;
those over q, over the samples.

Any D but the best has a lower value. The estimated one is such a D, and so `jsd` and `game_value_optimal` are low.
Measured, as means over redrawn samples, where the truth is known (in nats of JSD; 2,000 and 10,000 samples):

    q = p               ring of 8 -0.020, -0.009    grid of 25 -0.032, -0.014
    half of the modes   ring of 8 -0.018, -0.006    grid of 25 -0.022, -0.007
    sigma 1.5 times     ring of 8 -0.010, -0.006    grid of 25 -0.015, -0.006

The bias grows where a mode holds not many more than K samples. Standard errors are those of redrawn samples; by
proposition 1 the noise of the estimated density enters jsd in second order only.

Where a mixture is drawn as images, `jsd` is that of the coordinates, and a D of images has no belief about those.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from sklearn.neighbors import KDTree
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from ganbench.metrics import Estimate, Evidence, metric

K = 20  # neighbours that span a disc
POINT = 1e-30  # no disc is narrower: samples may coincide
SURE = 1e-7  # no belief is nearer to 0 or 1: the rounding of float32
REAL_SEED = 401  # of the fresh points

GAN = 'Goodfellow et al., "Generative Adversarial Networks", 2014, https://arxiv.org/abs/1406.2661'


class Odds(NamedTuple):
    """log p - log q where it is asked: at fresh points of p and at the samples, both (n,) float64, in nats."""

    at_real: Tensor
    at_samples: Tensor


def real_points(evidence: Evidence) -> Tensor:
    """(n, 2) fresh points of p, as many as there are samples; always the same."""
    assert evidence.mixture is not None, "the caller asks only where the density is known"
    return evidence.mixture.sample(len(evidence.samples.features), Generator().manual_seed(REAL_SEED)).x


@lru_cache(maxsize=1)  # three metrics ask for the same
def odds(evidence: Evidence) -> Odds:
    """How much likelier points are under p than under q."""
    samples, real, mixture = evidence.samples.features, real_points(evidence), evidence.mixture
    assert mixture is not None, "the caller asks only where the density is known"
    n = len(samples)
    tree = KDTree(samples.double().numpy())
    at_real = mixture.log_density(real) - log_density(tree, real, K, n)
    at_samples = mixture.log_density(samples) - log_density(tree, samples, K + 1, n - 1)  # the nearest is itself
    return Odds(at_real, at_samples)


def log_density(tree: KDTree, x: Tensor, nth: int, n: int) -> Tensor:
    """(n,) log of the density of `n` points at `x` (n, 2), by the disc out to the `nth` nearest in the tree."""
    reach = torch.from_numpy(tree.query(x.double().numpy(), nth)[0][:, -1]).clamp(min=POINT)
    return math.log(K - 1) - math.log(math.pi * n) - 2 * reach.log()


def beliefs(evidence: Evidence) -> tuple[Tensor, Tensor]:
    """What D believes of the fresh points and of the samples, both (n,) float64 in (0, 1)."""
    assert evidence.belief is not None, "the caller asks only where D speaks of probabilities"
    points = (real_points(evidence), evidence.samples.features)
    at_real, at_samples = (evidence.belief(x).double().clamp(SURE, 1 - SURE) for x in points)
    return at_real, at_samples


def value_of_game(log_real: Tensor, log_fake: Tensor) -> Estimate:
    """The game's value from (n,) log D at real points and (n,) log (1 - D) at samples."""
    # The real points are the same in every draw: only the samples make it vary.
    return Estimate(float(log_real.mean() + log_fake.mean()), float(log_fake.std()) / len(log_fake) ** 0.5)


def best_value(evidence: Evidence) -> Estimate:
    """The game's value at D = p / (p + q)."""
    log_odds = odds(evidence)
    return value_of_game(logsigmoid(log_odds.at_real), logsigmoid(-log_odds.at_samples))


@metric("jsd", title="JSD", direction="lower", unit="nats", source=GAN, needs=("mixture",), least=K + 1)
def jsd(evidence: Evidence) -> Estimate:
    """Jensen-Shannon divergence of the generator from the data: mean KL of both to their average.

    From 0 to ln 2 = 0.693, where generator and data share no ground. Estimated with a bias towards 0 and below: perfect
    samples score about -0.01 with 10,000 and -0.03 with 2,000, real data show it for any dataset. The standard error
    does not hold the bias.

    Samples that coincide are underrated: those at the means alone, which share no ground with the data, score 0.64 of
    0.69 with 10,000 on the ring and 0.56 on the grid, since a point looks like a density that falls off with the
    distance.

    Blind to: how far off samples are that are off: a mode missed by little and one missed by far cost the same; in
    part, samples that coincide.
    """
    best, stderr = best_value(evidence)
    return Estimate((best + math.log(4)) / 2, stderr / 2)


@metric(
    "game_value_optimal",
    title="Game value, best D",
    bounds=(-math.inf, 0),
    direction="lower",
    unit="nats",
    source=GAN,
    needs=("mixture",),
    least=K + 1,
)
def game_value_optimal(evidence: Evidence) -> Estimate:
    """The value of the minimax game at the best D for this generator: -log 4 + 2 JSD.

    From -log 4 = -1.386, for perfect samples and real data, to 0. It is what `game_value` is read against: no D can do
    better, and a good one comes close. Low by twice the bias of `jsd`: real data score -1.41 with 10,000 samples.

    Blind to: D, as it must be; how far off samples are that are off.
    """
    return best_value(evidence)


@metric(
    "game_value",
    title="Game value",
    bounds=(-math.inf, 0),
    direction="none",
    unit="nats",
    source=GAN,
    needs=("mixture", "belief"),
)
def game_value(evidence: Evidence) -> Estimate:
    """The value of the minimax game at the trained D: mean log D over the data plus mean log (1 - D) over the samples.

    No score: D raises it, G lowers it. From -32, where D is surely wrong (beliefs are kept 1e-7 from 0 and 1), to 0,
    where it is surely right. -log 4 = -1.386 where D cannot tell perfect samples from real data, but also where a D
    that has learnt nothing says 1/2: read it beside `game_value_optimal`, which it exceeds by the bias of that at most.

    Blind to: which of the two players is to blame.
    """
    at_real, at_samples = beliefs(evidence)
    return value_of_game(at_real.log(), (1 - at_samples).log())


@metric(
    "d_error",
    title="D error",
    bounds=(0, 1),
    direction="lower",
    unit="",
    source=GAN,
    needs=("mixture", "belief"),
    least=K + 1,
)
def d_error(evidence: Evidence) -> Estimate:
    """How far the trained D is from the best: mean |D(x) - p / (p + q)| over fresh real points and samples alike.

    From 0 to 1; a D that always says 1/2 scores 0.5 against a generator that shares no ground with the data. The noise
    of the estimated q keeps even the best D away from 0: by 0.050 with 10,000 perfect samples on the ring of 8 and
    0.056 on the grid of 25, with 2,000 by 0.06 and 0.08, and by less where samples and real data lie apart. No standard
    error: neighbours share the noise of q, so points do not count independently. Redrawn samples scattered by 0.001
    with 10,000 and by 0.002 with 2,000.

    Blind to: what D believes elsewhere, where neither data nor samples are, though G's gradient may come from there.
    """
    best_odds = odds(evidence)
    pairs = zip(beliefs(evidence), best_odds, strict=True)
    real, fake = ((belief - log_odds.sigmoid()).abs().mean() for belief, log_odds in pairs)
    return Estimate(float(real + fake) / 2)
