"""Conditioning: whether a variant draws what it was asked for. Only conditional variants have these numbers."""

from ganbench.metrics import Estimate, Evidence, metric
from ganbench.metrics.diversity import decisions


@metric(
    "label_accuracy",
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
