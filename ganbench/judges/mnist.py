"""The `mnist` judge: a small convolutional classifier of digits, trained by this project, frozen and shipped.

It has two duties. Its ten class probabilities serve the inception score and the counts of classes: they are those of a
robust classifier. Its 64 features serve FID and its kin as Inception's 2,048 do for photographs, and see low-level
faults as well as shapes: see `ganbench.judges.digit_likeness`. Numbers from it compare with each other, never with
Inception's. `ganbench.judges.training.digits` makes weights, projections and the model card `assets/mnist.md` anew.
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
from ganbench.judges.asking import ask
from ganbench.judges.cache import judge_real_data
from ganbench.judges.digit_likeness import Likeness
from ganbench.judges.digit_reader import GEOMETRY, PlainReader, Reader, crop

ASSETS = Path(__file__).parent / "assets"


class MnistJudge(Judge):
    """Judges grey images of any side; made for digits."""

    name = "mnist"  # of its files in `assets`
    reader: type[Reader] = PlainReader
    filters = (0, 3)  # seed of its random filters, and their side
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
        self.dataset = dataset
        self.weights, projections = (ASSETS / f"{self.name}{part}.safetensors" for part in ("", "-likeness"))
        self.net = self.reader().eval().requires_grad_(False)
        self.net.load_state_dict(load_file(self.weights))
        self.net.to(memory_format=torch.channels_last)  # with small batches 2.5 times as fast on a CPU
        self.likeness = Likeness(self.reader.width, *self.filters).load_fitted(load_file(projections))
        hashes = [sha256(file.read_bytes()).hexdigest() for file in (self.weights, projections)]
        self.key = f"{' '.join([*hashes, self.likeness.random.sha256])}; {GEOMETRY}; real data of the same side"
        self.references: dict[Split, Judged] = {}

    def __call__(self, x: Tensor) -> Judged:
        """Judge images (n, 1, side, side) in [-1, 1], on the device they are on."""
        self.net.to(x.device)
        self.likeness.to(x.device)
        return ask(self._look, x)

    def _look(self, x: Tensor) -> tuple[Tensor, Tensor]:
        digits = crop(x)
        features, logits = self.net(digits)
        return self.likeness(digits, features), logits

    def reference(self, split: Split) -> Judged:
        """What the judge says of the real samples of `split`, at the dataset's own side: resizing is no fault."""
        if split not in self.references:
            self.references[split] = judge_real_data(self, self.dataset, split)
        return self.references[split]

    @classmethod
    def trainer(cls) -> Callable[..., Any] | None:
        from ganbench.judges.training import digits

        return partial(digits.train_digit_reader, name=cls.name, reader=cls.reader, filters=cls.filters)
