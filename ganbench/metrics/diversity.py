"""Diversity: how many classes a judge sees in the samples, in which shares, and how surely.

These metrics read the judge's logits only. They see a missing or a rare class; they do not see whether a class holds
one picture or a thousand. They need a judge that knows the dataset's classes.

Standard errors of what is counted come from a seeded multinomial bootstrap. Resamples lie further from the prior than
the samples do, so their mean would mislead; only their spread is used, and near the floor that is up to 1.7 times
too wide.
"""

from collections.abc import Callable
from math import inf

import numpy as np
import torch
from torch import Tensor

from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Estimate, Evidence, metric

RESAMPLES = 1000  # of a histogram: the standard error is itself known to 2 %
CAPTURED = 0.1  # of its expected count makes a class captured
ROUNDING = 1e-6  # of a share in float32: a count that is just enough is enough

INCEPTION_SCORE = 'Salimans et al., "Improved Techniques for Training GANs", 2016, https://arxiv.org/abs/1606.03498'
VEEGAN = 'Srivastava et al., "VEEGAN", 2017, https://arxiv.org/abs/1705.07761'
UNROLLED = 'Metz et al., "Unrolled Generative Adversarial Networks", 2017, https://arxiv.org/abs/1611.02163'


def log_probabilities(logits: Tensor) -> Tensor:
    """(n, classes) logits -> (n, classes) float64 log-probabilities, none below -100.

    An exact density is so sure of its modes that exp(log p) is 0 in float64 for all but one; where a whole split then
    has probability 0 of a mode, 0 * log(0 / 0) makes the inception score nan. exp(-100) changes no digit of it.

    Raises BenchError, if there are fewer than two classes: any samples would score alike.
    """
    if logits.shape[1] < 2:
        raise BenchError(
            f"Found a judge that knows {logits.shape[1]} classes, but this metric needs at least 2. "
            "Return logits beside the features, or leave out the metrics of classes."
        )
    return logits.double().log_softmax(1).clamp(min=-100)


def divergence(shares: Tensor, prior: Tensor) -> Tensor:
    """KL(shares || prior) along the last axis, in nats; infinite where something has come that never should."""
    # Two terms instead of one quotient: both are 0 where the share and the prior are.
    return (torch.xlogy(shares, shares) - torch.xlogy(shares, prior)).sum(-1)


def over_counts(counts: Tensor, statistic: Callable[[Tensor], Tensor]) -> Estimate:
    """A statistic of (cells,) counts and its standard error by a multinomial bootstrap.

    `statistic` maps (resamples, cells) float64 counts to (resamples,) values.
    """
    n = int(counts.sum())
    draws = np.random.default_rng(0).multinomial(n, counts.double().numpy() / n, size=RESAMPLES)
    spread = statistic(torch.from_numpy(draws).double()).std()
    return Estimate(float(statistic(counts.double()[None])), float(spread))


def decisions(judged: Judged, classes: int) -> Tensor:
    """(n,) the class that the judge holds most likely. Raises BenchError, if it knows other classes."""
    n_known = judged.logits.shape[1]
    if n_known != classes:
        raise BenchError(
            f"Found a judge of {n_known:,} classes, but the dataset has {classes:,}. "
            f"Choose a judge that was trained on this dataset, or leave out the metrics that count its classes."
        )
    return judged.logits.argmax(1)


def class_counts(evidence: Evidence) -> Tensor:
    """(classes,) how many samples the judge assigns to each class. Raises BenchError, if it knows other classes."""
    classes = len(evidence.prior)
    return decisions(evidence.samples, classes).bincount(minlength=classes)


@metric("classes", title="Classes", bounds=(0, inf), direction="higher", unit="classes", source=UNROLLED)
def classes(evidence: Evidence) -> Estimate:
    """How many of the dataset's classes hold at least a tenth of the samples that they should.

    A class counts when the judge assigns it a tenth of its expected count, n * prior, or more, and at least one
    sample: 20 of 2,000 for one of ten even classes. The paper counts a single sample, which one misjudged smudge
    fulfils. From 0 (no sample is anywhere in its right measure: impossible for even classes) to the number of classes
    with a share; real data reach it. 10,000 samples; the number depends on n only where n * prior / 10 is below one.

    Blind to: whether the samples look like anything (noise may fall into all classes); variety within a class;
    any imbalance milder than ten to one.
    """
    prior = evidence.prior.double()

    def captured(counts: Tensor) -> Tensor:
        needed = (CAPTURED * prior * counts.sum(1, keepdim=True)).clamp(min=1)
        return ((counts >= needed * (1 - ROUNDING)) & (prior > 0)).sum(1).double()

    return over_counts(class_counts(evidence), captured)


@metric(
    "classes_seen",
    title="Classes seen",
    bounds=(0, inf),
    direction="higher",
    unit="classes",
    source=VEEGAN,
    samples=26_000,
)
def classes_seen(evidence: Evidence) -> Estimate:
    """How many of the dataset's classes hold at least one sample.

    The count of modes of stacked MNIST in VEEGAN and PacGAN, from 26,000 samples and 1,000 classes. From 1 to the
    number of classes with a share. It grows with the number of samples: of 1,000 even classes perfect samples and real
    data reach 1,000 with 26,000, and 865 with 2,000. Every misjudged sample may count as another class; `classes` asks
    for a tenth of a class's expected count. Where many classes have one sample or none, the standard error is up to a
    third off.

    Blind to: shares; whether the samples look like anything; variety within a class.
    """
    return over_counts(class_counts(evidence), lambda counts: ((counts > 0) & (evidence.prior > 0)).sum(1).double())


@metric("class_kl", title="Class KL", bounds=(0, inf), direction="lower", unit="nats", source=UNROLLED)
def class_kl(evidence: Evidence) -> Estimate:
    """How far the shares of the classes are from the dataset's: KL(histogram of the judge's decisions || prior).

    sum_k h_k ln(h_k / prior_k), with h_k the share of samples whose most likely class is k. 0 is perfect; everything
    in class k gives ln(1 / prior_k), that is ln 10 = 2.303 for ten even classes; infinite if a class of prior 0
    appears. Even perfect samples give (K - 1) / 2n on average: 0.00045 for ten classes and 10,000 samples, the
    default. The judge's own errors add to that: compare with the row of real data.

    For stacked MNIST the literature has the divergence from even shares, with 26,000 samples: 0.0192 for perfect ones,
    and 0.0043 more since its digits are not evenly frequent, which are no fault here.

    Blind to: quality, and variety within a class.
    """
    prior = evidence.prior.double()
    prior = prior / prior.sum()  # in float32 they sum to 1 only nearly, and a divergence could fall below 0
    return over_counts(class_counts(evidence), lambda counts: divergence(counts / counts.sum(1, keepdim=True), prior))


@metric("confidence", title="Confidence", bounds=(0, 1), direction="higher", unit="share", source=INCEPTION_SCORE)
def confidence(evidence: Evidence) -> Estimate:
    """How sure the judge is on average: mean over samples of max_k p(k|x).

    The first half of the idea behind the inception score. From 1/K to 1; real data give the judge's own confidence,
    which is the number to compare with. 10,000 samples.

    Blind to: everything but clarity: one perfect picture, repeated, scores best, and networks can be sure of nonsense.
    """
    surest = log_probabilities(evidence.samples.logits).amax(1).exp()
    return Estimate(float(surest.mean()), float(surest.std()) / len(surest) ** 0.5)


@metric("entropy", title="Entropy", bounds=(0, inf), direction="higher", unit="nats", source=INCEPTION_SCORE)
def entropy(evidence: Evidence) -> Estimate:
    """How evenly the samples fill the judge's classes: -sum_k q_k ln q_k, with q = mean over samples of p(k|x).

    The second half of the idea behind the inception score. From 0 (one class) to ln K (all alike): 2.303 for ten.
    Higher is better only up to the entropy of the prior, which real data reach; where the classes are uneven,
    `class_kl` is the fair measure. 10,000 samples; low by about (K - 1) / 2n.

    Blind to: quality: samples between all classes score as high as samples of each, so read it beside `confidence`.
    """
    p = log_probabilities(evidence.samples.logits).exp()
    n, q = len(p), p.mean(0)
    # To first order an entropy varies with the mean surprise of its samples. Where q is even that is constant, and the
    # second order remains, a sum of squares; its noise in q has also entered the first, and is taken off there.
    surprise = -(p @ q.log())
    relative = p.T.cov() / q
    squares = (relative * relative.T).sum() / n
    variance = (surprise.var() - squares).clamp(min=0) / n + squares / (2 * n)
    return Estimate(float(-torch.xlogy(q, q).sum()), float(variance.sqrt()))
