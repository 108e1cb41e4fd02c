"""Pairs of two domains: do the halves that a variant holds to belong together do so?

Every second domain here is the data under a known transform, so that the true partner of any sample can be computed.
A variant that draws both halves is judged by the pairs it draws; one that translates gets x_other, real data of the
second domain, and is judged by the x it makes of that. Numbers of different second domains never compare.

Only variants of two domains have these numbers. The control `real` has none: perfect pairs score as is said below.
"""

from math import inf

import torch
from torch import Generator, Tensor

from ganbench.errors import BenchError
from ganbench.metrics import Estimate, Evidence, Pairs, metric
from ganbench.metrics.diversity import decisions
from ganbench.metrics.modes import RADIUS

MID_GREY = 0.0  # of images in [-1, 1]

COGAN = 'Liu and Tuzel, "Coupled Generative Adversarial Networks", 2016, https://arxiv.org/abs/1606.07536'
CYCLEGAN = (
    'Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", 2017, '
    "https://arxiv.org/abs/1703.10593"
)


def the_pairs(evidence: Evidence) -> Pairs:
    """What the variant paired."""
    assert evidence.pair is not None, "the caller asks only of variants of two domains"
    return evidence.pair


def mean_of(each: Tensor) -> Estimate:
    """Mean and standard error of (n,) numbers, one for each pair."""
    each = each.double()
    return Estimate(float(each.mean()), float(each.std()) / len(each) ** 0.5)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """(n,) from each of `a` to its partner in `b`: mean absolute difference of pixels; of points, Euclidean."""
    gap = a.double() - b.double()
    return gap.abs().flatten(1).mean(1) if gap.dim() > 2 else gap.norm(dim=1)


def agreement(evidence: Evidence, partners: Tensor) -> Tensor:
    """(n,) how far the true partners of x agree with `partners`, from 0 to 1. Raises BenchError, if it cannot tell."""
    truth = the_pairs(evidence).truth
    if truth.dim() > 2:
        return ((truth > MID_GREY) == (partners > MID_GREY)).flatten(1).double().mean(1)
    if evidence.mixture is None:
        raise BenchError(
            "Found points of no known density, but agreement of points needs the width of their modes. "
            "Use a mixture, or leave out pair_agreement and pair_chance; translation_error needs no width."
        )
    return (distance(truth, partners) < RADIUS * evidence.mixture.sigma).double()


@metric(
    "pair_agreement",
    title="Pair agreement",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=COGAN,
    needs=("pair",),
)
def pair_agreement(evidence: Evidence) -> Estimate:
    """How far the halves of a pair agree with the known transform: the share of equal pixels, black or white; of
    points, the share of pairs within three standard deviations of a mode.

    Images: the known transform is applied to x, both are binarised at mid-grey (0), and the share of equal pixels is
    averaged over the pairs. The paper says that it compares binary images, but not at which threshold; this one is
    fixed. Points of a mixture: the share of pairs in which x_other is so near to the true partner of x.

    From 0 to 1, which perfect pairs of real data reach; translations of a transform that loses something may do so
    without being right. Images that are mostly ground agree by chance: read it against `pair_chance`, and only what is
    above that is pairing. 10,000 pairs; the standard error is that of a mean over pairs.

    Blind to: quality; variety, since a single pair, repeated, scores best, and so does the ground of two empty images.
    """
    return mean_of(agreement(evidence, the_pairs(evidence).x_other))


@metric(
    "pair_chance",
    title="Pair chance",
    bounds=(0, 1),
    direction="none",
    unit="share",
    source=COGAN,
    needs=("pair",),
    least=2,
)
def pair_chance(evidence: Evidence) -> Estimate:
    """`pair_agreement` of the same samples with partners swapped: what pairing by chance would give.

    No score, and neither high nor low is better: it is what `pair_agreement` is read against. From 0 to 1; a variant
    without any pairing has both numbers alike, and perfect pairs of real data show how much the domains agree anyhow.
    Every x gets the x_other of another pair, by a fixed shuffle. The measure is this project's. 10,000 pairs.

    It rises when samples lose variety, which makes all partners alike.

    Blind to: the pairs, as it must be; quality.
    """
    partners = the_pairs(evidence).x_other
    order = torch.randperm(len(partners), generator=Generator().manual_seed(0))
    swapped = torch.empty_like(partners)
    swapped[order] = partners[order.roll(1)]
    return mean_of(agreement(evidence, swapped))


@metric(
    "translation_error",
    title="Translation error",
    bounds=(0, inf),
    direction="lower",
    unit="",
    source=COGAN,
    needs=("pair",),
)
def translation_error(evidence: Evidence) -> Estimate:
    """How far a sample's partner is from its true one, on average: of pixels absolute, of points Euclidean.

    Images: mean absolute difference of pixels, which lie in [-1, 1]: from 0 to 2. Points: Euclidean distance in the
    data's units, without upper end. 0 for perfect pairs of real data. `pair_agreement` without a threshold, and the
    measure is this project's. 10,000 pairs; the standard error is that of a mean over pairs.

    On images a blurred guess beats a sharp one that is a pixel off.

    Blind to: quality; variety; sharpness.
    """
    pair = the_pairs(evidence)
    return mean_of(distance(pair.truth, pair.x_other))


@metric(
    "label_agreement",
    title="Label agreement",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source=COGAN,
    needs=("pair.y_other",),
)
def label_agreement(evidence: Evidence) -> Estimate:
    """The share of pairs whose halves are of one class.

    The class of x is the judge's verdict. That of x_other is the true label, where the variant translated real data;
    else the judge's verdict on x_other brought back by the known inverse of the transform; where that has no inverse
    there is no number. From 0 to 1; perfect pairs of real data score the judge's accuracy if x_other's label is true,
    and 1 if both are verdicts. Halves that have nothing to do with each other score the sum of the squared shares of
    the classes, a tenth for ten even ones. 10,000 pairs; the standard error is binomial. The measure is this project's.

    It is what to read if a variant may rightly change the rest.

    Blind to: whether anything but the class is kept.
    """
    pair = the_pairs(evidence)
    assert pair.y_other is not None, "the caller asks only where they are known"
    share = float((decisions(evidence.samples, len(evidence.prior)) == pair.y_other).double().mean())
    return Estimate(share, (share * (1 - share) / len(pair.y_other)) ** 0.5)


@metric(
    "cycle_error",
    title="Cycle error",
    bounds=(0, inf),
    direction="lower",
    unit="",
    source=CYCLEGAN,
    needs=("pair.returned",),
)
def cycle_error(evidence: Evidence) -> Estimate:
    """How far second-domain data are from what comes back of them, after translation there and back, on average.

    Images: mean absolute difference of pixels, which lie in [-1, 1]: from 0 to 2. Points: Euclidean distance in the
    data's units, without upper end. 0 for perfect translators. 10,000 samples of real data of the second domain; the
    standard error is that of a mean over them.

    Blind to: whether the translation is right, or one at all: doing nothing, and any shuffle that is undone, score 0.
    """
    pair = the_pairs(evidence)
    assert pair.returned is not None, "the caller asks only where something returned"
    return mean_of(distance(pair.x_other, pair.returned))
