"""Stacked MNIST: three digits as the red, green and blue of one image, so that there are 1,000 modes to lose.

Metz, Poole, Pfau and Sohl-Dickstein, "Unrolled Generative Adversarial Networks", 2017,
https://arxiv.org/abs/1611.02163. Two set-ups are in use. Metz et al. draw new stacks of the 60,000 training digits all
the time; Srivastava et al., "VEEGAN", 2017, https://arxiv.org/abs/1705.07761, and Lin et al., "PacGAN", 2018,
https://arxiv.org/abs/1712.04086, draw 128,000 stacks of all 70,000 digits once. Here too they are drawn once, as many
as `stacks` says; but of the 50,000 digits that train `mnist`, so that no digit is in two splits.
"""

from hashlib import sha256

import torch
from torch import Generator, Tensor

from ganbench.data import Dataset, Part, Split, Use
from ganbench.data.domains import IMAGES
from ganbench.data.idx import RIM, SIDE
from ganbench.data.images import Other, to_images, to_size
from ganbench.data.mnist import MNIST, Mnist, digits
from ganbench.plugins.spec import Samples
from ganbench.variant import Batch, DataSpec

REFERENCE_STACKS = 10_000
DIGITS: dict[Part, int] = {"train": 50_000, "validation": 10_000, "test": 10_000}  # of `mnist`, to make stacks of

# One stream of random numbers for each use.
_SEEDS = {
    ("train", "train"): 401,
    ("reference", "validation"): 402,
    ("reference", "test"): 403,
    ("fresh", "validation"): 404,
    ("fresh", "test"): 405,
}


class StackedMnist(Dataset):
    """Stacked MNIST: three digits in one image, and 1,000 classes, each digit being one figure of the class's number.

    Every digit of a split is equally likely in every channel. Fresh stacks for "test" are made of the digits that
    validate `mnist` and the other way round: no variant trains on either. The training stacks lie in memory, 12 size^2
    bytes each: 50,000 of them at size 32 are 0.6 GB, and PacGAN's 128,000 are 1.6 GB.

    Raises DataMissing if MNIST is not there and cannot be downloaded, and BadSuite if an option is out of range.
    """

    files = MNIST
    judge = "stacked_mnist"

    def __init__(
        self,
        *,
        size: int = 32,  # 28: as stored; 32: with a black border; 8, 16, 64: the bordered image, resized
        other: Other = "negative",  # second domain; rotated: by 90 degrees
        stacks: Samples = 50_000,  # images in the training split; VEEGAN and PacGAN have 128,000
    ):
        self.digits = Mnist(size=size)
        self.stacks = stacks
        self.spec = DataSpec((3, size, size), classes=1000)
        self.preprocessing = f"three digits as channels, each {self.digits.preprocessing}"
        each = self.digits.prior
        self.prior = torch.einsum("r,g,b->rgb", each, each, each).flatten()
        self.other = IMAGES[other]
        stored = [
            draw_stacks("train", "train", stacks),
            self.reference_digits("validation"),
            self.reference_digits("test"),
        ]
        self.fingerprint = sha256(self.digits.fingerprint.encode() + torch.cat(stored).numpy().tobytes()).hexdigest()

    def train(self) -> Batch:
        return self._stacked("train", draw_stacks("train", "train", self.stacks))

    def fresh(self, split: Split, n: int) -> Batch:
        others: Split = "test" if split == "validation" else "validation"
        return self._stacked(others, draw_stacks("fresh", others, n))

    def reference(self, split: Split) -> Batch:
        return self._stacked(split, self.reference_digits(split))

    def reference_digits(self, split: Split) -> Tensor:
        """Which digits of `mnist`'s split the reference is made of: (10000, 3) indices, one digit for each channel."""
        return draw_stacks("reference", split, REFERENCE_STACKS)

    def fit(self, x: Tensor) -> Tensor:
        """Bring stacks of the stored side to this dataset's, as its own were. Raises BadResults if neither fits."""
        stored = x.shape[1:] == (3, SIDE, SIDE)
        return super().fit(to_size(x, self.digits.size, RIM) if stored else x)

    def _stacked(self, part: Part, chosen: Tensor) -> Batch:
        pixels, labels = digits(part)
        red, green, blue = labels[chosen].unbind(1)
        return Batch(to_images(pixels[chosen], self.digits.size, RIM), 100 * red + 10 * green + blue)


def draw_stacks(use: Use, part: Part, n: int) -> Tensor:
    """Choose the digits of `n` stacks: (n, 3) indices into a part of `mnist`; the first are the same for any `n`."""
    return torch.randint(DIGITS[part], (n, 3), generator=Generator().manual_seed(_SEEDS[use, part]))
