"""Similarity: how alike two samples are, and so how many different ones there may be.

Both families look within classes, since samples of different classes are different anyway. The class of a sample is
the judge's verdict; where the judge knows other classes than the data have, or the data have none, all are of one.

The structural similarity is that of Wang, Simoncelli and Bovik, "Multi-Scale Structural Similarity for Image Quality
Assessment", 2003, https://ece.uwaterloo.ca/~z70wang/publications/msssim.pdf, with their constants, on pixels in [0, 1];
channels are averaged. An image is halved as long as it still holds the window of 11 pixels: five scales from 176 pixels
on, as in the paper, four from 88, three from 44, two from 22 (28 and 32 too), one from 11; the weights of those that
are there are scaled to sum to 1. A negative mean structure counts as 0, since it has no fractional power.
"""

import math

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d, conv2d

from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Estimate, Evidence, metric
from ganbench.metrics.fidelity import rounding, squared_distances

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights, from the finest on
WINDOW = 11  # pixels
SIGMA = 1.5  # of the window, in pixels
C1, C2 = 0.01**2, 0.03**2  # keep quotients of small numbers stable
PAIRS = 2_000  # of images that are compared
CHUNK = 250  # pairs of images held at a time

NEAR = 1e-4  # share of pairs of real data, within a class, that pass for duplicates
PROBED = 2_000  # real samples of a class, at most, that show how near that is

ODENA = (
    'Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", 2017, '
    "https://arxiv.org/abs/1610.09585"
)
ARORA = 'Arora and Zhang, "Do GANs actually learn the distribution?", 2017, https://arxiv.org/abs/1706.08224'


def knows_classes(evidence: Evidence) -> bool:
    """Whether the judge's classes are those of the data."""
    return evidence.samples.logits.shape[1] == len(evidence.prior)


def class_of_each(judged: Judged, evidence: Evidence) -> Tensor:
    """(n,) the class of each, int64; 0 for all where the judge knows other classes."""
    verdicts = judged.logits.argmax(1)
    return verdicts if knows_classes(evidence) else torch.zeros_like(verdicts)


# Structural similarity


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """(n, c, h, w) images in [-1, 1], twice -> (n,) float64, how alike they are: 1 where they are the same."""
    a, b = (a.double() + 1) / 2, (b.double() + 1) / 2
    scales = sum(min(a.shape[-2:]) // 2**k >= WINDOW for k in range(len(SCALES)))
    weights = torch.tensor(SCALES[:scales], dtype=torch.float64)
    similarity = torch.ones(len(a), dtype=torch.float64)
    for scale, weight in enumerate(weights / weights.sum(), 1):
        light, structure = compare_windows(a, b)
        # Light is compared on the coarsest scale alone.
        alike = (light * structure if scale == scales else structure).flatten(1).mean(1)
        similarity *= alike.clamp(min=0) ** weight
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    return similarity


def compare_windows(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast with structure, at each place where the window fits; equations 1 to 3, C3 = C2 / 2."""
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, cov = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return light, (2 * cov + C2) / (var_a + var_b + C2)


def blur(x: Tensor) -> Tensor:
    """(n, c, h, w) -> (n, c, h - 10, w - 10) means under the window."""
    offset = torch.arange(WINDOW, dtype=x.dtype) - WINDOW // 2
    window = torch.exp(-(offset**2) / (2 * SIGMA**2))
    window = window / window.sum()
    rows = conv2d(x.flatten(0, 1)[:, None], window.view(1, 1, -1, 1))
    return conv2d(rows, window.view(1, 1, 1, -1)).view(*x.shape[:2], *(side - WINDOW + 1 for side in x.shape[2:]))


def shuffled_rows(x: Tensor) -> Tensor:
    """(n, *shape) -> (n,) rows in an order that is random, yet does not depend on how they came: by their bytes."""
    rows = np.ascontiguousarray(x.flatten(1).numpy())
    order = torch.from_numpy(rows.view(f"V{rows.strides[0]}").ravel().argsort(kind="stable"))
    return order[torch.randperm(len(x), generator=Generator().manual_seed(0))]


def couples(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of PAIRS pairs at most, each of one class `y`, no row twice. Raises BenchError, if there is no pair."""
    order = shuffled_rows(x)
    order = order[y[order].argsort(stable=True)]
    kind = y[order]
    place = torch.arange(len(order)) - torch.searchsorted(kind, kind)  # within its class
    first = ((place[:-1] % 2 == 0) & (kind[:-1] == kind[1:])).nonzero()[:, 0]
    if len(first) == 0:
        raise BenchError(
            f"Found {len(x):,} samples, no two of one class, but ms_ssim compares such pairs. "
            f"Draw more samples, or leave out ms_ssim and ms_ssim_gap."
        )
    chosen = first[torch.randperm(len(first), generator=Generator().manual_seed(0))[:PAIRS]]
    return order[chosen], order[chosen + 1]


def drawn_couples(y: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """For each class in `wanted` two different rows of classes `y`, at random, always the same."""
    by_class, size = y.argsort(stable=True), y.bincount(minlength=int(wanted.max()) + 1)
    start, n = (size.cumsum(0) - size)[wanted], size[wanted]
    u, v = torch.rand(2, len(wanted), dtype=torch.float64, generator=Generator().manual_seed(0))
    first = (u * n).long()
    second = (first + 1 + (v * (n - 1)).long()) % n
    return by_class[start + first], by_class[start + second]


def similarities(x: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
    """(pairs,) float64 of the images in those rows."""
    parts = (torch.split(some, CHUNK) for some in rows)
    return torch.cat([structural_similarity(x[a], x[b]) for a, b in zip(*parts, strict=True)])


def images(evidence: Evidence) -> Tensor:
    """The samples. Raises BenchError, if they are no images, or too small."""
    assert evidence.x is not None, "the caller asks only where they are"
    if evidence.x.dim() < 4 or min(evidence.x.shape[2:]) < WINDOW:
        raise BenchError(
            f"Found samples of shape {tuple(evidence.x.shape[1:])}, but structural similarity needs images of at least "
            f"{WINDOW} x {WINDOW} pixels. Leave out ms_ssim and ms_ssim_gap."
        )
    return evidence.x


@metric("ms_ssim", title="MS-SSIM", bounds=(0, 1), direction="none", unit="", source=ODENA, needs=("x",), least=2)
def ms_ssim(evidence: Evidence) -> Estimate:
    """How alike two samples of one class are: their multi-scale structural similarity, mean over 2,000 pairs.

    The number of the literature, as far as image sizes agree. No score: high means that a class holds little variety,
    but noise has the lowest of all, so it is to be read against real data, and `ms_ssim_gap` does so. From 0 (nothing
    in common) to 1 (all samples of a class are the same); real digits of 32 pixels have 0.34. 10,000 samples make
    enough pairs for 2,000 that share none; the standard error is that of a mean over them.

    It mixes the classes by the samples' shares, and some are more alike than others: ones 0.58, twos 0.27.

    Blind to: quality; whether a class is missing.
    """
    x = images(evidence)
    alike = similarities(x, couples(x, class_of_each(evidence.samples, evidence)))
    return Estimate(float(alike.mean()), float(alike.std()) / len(alike) ** 0.5)


@metric(
    "ms_ssim_gap",
    title="MS-SSIM gap",
    bounds=(0, 1),
    direction="lower",
    unit="",
    source=ODENA,
    needs=("x", "training"),
    least=2,
)
def ms_ssim_gap(evidence: Evidence) -> Estimate:
    """How far `ms_ssim` is from that of real data: the absolute difference of its means over pairs of samples and over
    as many pairs of training data of the same classes.

    0 for samples that vary as much as real data within each class, whatever the shares of the classes; 1 at most. Real
    data score about their standard error, 0.006 with 10,000 samples; MNIST's test digits, by other writers, 0.024.
    Which way the gap goes `ms_ssim` tells, beside its row of real data: more alike is collapse, less alike is noise.
    The difference is this project's; the paper compares class by class. The standard error is that of a mean over
    pairs, up to 1.7 times too wide near 0.

    Blind to: quality; too little variety in one class that too much in another makes up for; memorised samples.
    """
    assert evidence.training is not None, "the caller asks only where it is"
    x, y, real = images(evidence), class_of_each(evidence.samples, evidence), evidence.training
    real_y = real.y if real.y is not None and knows_classes(evidence) else torch.zeros(len(real.x), dtype=torch.int64)
    rows = couples(x, y)
    wanted = y[rows[0]]
    comparable = real_y.bincount(minlength=int(y.max()) + 1)[wanted] > 1
    rows, wanted = (rows[0][comparable], rows[1][comparable]), wanted[comparable]
    alike = similarities(real.x, drawn_couples(real_y, wanted))
    # The mean over its class, since the scatter of real pairs is none of redrawn samples.
    usual = wanted.bincount(alike) / wanted.bincount()
    more = similarities(x, rows) - usual[wanted]
    return Estimate(abs(float(more.mean())), float(more.std()) / len(more) ** 0.5)


# Birthday paradox


def duplicate_reach(reference: Tensor, y: Tensor, classes: int) -> Tensor:
    """(classes,) the distance in features that a share NEAR of pairs of real data fall below; at least one pair does.

    0 where there is no pair: only copies are duplicates there.
    """
    reach = torch.zeros(classes, dtype=torch.float64)
    for k in y.bincount().nonzero()[:, 0].tolist():
        distances = torch.pdist(reference[y == k][:PROBED])
        if len(distances):
            reach[k] = distances.kthvalue(max(1, round(NEAR * len(distances)))).values
    return reach


def duplicates(features: Tensor, y: Tensor, reach: Tensor) -> Tensor:
    """(n,) how many others of its class are as near to each as `reach` (classes,) says."""
    counts = torch.zeros(len(features), dtype=torch.float64)
    for k in y.bincount().nonzero()[:, 0].tolist():
        own = features[y == k]
        own = own - own.mean(0)  # wherever they are: the shorter the vectors, the less is lost between them
        limit = reach[k] ** 2 + rounding(own, reach[k] ** 2)
        counts[y == k] = torch.cat([(d <= limit).sum(1) for d in squared_distances(own, own)]).double() - 1
    return counts


@metric(
    "birthday_support",
    title="Birthday support",
    bounds=(0, math.inf),
    direction="higher",
    unit="log10",
    source=ARORA,
    least=3,
)
def birthday_support(evidence: Evidence) -> Estimate:
    """How many different samples there are, by the birthday paradox: log10 of 1 / P(two samples are near-duplicates).

    Near-duplicates are of one class and nearer in the judge's features than all but 1 in 10,000 pairs of real data of
    that class: digits that near look like one drawn twice by the same hand. The share of such pairs, of all
    n (n - 1) / 2, is the collision probability p, and a generator of N equally likely samples has p = 1 / N. The paper
    seeks the batch of s with an even chance of a duplicate, looks for it by eye, and takes s^2 for the support; such a
    batch has s^2 = 2 ln 2 / p, and all pairs say more of p than a few batches.

    From 0 (one sample, again and again). Real data score about 4 + log10 of the classes, 5 for ten even ones: that is
    the resolution, not the size of their support, and nothing larger can be told from it. Without any duplicate it is
    log10 of the number of pairs, 7.7 for 10,000 samples, the default, without a standard error; else that is the one of
    a U-statistic (Hoeffding 1948).

    Higher is better only up to real data. Missing classes cost no more than their share.

    Blind to: quality, since noise is rarely alike; training samples given back, which count as new until they repeat.
    """
    prior = len(evidence.prior) if knows_classes(evidence) else 1
    reference, x = evidence.reference.features.double(), evidence.samples.features.double()
    reach = duplicate_reach(reference, class_of_each(evidence.reference, evidence), prior)
    each = duplicates(x, class_of_each(evidence.samples, evidence), reach)
    n = len(each)
    p = float(each.mean()) / (n - 1)
    if p == 0:
        return Estimate(math.log10(n * (n - 1) / 2))
    # Of pairs that share a sample: both collide with it.
    first = max(0.0, float((each * (each - 1)).mean()) / ((n - 1) * (n - 2)) - p**2)
    variance = (4 * (n - 2) * first + 2 * p * (1 - p)) / (n * (n - 1))
    return Estimate(math.log10(1 / p), variance**0.5 / p / math.log(10))
