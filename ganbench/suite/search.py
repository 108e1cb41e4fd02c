"""Equal search: so many trials of declared options for every variant, on seeds that the board does not use.

One learning rate for all formulations compares rates, not formulations. A trial is a run like any other, of one point
of the grid of all values in `over`. Points are drawn at random without replacement (Bergstra and Bengio, "Random Search
for Hyper-Parameter Optimization", JMLR 13, 2012), the same ones for all who search the same values; more trials add to
them. The runs of the board then have the options of the best trial.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ganbench.errors import BadSuite
from ganbench.runs.judging import along_budget
from ganbench.runs.spec import Candidate, RunSpec
from ganbench.suite.language import SearchTable, Seeds, VariantTable
from ganbench.suite.seeds import listed, seeded

FIRST_SEED = 1_000_000  # of the trials; a board has none so high
LARGEST_GRID = 1_000_000  # points


def candidates(spec: RunSpec, variant: VariantTable, search: SearchTable | None) -> list[RunSpec]:
    """A variant on a dataset -> the same with the options of each trial; nothing where nothing is searched.

    Raises BadSuite if there is nothing to try, or less than the trials.
    """
    if search is None:
        if variant.over is not None:
            raise BadSuite(
                f"Found an `over` of {spec.label}, but the suite has no search. Write [search] with `trials`."
            )
        return []
    if spec.variant.load("variants").kind == "control":
        return []
    over = search.over if variant.over is None else variant.over
    points = list(_points(over, search.trials, spec.label))
    return [
        replace(
            spec,
            variant=replace(spec.variant, options={**spec.variant.options, **point}),
            candidate=Candidate(number, len(points), said(point)),
        )
        for number, point in enumerate(points, 1)
    ]


def _points(over: Mapping[str, Sequence[Any]], trials: int, label: str) -> Iterator[dict[str, Any]]:
    """So many points of the grid, in the order in which they are drawn."""
    size = prod(map(len, over.values())) if over else 0
    if not size:
        raise BadSuite(f"Found a search without options of {label}. Give it values: over = {{ lr = [1e-4, 1e-3] }}.")
    for option, values in over.items():
        texts = [json.dumps(value) for value in values]
        if twice := next((text for i, text in enumerate(texts) if text in texts[:i]), ""):
            raise BadSuite(f"Found {twice} twice among the values of {option} of {label}. Name it once.")
    if not trials <= size <= LARGEST_GRID:
        cure = "Name more values, or ask for fewer trials" if size < trials else "Name fewer values"
        raise BadSuite(
            f"Found trials = {trials:,}, but `over` of {label} makes {size:,} different ones, of {LARGEST_GRID:,} at "
            f"most. {cure}."
        )
    for place in np.random.default_rng(0).permutation(size)[:trials].tolist():
        point = {}
        for option, values in over.items():
            place, at = divmod(place, len(values))
            point[option] = values[at]
        yield point


def said(options: Mapping[str, Any]) -> str:
    """Options as a suite would say them, near enough: `lr = 0.001, loss = "hinge"`."""
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in options.items())


def check_metric(spec: RunSpec) -> None:
    """See that trials can be told apart on the validation split, at the end of their budget. Raises BadSuite."""
    metrics = spec.load_metrics()
    if spec.primary not in [metric.name for metric in along_budget(spec, metrics)]:
        raise BadSuite(
            f"Found a search, but {spec.primary or 'no metric'!r}, by which trials would be chosen, is not judged "
            "along the budget. Name it in `curves`, or another metric as `primary`."
        )


def with_seeds(spec: RunSpec, tried: Sequence[RunSpec], search: SearchTable | None, own: Seeds) -> list[list[RunSpec]]:
    """A row's runs: those of its trials, each on its own seeds, and those of the board.

    Of a row that is searched the latter have the options of the first trial until it is known which is the best.
    Raises BadSuite if the board has seeds of trials.
    """
    if not (tried and search):
        return [seeded(spec, own)]
    if (highest := max(listed(own))) >= FIRST_SEED:
        raise BadSuite(
            f"Found the seed {highest:,}, but a search uses those from {FIRST_SEED:,} on. Choose a lower one."
        )
    first, n = tried[0], search.seeds
    assert first.candidate
    trials = [
        [replace(one, seed=FIRST_SEED + n * place + seed) for seed in range(n)] for place, one in enumerate(tried)
    ]
    return [*trials, seeded(replace(first, candidate=replace(first.candidate, searching=False)), own)]
