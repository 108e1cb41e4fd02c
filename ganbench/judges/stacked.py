"""The `stacked_mnist` judge: the `mnist` judge on each of three digits that lie over one another as channels.

Its features are those of the three digits side by side, 192 in all, so that FID and its kin also see whether the
channels hang together; its 1,000 class probabilities are the products of the digits'. The papers that count modes of
stacked digits also read each channel with a classifier of MNIST (Metz et al., "Unrolled Generative Adversarial
Networks", 2017, https://arxiv.org/abs/1611.02163); theirs differ from one paper to the next, and from this one.
"""

from torch import Tensor

from ganbench.data import Dataset, Split
from ganbench.data.stacked_mnist import StackedMnist
from ganbench.errors import BadSuite
from ganbench.judges import Judge, Judged
from ganbench.judges.mnist import MnistJudge


class StackedMnistJudge(Judge):
    """Judges images of three channels, of any side; made for `stacked_mnist`, and refuses all else.

    The metric `classes` counts a mode that has a tenth of its expected samples, the papers one that has a single
    sample: of 10,000 samples that is the same, since 10 of each mode are expected. The inception score of 10,000 real
    stacks is 530 and not 1,000, as each of its ten splits has one sample per mode.
    """

    metrics = (
        *("is", "fid", "classes", "classes_seen", "class_kl", "confidence", "entropy", "label_accuracy"),
        *("pair_agreement", "pair_chance", "translation_error", "label_agreement", "cycle_error"),
    )
    select = "fid"
    lasting = True

    def __init__(self, dataset: Dataset):
        if not isinstance(dataset, StackedMnist):
            raise BadSuite(
                f"The judge 'stacked_mnist' found {type(dataset).__name__}, samples of shape {dataset.spec.shape}, but "
                f"judges stacks of three digits. Name the judge {dataset.judge!r}, which this dataset asks for, or the "
                "dataset 'stacked_mnist'."
            )
        self.dataset = dataset
        self.each = MnistJudge(dataset.digits)
        self.key = f"{self.each.key}; each of three channels"

    def __call__(self, x: Tensor) -> Judged:
        """Judge images (n, 3, side, side) in [-1, 1], on the device they are on."""
        digits = self.each(x.flatten(0, 1).unsqueeze(1))
        features, logits = (part.view(len(x), 3, part.shape[1]) for part in digits)
        return together(features, logits)

    def reference(self, split: Split) -> Judged:
        """What the judge says of the reference: put together of what `mnist` says of the digits, which it ships."""
        chosen = self.dataset.reference_digits(split)
        features, logits = self.each.reference(split)
        return together(features[chosen], logits[chosen])


def together(features: Tensor, logits: Tensor) -> Judged:
    """What is said of three digits each, (n, 3, 64) and (n, 3, 10), as of one stack: (n, 192) and (n, 1000).

    Logits are log-probabilities: digits are judged apart, so that the probability of a class is a product.
    """
    red, green, blue = logits.log_softmax(2).unbind(1)
    classes = red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]
    return Judged(features.flatten(1), classes.flatten(1))
