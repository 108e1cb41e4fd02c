"""A judge of one's own: a function in a file beside the suite, `judge = "features.py:embed"`.

    def embed(x):                       # samples (n, *shape): images in [-1, 1], or points; float32
        return network(x)               # features (n, d), or a tuple of these and logits (n, classes)

It is called without gradients on up to 100 samples at a time, on the device they are on. A torch module will do too: it
is moved there, and put into eval mode. Every run imports the file anew, and all must hear the same of the same samples:
a network needs weights from a file, or from a seed.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite
from ganbench.judges import Judge, Judged
from ganbench.judges.asking import ask
from ganbench.plugins.code import code_hash, neighbours

PROBES = 2  # real samples by which a function is tried
DIRECTIONS = 32  # in which its answers to them are looked at


class OwnJudge(Judge):
    """Whatever features a function gives; without logits it knows a single class.

    Its key is the code of the function's file and of what that imports from beside it, and a hash of what the function
    says of fixed samples, so that other weights are another judge. Two samples cannot tell all: hence nothing that it
    says is kept on disk.

    Raises BadSuite if the function returns anything but what is asked of it.
    """

    metrics: tuple[str, ...] = (
        *("fid", "kid", "precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage"),
    )
    select = "fid"

    def __init__(self, dataset: Dataset, function: Callable[[Tensor], Any], name: str, file: Path):
        """Judge by `function`, which a suite calls `name` and which is written in `file`."""
        self.dataset, self.function, self.name = dataset, function, name
        code = " ".join(map(code_hash, neighbours(file)))
        self.references: dict[Split, Judged] = {}
        self.widths: list[int] = []  # of features, and of logits if there are any
        self.answers = hash_of(self(dataset.fresh("validation", PROBES).x))
        self.key = f"{code} {name.rpartition(':')[2]}; answers {self.answers}; samples as they are"
        if len(self.widths) == 2:
            self.metrics = ("is", *self.metrics)

    def __call__(self, x: Tensor) -> Judged:
        """Judge samples (n, *shape), on the device they are on."""
        if isinstance(self.function, nn.Module):
            self.function.eval().to(x.device)
        return ask(self._answers, x)

    def reference(self, split: Split) -> Judged:
        """What the function says of the real samples of `split`; it is asked once in a run."""
        if split not in self.references:
            self.references[split] = self(self.dataset.reference(split).x)
        return self.references[split]

    def _answers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        returned = self.function(x)
        answers = returned if isinstance(returned, tuple) else (returned,)
        if flaw := find_flaw(answers, len(x), self.widths):
            raise BadSuite(
                f"{self.name} was given samples {tuple(x.shape)} and returned {flaw}. It needs to return features, a "
                f"tensor ({len(x)}, d) of finite floats with always the same d, or a tuple of these and logits, "
                f"({len(x)}, classes)."
            )
        self.widths = [answer.shape[1] for answer in answers]
        features, *logits = answers
        return features, logits[0] if logits else features.new_zeros(len(x), 1)


def hash_of(judged: Judged) -> str:
    """Hash of features (n, d), and of logits, that another processor's rounding hardly ever changes, and other weights
    do: of what random directions say of them, to a hundredth of their length.
    """
    said = torch.cat([part.double().flatten() for part in judged])
    directions = torch.randn(DIRECTIONS, len(said), generator=Generator().manual_seed(401), dtype=torch.float64)
    seen = directions @ said / said.norm().clamp(min=1e-30)
    length = f"{said.norm():.2g}"
    return sha256(f"{len(said)} {length} {(100 * seen).round().int().tolist()}".encode()).hexdigest()[:16]


def find_flaw(answers: tuple[Any, ...], n: int, widths: list[int]) -> str:
    """What is wrong, in words, with features and perhaps logits of `n` samples; "" if nothing is.

    `widths` are those of earlier answers, if there were any.
    """
    if len(answers) not in (1, 2):
        return f"a tuple of {len(answers)}"
    for what, answer in zip(("features", "logits"), answers, strict=False):
        if not isinstance(answer, Tensor):
            return f"{what} of type {type(answer).__name__}"
        if answer.dim() != 2 or len(answer) != n or answer.shape[1] == 0:
            return f"{what} of shape {tuple(answer.shape)}"
        if not answer.is_floating_point():
            return f"{what} of {answer.dtype}"
        if not answer.isfinite().all():
            return f"{what} that are not all finite"
    new_widths = [answer.shape[1] for answer in answers]
    return f"widths {new_widths}, after {widths} for other samples" if widths and new_widths != widths else ""
