"""Controls: rows of the board that are no GAN. They show what a good number is, and what a metric cannot see.

A control is a variant without players, and so spends no budget.
"""

import math
from typing import Annotated

import torch
from annotated_types import Gt, Lt
from torch import Tensor

from ganbench.errors import BadSuite
from ganbench.variant import Batch, DataSpec, Variant


class Control(Variant):
    """A variant that nothing trains. Reports set its row apart."""

    kind = "control"

    def __init__(self, spec: DataSpec):
        super().__init__()
        self.spec = spec
        self.players = []


class Real(Control):
    """Real samples that no variant has trained on: the floor, which a perfect GAN would reach.

    A metric's value in this row is its bias at this number of samples. No smaller difference counts.
    """

    conditional = True  # it gives what it is asked for: its label accuracy is the judge's own
    given_real = True

    def sample(self, like: Batch) -> Tensor:
        """Return `like.x`: the harness fills `like` with fresh real data."""
        return like.x


class Memorizer(Control):
    """Training samples, given back: perfect in quality and variety, and nothing new.

    FID, KID, precision, recall and mode counts cannot tell this row from `Real`; `authenticity` and `ct` should.
    """

    stored: Tensor

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        # It travels with the variant, yet stays out of checkpoints, where it would be a copy of the data.
        self.register_buffer("stored", torch.empty(0, *spec.shape), persistent=False)

    def prepare(self, train: Batch) -> None:
        self.stored = train.x

    def sample(self, like: Batch) -> Tensor:
        """Draw at random, none twice before all have come once; each call draws anew."""
        n, size = len(like.x), len(self.stored)
        if size == 0:
            raise RuntimeError("Memorizer has seen no data: call `prepare` with the training split first.")
        rounds = [torch.randperm(size, device=like.x.device) for _ in range(math.ceil(n / size))]
        return self.stored[torch.cat(rounds)[:n]] if rounds else self.stored[:0]


class ModeDropper(Control):
    """Real samples without some of the classes: flawless one by one, but a part of the data is missing.

    Precision, density and `high_quality` cannot tell this row from `Real`; `recall`, `coverage`, `modes`,
    `classes`, `class_kl` and `reverse_kl` should, and FID grows with what is missing.

    Raises BadSuite if the dataset has fewer than two classes, or if `share` of them is none or all.
    """

    given_real = True

    def __init__(
        self,
        spec: DataSpec,
        *,
        share: Annotated[float, Gt(0), Lt(1)] = 0.5,  # of the classes; the first ceil((1 - share) * classes) are kept
    ):
        super().__init__(spec)
        if spec.classes < 2:
            raise BadSuite(
                f"mode_dropper drops classes, and this dataset has {spec.classes}. Leave it out, or take labelled data."
            )
        self.kept = kept_classes(spec.classes, share)

    @classmethod
    def applies(cls, spec: DataSpec) -> bool:
        return spec.classes >= 2

    def sample(self, like: Batch) -> Tensor:
        """Replace rows of dropped classes by rows of kept ones, each used equally often in random order.

        Raises BadSuite if `like` has no labels, or no kept class at all.
        """
        if like.y is None:
            raise BadSuite("mode_dropper was given samples without labels, and needs them. Leave it out.")
        keeps = like.y < self.kept
        kept = keeps.nonzero().squeeze(1)
        if len(kept) == 0:
            raise BadSuite(
                f"mode_dropper keeps classes 0 to {self.kept - 1}, and found none of them in a batch of {len(keeps)}. "
                "Ask for more samples, or for a class that it keeps."
            )
        shuffled = kept[torch.randperm(len(kept), device=kept.device)]
        stand_in = shuffled[(~keeps).cumsum(0) % len(kept)]
        rows = torch.arange(len(keeps), device=kept.device)
        return like.x[torch.where(keeps, rows, stand_in)]


def kept_classes(classes: int, share: float) -> int:
    """Count the classes that stay when `share` of them goes. Raises BadSuite if that is all or none."""
    if isinstance(share, int | float) and 0 < share < 1:
        # 1 - 0.7 is a little above 0.3, and must not keep a class more.
        kept = math.ceil(round((1 - share) * classes, 9))
        if 0 < kept < classes:
            return kept
    raise BadSuite(
        f"Found share = {share!r}, but mode_dropper must drop some of {classes} classes and keep some. "
        f"Use a share from 1/{classes} to less than 1."
    )


class Noise(Control):
    """Samples without structure: for points, a normal with the data's mean and spread; for images, uniform pixels.

    A metric that does not rank this row last on images is broken. Points show what moments miss: on a ring or a
    grid, FID on coordinates puts this row beside `Real`, as mean and covariance are right; and since a few of 10,000
    samples hit each mode by chance, `modes` is full and `reverse_kl` low (0.02 on the ring). `high_quality`,
    `modes_third` and `reverse_kl_third` are not fooled.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        if not spec.is_image:
            self.register_buffer("mean", torch.zeros(spec.shape))
            self.register_buffer("std", torch.ones(spec.shape))

    def prepare(self, train: Batch) -> None:
        if not self.spec.is_image:
            self.mean, self.std = train.x.mean(0), train.x.std(0)

    def sample(self, like: Batch) -> Tensor:
        if self.spec.is_image:
            return 2 * torch.rand_like(like.x) - 1
        return self.mean + self.std * torch.randn_like(like.x)
