"""Real data: what is trained on, what is compared against, and what nobody but the controls may see."""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from PIL import Image
from torch import Generator, Tensor

from ganbench.data import pictures
from ganbench.data.density import Mixture
from ganbench.data.domains import Domain
from ganbench.data.files import Files
from ganbench.errors import BadResults
from ganbench.store.columns import Split as Split
from ganbench.variant import Batch, DataSpec

Part = Literal["train", "validation", "test"]  # of a dataset: what is trained on, or a split
Use = Literal["train", "reference", "fresh"]  # what samples of a part are for


class Dataset(ABC):
    """Tensors on the CPU, float32 (images NCHW in [-1, 1]), and where they came from.

    `__init__(self, *, ...)`: the keyword-only arguments are what a suite may set.
    """

    spec: DataSpec
    fingerprint: str  # sha256 of the data as stored, before any resizing
    preprocessing: str  # what was done to it afterwards, in words: part of every score's comparability key
    judge: str  # the judge that is asked, unless a suite names another
    stand_in: str = ""  # the judge that is asked instead, where that one's files are not on this machine
    prior: Tensor  # (classes,) true share of each class or mode, sums to 1
    mixture: Mixture | None = None  # the exact density, where it is known
    other: Domain | None = None  # the second domain, for variants of two
    files: Files | None = None  # what it is published as, if it is to be fetched

    @abstractmethod
    def train(self) -> Batch:
        """The training split."""

    @abstractmethod
    def fresh(self, split: Split, n: int) -> Batch:
        """`n` real samples that neither the training split nor the reference of `split` holds.

        They serve the controls, and give every variant its labels and its second domain. Always
        the same ones. If fewer exist, they come round again.
        """

    @abstractmethod
    def reference(self, split: Split) -> Batch:
        """The real samples that generated ones are compared with on `split`."""

    def held_out(self, split: Split) -> Batch | None:
        """Real samples of the training split's own origin that nobody trained on: what a copy is told by.

        None if the reference of `split` is of that origin, which then serves.
        """
        return None

    def locate(self, x: Tensor) -> Tensor:
        """Say where samples (n, *shape) lie in the plane of `mixture` -> (n, 2). Points lie where they are."""
        return x

    def fit(self, x: Tensor) -> Tensor:
        """Bring images (n, c, s, s) in [-1, 1] to this dataset's shape, as its own images were. Raises BadResults."""
        if x.shape[1:] != self.spec.shape:
            raise BadResults(
                f"Found images of shape {tuple(x.shape[1:])}, but this dataset's are {self.spec.shape}. Save them so."
            )
        return x

    def picture(self, image: Image.Image) -> Tensor:
        """The same for an image file, grey or RGB as this dataset is, of any size -> (c, s, s). Raises BadResults."""
        return self.fit(pictures.to_tensor(image)[None])[0]

    def found(self) -> str:
        """What was found where it was read, in words; "" for data that are the same everywhere."""
        return ""

    def halves(self) -> Batch:
        """The training split as two domains without a pair: `x` is one half of it, `x_other` the other, transformed.

        Always the same halves. Needs an `other`.
        """
        assert self.other is not None, "the caller asks only where there is a second domain"
        whole = self.train()
        order = torch.randperm(len(whole.x), generator=Generator().manual_seed(301))
        mine, others = order.tensor_split(2)
        return Batch(whole.x[mine], None if whole.y is None else whole.y[mine], self.other.transform(whole.x[others]))
