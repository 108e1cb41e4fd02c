"""Between two values of `stage`, `advance` only fills tensors: so a round can be captured once for each stage."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganbench import plugins
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec, Player, Variant
from ganbench.zoo.gan import GAN

ZOO = [name for name in plugins.names("variants") if plugins.load("variants", name).kind != "control"]
POINTS, IMAGES = DataSpec((2,), 4), DataSpec((1, 16, 16), 4)
# Options that let a schedule pass all its stages within the few rounds of the test.
BRIEF = {
    "width": 8,
    "batch": 2,
    "standing": 1,
    "ema_start": 3,
    "warmup": True,
    "pool": 4,
    "blocks": 1,
    "decay_from": 0.3,
    "levels": 8,
    "layers": 2,
}
ROUNDS = 28  # the last three of them after the warm-up of a critic


def fixed(value: Any) -> Any:
    """A value as something that can be compared later; of a tensor, a network or an optimiser, which one it is."""
    if isinstance(value, Tensor | nn.Module | Optimizer):
        return id(value)
    if isinstance(value, Player):
        return {field.name: fixed(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: fixed(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [fixed(each) for each in value]
    return value


def structure(variant: Variant) -> dict[str, Any]:
    """All that is no value of a tensor: attributes of all modules, where tensors lie, settings of the optimisers."""
    attributes = {f"{name}.{key}": v for name, m in variant.named_modules() for key, v in vars(m).items()}
    tensors = [tensor.data_ptr() for tensor in [*variant.parameters(), *variant.buffers()]]
    groups = [player.optimizer.param_groups for player in variant.players]
    return fixed({**attributes, "tensors": tensors, "groups": groups})  # type: ignore[no-any-return]


def moments(variant: Variant) -> Any:
    return fixed([[*player.optimizer.state.values()] for player in variant.players])


def changes(variant: Variant, spec: DataSpec) -> set[str]:
    """What `advance` changes beside the values of tensors while it leaves the stage as it is."""
    by_stage: dict[int, dict[str, Any]] = {}
    changed: set[str] = set()
    advance = variant.advance

    def watched(progress: float, rounds: int) -> None:
        stage, state = variant.stage, moments(variant)
        advance(progress, rounds)
        now = structure(variant)
        before = by_stage.setdefault(variant.stage, now)
        changed.update(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if stage == variant.stage and state != moments(variant):
            changed.add("moments")

    variant.advance = watched  # type: ignore[method-assign]
    x = torch.rand(20, *spec.shape) * 2 - 1
    data = Batch(x, torch.arange(20) % spec.classes, -x)
    for _ in train(variant, data, Budget("updates", ROUNDS), Ledger(), intervals=2):
        pass
    return changed


@pytest.mark.parametrize("spec", [POINTS, IMAGES], ids=["points", "images"])
@pytest.mark.parametrize("name", ZOO)
def test_between_two_values_of_stage_only_the_values_of_tensors_change(name: str, spec: DataSpec) -> None:
    plugin = plugins.load("variants", name)
    torch.manual_seed(0)
    variant = plugin(spec, **{key: value for key, value in BRIEF.items() if key in plugins.options(plugin)})
    assert changes(variant, spec) == set()


def change_batch(variant: GAN, rounds: int) -> None:
    variant.batch = 4 + 4 * (rounds > 5)


def change_repeats(variant: GAN, rounds: int) -> None:
    variant.players[0].repeats = 1 + (rounds > 5)


def change_rate(variant: GAN, rounds: int) -> None:
    variant.players[0].optimizer.param_groups[0]["lr"] = 0.1 / (1 + rounds)


def forget_moments(variant: GAN, rounds: int) -> None:
    if rounds == 5:
        variant.players[1].optimizer.state.clear()


def replace_a_buffer(variant: GAN, rounds: int) -> None:
    variant.register_buffer("share", torch.tensor(rounds / ROUNDS))


def return_to_another_round(variant: GAN, rounds: int) -> None:
    variant.stage = rounds % 2
    variant.batch = 4 + 4 * (rounds > 5)


@pytest.mark.parametrize(
    ("habit", "caught"),
    [
        (change_batch, {".batch"}),
        (change_repeats, {".players"}),
        (change_rate, {"groups"}),
        (forget_moments, {"moments"}),
        (replace_a_buffer, {"._buffers"}),
        (return_to_another_round, {".batch"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_variant_that_changes_more_is_caught(habit: Callable[[GAN, int], None], caught: set[str]) -> None:
    class Breaks(GAN):
        def advance(self, progress: float, rounds: int) -> None:
            habit(self, rounds)

    found = changes(Breaks(POINTS, width=8, batch=4), POINTS)
    assert found and found & caught
