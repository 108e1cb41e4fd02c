"""Fidelity: how close the samples' features are to those of real data.

The arithmetic of IS, FID and KID is torch-fidelity's, fed with this project's features in float64. So are the
definitions of precision and recall, but not the code: it computes both at once and seeks the k-th neighbour with
`kthvalue`, 11 s for 10,000 samples on one thread where each takes 3 s here; tests hold the two to the same number.

A number depends on the judge, the reference and the count of samples, and compares only with numbers that share them.

Standard errors are those of redrawn samples; the reference is the same for every row of a board, and stays as it is.
"""

from collections.abc import Iterator
from math import nan

import numpy as np
import torch
from torch import Tensor
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

from ganbench.errors import BenchError
from ganbench.metrics import Estimate, Evidence, metric
from ganbench.metrics.diversity import log_probabilities

SPLITS = 10  # of the inception score
FID_RESAMPLES = 20  # the standard error is itself known to 16 %
FID_RESAMPLED_WIDTH = 256  # wider covariances take seconds each
KID_SUBSETS = 100
KID_SUBSET = 1000  # samples in each
PRECISION_K = 3  # neighbours that span a ball
DENSITY_K = 5
COVERAGE_RESAMPLES = 50
CHUNK = 1000  # rows of a distance matrix held at a time

PRECISION_RECALL = (
    'Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019, '
    "https://arxiv.org/abs/1904.06991"
)
DENSITY_COVERAGE = (
    'Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020, '
    "https://arxiv.org/abs/2002.09797"
)


def require(found: int, needed: int, whose: str, what: str, cure: str) -> None:
    """Raise BenchError, if there are too few samples for a metric to mean anything."""
    if found < needed:
        raise BenchError(f"Found {found:,} {whose}, but {what} needs at least {needed:,}. {cure}")


@metric(
    "is",
    direction="higher",
    unit="classes",
    source='Salimans et al., "Improved Techniques for Training GANs", 2016, https://arxiv.org/abs/1606.03498',
)
def inception_score(evidence: Evidence) -> Estimate:
    """How many classes the samples seem to fill, surely and evenly: exp(mean over x of KL(p(y|x) || p(y))).

    Mean over ten splits of the shuffled samples, as in the paper (torch-fidelity). From 1 (all alike, or nothing
    recognised) to the number of classes; real data stay a little below that. 10,000 samples; fewer lower it by about
    a share of 10 (K - 1) / 2n. The standard error is the standard deviation over the splits by the root of their
    number: it is of the mean that is reported. The "±" of the literature is the deviation itself, three times as much.

    Blind to: real data, which it never looks at; variety within a class; memorised samples. Only as sensible as the
    judge's classes.
    """
    logits = evidence.samples.logits
    require(len(logits), SPLITS, "samples", f"an inception score of {SPLITS} splits", "Draw more samples.")
    score = isc_features_to_metric(log_probabilities(logits), SPLITS, shuffle=True)
    # torch-fidelity divides the squares by the number of splits; an unbiased variance divides by one less.
    return Estimate(score[KEY_METRIC_ISC_MEAN], score[KEY_METRIC_ISC_STD] / (SPLITS - 1) ** 0.5)


def frechet(samples: Tensor, reference: dict[str, np.ndarray]) -> float:
    distance: float = fid_statistics_to_metric(fid_features_to_statistics(samples), reference, False)[KEY_METRIC_FID]
    return distance


@metric(
    "fid",
    direction="lower",
    unit="",
    source='Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017, '
    "https://arxiv.org/abs/1706.08500",
)
def fid(evidence: Evidence) -> Estimate:
    """Fréchet distance of two normal distributions fitted to the features of samples and of real data.

    |m - m_r|^2 + Tr(S + S_r - 2 (S S_r)^(1/2)), in the squared unit of the judge's features (torch-fidelity, float64).
    0 for equal means and covariances, no upper end. Biased upwards when samples are few, by an amount that depends on
    the generator: fix their number (10,000 here; 50,000 in the literature) and compare with the row of real data.
    Samples and reference must outnumber the width of the features, or the covariances are singular. The standard
    error is a bootstrap of 20; above a width of 256 it is not estimated.

    Blind to: all but the first two moments, and to memorised samples.
    """
    samples, reference = evidence.samples.features.double(), evidence.reference.features.double()
    n, width = samples.shape
    cure = "Raise the number of samples, or use kid, which has no such limit."
    for features, whose in ((samples, "samples"), (reference, "reference samples")):
        require(len(features), width + 1, whose, f"a FID on {width:,} features", cure)
    target = fid_features_to_statistics(reference)
    value = frechet(samples, target)
    if width > FID_RESAMPLED_WIDTH:
        return Estimate(value, nan)
    rng = np.random.default_rng(0)
    resampled = [frechet(samples[torch.from_numpy(rng.integers(n, size=n))], target) for _ in range(FID_RESAMPLES)]
    return Estimate(value, float(np.std(resampled, ddof=1)))


@metric(
    "kid",
    direction="lower",
    unit="",
    source='Bińkowski et al., "Demystifying MMD GANs", 2018, https://arxiv.org/abs/1801.01401',
)
def kid(evidence: Evidence) -> Estimate:
    """Squared maximum mean discrepancy of the features, with the kernel (x.y / width + 1)^3.

    Unbiased, whatever the number of samples: mean over 100 random subsets of 1,000, or of all if there are fewer
    (torch-fidelity). 0 on average for real data, which scatter around it, so it may be negative; no upper end.
    10,000 samples. The standard error is that of a U-statistic (Hoeffding 1948), plus the scatter of the subsets by
    the root of their number; the scatter itself, which is often printed, is no error of the mean.

    Blind to: memorised samples; by its cubic kernel, to all beyond the third moments.
    """
    samples, reference = evidence.samples.features.double(), evidence.reference.features.double()
    size = min(KID_SUBSET, len(samples), len(reference))
    require(size, 2, "samples or reference samples", "kid", "Draw more samples.")
    score = kid_features_to_metric(
        samples, reference, kid_subsets=KID_SUBSETS, kid_subset_size=size, kid_kernel="poly", rng_seed=0, verbose=False
    )
    variance = u_statistic_variance(samples, reference, size) + score[KEY_METRIC_KID_STD] ** 2 / KID_SUBSETS
    return Estimate(score[KEY_METRIC_KID_MEAN], float(variance**0.5))


def u_statistic_variance(samples: Tensor, reference: Tensor, probes: int) -> float:
    """Of the squared MMD with the cubic kernel over redrawn samples; judged by `probes` of them."""
    n, width = samples.shape
    x = samples[torch.randperm(n, generator=torch.Generator().manual_seed(0))[:probes]]
    k_xx, k_xy = (x @ x.T / width + 1) ** 3, (x @ reference.T / width + 1) ** 3
    influence = (k_xx.sum(1) - k_xx.diagonal()) / (probes - 1) - k_xy.mean(1)
    rest = k_xx - k_xx.mean(0) - k_xx.mean(1, keepdim=True) + k_xx.mean()
    second = rest.fill_diagonal_(0).square().sum() / (probes * (probes - 1))
    # The influences are themselves averages over the probes, which adds second / probes to their variance.
    first = (influence.var() - second / probes).clamp(min=0)
    return float(4 * first / n + 2 * second / n**2)


def radii(centres: Tensor, k: int) -> Tensor:
    """(n, width) -> (n,) distance from each to its k-th nearest other."""
    # The nearest of k + 1 is the centre itself. topk is ten times faster than kthvalue.
    return torch.cat(
        [torch.cdist(rows, centres).topk(k + 1, largest=False).values[:, k] for rows in torch.split(centres, CHUNK)]
    )


def distances(x: Tensor, centres: Tensor) -> Iterator[Tensor]:
    """(n, width), (m, width) -> (CHUNK, m) pieces of their (n, m) distances."""
    return (torch.cdist(rows, centres) for rows in torch.split(x, CHUNK))


def neighbours(evidence: Evidence, k: int, what: str) -> tuple[Tensor, Tensor]:
    """Samples' and reference's features in float64. Raises BenchError, if either has no k-th neighbour."""
    samples, reference = evidence.samples.features.double(), evidence.reference.features.double()
    require(len(samples), k + 1, "samples", what, "Draw more samples.")
    require(len(reference), k + 1, "reference samples", what, "Use a larger dataset.")
    return samples, reference


@metric("precision", direction="higher", unit="share", source=PRECISION_RECALL)
def precision(evidence: Evidence) -> Estimate:
    """The share of samples that lie in the reference's support: in a ball around a reference sample, out to its third
    nearest neighbour among its like.

    From 0 to 1; real data score below 1 (0.6 to 0.9, less in many dimensions). 10,000 samples and reference samples; it
    rises with fewer reference samples, so fix both numbers. The standard error is binomial.

    Blind to: diversity. An outlier in the reference makes a huge ball that accepts anything near.
    """
    samples, reference = neighbours(evidence, PRECISION_K, "precision")
    reach = radii(reference, PRECISION_K)
    share = float(torch.cat([(d <= reach).any(1) for d in distances(samples, reference)]).double().mean())
    return Estimate(share, (share * (1 - share) / len(samples)) ** 0.5)


@metric("recall", direction="higher", unit="share", source=PRECISION_RECALL)
def recall(evidence: Evidence) -> Estimate:
    """The share of the reference that lies in the samples' support: in a ball around a sample, out to its third nearest
    neighbour among its like.

    From 0 to 1; real data score below 1 (0.6 to 0.9, less in many dimensions). 10,000 samples and reference samples; it
    rises with fewer samples. No standard error: redrawn samples would move all balls, and a bootstrap's
    duplicates would shrink them.

    Blind to: shares, as long as a region is reached at all; scattered bad samples make huge balls and so score well.
    """
    samples, reference = neighbours(evidence, PRECISION_K, "recall")
    reach = radii(samples, PRECISION_K)
    share = torch.cat([(d <= reach).any(1) for d in distances(reference, samples)]).double().mean()
    return Estimate(float(share))


@metric("density", direction="higher", unit="", source=DENSITY_COVERAGE)
def density(evidence: Evidence) -> Estimate:
    """How deep the samples lie in the reference's support: the mean number of reference balls around a sample, by k.

    A ball reaches from a reference sample to its fifth nearest neighbour (k = 5), exclusively. From 0, without upper
    end; 1 on average for real data. Above 1 means that samples keep to where real data are densest. 10,000 samples and
    reference samples. The standard error is exact: given the reference, samples count independently.

    Blind to: diversity; one sample, repeated where real data are densest, beats real data.
    """
    samples, reference = neighbours(evidence, DENSITY_K, "density")
    reach = radii(reference, DENSITY_K)
    depth = torch.cat([(d < reach).sum(1) for d in distances(samples, reference)]).double() / DENSITY_K
    return Estimate(float(depth.mean()), float(depth.std()) / len(depth) ** 0.5)


@metric("coverage", direction="higher", unit="share", source=DENSITY_COVERAGE)
def coverage(evidence: Evidence) -> Estimate:
    """The share of reference balls with a sample inside; balls as for `density`.

    From 0 to 1; real data, as many as the reference has, score 0.969 on average (1 - 2^-5), fewer samples less: 10,000
    of both. The standard error is a bootstrap of 50 over the samples.

    Blind to: quality, as long as some samples are good, and to shares.
    """
    samples, reference = neighbours(evidence, DENSITY_K, "coverage")
    n, reach = len(samples), radii(reference, DENSITY_K)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=COVERAGE_RESAMPLES)
    drawn = torch.cat([torch.ones(1, n), torch.from_numpy(weights).float()]).T
    covered = torch.zeros(COVERAGE_RESAMPLES + 1)
    for d, r in zip(distances(reference, samples), torch.split(reach, CHUNK), strict=True):
        covered += ((d < r[:, None]).float() @ drawn > 0).sum(0)
    shares = covered.double() / len(reference)
    return Estimate(float(shares[0]), float(shares[1:].std()))
