"""What a suite's `seeds` mean: so many, these, or seeds that are added until it is decided who leads."""

from collections.abc import Sequence
from dataclasses import replace

from ganbench.errors import BadSuite
from ganbench.runs.spec import RunSpec
from ganbench.statistics.looks import Look, schedule
from ganbench.statistics.verdicts import ERROR
from ganbench.suite.language import LooksTable, Seeds, SuiteTable

LOOKS = 3  # of a suite that says how many seeds, and is run until decided


def count(seeds: Seeds) -> int:
    """How many there may be."""
    return seeds.most if isinstance(seeds, LooksTable) else len(seeds) if isinstance(seeds, list) else seeds


def listed(seeds: Seeds) -> Sequence[int]:
    """All that there may be."""
    return seeds if isinstance(seeds, list) else range(count(seeds))


def growing(table: SuiteTable, where: str) -> SuiteTable:
    """The same suite, with as many seeds as it says at each of `LOOKS` looks. Raises BadSuite if it lists them."""
    datasets = [
        entry if entry.seeds is None else entry.model_copy(update={"seeds": _growing(entry.seeds, where)})
        for entry in table.dataset
    ]
    return table.model_copy(update={"seeds": _growing(table.seeds, where), "dataset": datasets})


def _growing(seeds: Seeds, where: str) -> LooksTable:
    if isinstance(seeds, LooksTable):
        return seeds
    if isinstance(seeds, list) or seeds < 2:
        raise BadSuite(
            f"{where}: found seeds = {seeds}, but seeds that are added until decided begin with two or more. "
            "Say how many: seeds = 4, or seeds = { first = 4, most = 12 }."
        )
    return LooksTable(first=seeds, most=LOOKS * seeds)


def seeded(spec: RunSpec, seeds: Seeds) -> list[RunSpec]:
    """The runs of a variant on a dataset. Rows that cannot lead, such as controls, keep to the first look's seeds."""
    if not isinstance(seeds, LooksTable):
        return [replace(spec, seed=seed) for seed in listed(seeds)]
    looks: Sequence[Look | None] = schedule(seeds.first, seeds.most, ERROR)
    if not _can_lead(spec):
        looks = [None] * seeds.first
    return [replace(spec, seed=seed, look=look) for seed, look in enumerate(looks)]


def _can_lead(spec: RunSpec) -> bool:
    variant = spec.variant.load("variants")
    return variant.kind == "variant" and not getattr(variant, "given_real", False)
