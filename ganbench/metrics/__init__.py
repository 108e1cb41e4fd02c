"""Metrics: functions of what a judge saw, each yielding one number and its own standard error.

One file per family. The `metric` decorator carries what a reader of the number must know;
entry points of the group `ganbench.metrics` give it its name.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan
from operator import is_
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ganbench.data.density import Mixture
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.variant import Batch

Direction = Literal["higher", "lower", "none"]  # "none": no score, but what another number is read against
# Of samples, that a metric is about: as good as real data, as various, both from 0 to 1; or how far from them in all.
Aspect = Literal["fidelity", "diversity", "distance"]
Belief = Callable[[Tensor], Tensor]  # samples (n, *shape) -> (n,) probability that each is real, as D's scores say it
Walk = Callable[[int, float], tuple[Judged, Judged]]  # n steps between latents, each a share of its way -> both ends
CPU = torch.device("cpu")
EXACT = ("cpu", "cuda")  # devices that have float64, in which metrics compute
COUNTED = {"classes", "modes"}  # units of which a dataset has only so many
WHOSE = {  # fields of Evidence that hold numbers of samples, in words
    "samples": "samples", "x": "samples", "reference": "reference samples", "real": "reference samples",
    "fresh": "fresh samples", "training": "training samples", "trained": "training samples",
    "held_out": "held-out samples", "pair": "pairs", "asked": "asked labels",
}  # fmt: skip
OF_SAMPLES = {"samples", "x", "asked", "pair"}  # fields of Evidence with a row for each sample
OF_SOME = {"asked", "pair", "belief", "walk", "log_likelihood"}  # fields of Evidence that only some variants have


def exact(device: torch.device) -> torch.device:
    """The device, if it has float64; else the CPU."""
    return device if device.type in EXACT else CPU


class Pairs(NamedTuple):
    """What a variant of two domains holds to belong together. Samples are (n, *shape), on the CPU."""

    domain: str  # name of the second domain
    x: Tensor  # of the data's own domain
    x_other: Tensor  # their partners, as the variant made or was given them
    truth: Tensor  # their true partners: the known transform of x
    y_other: Tensor | None = None  # (n,) classes of x_other: its source's own, or what the judge sees in it undone
    returned: Tensor | None = None  # x_other after the way to the data's domain and back


class Evidence(NamedTuple):
    """All that a metric may look at. Tensors are on the CPU. What has a default is there for some runs only.

    A metric may do heavy work on the `device` that drew the samples, if its numbers are the same there.
    """

    samples: Judged
    reference: Judged
    prior: Tensor  # (classes,) true share of each class or mode
    mixture: Mixture | None = None  # the exact density, where there is one: features are then coordinates
    x: Tensor | None = None  # (n, *shape) the samples themselves
    real: Batch | None = None  # the real data that `reference` is of, row by row
    fresh: Tensor | None = None  # (n, *shape) real data that no variant has trained on, as many as there are samples
    training: Batch | None = None  # the training split
    trained: Judged | None = None  # what the judge says of `training`, row by row
    held_out: Judged | None = None  # of data of the origin of `training`, if `reference` is of another
    asked: Tensor | None = None  # (n,) classes that a conditional variant was asked for
    pair: Pairs | None = None  # of a variant of two domains
    belief: Belief | None = None  # of a variant whose D speaks of probabilities
    walk: Walk | None = None  # of a variant that draws from latents
    device: torch.device = CPU  # with float64
    log_likelihood: Callable[[Tensor], Tensor] | None = None  # of a model that says it: samples -> nats, (n,)

    def has(self, need: str) -> bool:
        """Whether a field is there, or a field's own, as in "pair.returned"."""
        value: object = self
        for name in need.split("."):
            value = getattr(value, name)
            if value is None:
                return False
        return True


class Estimate(NamedTuple):
    """A number and how far samples alone would move it."""

    value: float
    stderr: float = nan  # of this number over redrawn samples, not over seeds; nan: not estimated


@dataclass(frozen=True)
class Metric:
    """A named number. Calling it with evidence gives an Estimate.

    Reports take what they say of a metric from here, by way of the scores. Its docstring is read too: the first
    paragraph is its meaning, and the one that begins with "Blind to:" is what it cannot see.
    """

    name: str
    compute: Callable[[Evidence], Estimate]
    direction: Direction  # which way is better
    unit: str
    source: str  # paper
    title: str = ""  # on boards; "": the name
    bounds: tuple[float, float] = (-inf, inf)  # of its values, whatever the data; intervals end there
    needs: tuple[str, ...] = ()  # fields of Evidence, without which there is no number
    samples: int = 10_000  # as many are usual; a number from fewer is marked
    least: int = 1  # samples, and reference samples, without which there is no number
    least_trained: int = 1  # training samples, likewise
    outnumber_width: bool = False  # samples and reference must also be more than the features are wide
    on_curves: bool = True  # whether it is cheap enough for each judgement, and not for the last alone
    growth: float = 1.0  # power of the number of samples with which its time grows, as far as an estimate cares
    enough: int = 0  # samples: it looks at no more, however many there are; 0: at all
    aspect: Aspect | None = None  # such metrics get a certificate
    ceiling: Callable[[Evidence], float] | None = None  # the largest value, where it depends on the data
    version: int = 1  # raised when the number changes its meaning: part of the comparability key

    def __post_init__(self) -> None:
        # So that `help` and `inspect.getdoc` explain a metric as they explain a variant.
        object.__setattr__(self, "__doc__", self.compute.__doc__)
        object.__setattr__(self, "title", self.title or self.name)

    def __call__(self, evidence: Evidence) -> Estimate:
        """Compute it. Raises BenchError, if samples are too few for it to mean anything, numbers are none, or parts of
        the evidence do not fit together.
        """
        evidence = _without_gradients(evidence)
        self.check_fit(evidence)
        self.check(len(evidence.samples.features), evidence.reference)
        self.check_numbers(evidence)
        try:
            estimate = self.compute(evidence)
        except (ValueError, ArithmeticError, RuntimeError):
            self.check_numbers(evidence, also_infinite=True)
            raise
        if estimate and not isfinite(estimate.value):
            self.check_numbers(evidence, also_infinite=True)
        asked = [need for need in self.needs if callable(getattr(evidence, need, None))]
        if estimate and isnan(estimate.value) and asked:
            raise BenchError(
                f"Found NaN for {self.name}, though features and samples are numbers. See whether "
                f"{' and '.join(asked)} gives numbers, or leave out this metric."
            )
        return estimate

    def check(self, n: int, reference: Judged, training: int | None = None) -> None:
        """Raise BenchError, if `n` samples, the reference or `training` samples are too few for it to mean anything."""
        size, width = reference.features.shape
        needed = self.at_least(width)
        for count, whose, cure in (
            (n, "samples", "Draw more samples"),
            (size, "reference samples", "Use a larger dataset"),
        ):
            if count < needed:
                raise BenchError(
                    f"Found {count:,} {whose}, but {self.name} on {width:,} features needs at least {needed:,}. "
                    f"{cure}, or leave out this metric."
                )
        if training is not None and training < self.least_trained:
            raise BenchError(
                f"Found {training:,} training samples, but {self.name} needs at least {self.least_trained:,}. "
                "Use a larger dataset, or leave out this metric."
            )

    def check_numbers(self, evidence: Evidence, also_infinite: bool = False) -> None:
        """Raise BenchError, if a number that it looks at is NaN; or infinite, where that left no number."""
        for _, what, numbers in self._looked_at(evidence):
            if bad := _bad_rows(numbers, also_infinite):
                raise BenchError(
                    f"Found {bad:,} of {len(numbers):,} {what} with a NaN or an infinity, but {self.name} needs "
                    "numbers. Leave those samples out, or see how they came about."
                )

    def check_fit(self, evidence: Evidence) -> None:
        """Raise BenchError, if what it looks at does not fit together: rows to samples, features to the reference's."""
        n, widths = len(evidence.samples.features), dict[str, int]()
        for field, what, numbers in self._looked_at(evidence):
            if field in OF_SAMPLES and len(numbers) != n:
                raise BenchError(
                    f"Found {len(numbers):,} {what} beside the features of {n:,} samples, but {self.name} needs one "
                    "for each. Give it what belongs together."
                )
            if what.startswith(("features", "logits")) and numbers.dim() != 2:
                raise BenchError(
                    f"Found {what} of shape {tuple(numbers.shape)}, but {self.name} needs a row of numbers for each, "
                    "(n, width). Flatten what has more dimensions, and give a single number a width of 1."
                )
            if what.startswith("features"):
                widths[what] = numbers.shape[1]
        if len({*widths.values()}) > 1:
            found = ", ".join(f"{what} of width {width:,}" for what, width in widths.items())
            raise BenchError(f"Found {found}, but {self.name} compares them. Let the same judge see all of them.")

    def _looked_at(self, evidence: Evidence) -> Iterator[tuple[str, str, Tensor]]:
        """What it looks at: the field of Evidence, in words what it is, the numbers."""
        fields = ["samples", "reference", *(need.partition(".")[0] for need in self.needs)]
        held_out = ["held_out"] * ("trained" in fields)
        for field in dict.fromkeys(fields + held_out):
            for what, numbers in _numbers_in(getattr(evidence, field), WHOSE.get(field, "")):
                yield field, what, numbers

    @property
    def meaning(self) -> str:
        """What it measures, in a sentence; "" without a docstring."""
        return self._paragraphs()[0]

    @property
    def blind_to(self) -> str:
        """What it cannot see; "" where its docstring does not say."""
        start = "Blind to: "
        return next((p.removeprefix(start) for p in self._paragraphs() if p.startswith(start)), "")

    def _paragraphs(self) -> list[str]:
        return [" ".join(part.split()) for part in inspect.cleandoc(self.compute.__doc__ or "").split("\n\n")]

    def at_least(self, width: int) -> int:
        """Samples without which there is no number on features of that width."""
        return max(self.least, width + 1 if self.outnumber_width else 1)

    @property
    def of_any_variant(self) -> bool:
        """Whether every variant owes this number; others are of those alone that can give what it needs."""
        return not OF_SOME & {need.partition(".")[0] for need in self.needs}

    def applies(self, evidence: Evidence) -> bool:
        """Whether all that it needs is there."""
        return all(evidence.has(need) for need in self.needs)

    def most(self, evidence: Evidence) -> float:
        """The largest value that there can be, where it depends on the data: there are only so many classes."""
        if self.ceiling is not None:
            return self.ceiling(evidence)
        return float(len(evidence.prior)) if self.unit in COUNTED else nan

    def conditions(self, evidence: Evidence) -> dict[str, str]:
        """What its number depends on beside judge, data and samples: part of the comparability key."""
        paired = any(need.partition(".")[0] == "pair" for need in self.needs)
        return {"second domain": evidence.pair.domain} if paired and evidence.pair else {}


def _numbers_in(value: object, whose: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors (n, ...) of a field of Evidence, and what each is in words; none of what is asked when needed."""
    if isinstance(value, Tensor):
        yield whose, value
    elif isinstance(value, Judged | Batch | Pairs):
        for part, numbers in value._asdict().items():
            if isinstance(numbers, Tensor):
                yield f"{part} of {whose}", numbers


def _without_gradients(value: Any) -> Any:
    """Evidence, or a part of it, without memory of what its tensors come from; itself, where they have none."""
    if isinstance(value, Tensor):
        return value.detach() if value.requires_grad else value
    if not isinstance(value, Evidence | Judged | Batch | Pairs):
        return value
    parts = [_without_gradients(part) for part in value]
    return value if all(map(is_, parts, value)) else type(value)(*parts)


def _bad_rows(numbers: Tensor, also_infinite: bool) -> int:
    if numbers.sum().isfinite():  # what is bad stays so in a sum
        return 0
    bad = ~numbers.isfinite() if also_infinite else numbers.isnan()
    return int(bad.flatten(1).any(1).sum()) if numbers.dim() > 1 else int(bad.sum())


def rarest_alone(evidence: Evidence) -> float:
    """The largest divergence of shares from the prior, in nats: all samples are of the rarest class or mode."""
    return float(-evidence.prior[evidence.prior > 0].min().log())


def metric(
    name: str, *, direction: Direction, unit: str, source: str, **more: Any
) -> Callable[[Callable[[Evidence], Estimate]], Metric]:
    """Make a Metric of a function; what else may be said is listed there."""
    return lambda compute: Metric(name, compute, direction, unit, source, **more)
