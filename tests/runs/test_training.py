"""The loop, on networks so small that everything it counts can be counted by hand."""

from collections import Counter
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import SGD
from torch.utils._python_dispatch import TorchDispatchMode

from ganbench import plugins
from ganbench.plugins.spec import choose
from ganbench.runs import training
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import draw, move, train
from ganbench.variant import Batch, DataSpec, Player, Variant

BATCH = 4
ZOO = [name for name in plugins.names("variants") if plugins.load("variants", name).kind != "control"]


class Tiny(Variant):
    """A line against a line: G maps 3 latents to a point, D maps a point to a score."""

    batch = BATCH

    def __init__(self, d_repeats: int = 1, g_repeats: int = 1):
        super().__init__()
        self.G, self.D = nn.Linear(3, 2), nn.Linear(2, 1)
        self.players = [
            Player("D", self.D, self.d_loss, SGD(self.D.parameters(), 0.01), d_repeats, self.after_d, sees_data=True),
            Player("G", self.G, self.g_loss, SGD(self.G.parameters(), 0.01), g_repeats, makes_samples=True),
        ]
        self.progress: list[tuple[float, int]] = []
        self.trainable: list[tuple[str, set[str]]] = []
        self.steps = Counter[str]()

    def advance(self, progress: float, rounds: int) -> None:
        self.progress.append((progress, rounds))

    def note(self, player: str) -> None:
        self.trainable.append((player, {name for name, weight in self.named_parameters() if weight.requires_grad}))
        self.steps[player] += 1

    def d_loss(self, batch: Batch) -> Tensor | dict[str, Tensor]:
        self.note("D")
        return softplus(self.D(self.sample(batch))).mean() + softplus(-self.D(batch.x)).mean()

    def g_loss(self, batch: Batch) -> Tensor | dict[str, Tensor]:
        self.note("G")
        return softplus(-self.D(self.sample(batch))).mean()

    def after_d(self) -> None:
        self.steps["after D"] += 1

    def sample(self, like: Batch) -> Tensor:
        return self.G(torch.randn(len(like.x), 3))


# Multiplications and additions of one step, 2 for each weight and sample: G has 6 weights, D has 2.
D_STEP = BATCH * 2 * (6 + 2 + 2 + 2 + 2)  # G's samples; D on fake and real, and the weights' gradients of either
G_STEP = BATCH * 2 * (6 + 2 + 2 + 6)  # samples, scores; back through D, whose weights want no gradient, to G's weights


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def data() -> Batch:
    return Batch(torch.randn(50, 2), torch.arange(50) % 5)


def finish(variant: Variant, data: Batch, budget: Budget, intervals: int = 1) -> Ledger:
    ledger = Ledger()
    for _ in train(variant, data, budget, ledger, intervals):
        pass
    return ledger


def bits(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


# Moves


def test_three_rounds_give_finite_losses_under_the_players_names(data):
    (curves,) = train(Tiny(), data, Budget("updates", 3), Ledger(), intervals=1)
    assert list(curves) == ["D.loss", "G.loss", "D.gradient_norm", "G.gradient_norm"]
    assert all(torch.tensor(value).isfinite() for value in curves.values())


@pytest.mark.parametrize("mover", [0, 1])
def test_a_move_changes_its_players_weights_and_nobody_elses(data, mover):
    variant = Tiny()
    variant.requires_grad_(False)
    player, other = variant.players[mover], variant.players[1 - mover]
    before = bits(player.weights), bits(other.weights)
    move(player, [*player.weights.parameters()], data, BATCH, nullcontext())
    assert not any(tensor.equal(before[0][name]) for name, tensor in player.weights.state_dict().items())
    assert same(bits(other.weights), before[1])


def test_only_the_movers_weights_want_a_gradient_and_afterwards_nobodys(data):
    variant = Tiny(d_repeats=2)
    finish(variant, data, Budget("updates", 2))
    d, g = ("D", {"D.weight", "D.bias"}), ("G", {"G.weight", "G.bias"})
    assert variant.trainable == [d, d, g] * 2
    assert not any(weight.requires_grad for weight in variant.parameters())


def test_every_step_of_a_player_is_followed_by_what_it_does_after_a_step(data):
    variant = Tiny(d_repeats=3)
    finish(variant, data, Budget("updates", 4))
    assert variant.steps == {"D": 12, "after D": 12, "G": 4}


def test_terms_with_a_gradient_are_summed_and_all_terms_become_curves(data):
    class Named(Tiny):
        def d_loss(self, batch: Batch) -> dict[str, Tensor]:
            score = self.D(torch.ones(1, 2)).sum()
            return {"loss": 2 * score, "penalty": 3 * score, "seen": score.detach() * 0 + 7}

    variant = Named()
    player = variant.players[0]
    terms = move(player, [*variant.D.parameters()], data, BATCH, nullcontext())
    assert variant.D.bias.grad.item() == pytest.approx(5)
    assert not any(term.requires_grad for term in terms.values())
    (curves,) = train(variant, data, Budget("updates", 2), Ledger(), intervals=1)
    assert {"D.loss", "D.penalty", "D.seen", "G.loss"} <= curves.keys()
    assert curves["D.seen"] == 7


def test_a_curve_is_the_mean_over_all_steps_of_its_interval(data):
    class Counting(Tiny):
        def d_loss(self, batch: Batch) -> dict[str, Tensor]:
            return {"loss": self.D(batch.x).mean(), "round": torch.tensor(len(self.progress))}

    intervals = train(Counting(), data, Budget("updates", 6), Ledger(), intervals=2)
    assert [curves["D.round"] for curves in intervals] == [2, 5]


def test_the_gradient_norm_is_that_of_the_last_step(data):
    variant = Tiny()
    (curves,) = train(variant, data, Budget("updates", 3), Ledger(), intervals=1)
    for name in "DG":
        gradients = torch.cat([weight.grad.flatten() for weight in getattr(variant, name).parameters()])
        assert curves[f"{name}.gradient_norm"] == pytest.approx(gradients.norm().item())


def test_batches_are_drawn_from_the_data_with_their_labels():
    data = Batch(torch.arange(20.0).unsqueeze(1).expand(20, 2), torch.arange(20))
    drawn = draw(data, 500)
    assert drawn.x[:, 0].equal(drawn.y.float())
    assert set(drawn.y.tolist()) == set(range(20))
    assert drawn.x_other is None
    assert draw(data._replace(y=None), 3).y is None


def test_the_second_domain_is_drawn_apart():
    numbers = torch.arange(1000.0).unsqueeze(1)
    drawn = draw(Batch(numbers, None, -numbers[:500]), 200)
    assert len(drawn.x_other) == 200
    assert set((-drawn.x_other).flatten().tolist()) <= set(range(500))
    assert (drawn.x == -drawn.x_other).sum() < 10


# Budgets and the ledger


def test_the_ledger_counts_updates_images_flops_and_parameters(data):
    ledger = finish(Tiny(d_repeats=3, g_repeats=2), data, Budget("updates", 8))
    assert (ledger.rounds, ledger.d_updates, ledger.g_updates) == (4, 12, 8)
    assert ledger.images == 12 * BATCH
    assert ledger.flops == 4 * (3 * D_STEP + 2 * G_STEP)
    assert (ledger.parameters_d, ledger.parameters_g) == (3, 8)
    assert ledger.seconds > 0


class Alone(Variant):
    """A model with one player, which moves a mean towards the data: no game, and no name of one."""

    batch = BATCH

    def __init__(self):
        super().__init__()
        self.mean = nn.Linear(1, 2)
        self.players = [
            Player("F", self.mean, self.misfit, SGD(self.mean.parameters(), 0.1), 2, sees_data=True, makes_samples=True)
        ]

    def misfit(self, batch: Batch) -> Tensor:
        return (self.sample(batch) - batch.x).square().mean()

    def sample(self, like: Batch) -> Tensor:
        return self.mean(torch.ones(len(like.x), 1))


def test_a_player_that_sees_data_and_makes_samples_is_counted_in_both_budgets_and_its_weights_once(data):
    ledger = finish(Alone(), data, Budget("images", 6 * BATCH))
    assert (ledger.rounds, ledger.images, ledger.images_g, ledger.d_updates, ledger.g_updates) == (
        3,
        6 * BATCH,
        0,
        6,
        6,
    )
    assert (ledger.parameters_d, ledger.parameters_g, ledger.parameters) == (0, 4, 4)


def test_roles_decide_what_counts_and_names_are_only_defaults(data):
    variant = Tiny(d_repeats=3)
    critic, maker = variant.players
    assert (critic.sees_data, critic.makes_samples, maker.sees_data, maker.makes_samples) == (True, False, False, True)
    critic.name, maker.name, maker.compares = "critic", "maker", True
    third = nn.Linear(2, 2)
    variant.players.append(Player("Q", third, lambda batch: third(batch.x).mean(), SGD(third.parameters(), 0.1), 7))
    ledger = finish(variant, data, Budget("updates", 2))
    assert (ledger.d_updates, ledger.g_updates, ledger.images, ledger.images_g) == (6, 2, 6 * BATCH, 2 * BATCH)
    assert (ledger.parameters_d, ledger.parameters_g) == (3, 8), "of those that see data or make samples"


@pytest.mark.parametrize(
    ("unit", "amount", "rounds"),
    [
        ("images", 40, 4),
        ("images", 41, 5),
        ("images", 1, 1),
        ("updates", 7, 7),
        ("updates", 6.5, 7),
        ("flops", 3 * (3 * D_STEP + G_STEP), 3),
        ("flops", 3 * (3 * D_STEP + G_STEP) + 1, 4),
        ("seconds", 5, 5),
        ("seconds", 4.5, 5),
    ],
)
@pytest.mark.parametrize("intervals", [1, 3, 100])
def test_every_budget_stops_within_a_round_of_its_amount(data, monkeypatch, unit, amount, rounds, intervals):
    variant = Tiny(d_repeats=3)
    if unit == "images":
        variant.players[0].repeats, variant.batch = 1, 10
    # A clock by which a round takes one second, however often it is read.
    monkeypatch.setattr(training, "perf_counter", lambda: float(len(variant.progress)))
    ledger = finish(variant, data, Budget(unit, amount), intervals)
    assert ledger.rounds == rounds
    assert 0 <= getattr(ledger, unit) - amount < getattr(ledger, unit) / rounds


def test_intervals_too_short_for_a_round_are_passed_over(data):
    assert len([*train(Tiny(), data, Budget("updates", 3), Ledger(), intervals=100)]) == 3
    assert len([*train(Tiny(), data, Budget("updates", 300), Ledger(), intervals=100)]) == 100


def test_a_ledger_that_has_spent_something_goes_on_from_there(data):
    whole, halves = Tiny(), Tiny()
    halves.load_state_dict(whole.state_dict())
    torch.manual_seed(1)
    expected = finish(whole, data, Budget("updates", 10), intervals=4)
    torch.manual_seed(1)
    ledger, intervals = Ledger(), 0
    while ledger.updates < 10:  # a new loop for each interval
        next(train(halves, data, Budget("updates", 10), ledger, intervals=4))
        intervals += 1
    assert intervals == 4
    assert same(bits(whole), bits(halves))
    assert (ledger.rounds, ledger.images, ledger.flops) == (expected.rounds, expected.images, expected.flops)
    assert [*train(halves, data, Budget("updates", 10), ledger, intervals=4)] == []


def test_what_happens_between_intervals_costs_no_seconds(data, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(training, "perf_counter", lambda: clock[0])
    ledger = Ledger()
    for _ in train(Tiny(), data, Budget("updates", 4), ledger, intervals=2):
        clock[0] += 100
    assert ledger.seconds == 0


def test_advance_sees_progress_rise_from_0_and_stay_below_1(data):
    variant = Tiny()
    finish(variant, data, Budget("images", 10 * BATCH), intervals=3)
    assert variant.progress == [(pytest.approx(i / 10), i) for i in range(10)]


def test_the_next_round_has_the_batch_and_the_repeats_that_advance_sets(data):
    class Changing(Tiny):
        def advance(self, progress: float, rounds: int) -> None:
            self.players[0].repeats = 1 + rounds
            self.batch = BATCH * (1 + rounds)

    ledger = finish(Changing(), data, Budget("updates", 3))
    assert ledger.d_updates == 1 + 2 + 3
    assert ledger.images == (1 + 4 + 9) * BATCH
    assert ledger.flops == (1 + 4 + 9) * D_STEP + (1 + 2 + 3) * G_STEP


def test_flops_are_counted_once_for_each_player_and_stage(data, monkeypatch):
    counted = []

    class Counter(training.FlopCounterMode):
        def __enter__(self):
            counted.append(len(variant.progress))
            return super().__enter__()

    class Growing(Tiny):
        def advance(self, progress: float, rounds: int) -> None:
            super().advance(progress, rounds)
            self.stage = rounds // 3

    monkeypatch.setattr(training, "FlopCounterMode", Counter)
    variant = Growing()
    finish(variant, data, Budget("updates", 9))
    assert counted == [1, 1, 4, 4, 7, 7]
    assert variant.stage == 2


def test_counting_flops_does_not_change_a_bit(data, monkeypatch):
    class Blind(nullcontext[object]):
        def __init__(self, display: bool):
            super().__init__(self)

        def get_total_flops(self) -> int:
            return 0

    counted = plugins.load("variants", "dcgan")(DataSpec((2,)), width=8, batch=8)
    uncounted = plugins.load("variants", "dcgan")(DataSpec((2,)), width=8, batch=8)
    uncounted.load_state_dict(counted.state_dict())
    torch.manual_seed(1)
    assert finish(counted, data, Budget("updates", 3)).flops > 0
    torch.manual_seed(1)
    monkeypatch.setattr(training, "FlopCounterMode", Blind)
    assert finish(uncounted, data, Budget("updates", 3)).flops == 0
    assert same(bits(counted), bits(uncounted))


# The host


@pytest.fixture(scope="module")
def no_host(resources):
    """A mode that refuses whatever makes a device hand over a value."""
    asks_the_device = plugins.load("callables", f"{resources.parent / 'runs' / 'tape.py'}:asks_the_device")

    class NoHost(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if asks_the_device(func, args):
                raise AssertionError(f"{func} talks to the host")
            return func(*args, **kwargs or {})

    return NoHost


def finish_without_host(variant: Variant, data: Batch, monkeypatch: pytest.MonkeyPatch, no_host: type) -> Ledger:
    def refuse(*_: object) -> None:
        raise AssertionError("a copy to the host")

    with monkeypatch.context() as patch, no_host():
        patch.setattr(training.Means, "bring_home", lambda means, more: dict.fromkeys(means.sums, 0.0))
        for name in ("tolist", "numpy", "cpu", "__array__"):
            patch.setattr(Tensor, name, refuse)
        # It looks whether the labels are in range, but on a CPU only.
        patch.setattr(torch.nn.functional, "one_hot", lambda y, classes: torch.eye(classes, dtype=y.dtype)[y])
        return finish(variant, data, Budget("updates", 2))


@pytest.mark.parametrize("spec", [DataSpec((2,), 5), DataSpec((1, 16, 16), 5)], ids=["points", "images"])
@pytest.mark.parametrize("name", ZOO)
def test_a_round_looks_at_no_value(monkeypatch, no_host, name, spec):
    plugin = plugins.load("variants", name)
    small = {option: 8 for option in ("width", "batch") if option in plugins.options(plugin)}
    data = Batch(torch.randn(50, *spec.shape), torch.arange(50) % 5, torch.randn(50, *spec.shape))
    variant = plugin(spec, **small)
    variant.prepare(data)
    assert finish_without_host(variant, data, monkeypatch, no_host).rounds > 0


TALK = {
    "a branch": lambda loss: loss if loss > 1 else 2 * loss,
    "item": lambda loss: loss * loss.item(),
    "float": lambda loss: loss * float(loss.detach()),
    "tolist": lambda loss: loss * loss.detach().tolist(),
    "numpy": lambda loss: loss * loss.detach().numpy().max(),
    "a mask": lambda loss: loss.expand(3)[loss.expand(3) > 0].sum(),
    "nonzero": lambda loss: loss * len(loss.expand(3).nonzero()),
}


@pytest.mark.parametrize("talk", TALK.values(), ids=TALK)
def test_a_loss_that_talks_to_the_host_would_be_found_out(data, monkeypatch, no_host, talk):
    class Talking(Tiny):
        def g_loss(self, batch: Batch) -> Tensor:
            return talk(super().g_loss(batch))

    with pytest.raises(AssertionError, match="host"):
        finish_without_host(Talking(), data, monkeypatch, no_host)
    assert finish_without_host(Tiny(), data, monkeypatch, no_host).rounds == 2


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ZOO)
def test_a_round_never_waits_for_the_gpu(monkeypatch, name):
    spec, device = DataSpec((1, 16, 16), 5), torch.device("cuda")
    variant = plugins.load("variants", name)(spec).to(device)
    x = torch.zeros(50, *spec.shape, device=device)
    data = Batch(x, torch.zeros(50, dtype=torch.int64, device=device), x)
    finish(variant, data, Budget("updates", 2))  # what is allocated once may wait
    monkeypatch.setattr(training.Means, "bring_home", lambda means, more: dict.fromkeys(means.sums, 0.0))
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert finish(variant, data, Budget("updates", 3)).rounds == 3
    finally:
        torch.cuda.set_sync_debug_mode("default")


# Precision


def test_bfloat16_keeps_weights_and_curves_in_float32(data):
    variant, ledger = Tiny(), Ledger()
    dtypes = []
    hook = variant.D.register_forward_hook(lambda *args: dtypes.append(args[-1].dtype))
    (curves,) = train(variant, data, Budget("updates", 2), ledger, intervals=1, precision="bfloat16")
    hook.remove()
    assert set(dtypes) == {torch.bfloat16}
    assert {weight.dtype for weight in variant.parameters()} == {torch.float32}
    assert torch.tensor([*curves.values()]).isfinite().all()


@pytest.mark.parametrize(("precision", "expected"), [("float32", "ieee"), ("tf32", "tf32"), ("bfloat16", "tf32")])
def test_tf32_is_used_only_where_it_is_asked_for_and_only_while_training(data, precision, expected):
    kinds = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    during, before = [], [kind.fp32_precision for kind in kinds]

    class Looking(Tiny):
        def note(self, player: str) -> None:
            during.append([kind.fp32_precision for kind in kinds])

    for _ in train(Looking(), data, Budget("updates", 2), Ledger(), intervals=2, precision=precision):
        assert [kind.fp32_precision for kind in kinds] == before
    assert during == [[expected, expected]] * 4


@pytest.mark.parametrize("spec", [DataSpec((2,), 5), DataSpec((1, 8, 8), 5)], ids=["points", "images"])
@pytest.mark.parametrize("name", ZOO)
def test_bfloat16_trains_every_variant_under_every_penalty_on_slopes(name, spec):
    """Penalties are computed in float32: what is a second derivative has no digits to spare."""
    plugin = plugins.load("variants", name)
    known = plugins.options(plugin)
    small = {option: 8 for option in ("width", "batch") if option in known}
    data = Batch(torch.rand(20, *spec.shape) * 2 - 1, torch.arange(20) % 5, torch.rand(20, *spec.shape) * 2 - 1)
    penalties = [{"penalty": choose("penalties", name)} for name in ("gradient", "dragan", "r1")]
    for penalty in penalties if "penalty" in known else [{}]:
        variant = plugin(spec, **penalty, **small, **{"d_norm": "none"} if "d_norm" in known else {})
        (curves,) = train(variant, data, Budget("updates", 1), Ledger(), intervals=1, precision="bfloat16")
        assert torch.tensor([*curves.values()]).isfinite().all()
        assert {weight.dtype for weight in variant.parameters()} == {torch.float32}
