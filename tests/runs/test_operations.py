"""What a round asks of a device is counted, and what a device cannot do alone is refused."""

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from ganbench import plugins
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.operations import (
    META,
    HostWork,
    Operations,
    Watch,
    changes_within_stages,
    on_meta,
    round_of,
    stages,
)  # fmt: skip
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec, Player, Variant

POINTS = DataSpec((2,), 4)
IMAGES = DataSpec((1, 8, 8), 4)


class Line(Variant):
    """One player that fits a line, and does whatever else is planted."""

    batch = 4

    def __init__(self, habit=lambda h: h):
        super().__init__()
        self.line, self.habit = nn.Linear(2, 3, bias=False), habit
        optimizer = SGD(self.line.parameters(), 0.1)
        self.players = [Player("M", self.line, self.fit, optimizer, sees_data=True, makes_samples=True)]

    def fit(self, batch: Batch) -> Tensor:
        return self.habit(self.line(batch.x)).sum()


def played(habit) -> Operations:
    return round_of(*on_meta(lambda: Line(habit), DataSpec((2,))))


# Counting


def test_a_product_is_one_kernel_of_two_operations_for_each_pair_of_numbers_and_reads_and_writes_all_once():
    with Watch(META) as watch:
        torch.empty(4, 8, device=META) @ torch.empty(8, 2, device=META)
    assert watch.seen == Operations(kernels=1, flops=2 * 4 * 8 * 2, bytes=4 * (4 * 8 + 8 * 2 + 4 * 2))


def test_views_and_empty_memory_are_no_work_and_an_expanded_number_is_read_once():
    with Watch(META) as watch:
        wide = torch.empty(3, 4, device=META).t().reshape(-1).narrow(0, 2, 1).expand(100).detach()
        assert watch.seen == Operations(1, 0, 2 * 4 * 12)  # of `reshape`, which copies what it cannot view
        wide.exp()
    assert watch.seen.bytes == 2 * 4 * 12 + 4 * 12 + 4 * 100


def test_a_grouped_operation_is_a_launch_for_each_thirty_tensors_all_of_which_it_reads_and_writes():
    several = [torch.empty(5, device=META) for _ in range(61)]
    with Watch(META) as watch:
        torch._foreach_mul_(several, 2.0)
    assert watch.seen == Operations(3, 0, 2 * 61 * 5 * 4)


def test_a_convolutions_gradient_is_a_kernel_for_each_of_its_results():
    images, layer = torch.empty(2, 1, 8, 8, device=META), nn.Conv2d(1, 3, 3, device=META)
    with Watch(META) as watch:
        layer(images).sum().backward()
    # convolution, sum, ones_like, expand; gradients of weight and bias, but not of the images
    forward = 2 * 2 * 3 * 6 * 6 * 9
    assert watch.seen[:2] == (5, 2 * forward)


def test_a_round_of_a_line_is_counted_by_hand():
    seen = played(lambda h: h)
    assert seen.flops == 2 * (2 * 4 * 2 * 3), "forward, and the gradient of the weights"
    # A batch: randint, index_select. Loss: mm, sum, 0 + it. Gradient: ones_like, mm. Then the step, and the mean's sum.
    assert seen.kernels == 9


def test_the_second_round_is_counted_without_what_the_first_one_makes():
    variant, data = on_meta(lambda: plugins.load("variants", "gan")(POINTS, width=8, batch=8), POINTS)
    assert round_of(variant, data) == round_of(variant, data)
    assert all("exp_avg" in state for player in variant.players for state in player.optimizer.state.values())


@pytest.mark.parametrize("name", ["wgan", "cgan", "cyclegan"])
def test_counted_products_are_those_that_the_ledger_has(name):
    variant = plugins.load("variants", name)
    options = {"width": 8, "batch": 4}
    x, ledger = torch.rand(20, 1, 8, 8), Ledger()
    for _ in train(variant(IMAGES, **options), Batch(x, torch.arange(20) % 4, x), Budget("updates", 1), ledger, 1):
        pass
    assert round_of(*on_meta(lambda: variant(IMAGES, **options), IMAGES)).flops == ledger.flops


# Along a budget


def test_a_growing_variant_has_a_stage_for_each_level_and_all_its_rounds_in_them():
    build = lambda: plugins.load("variants", "progan")(IMAGES, width=8, batch=8, growing=0.5)  # noqa: E731
    found = stages(build, IMAGES, Budget("images", 8_000))
    assert len(found) > 1 and sum(stage.rounds for stage in found) == pytest.approx(1_000)
    assert sum(stage.share for stage in found) == pytest.approx(1)
    small, large = found[0], found[-1]
    assert small.share == pytest.approx(1 / 4, abs=0.01)  # a period to train, while half is for growing by one level
    assert small.operations.flops < large.operations.flops and small.operations.kernels < large.operations.kernels


def test_a_round_is_never_less_than_whole():
    (stage,) = stages(Line, DataSpec((2,)), Budget("updates", 3))
    assert (stage.rounds, stage.share) == (3, 1)


def test_a_budget_of_seconds_has_shares_and_no_rounds():
    (stage,) = stages(Line, DataSpec((2,)), Budget("seconds", 3))
    assert stage.rounds == 0 and stage.share == pytest.approx(1)


def test_a_budget_of_operations_counts_those_of_the_round():
    (stage,) = stages(Line, DataSpec((2,)), Budget("flops", 960))
    assert stage.rounds == 10


def test_a_control_asks_nothing():
    assert stages(lambda: plugins.load("variants", "noise")(POINTS), POINTS, Budget("updates", 3)) == []


# Planted faults


def own_generator(h: Tensor) -> Tensor:
    return h + torch.empty_like(h).uniform_(generator=torch.Generator())


FAULTS = {
    "another device": (lambda h: h + torch.zeros(3), "the device cpu"),
    "another device's sample": (lambda h: h + torch.randn(h.shape).to(h.device), "the device cpu"),
    "a number of the host": (lambda h: h * torch.tensor(2.0), "made of Python's numbers|the device cpu"),
    "a number sent to the device": (lambda h: h * torch.tensor(2.0, device=h.device), "made of Python's numbers"),
    "item": (lambda h: h * h.mean().item(), "to the host"),
    "float": (lambda h: h * float(h.detach().mean()), "to the host"),
    "tolist": (lambda h: h * len(h.tolist()), "the device cpu"),
    "cpu": (lambda h: h * len(h.cpu()), "the device cpu"),
    "a branch on a tensor": (lambda h: h if h.mean() > 0 else -h, "to the host"),
    "equal": (lambda h: h * torch.equal(h, h), "to the host"),
    "nonzero": (lambda h: h[h.sum(1).nonzero()], "to the host"),
    "a mask": (lambda h: h[h > 0], "to the host"),
    "writing by a mask": (lambda h: h.index_put((h > 0,), h.new_zeros(1)), "to the host"),
    "unique": (lambda h: h.sum() + h.detach().unique().sum(), "to the host"),
    "repeats of a tensor": (lambda h: h.repeat_interleave(h.sum(1).long(), 0), "to the host"),
    "a generator of its own": (own_generator, "generator"),
    "Python's randomness": (lambda h: h * random.random(), "Python"),
    "NumPy's randomness": (lambda h: h * np.random.rand(), "NumPy"),
    "the CPU's randomness": (lambda h: h * (torch.rand(()).device.type == "cpu"), "cpu"),
    "double": (lambda h: h.double(), "float64"),
    "a double's view": (lambda h: h.sum(dtype=torch.float64), "float64"),
}


@pytest.mark.parametrize(("habit", "said"), FAULTS.values(), ids=FAULTS)
def test_what_a_device_cannot_do_alone_is_refused(habit, said):
    with pytest.raises(HostWork, match=said):
        played(habit)


def test_what_a_device_can_do_is_not():
    def habit(h: Tensor) -> Tensor:
        chosen = torch.where(h > 0, h, 0.0) + torch.rand_like(h) * torch.randint(3, (3,), device=h.device)
        order = chosen.sum(1).argsort()
        return chosen[order].masked_fill(h < 0, 1.0).clamp(min=0) / len(h) + torch.full_like(h, 2.0)

    assert played(habit).kernels > played(lambda h: h).kernels


def test_a_fault_of_the_gradient_or_of_the_optimiser_is_found_too():
    def spoiled(h: Tensor) -> Tensor:
        h.register_hook(lambda slope: slope * slope.sum().item())
        return h

    with pytest.raises(HostWork, match="to the host"):
        played(spoiled)
    variant, data = on_meta(Line, DataSpec((2,)))
    variant.players[0].after_step = lambda: float(variant.line.weight.sum())
    with pytest.raises(HostWork, match="to the host"):
        round_of(variant, data)


# Between two values of `stage`


def small(name: str, spec: DataSpec) -> Variant:
    plugin = plugins.load("variants", name)
    options = {"width": 8, "batch": 8, "decay_from": 0.5, "blocks": 1}
    return plugin(spec, **{option: value for option, value in options.items() if option in plugins.options(plugin)})


@pytest.mark.parametrize("name", ["wgan", "cyclegan", "progan", "biggan"])
def test_within_a_stage_a_step_is_given_the_same_numbers_and_places(name):
    assert [*changes_within_stages(*on_meta(lambda: small(name, IMAGES), IMAGES))] == []


def test_a_number_of_pythons_and_a_tensor_in_anothers_place_are_seen_unless_the_stage_rises():
    def changes(advance) -> list[str]:
        variant, data = on_meta(lambda: Line(lambda h: h * variant.share), DataSpec((2,)))
        variant.share, variant.advance = 0.0, lambda progress, rounds: advance(variant, progress)
        return [*changes_within_stages(variant, data)]

    assert changes(lambda variant, progress: None) == []
    found = changes(lambda variant, progress: setattr(variant, "share", progress))
    assert found[0] == "aten.mul.Tensor is given 0.375 where it was given 0.125" and len(found) == 3
    found = changes(lambda variant, progress: setattr(variant, "share", torch.empty((), device=META)))
    assert "the tensor at" in found[0]

    def rising(variant, progress) -> None:
        variant.share = variant.stage = int(progress * 2)

    assert changes(rising) == []
