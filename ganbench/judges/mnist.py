"""The `mnist` judge: a small convolutional classifier of digits, trained by this project, frozen and shipped.

Its 64 features serve FID and its kin as Inception's 2,048 do for photographs; its ten class probabilities serve
the inception score and the counts of classes. Numbers from it compare with each other, never with Inception's.
`ganbench.judges.training.digits` makes the weights, the references and the model card `assets/mnist.md` anew.
"""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite
from ganbench.judges import Judge, Judged
from ganbench.judges.digit_reader import GEOMETRY, PlainReader, Reader, read_digits

ASSETS = Path(__file__).parent / "assets"


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
        return read_digits(self.net, x)

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
        from ganbench.judges.training import digits

        return partial(digits.train_digit_reader, name=cls.name, reader=cls.reader)
