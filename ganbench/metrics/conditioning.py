"""Conditioning: whether a variant draws what it was asked for. Only conditional variants have these numbers."""

from math import ceil, inf, log2, sqrt
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from ganbench.errors import BenchError
from ganbench.metrics import Estimate, Evidence, metric
from ganbench.metrics.diversity import decisions
from ganbench.metrics.fidelity import features, frechet
from ganbench.variant import Batch

CLASSIFIERS = 4  # each trained on its share of the samples, so that their scatter is that of redrawn samples
STEPS = 120  # of each, whatever the number of samples
BATCH = 50
RATE = 0.01  # of Adam, at its peak
SIDE = 16  # pixels, at most: larger images are halved until they are that small

CAS = (
    'Ravuri and Vinyals, "Classification Accuracy Score for Conditional Generative Models", 2019, '
    "https://arxiv.org/abs/1905.10887"
)


@metric(
    "label_accuracy",
    title="Label accuracy",
    bounds=(0, 1),
    direction="higher",
    unit="share",
    source='Shmelkov, Schmid and Alahari, "How good is my GAN?", 2018 (GAN-test), https://arxiv.org/abs/1807.09499',
    needs=("asked",),
)
def label_accuracy(evidence: Evidence) -> Estimate:
    """The share of samples that the judge assigns to the class they were asked to be of.

    GAN-test with the judge as the classifier; on mixtures it is the exact posterior. From 0 to 1; a variant that
    ignores its labels scores the sum of the squared shares of the classes, a tenth for ten even ones. Real data score
    the judge's own accuracy, which is the number to compare with: above it, samples are clearer than real ones. The
    classes asked for are those of fresh real data. 10,000 samples; the standard error is binomial.

    Blind to: variety within a class, where one good picture of each scores best; memorised samples; quality, as far as
    the judge still recognises the class.
    """
    asked = evidence.asked
    assert asked is not None, "the caller asks only of conditional variants"
    hits = decisions(evidence.samples, len(evidence.prior)) == asked
    share = float(hits.double().mean())
    return Estimate(share, (share * (1 - share) / len(hits)) ** 0.5)


@metric(
    "intra_fid",
    title="Intra-class FID",
    bounds=(0, inf),
    direction="lower",
    unit="",
    source='Miyato and Koyama, "cGANs with Projection Discriminator", 2018, https://arxiv.org/abs/1802.05637',
    needs=("asked", "real"),
    outnumber_width=True,
)
def intra_fid(evidence: Evidence) -> Estimate:
    """The mean over the classes of the FID between samples asked to be of a class and real data of it.

    mean_k FID_k, each class counting alike, however rare; with `fid`'s arithmetic and unit. 0 for equal means and
    covariances within each class, no upper end. 10,000 samples. Its bias is that of FIDs of n / K samples, against
    references as small: about K times that of `fid`, so compare only equal counts. The standard error adds up those of
    the classes, each up to 1.4 times too wide where its FID is nothing but bias. Perfect samples score that bias alone.

    No class is left out: raises BenchError, if one has no more samples, or real data, than the features are wide.

    Unlike `label_accuracy` it sees a class that always shows the same picture.

    Blind to: all but the first two moments of the features within a class; memorised samples; the shares of the
    classes.
    """
    asked, real = evidence.asked, evidence.real
    assert asked is not None and real is not None and real.y is not None, "the caller asks only of conditional variants"
    samples, reference = features(evidence)
    classes = range(len(evidence.prior))
    estimates = [frechet(*several(samples[asked == k], reference[real.y == k], k)) for k in classes]
    values, errors = np.array(estimates).T
    return Estimate(float(values.mean()), float(np.sqrt((errors**2).sum())) / len(values))


def several(samples: Tensor, reference: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The features of class `k` as they are. Raises BenchError, if either are too few for a covariance."""
    for x, whose in ((samples, "samples"), (reference, "reference samples")):
        n, width = x.shape
        if n <= width:
            raise BenchError(
                f"Found {n:,} {whose} of class {k}, but intra_fid on {width:,} features needs at least {width + 1:,} "
                "of each class. Draw more samples, use a larger dataset, or leave out this metric."
            )
    return samples, reference


# Classification accuracy

OF_CLASSIFIERS: dict[str, Any] = {
    "unit": "share", "source": CAS, "least": CLASSIFIERS * BATCH, "on_curves": False, "version": 2, "growth": 0,
}  # fmt: skip


@metric("cas", title="CAS", bounds=(0, 1), direction="higher", needs=("x", "asked", "real"), **OF_CLASSIFIERS)
def cas(evidence: Evidence) -> Estimate:
    """Classification accuracy score: how much of the real data a classifier gets right that has seen samples only.

    Trained on samples and the classes they were asked to be of, tested on the reference. The mean over 4 classifiers,
    each of a quarter of the samples: two small convolutions on images of up to 16 pixels a side (larger ones are
    halved; the paper: a ResNet-50), one hidden layer on points; 120 steps of Adam with 50 samples each, all
    seeded. From 0 to 1; chance is the share of the largest class. Perfect samples score what `cas_real` is: read it
    against that. 10,000 samples; fewer lower it. The standard error is the scatter of the four, with all their
    randomness, and known to 40 %.

    It falls with missing variety within a class, which `label_accuracy` does not see. A nearest neighbour in pixels is
    another such classifier, much used on MNIST; its numbers are no match for these.

    Blind to: what a classifier does not need, such as detail finer than a sixteenth of the image; memorised samples.
    """
    assert evidence.x is not None and evidence.asked is not None, "the caller asks only of conditional variants"
    return accuracy_on_real(Batch(evidence.x, evidence.asked), evidence)


@metric(
    "cas_real",
    title="CAS, real",
    bounds=(0, 1),
    direction="none",
    needs=("asked", "real", "training"),
    **OF_CLASSIFIERS,
)
def cas_real(evidence: Evidence) -> Estimate:
    """What `cas` would be, were the samples real data: the same classifiers trained on as many of the training split.

    No score, but what `cas` is read against: a variant above it would be of more use than its own training data. From
    0 to 1. Where there are fewer training data than samples, all of them. The standard error is over redrawn training
    data.

    Blind to: the variant, as it must be.
    """
    training = evidence.training
    assert training is not None and evidence.asked is not None, "the caller asks only of conditional variants"
    order = torch.randperm(len(training.x), generator=Generator().manual_seed(0))[: len(evidence.asked)]
    assert training.y is not None, "conditional variants train on labelled data"
    return accuracy_on_real(Batch(training.x[order], training.y[order]), evidence)


def accuracy_on_real(shown: Batch, evidence: Evidence) -> Estimate:
    """Of classifiers trained on parts of `seen`, on the real data."""
    real, classes = evidence.real, len(evidence.prior)
    assert shown.y is not None and real is not None and real.y is not None, "the caller has labels"
    x, tested = small(shown.x), small(real.x)
    shares = []
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # torch.manual_seed would also set that of a GPU
        for part in torch.randperm(len(x)).tensor_split(CLASSIFIERS):
            decide = train_classifier(x[part], shown.y[part], classes)
            with torch.inference_mode():
                decided = torch.cat([decide(few).argmax(1) for few in torch.split(tested, 500)])
            shares.append(float((decided == real.y).double().mean()))
    return Estimate(float(np.mean(shares)), float(np.std(shares, ddof=1)) / sqrt(CLASSIFIERS))


def small(x: Tensor) -> Tensor:
    """Points as they are; images (n, c, s, s) of at most SIDE pixels a side."""
    halvings = 0 if x.dim() == 2 else max(0, ceil(log2(x.shape[-1] / SIDE)))
    return F.avg_pool2d(x, 2**halvings) if halvings else x


@torch.enable_grad()
def train_classifier(x: Tensor, y: Tensor, classes: int) -> nn.Module:
    """A classifier of (n, *shape), in eval mode."""
    network = (image_classifier if x.dim() == 4 else point_classifier)(x.shape[1:], classes)
    network.to(memory_format=torch.channels_last)  # on a CPU half again as fast
    optimizer = Adam(network.parameters(), RATE, fused=True)
    schedule = OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        few = torch.randint(len(x), (BATCH,))
        loss = F.cross_entropy(network(x[few]), y[few])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()


def image_classifier(shape: torch.Size, classes: int) -> nn.Module:
    """Images (n, c, h, w) of that shape -> (n, classes) logits, by convolutions down to a quarter of the side."""

    def convolution(n_in: int, n_out: int) -> list[nn.Module]:
        return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(n_out), nn.ReLU()]

    size = 32 * (shape[-1] // 4) ** 2
    return nn.Sequential(*convolution(shape[0], 16), *convolution(16, 32), nn.Flatten(), nn.Linear(size, classes))


def point_classifier(shape: torch.Size, classes: int) -> nn.Module:
    """A classifier of points: one hidden layer, batch norm."""
    return nn.Sequential(nn.Linear(shape[0], 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, classes))
