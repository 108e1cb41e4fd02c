"""The `mnist` judge: a small convolutional classifier of digits, trained by this project, frozen and shipped.

Its 64 features serve FID and its kin as Inception's 2,048 do for photographs; its ten class probabilities serve
the inception score and the counts of classes. Numbers from it compare with each other, never with Inception's.
`ganbench.judges.mnist_training` makes the weights, the references and the model card `assets/mnist.md` anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite
from ganbench.judges import Judge, Judged
from ganbench.judges.mnist_inputs import SIDE, resize

ASSETS = Path(__file__).parent / "assets"
FEATURES = 64
GEOMETRY = "28 as is; 32 cropped to 28; other sides by antialiased bilinear resize to 32, cropped to 28"


class Reader(nn.Module):
    """(n, 1, 28, 28) in [-1, 1] -> features (n, 64) and logits (n, 10).

    The features learn from digits alone: shown non-digits, they would map all of them to one point, and FID could not
    tell a bad generator from a worse one. What is no digit only closes a gate, g in (0, 1), that scales the logits.
    """

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
        width = 96 * 3 * 3
        self.features = nn.Sequential(nn.Linear(width, FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.ReLU())
        self.classes = nn.Linear(FEATURES, 10)
        self.gate = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.trunk(x)
        features = self.features(maps)
        return features, self.gate(maps).sigmoid() * self.classes(features)


def convolution(n_in: int, n_out: int, pool: bool = False) -> list[nn.Module]:
    shrink = [nn.MaxPool2d(2)] if pool else []  # before the norm, which then has a quarter of the work
    return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), *shrink, nn.BatchNorm2d(n_out), nn.ReLU()]


class MnistJudge(Judge):
    """Judges grey images of any side; made for digits."""

    metrics = (
        *("is", "fid", "classes", "class_kl", "confidence", "entropy", "label_accuracy"),
        *("pair_agreement", "pair_chance", "translation_error", "label_agreement", "cycle_error"),
    )
    select = "fid"

    def __init__(self, dataset: Dataset):
        shape = dataset.spec.shape
        if len(shape) != 3 or shape[0] != 1:
            raise BadSuite(
                f"The judge 'mnist' found samples of shape {shape}, but needs images of one channel, (1, side, side)."
                f" Name the judge {dataset.judge!r}, which this dataset asks for, or a dataset of grey images."
            )
        weights = ASSETS / "mnist.safetensors"
        self.dataset = dataset
        self.net = Reader().eval().requires_grad_(False)
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
        if self.dataset.judge != "mnist":
            return self(self.dataset.reference(split).x)
        stored = load_file(ASSETS / f"mnist-{split}.safetensors")
        return Judged(stored["features"].float(), stored["logits"].float())


def crop(x: Tensor) -> Tensor:
    """(n, 1, s, s) -> (n, 1, 28, 28), as `GEOMETRY` says; digits of side 32 are those of 28 with a rim."""
    if x.shape[-1] == SIDE:
        return x
    x = x if x.shape[-1] == 32 else resize(x, 32)
    return x[..., 2:-2, 2:-2]


def judged(net: Reader, x: Tensor) -> Judged:
    """Features after the last ReLU, and logits, of images in small batches; always in 32-bit arithmetic."""
    features, logits = [torch.empty(0, FEATURES)], [torch.empty(0, 10)]
    with torch.inference_mode(), torch.autocast(x.device.type, enabled=False), full_precision():
        for part in torch.split(x, 100) if len(x) else ():
            for kept, said in zip((features, logits), net(crop(part.float())), strict=True):
                kept.append(said.cpu())
    return Judged(torch.cat(features), torch.cat(logits))


@contextmanager
def full_precision() -> Iterator[None]:
    """Switch TF32 and its like off, which training may have switched on for the whole process."""
    backends: Any = torch.backends
    switches = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv]
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "ieee"
        yield
    finally:
        for switch, precision in zip(switches, before, strict=True):
            switch.fp32_precision = precision
