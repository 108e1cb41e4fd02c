"""The `mnist` judge: a small convolutional classifier of digits, trained by this project, frozen and shipped.

Its 64 features serve FID and its kin as Inception's 2,048 do for photographs; its ten class probabilities serve
the inception score and the counts of classes. Numbers from it compare with each other, never with Inception's.
`ganbench.judges.mnist_training` makes the weights, the references and the model card `assets/mnist.md` anew.
"""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite
from ganbench.judges import Judge, Judged
from ganbench.judges.asking import ask
from ganbench.judges.mnist_inputs import SIDE, resize

ASSETS = Path(__file__).parent / "assets"
GEOMETRY = "28 as is; 32 cropped to 28; other sides by antialiased bilinear resize to 32, cropped to 28"


class Reader(nn.Module):
    """(n, 1, 28, 28) in [-1, 1] -> features (n, width) and logits (n, 10).

    The features learn from digits alone: shown non-digits, they would map all of them to one point, and FID could not
    tell a bad generator from a worse one. What is no digit only closes a gate, g in (0, 1), that scales the logits.
    """

    width: int  # of the features
    network: str  # in words, for the card
    trunk: nn.Module  # (n, 1, 28, 28) -> maps, which features and gate both read
    features: nn.Module
    classes: nn.Module
    gate: nn.Module  # maps -> (n, 1), before the sigmoid

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.trunk(x)
        features = self.features(maps)
        return features, self.gate(maps).sigmoid() * self.classes(features)


class PlainReader(Reader):
    """Five convolutions and a dense layer."""

    width = 64
    network = (
        "3x3 convolutions of 16, 48, 48, 96, 96 channels with batch norm and ReLU; max-pooling in the first, third and "
        "fifth; dense to 64, batch norm, ReLU (the features); dense to 10; all logits scaled by a gate in (0, 1), "
        "dense to 16, ReLU, dense to 1, on the last convolution"
    )

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *convolution(1, 16, pool=True),
            *convolution(16, 48),
            *convolution(48, 48, pool=True),
            *convolution(48, 96),
            *convolution(96, 96, pool=True),
            nn.Flatten(),  # not averaged over space: where a stroke is tells digits, and good samples, apart
        )
        size = 96 * 3 * 3
        self.features = nn.Sequential(nn.Linear(size, self.width, bias=False), nn.BatchNorm1d(self.width), nn.ReLU())
        self.classes = nn.Linear(self.width, 10)
        self.gate = nn.Sequential(nn.Linear(size, 16), nn.ReLU(), nn.Linear(16, 1))


def convolution(n_in: int, n_out: int, pool: bool = False) -> list[nn.Module]:
    shrink = [nn.MaxPool2d(2)] if pool else []  # before the norm, which then has a quarter of the work
    return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), *shrink, nn.BatchNorm2d(n_out), nn.ReLU()]


class MnistJudge(Judge):
    """Judges grey images of any side; made for digits."""

    name = "mnist"  # of its files in `assets`
    reader: type[Reader] = PlainReader
    home = "mnist"  # the dataset that it is audited on
    metrics = (
        *("is", "fid", "classes", "class_kl", "confidence", "entropy", "ct", "label_accuracy"),
        *("pair_agreement", "pair_chance", "translation_error", "label_agreement", "cycle_error"),
    )
    select = "fid"
    lasting = True

    def __init__(self, dataset: Dataset):
        shape = dataset.spec.shape
        if len(shape) != 3 or shape[0] != 1:
            raise BadSuite(
                f"The judge {self.name!r} found samples of shape {shape}, but needs images of one channel, "
                f"(1, side, side). Name the judge {dataset.judge!r}, which this dataset asks for, or a dataset of grey "
                "images."
            )
        weights = ASSETS / f"{self.name}.safetensors"
        self.dataset = dataset
        self.net = self.reader().eval().requires_grad_(False)
        self.net.load_state_dict(load_file(weights))
        self.net.to(memory_format=torch.channels_last)  # with small batches 2.5 times as fast on a CPU
        self.key = f"{sha256(weights.read_bytes()).hexdigest()}; {GEOMETRY}"

    def __call__(self, x: Tensor) -> Judged:
        """Judge images (n, 1, side, side) in [-1, 1], on the device they are on."""
        self.net.to(x.device)
        return judged(self.net, x)

    def reference(self, split: Split) -> Judged:
        """What the judge says of the real samples of `split`.

        For digits of any side these are the 10,000 of side 28: shipped, rounded to 16 bits, no data on disk needed.
        """
        if self.dataset.judge != MnistJudge.name:
            return self(self.dataset.reference(split).x)
        stored = load_file(ASSETS / f"{self.name}-{split}.safetensors")
        return Judged(stored["features"].float(), stored["logits"].float())

    @classmethod
    def trainer(cls) -> Callable[..., Any]:
        from ganbench.judges import mnist_training  # which begins with this file

        return partial(mnist_training.train, judge=cls)


def crop(x: Tensor) -> Tensor:
    """(n, 1, s, s) -> (n, 1, 28, 28), as `GEOMETRY` says; digits of side 32 are those of 28 with a rim."""
    if x.shape[-1] == SIDE:
        return x
    x = x if x.shape[-1] == 32 else resize(x, 32)
    return x[..., 2:-2, 2:-2]


def judged(net: Reader, x: Tensor) -> Judged:
    """Features after the last ReLU, and logits, of images in small batches; always in 32-bit arithmetic."""
    return ask(lambda few: net(crop(few)), x)
