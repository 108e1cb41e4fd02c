"""Fidelity: how close the samples' features are to those of real data.

The arithmetic of IS and FID is torch-fidelity's, fed with this project's features in float64. The definitions of KID,
precision and recall are its too, but not the code, which takes several times as long; tests hold both to the same
numbers. Precision, recall, density and coverage share one look at all distances.

A number depends on the judge, the reference and the count of samples, and compares only with numbers that share them.

Standard errors are those of redrawn samples; the reference is the same for every row of a board, and stays as it is.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans
from torch import Generator, Tensor
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

from ganbench.metrics import CPU, Estimate, Evidence, metric
from ganbench.metrics.diversity import log_probabilities

SPLITS = 10  # of the inception score
FID_SIZES = 10  # the largest is all samples, the smallest a tenth of them
FID_SMALLEST = 8  # times the width of the features: fewer samples have a bias that is no longer in proportion to 1/n
KID_SUBSETS = 100
KID_SUBSET = 1000  # samples in each
PRECISION_K = 3  # neighbours that span a ball
DENSITY_K = 5
COVERAGE_RESAMPLES = 50
RECALL_GROUPS = 5  # of the samples, left out in turn
PIECE = 2_000_000  # distances held at a time: 16 MB, which the allocator gives again and again
PRD_CLUSTERS = 20
PRD_ANGLES = 1001
PRD_RUNS = 10
PRD_STARTS = 3  # of k-means; the authors' 10 take twice the time for the same number to a thousandth
PRD_RESAMPLES = 50

PRECISION_RECALL = (
    'Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019, '
    "https://arxiv.org/abs/1904.06991"
)
DENSITY_COVERAGE = (
    'Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020, '
    "https://arxiv.org/abs/2002.09797"
)
PRD = 'Sajjadi et al., "Assessing Generative Models via Precision and Recall", 2018, https://arxiv.org/abs/1806.00035'


def features(evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Of samples (n, width) and reference (m, width), float64."""
    return evidence.samples.features.double(), evidence.reference.features.double()


def shuffled(x: Tensor) -> Tensor:
    """Rows in an order that is random, yet depends on which rows there are and not on how they came."""
    ordered = x[torch.from_numpy(np.lexsort(x.T.numpy()))]
    return ordered[torch.randperm(len(x), generator=Generator().manual_seed(0))]


# Inception score


@metric(
    "is",
    title="IS",
    bounds=(1, inf),
    direction="higher",
    unit="classes",
    source='Salimans et al., "Improved Techniques for Training GANs", 2016, https://arxiv.org/abs/1606.03498',
    least=SPLITS,
)
def inception_score(evidence: Evidence) -> Estimate:
    """How many classes the samples seem to fill, surely and evenly: exp(mean over x of KL(p(y|x) || p(y))).

    Mean over ten splits of the shuffled samples, as in the paper (torch-fidelity). From 1 (all alike, or nothing
    recognised) to the number of classes; real data stay a little below that. 10,000 samples; fewer lower it by about
    a share of 10 (K - 1) / 2n. The standard error is the standard deviation over the splits by the root of their
    number: it is of the mean that is reported. The "±" of the literature is the deviation itself, three times as much.

    Blind to: real data, which it never looks at; variety within a class; memorised samples; all that the judge's
    classes do not tell apart.
    """
    logits = evidence.samples.logits
    score = isc_features_to_metric(log_probabilities(logits), SPLITS, shuffle=True)
    # torch-fidelity divides the squares by the number of splits; an unbiased variance divides by one less.
    return Estimate(score[KEY_METRIC_ISC_MEAN], score[KEY_METRIC_ISC_STD] / (SPLITS - 1) ** 0.5)


# Fréchet distances


@metric(
    "fid",
    title="FID",
    bounds=(0, inf),
    direction="lower",
    unit="",
    source='Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017, '
    "https://arxiv.org/abs/1706.08500",
    outnumber_width=True,
    aspect="distance",
    version=2,
)
def fid(evidence: Evidence) -> Estimate:
    """Fréchet distance of two normal distributions fitted to the features of samples and of real data.

    |m - m_r|^2 + Tr(S + S_r - 2 (S S_r)^(1/2)), in the squared unit of the judge's features (torch-fidelity, float64).
    0 for equal means and covariances, never below, no upper end. Biased upwards when samples are few, by an amount that
    depends on the generator: fix their number (10,000 here; 50,000 in the literature) and compare with the row of real
    data, or see `fid_unbiased`. Samples and reference must outnumber the width of the features, or the covariances are
    singular.
    The standard error is of first order, up to 1.4 times too wide where the FID is nothing but its own bias.

    Blind to: all but the first two moments of the features; memorised samples.
    """
    return frechet(*features(evidence))


def frechet(samples: Tensor, reference: Tensor) -> Estimate:
    """Fréchet distance of (n, width) and (m, width) features, float64."""
    statistics = [fid_features_to_statistics(x) for x in (samples, reference)]
    for of_one in statistics:
        of_one["sigma"] = np.atleast_2d(of_one["sigma"])  # numpy's of a single feature is a number
    distance: float = fid_statistics_to_metric(*statistics, False)[KEY_METRIC_FID]
    return Estimate(max(0.0, distance), frechet_error(samples, reference))  # rounding takes it below 0 for equal sets


def frechet_error(samples: Tensor, reference: Tensor) -> float:
    """Standard error of a Fréchet distance over redrawn samples, by how it changes with the share of each sample.

    The only derivative that is not plain: with R = S_r^(1/2), d Tr((R S R)^(1/2)) = Tr(R (R S R)^(-1/2) R dS) / 2.
    """
    centred = samples - samples.mean(0)
    r = root(covariance(reference))
    values, vectors = torch.linalg.eigh(r @ covariance(samples) @ r)
    varied = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    shared = (centred @ (r @ vectors[:, varied])).square() @ values[varied].rsqrt()
    moved = 2 * centred @ (samples.mean(0) - reference.mean(0)) + centred.square().sum(1) - shared
    return float(moved.std()) / sqrt(len(samples))


def covariance(x: Tensor) -> Tensor:
    """Of (n, width) features, (width, width)."""
    return x.T.cov().reshape(x.shape[1], x.shape[1])  # torch's of a single feature is a number


def root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a covariance (width, width)."""
    values, vectors = torch.linalg.eigh(matrix)
    square_root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return square_root


@metric(
    "fid_unbiased",
    title="FID∞",
    direction="lower",
    unit="",
    source='Chong and Forsyth, "Effectively Unbiased FID and Inception Score and where to find them", 2020, '
    "https://arxiv.org/abs/1911.07023",
    outnumber_width=True,
    least=4,  # the smaller of two sizes has a covariance too
    aspect="distance",
)
def fid_unbiased(evidence: Evidence) -> Estimate:
    """The FID that infinitely many samples would have: FIDs of fewer and fewer samples, extrapolated (FID-infinity).

    The intercept of a line through the FIDs of n, n/2, n/3, ... samples over the inverse of their number. Each is a
    mean over all parts that the shuffled samples can be cut into (the paper: 15 sizes from 5,000 on, one random part
    each; all parts leave half the noise). The smallest size is n/10, as the paper's is, and at least 8 times
    the width of the features: with normal features of 64 dimensions, parts of 4 times the width took away 91 % of the
    bias, of 8 times 97 %. With fewer than 16 times the width there are two sizes nevertheless, and bias remains.

    0 for perfect samples, around which it scatters, so it may be negative; no upper end. Only the bias of the samples
    goes: that of the reference (10,000 of MNIST) stays, and is the same for every row. Real data show it. 10,000
    samples. The standard error is that of first order, which with the noise of the extrapolation is the right one even
    near 0.

    Blind to: all but the first two moments of the features; memorised samples; the bias that the reference brings.
    """
    samples, reference = features(evidence)
    n, width = samples.shape
    most = max(2, min(FID_SIZES, n // (FID_SMALLEST * (width + 1))))
    mean, r = reference.mean(0), root(covariance(reference))
    mixed = shuffled(samples)

    def distance(part: Tensor) -> float:
        spread = covariance(part)
        shared = torch.linalg.eigvalsh(r @ spread @ r).clamp(min=0).sqrt().sum()
        return float((part.mean(0) - mean).square().sum() + spread.trace() + r.square().sum() - 2 * shared)

    sizes = [n // parts for parts in range(1, most + 1)]
    means = [np.mean([distance(part) for part in torch.split(mixed, size) if len(part) == size]) for size in sizes]
    _, intercept = np.polyfit(1 / np.array(sizes), means, 1)
    return Estimate(float(intercept), frechet_error(samples, reference))


# Kernel distance


@metric(
    "kid",
    title="KID",
    direction="lower",
    unit="",
    source='Bińkowski et al., "Demystifying MMD GANs", 2018, https://arxiv.org/abs/1801.01401',
    growth=0.3,  # the subsets are 1,000 each, whatever there is
    least=2,
    aspect="distance",
)
def kid(evidence: Evidence) -> Estimate:
    """Squared maximum mean discrepancy of the features, with the kernel (x.y / width + 1)^3.

    Unbiased, whatever the number of samples: mean over 100 random subsets of 1,000, or of all if there are fewer (the
    subsets are torch-fidelity's). 0 on average for real data, which scatter around it, so it may be negative; no upper
    end. 10,000 samples. The standard error is that of a U-statistic (Hoeffding 1948), plus the scatter of the subsets
    by the root of their number; the scatter itself, which is often printed, is no error of the mean.

    Blind to: memorised samples; all beyond the third moments of the features, by its cubic kernel.
    """
    samples, reference = (x.to(evidence.device) for x in features(evidence))
    size = min(KID_SUBSET, len(samples), len(reference))
    rng = np.random.RandomState(0)

    def subset(x: Tensor) -> Tensor:
        return x[torch.from_numpy(rng.choice(len(x), size, replace=False))]

    distances = [squared_mmd(subset(samples), subset(reference)) for _ in range(KID_SUBSETS)]
    variance = u_statistic_variance(samples, reference, size) + np.var(distances) / KID_SUBSETS
    return Estimate(float(np.mean(distances)), float(variance**0.5))


def squared_mmd(x: Tensor, y: Tensor) -> float:
    """Unbiased, of (n, width) and (m, width)."""
    n, m = len(x), len(y)
    k_xx, k_yy, k_xy = ((a @ b.T).div_(a.shape[1]).add_(1) for a, b in ((x, x), (y, y), (x, y)))
    within = sum((cubes(k) - float(k.diagonal().pow(3).sum())) / (len(k) * (len(k) - 1)) for k in (k_xx, k_yy))
    return within - 2 * cubes(k_xy) / (n * m)


def cubes(k: Tensor) -> float:
    """The sum of all cubes, in less time than a power takes."""
    return float((k * k).flatten() @ k.flatten())


def u_statistic_variance(samples: Tensor, reference: Tensor, probes: int) -> float:
    """Of the squared MMD with the cubic kernel over redrawn samples; judged by `probes` of them."""
    n, width = samples.shape
    x = samples[torch.randperm(n, generator=Generator().manual_seed(0))[:probes]]
    k_xx, k_xy = (x @ x.T / width + 1) ** 3, (x @ reference.T / width + 1) ** 3
    influence = (k_xx.sum(1) - k_xx.diagonal()) / (probes - 1) - k_xy.mean(1)
    rest = k_xx - k_xx.mean(0) - k_xx.mean(1, keepdim=True) + k_xx.mean()
    second = rest.fill_diagonal_(0).square().sum() / (probes * (probes - 1))
    # The influences are themselves averages over the probes, which adds second / probes to their variance.
    first = (influence.var() - second / probes).clamp(min=0)
    return float(4 * first / n + 2 * second / n**2)


# Neighbourhoods


class Neighbourhoods(NamedTuple):
    """Who lies in whose ball; a ball reaches from a sample to its k-th nearest neighbour among its like."""

    precise: Tensor  # (n,) whether the sample lies in a ball of the reference, k = 3
    recalled: Tensor  # (m, 1 + RECALL_GROUPS) whether the reference sample lies in a ball of all samples, of most
    depth: Tensor  # (n,) in how many balls of the reference the sample lies, k = 5
    held: Tensor  # (m, 1 + COVERAGE_RESAMPLES) how many samples such a ball holds, how many resampled ones
    clipped_depth: Tensor  # (n,) as `depth`, in balls no larger than the median one, rims included
    own_depth: Tensor  # (m,) the same of the reference samples among their like


@lru_cache(maxsize=1)  # six metrics ask for the same
def neighbourhoods(samples: Tensor, reference: Tensor, device: torch.device = CPU) -> Neighbourhoods:
    """Compare (n, width) features with (m, width), all pairs in float64 and in pieces, on the device; the answer is on
    the CPU.
    """
    middle, y, near_y, who_y = real_neighbours(reference, device)
    x = samples.to(device).double() - middle
    n = len(x)
    reach_x = reaches_without_groups(x, PRECISION_K)
    reach_y, deep_y = near_y[:, [PRECISION_K - 1]], near_y[:, [DENSITY_K - 1]]
    slack_x, slack_y = rounding(x, reach_x[0]), rounding(y, deep_y[:, 0])[:, None]
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=COVERAGE_RESAMPLES)
    drawn = torch.cat([torch.ones(1, n), torch.from_numpy(weights).float()]).T.to(device)
    precise, depth = torch.zeros(n, dtype=torch.bool, device=device), torch.zeros(n, device=device)
    recalled, held = [], []
    clipped, clipped_depth = torch.minimum(deep_y, deep_y.quantile(0.5)), torch.zeros(n, device=device)
    near = (near_y <= clipped).flatten().float()
    own_depth = torch.zeros(len(y), device=device).scatter_add_(0, who_y.flatten(), near)
    start = 0
    for d in squared_distances(y, x):
        rows = slice(start, start := start + len(d))
        precise |= (d <= reach_y[rows] + slack_y[rows]).any(0)
        recalled.append(torch.stack([(d <= reach + slack_x).any(1) for reach in reach_x], 1))
        inside = (d < deep_y[rows] - slack_y[rows]).float()
        depth += inside.sum(0)
        held.append(inside @ drawn)
        clipped_depth += (d <= clipped[rows] + slack_y[rows]).sum(0)
    found = precise, torch.cat(recalled), depth, torch.cat(held), clipped_depth, own_depth
    return Neighbourhoods(*(part.cpu() for part in found))


@lru_cache(maxsize=2)  # a run asks for those of two splits, at each of its judgements
def real_neighbours(reference: Tensor, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of (m, width) features on the device: their mean, they less that, squared distances to the nearest others, and
    which they are.
    """
    exact = reference.to(device).double()
    middle = exact.mean(0)  # the shorter the vectors, the less is lost between them
    y = exact - middle
    return middle, y, *nearest_others(y, DENSITY_K)


def squared_distances(x: Tensor, y: Tensor) -> Iterator[Tensor]:
    """(n, width), (m, width) -> pieces of their (n, m) squared distances, some rows each.

    By |x|^2 + |y|^2 - 2 x.y as a single matrix product.
    """
    left = torch.cat([-2 * x, x.square().sum(1, keepdim=True), torch.ones_like(x[:, :1])], 1)
    right = torch.cat([y, torch.ones_like(y[:, :1]), y.square().sum(1, keepdim=True)], 1).T
    return (rows @ right for rows in torch.split(left, max(1, PIECE // len(y))))


def rounding(centres: Tensor, reach: Tensor) -> Tensor:
    """(n,) by how much the computed squared distances from each centre to the rim of its ball may be off.

    What differs by less is equal: a copy of the neighbour that spans a ball lies on its rim, neither in nor out.
    """
    return 8 * (centres.shape[1] + 2) * torch.finfo(centres.dtype).eps * (centres.square().sum(1) + reach)


def nearest_others(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(n, width) -> squared distances (n, k) from each to the k nearest others, ascending, and which they are."""
    # The nearest of k + 1 is the sample itself. topk is ten times faster than kthvalue.
    neighbours = [d.topk(k + 1, largest=False) for d in squared_distances(x, x)]
    return torch.cat([near.values[:, 1:] for near in neighbours]), torch.cat(
        [near.indices[:, 1:] for near in neighbours]
    )


def reaches_without_groups(x: Tensor, k: int) -> Tensor:
    """(1 + RECALL_GROUPS, n) squared distances to the k-th neighbour: among all, and with each group left out.

    Those left out themselves reach nowhere.
    """
    n = len(x)
    group = (torch.randperm(n, generator=Generator().manual_seed(0)) % RECALL_GROUPS).to(x.device)
    # Among four times as many one nearly always finds k of the other groups.
    near, who = nearest_others(x, min(4 * k, n - 1))
    reaches = [near[:, k - 1]]
    for left_out in range(RECALL_GROUPS):
        kept = (group[who] != left_out).cumsum(1)
        kth = (kept < k).sum(1, keepdim=True).clamp(max=near.shape[1] - 1)
        reaches.append(near.gather(1, kth)[:, 0].masked_fill(group == left_out, -torch.inf))
    return torch.stack(reaches)


def among(evidence: Evidence) -> Neighbourhoods:
    """The neighbourhoods of samples and reference in the judge's features."""
    return neighbourhoods(evidence.samples.features, evidence.reference.features, evidence.device)


@metric(
    "precision",
    title="Precision",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=PRECISION_RECALL,
    growth=2,
    least=DENSITY_K + 1,  # whose neighbours are looked for at once
    aspect="fidelity",
)
def precision(evidence: Evidence) -> Estimate:
    """The share of samples that lie in the support of real data: in a ball around a reference sample, out to its third
    nearest neighbour among its like.

    From 0 to 1; real data score below 1 (0.6 to 0.9, less in many dimensions). 10,000 samples and reference samples; it
    rises with fewer reference samples, so fix both numbers. The standard error is binomial.

    Blind to: diversity; bad samples near an outlier of the reference, whose huge ball accepts anything.
    """
    precise = among(evidence).precise
    share = float(precise.double().mean())
    return Estimate(share, (share * (1 - share) / len(precise)) ** 0.5)


@metric(
    "recall",
    title="Recall",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=PRECISION_RECALL,
    growth=2,
    least=DENSITY_K + 1,  # whose neighbours are looked for at once
    aspect="diversity",
)
def recall(evidence: Evidence) -> Estimate:
    """The share of real data that lies in the samples' support: in a ball around a sample, out to its third nearest
    neighbour among its like.

    From 0 to 1; real data score below 1 (0.6 to 0.9, less in many dimensions). 10,000 samples and reference samples; it
    rises with fewer samples. The standard error is a jackknife that leaves out a fifth of the samples at a time, since
    a bootstrap's duplicates would shrink all balls: measured at 0.8 to 1.6 times what it should be.

    Blind to: shares, as long as a region is reached at all; scattered bad samples make huge balls and so score well.
    """
    share, *without = among(evidence).recalled.double().mean(0).tolist()
    return Estimate(share, float(np.std(without)) * (RECALL_GROUPS - 1) ** 0.5)


@metric(
    "density",
    title="Density",
    bounds=(0, inf),
    direction="higher",
    unit="",
    source=DENSITY_COVERAGE,
    growth=2,
    least=DENSITY_K + 1,
    aspect="fidelity",
)
def density(evidence: Evidence) -> Estimate:
    """How deep the samples lie in the support of real data: the mean number of reference balls around a sample, by k.

    A ball reaches from a reference sample to its fifth nearest neighbour (k = 5), exclusively. From 0, without upper
    end; 1 on average for real data. Above 1 means that samples keep to where real data are densest. 10,000 samples and
    reference samples. The standard error is exact: given the reference, samples count independently.

    Blind to: diversity; one sample, repeated where real data are densest, beats real data.
    """
    depth = among(evidence).depth.double() / DENSITY_K
    return Estimate(float(depth.mean()), float(depth.std()) / len(depth) ** 0.5)


@metric(
    "coverage",
    title="Coverage",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=DENSITY_COVERAGE,
    growth=2,
    least=DENSITY_K + 1,
    aspect="diversity",
)
def coverage(evidence: Evidence) -> Estimate:
    """The share of real samples in whose neighbourhood a generated one lies: in the ball that `density` uses.

    From 0 to 1; real data, as many as the reference has, score 0.969 on average (1 - 2^-5), fewer samples less: 10,000
    of both. The standard error is a bootstrap of 50 over the samples.

    Blind to: quality, as long as some samples are good; shares.
    """
    shares = (among(evidence).held > 0).double().mean(0)
    return Estimate(float(shares[0]), float(shares[1:].std()))


# Precision and recall of distributions


@metric(
    "prd_f8", title="PRD F8", bounds=(0, 1), direction="higher", unit="", source=PRD, least=PRD_CLUSTERS,
    aspect="diversity",
)  # fmt: skip
def prd_f8(evidence: Evidence) -> Estimate:
    """Recall of the distribution, mostly: the best F-score on the curve of precision and recall that weighs recall 8
    times as much.

    Samples and reference, equally many, fall into 20 clusters of their union (k-means), with shares q and p. For every
    slope s there is a precision, sum min(s p, q), and a recall, that by s; the curve is averaged over 10 clusterings.
    Here F = max over s of (1 + 64) P R / (64 P + R). From 0 to 1; real data score a little below 1, by the noise of the
    shares: 0.991 with 2,000 digits, 0.995 with 10,000. 10,000 samples and reference samples. The standard error is a
    bootstrap of 50 with the clusters as they are, and the scatter over the clusterings; up to 1.7 times too wide with a
    few hundred samples.

    Unlike `recall` it sees shares.

    Blind to: all that happens within a cluster; how k-means happened to split the data.
    """
    return best_f(evidence, 8)


@metric(
    "prd_f1_8", title="PRD F1/8", bounds=(0, 1), direction="higher", unit="", source=PRD, least=PRD_CLUSTERS,
    aspect="fidelity",
)  # fmt: skip
def prd_f1_8(evidence: Evidence) -> Estimate:
    """Precision of the distribution, mostly: as `prd_f8`, with recall weighed 1/8 times as much as precision.

    Here F = max over s of (1 + 1/64) P R / (P / 64 + R). From 0 to 1; real data score as for `prd_f8`. 10,000 samples
    and reference samples.

    Blind to: missed classes, nearly, since precision asks only that samples fall where real data are; all that happens
    within a cluster.
    """
    return best_f(evidence, 1 / 8)


def best_f(evidence: Evidence, beta: float) -> Estimate:
    """The best F-score on the curve, recall being weighed `beta` times as much as precision."""
    precision, recall = prd_curves(evidence.samples.features, evidence.reference.features)

    def best(precision: Tensor, recall: Tensor) -> Tensor:
        weighed = (1 + beta**2) * precision * recall / (beta**2 * precision + recall + 1e-10)
        return weighed.amax(-1)

    value, *resampled = best(precision.mean(0), recall.mean(0)).tolist()
    clusterings = best(precision[:, 0], recall[:, 0])
    return Estimate(value, float(np.var(resampled, ddof=1) + clusterings.var() / PRD_RUNS) ** 0.5)


@lru_cache(maxsize=1)  # two metrics ask for the same
def prd_curves(samples: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Precision and recall, each (PRD_RUNS, 1 + PRD_RESAMPLES, PRD_ANGLES), of the samples and of resampled ones."""
    n = min(len(samples), len(reference))
    exact = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (samples, reference))  # k-means has no halves
    union = torch.cat([shuffled(x)[:n] for x in exact]).numpy()
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=PRD_RESAMPLES)
    drawn = torch.cat([torch.ones(1, n), torch.from_numpy(weights)]).double() / n
    slopes = torch.linspace(1e-10, np.pi / 2 - 1e-10, PRD_ANGLES, dtype=torch.float64).tan()
    curves = []
    for seed in range(PRD_RUNS):
        clusters = MiniBatchKMeans(PRD_CLUSTERS, n_init=PRD_STARTS, random_state=seed).fit(union).labels_
        member = torch.nn.functional.one_hot(torch.from_numpy(clusters).long(), PRD_CLUSTERS).double()
        q, p = drawn @ member[:n], member[n:].mean(0)
        curves.append(torch.minimum(slopes[:, None] * p, q[:, None]).sum(-1))
    precision = torch.stack(curves)
    return precision.clamp(max=1), (precision / slopes).clamp(max=1)
