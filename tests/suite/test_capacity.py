"""Variants of one size: the width that a number of parameters asks for, and what is said where there is none."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench import plugins
from ganbench.errors import BadSuite
from ganbench.plugins.spec import PluginSpec, build
from ganbench.runs.budget import Budget
from ganbench.runs.spec import RunSpec
from ganbench.store import read
from ganbench.suite import capacity
from ganbench.suite.capacity import TOLERANCE, Size, nearest_sizes
from ganbench.variant import DataSpec

MODELS = [name for name in plugins.names("variants") if plugins.load("variants", name).kind != "control"]
GANS = [name for name in MODELS if plugins.load("variants", name).kind == "variant"]
SPECS = {
    "points": DataSpec((2,), 8),
    "side 16": DataSpec((1, 16, 16), 10),
    "side 32, colour": DataSpec((3, 32, 32), 10),
}
KINDS = (("points", "side 16"), ("points", "side 32, colour"))
AMOUNT = 300_000


def fit(made: PluginSpec, spec: DataSpec, amount: int) -> PluginSpec:
    length = Budget("updates", 1)
    run = RunSpec("", "", made, "", PluginSpec("ring8"), "truth", (), 0, length, 1, 1, "float32")
    return capacity.fit(run, SimpleNamespace(spec=spec), amount).variant


def parameters(made: PluginSpec, spec: DataSpec) -> int:
    """Counted apart from what is tested, on networks with values."""
    counted = [player for player in build("variants", made, spec).players if player.sees_data or player.makes_samples]
    return sum(weight.numel() for player in counted for weight in player.weights.parameters())


# The variants that are installed


# Every variant on points, and on one of the two kinds of images.
@pytest.mark.parametrize(
    ("name", "spec"), [(name, SPECS[kind]) for i, name in enumerate(MODELS) for kind in KINDS[i % 2]]
)
def test_a_model_comes_within_5_percent_or_says_what_it_can_do(name: str, spec: DataSpec) -> None:
    try:
        made = fit(PluginSpec(name), spec, AMOUNT)
    except BadSuite as error:
        words = str(error)
        assert words.startswith(f"No width of {name} comes within 5% of 300,000 parameters: width ")
        made = fit(PluginSpec(name), spec, int(words.partition(" has ")[2].split()[0].strip(",.").replace(",", "")))
        assert f" {parameters(made, spec):,}" in words, "an amount that is offered can be had"
    else:
        assert abs(parameters(made, spec) - AMOUNT) <= TOLERANCE * AMOUNT
        for width in (made.options["width"] - 1, made.options["width"] + 1):
            try:
                other = parameters(PluginSpec(name, {"width": width}), spec)
            except BadSuite:
                continue  # this variant has no such width
            assert abs(other - AMOUNT) >= abs(parameters(made, spec) - AMOUNT), "no neighbour comes nearer"


@pytest.mark.parametrize("name", GANS)
def test_weights_without_values_are_counted_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are for large networks, where drawing the values would take long."""
    plugin, spec = plugins.load("variants", name), DataSpec((1, 8, 8), 10)
    few = {option: 8 for option in ("z_dim", "mapping") if option in plugins.options(plugin)}
    in_full = fit(PluginSpec(name, few), spec, 100_000)
    monkeypatch.setattr(capacity, "LARGE", 0)
    monkeypatch.setattr(RunSpec, "build_variant", on_meta(RunSpec.build_variant))
    assert fit(PluginSpec(name, few), spec, 100_000) == in_full


def on_meta(build: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        made = build(*arguments)
        assert {weight.device.type for player in made.players for weight in player.weights.parameters()} == {"meta"}
        return made

    return checked


@pytest.mark.parametrize("name", sorted({*plugins.names("variants")} - {*MODELS}))
def test_a_control_is_left_alone(name: str) -> None:
    assert fit(PluginSpec(name), SPECS["points"], AMOUNT) == PluginSpec(name)


def test_other_options_stay_and_a_large_amount_is_reached_too() -> None:
    made = fit(PluginSpec("dcgan", {"z_dim": 7}), SPECS["side 16"], 20_000_000)
    assert made.options["z_dim"] == 7
    assert abs(parameters(made, SPECS["side 16"]) - 20_000_000) < 100_000


def test_the_ledger_of_a_run_shows_what_was_promised(
    ganbench: Callable[..., Any], suite_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = suite_file(
        ("updates = 20", "updates = 2, parameters = 20_000"), ("width = 8, ", ""), ("seeds = 2", "seeds = 1")
    )
    ran = ganbench("run", path, "--results", tmp_path / "r", "--only", "gan")
    assert ran.code == 0, ran.err
    run = read(tmp_path / "r").runs.query("label == 'gan'").iloc[0]
    assert run["status"] == "done"
    assert run["parameters_d"] + run["parameters_g"] == pytest.approx(20_000, rel=TOLERANCE)


# What cannot be had


def test_a_width_that_is_given_is_not_overruled() -> None:
    with pytest.raises(BadSuite, match=r"parameters = 300,000 .* and width = 8 in the options of gan.*Leave one of"):
        fit(PluginSpec("gan", {"width": 8}), SPECS["points"], AMOUNT)


def test_a_variant_needs_a_width(resources: Path) -> None:
    with pytest.raises(BadSuite, match=r"but toys\.py:Toy has no option `width`.*or leave .*the parameters out"):
        fit(PluginSpec("toys.py:Toy", {}, str(resources)), SPECS["points"], AMOUNT)


def test_where_fixed_parts_are_too_large_the_options_that_shrink_them_are_named() -> None:
    with pytest.raises(BadSuite, match=r"width 1 has ([\d,]+)\. Ask for \1, or lower z_dim or mapping\.$"):
        fit(PluginSpec("stylegan"), SPECS["points"], AMOUNT)


def test_between_two_widths_both_are_named() -> None:
    """On points SAGAN's width is a multiple of 8."""
    with pytest.raises(
        BadSuite, match=r"width 8 has 2,357, width 16 has ([\d,]+)\. Ask for one of these.*change z_dim"
    ):
        fit(PluginSpec("sagan"), SPECS["points"], 3_300)


def test_what_is_wrong_with_other_options_is_said_as_ever() -> None:
    with pytest.raises(BadSuite, match="Found images of side 28"):
        fit(PluginSpec("dcgan"), DataSpec((1, 28, 28), 10), AMOUNT)
    with pytest.raises(BadSuite, match="Option 'z_dim' of gan: found 'many'"):
        fit(PluginSpec("gan", {"z_dim": "many"}), SPECS["points"], AMOUNT)


def test_what_is_wrong_with_the_players_is_said_as_ever(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from ganbench.variant import Variant\n\n\nclass Empty(Variant):\n"
        "    def __init__(self, spec, *, width: int = 8, steps: int = 0):\n"
        "        super().__init__()\n        self.players, self.batch = [], steps\n"
    )
    with pytest.raises(BadSuite, match=r"mine\.py:Empty takes batches of 0"):
        fit(PluginSpec("mine.py:Empty", {}, str(tmp_path)), SPECS["points"], AMOUNT)


# The search


@settings(deadline=None)
@given(
    fixed=st.integers(0, 5000),
    linear=st.integers(0, 300),
    square=st.integers(0, 30),
    least=st.integers(1, 20),
    step=st.integers(1, 12),
    amount=st.integers(1, 10**7),
)
def test_the_search_finds_the_neighbours_of_any_amount(
    fixed: int, linear: int, square: int, least: int, step: int, amount: int
) -> None:
    def count(width: int) -> int | None:
        return fixed + linear * width + square * width**2 if width >= least and width % step == 0 else None

    sizes = nearest_sizes(count, amount)
    assert sizes
    assert all(size.parameters == count(size.width) for size in sizes)
    if len(sizes) > 1:
        low, high = sizes
        assert low.parameters <= amount <= high.parameters
        between = [width for width in range(low.width + 1, high.width) if count(width) is not None]
        assert amount in (low.parameters, high.parameters) or between == []
    elif sizes[0].parameters >= amount:
        assert [width for width in range(1, sizes[0].width) if count(width) is not None] == []
    else:
        assert sizes[0].width >= capacity.WIDEST


def test_a_search_builds_few() -> None:
    asked = []

    def count(width: int) -> int:
        asked.append(width)
        return 100 + 30 * width + 5 * width**2

    assert [size.width for size in nearest_sizes(count, 1_000_000)] == [444, 445]
    assert len(asked) <= 10


def test_where_no_width_fits_there_is_no_size() -> None:
    assert nearest_sizes(lambda width: None, 1000) == []
    assert nearest_sizes(lambda width: 500 if width == 3 else None, 1000) == [Size(3, 500)]
