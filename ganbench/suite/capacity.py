"""Equal capacity: the `width` at which a variant has as many parameters as the budget asks for.

Parameters are counted as the ledger counts them: the weights of the players that see data or make samples, neither
averages nor buffers.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from math import sqrt
from typing import NamedTuple

import torch

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.errors import BadSuite
from ganbench.runs.operations import Shapes
from ganbench.runs.spec import RunSpec

TOLERANCE = 0.05  # largest difference, as a share of the amount that is asked for
FIRST = 128  # a variant's smallest width is looked for up to here
WIDEST = 2**16  # about where a search ends
LARGE = 3_000_000  # parameters from which weights that are only counted save time


class Size(NamedTuple):
    """How large a variant is."""

    width: int
    parameters: int  # of the players that see data or make samples


def fit(run: RunSpec, dataset: Dataset, amount: int) -> RunSpec:
    """The run with the `width` that brings its variant nearest to `amount` parameters; a control's as it is.

    Raises BadSuite if the variant's width is given, if it has none, or if none comes within 5 %.
    """
    variant = run.variant
    plugin = variant.load("variants")
    if getattr(plugin, "kind", "variant") == "control":
        return run
    asked = f"Found parameters = {amount:,} in the budget"
    if "width" in variant.options:
        raise BadSuite(
            f"{asked} and width = {variant.options['width']} in the options of {variant.name}, "
            "but the one decides the other. Leave one of them out."
        )
    if "width" not in plugins.options(plugin):
        raise BadSuite(
            f"{asked}, but {variant.name} has no option `width`, which needs to be chosen to that end. "
            "Give it one, or leave it or the parameters out."
        )

    @cache
    def count(width: int) -> int | None:
        return _count(_with(run, width=width), dataset, amount)

    sizes = nearest_sizes(count, amount)
    if not sizes:
        run.build_variant(dataset)  # says what is wrong, if it is not the width
        raise BadSuite(f"No width from 1 to {FIRST} fits {variant.name}. Leave the parameters out of the budget.")
    best = min(sizes, key=lambda size: abs(size.parameters - amount))
    if abs(best.parameters - amount) > TOLERANCE * amount:
        found = ", ".join(f"width {size.width} has {size.parameters:,}" for size in sizes)
        ask = "Ask for one of these amounts" if len(sizes) > 1 else f"Ask for {best.parameters:,}"
        others = " or ".join(_others(run, dataset, best))
        change = f", or {'lower' if len(sizes) == 1 < best.parameters / amount else 'change'} {others}"
        raise BadSuite(
            f"No width of {variant.name} comes within {TOLERANCE:.0%} of {amount:,} parameters: {found}. "
            f"{ask}{change if others else ''}."
        )
    return _with(run, width=best.width)


def nearest_sizes(count: Callable[[int], int | None], amount: int) -> list[Size]:
    """The sizes next to `amount` from below and from above, or the only one of them; none if no width fits.

    `count` gives the parameters at a width, which grow with it, or None where the width does not fit.
    """

    def first(widths: Iterable[int]) -> Size | None:
        return next((Size(width, found) for width in widths if (found := count(width)) is not None), None)

    def near(guess: float, widths: range) -> Size | None:
        # Where 8 was the first that fits, 16 is likelier to than 9.
        return first(sorted(widths, key=lambda width: (width % step > 0, abs(width - guess))))

    low = first(range(1, FIRST + 1))
    if low is None or low.parameters >= amount:
        return [low] if low else []
    step = low.width
    while True:
        # Parameters grow at most as the square of the width: the leap stays below, doubling passes in the end.
        leap = min(max(2 * low.width, int(low.width * sqrt(amount / max(low.parameters, 1)))), WIDEST)
        high = near(leap, range(leap, 2 * leap)) if leap > low.width else None
        if high is None:
            return [low]
        if high.parameters >= amount:
            break
        low = high
    halve = False
    while low.parameters < amount < high.parameters:
        # As if they grew as the square; every other time by bisection, so that it ends soon whatever they do.
        root, below, above = sqrt(amount), sqrt(low.parameters), sqrt(high.parameters)
        share = 0.5 if halve else (root - below) / (above - below)
        between = near(low.width + share * (high.width - low.width), range(low.width + 1, high.width))
        if between is None:
            break
        low, high = (between, high) if between.parameters < amount else (low, between)
        halve = not halve
    return [low, high]


def _count(run: RunSpec, dataset: Dataset, amount: int) -> int | None:
    """Parameters of the variant; None if the variant cannot be built."""
    if amount > LARGE:
        try:
            with torch.device("meta"), Shapes():
                return _parameters(run, dataset)
        except Exception as error:
            if isinstance(error.__cause__, ValueError):
                return None
            # Something in it needs values: it is built in full.
    try:
        return _parameters(run, dataset)
    except BadSuite:
        return None


def _parameters(run: RunSpec, dataset: Dataset) -> int:
    return sum(run.build_variant(dataset).count_weights())


def _others(run: RunSpec, dataset: Dataset, size: Size) -> Iterable[str]:
    """The other options that change the number of parameters, told by halving each whole number."""
    for name, parameter in plugins.options(run.variant.load("variants")).items():
        value = run.variant.options.get(name, parameter.default)
        if name != "width" and type(value) is int and value > 1:
            found = _count(_with(run, **{"width": size.width, name: value // 2}), dataset, size.parameters)
            if found not in (None, size.parameters):
                yield name


def _with(run: RunSpec, **options: int) -> RunSpec:
    return replace(run, variant=replace(run.variant, options={**run.variant.options, **options}))
