"""A GPU can play every game alone: rounds and samples on the device `meta`, where whatever needs the host is refused.

The pairs are those of `suites/standard.toml` with its own options; of two datasets of one shape, on which a variant has
the same options, one is played. The other games have one part each that those lack.
`tests/runs/test_operations.py` plants faults.
"""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from ganbench import plugins
from ganbench.plugins.spec import PluginSpec, build, choose
from ganbench.runs.operations import META, Watch, on_meta, round_of
from ganbench.suite.language import parse
from ganbench.variant import Batch, DataSpec, Variant

SUITE = Path(__file__).parents[2] / "suites" / "standard.toml"
TABLE = parse(SUITE.read_text(encoding="utf-8"), SUITE.name)
SPECS = {"ring8": DataSpec((2,), 8), "grid25": DataSpec((2,), 25), "mnist": DataSpec((1, 32, 32), 10)}
POINTS, IMAGES = DataSpec((2,), 4), DataSpec((1, 8, 8), 4)
PARTS = [(kind, name) for kind in ("losses", "penalties", "remedies") for name in plugins.names(kind)]
DRAWING = [
    name for name in plugins.names("variants") if name != "biggan" and plugins.load("variants", name).kind != "control"
]
OPTIONS = {"losses": "loss", "penalties": "penalty", "remedies": "remedies"}


def last_stage(variant: Variant) -> Variant:
    """As at the end of a budget, where a growing variant has grown."""
    variant.advance(0.9, 10**6)
    return variant


def pairs() -> list[Any]:
    """(row, dataset) of the suite, each game once: points of 8 and of 25 classes give the same operations."""
    games = {}
    for row, entry in product(TABLE.variant, TABLE.dataset):
        options = {**row.options, **row.on.get(entry.label or entry.name, {})}
        game = row.label or row.name, SPECS[entry.name].shape, str(options)
        games.setdefault(game, pytest.param(row, entry.name, options, id=f"{game[0]}-{entry.name}"))
    return [*games.values()]


@pytest.mark.parametrize(("row", "dataset", "options"), pairs())
def test_a_device_plays_a_round_of_each_pair_of_standard_alone(row, dataset, options):
    spec, plugin = SPECS[dataset], PluginSpec(row.name, options, str(SUITE.parent))
    variant, data = on_meta(lambda: build("variants", plugin, spec), spec)
    seen = round_of(last_stage(variant), data, TABLE.precision)
    assert min(seen) > 0


@pytest.mark.parametrize(("kind", "name"), PARTS, ids=lambda value: value)
def test_a_device_plays_every_formulation_penalty_and_remedy_alone(kind, name):
    chosen = choose(kind, {"name": name, "steps": 2} if name == "unrolling" else name)
    for spec in (POINTS, IMAGES):
        plugin = plugins.load("variants", "dcgan")
        options = {OPTIONS[kind]: (chosen,) if kind == "remedies" else chosen, "d_norm": "layer"}
        assert min(round_of(*on_meta(lambda: plugin(spec, width=8, batch=8, **options), spec))) > 0  # noqa: B023


@pytest.mark.parametrize("spec", [POINTS, IMAGES], ids=["points", "images"])
@pytest.mark.parametrize("name", DRAWING)
def test_a_device_draws_samples_alone(name, spec):
    """All but BigGAN's standing statistics, whose latents have a generator of their own and whose count is read."""
    plugin = plugins.load("variants", name)
    options = {option: 8 for option in ("width", "batch") if option in plugins.options(plugin)}
    variant, data = on_meta(lambda: plugin(spec, **options), spec)
    like = Batch(data.x, data.y, torch.empty_like(data.x))
    with torch.no_grad(), Watch(META) as watch:
        assert variant.eval().sample(like).shape == data.x.shape
    assert watch.seen.kernels > 0
