"""The only training loop.

It is a generator, so that judging, checkpoints, progress and early stop belong to whoever iterates. Between two yields
nothing waits for the device: batches are drawn there, terms of losses are summed there, and one transfer at the end
of a log interval brings home their means. On CUDA each player's step is captured and replayed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.utils.flop_counter import FlopCounterMode

from ganbench.judges.asking import matrix_precision
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.capture import Captured, Graph, graph_of, make_capturable
from ganbench.variant import Batch, Player, Variant

Precision = Literal["float32", "tf32", "bfloat16"]
Curves = dict[str, float]  # "D.loss", "G.loss", "D.real", ... -> mean over the interval


def train(
    variant: Variant,
    data: Batch,
    budget: Budget,
    ledger: Ledger,
    intervals: int = 100,
    precision: Precision = "float32",
    capture: bool = True,
) -> Iterator[Curves]:
    """Train in `intervals` equal shares of the budget; yield the means of all terms after each.

    `data` is the training split on the variant's device. The ledger is kept up to date in place; one that has already
    spent part of the budget goes on from there. Intervals too short for a round are passed over. Without `capture`
    every step is done eagerly, as it is on devices that have no graphs.
    """
    variant.train().requires_grad_(False)
    steps = PlayerSteps(variant, data, precision, capture)
    ledger.parameters_d, ledger.parameters_g = variant.count_weights()

    for interval in range(1, intervals + 1):
        started, before = perf_counter(), ledger.seconds
        with matrix_precision("ieee" if precision == "float32" else "tf32"):
            while (spent := budget.spent(ledger)) < interval / intervals:
                variant.decay(min(spent, 1.0))
                variant.advance(min(spent, 1.0), ledger.rounds)
                flops = 0
                for player in variant.players:
                    step = steps.of(player)
                    for _ in range(player.repeats):
                        step()
                        flops += step.flops
                enter(ledger, variant, flops)
                ledger.seconds = before + perf_counter() - started
        if steps.means.counts:
            curves = steps.means.bring_home(steps.gradient_norms())  # waits for the device: the clock sees all work
            ledger.seconds = before + perf_counter() - started
            yield curves


class PlayerSteps:
    """The players' steps at the variant's present stage. Those of an earlier stage are gone, and their graphs."""

    def __init__(self, variant: Variant, data: Batch, precision: Precision, capture: bool):
        self.variant, self.data, self.capture = variant, data, capture
        self.autocast = autocast(data.x.device, precision)
        self.means = Means(data.x.device)
        self.weights = {player.name: [*player.weights.parameters()] for player in variant.players}
        self.known, self.latest = dict[tuple[str, int, int], PlayerStep](), dict[str, PlayerStep]()
        for player in variant.players:
            make_capturable(player.optimizer, data.x.device)

    def of(self, player: Player) -> "PlayerStep":
        """The player's step at the present stage."""
        weights, batch = self.weights[player.name], self.variant.batch
        key = player.name, self.variant.stage, batch
        if any(step.refused for step in self.known.values()):
            self.capture, self.known = False, {}
        if key not in self.known:
            self.known = {other: step for other, step in self.known.items() if other[1:] == key[1:]}
            graph = graph_of(self.data.x.device) if self.capture else None
            self.known[key] = PlayerStep(
                lambda: move(player, weights, self.data, batch, self.autocast), weights, self.means, graph
            )
        self.latest[player.name] = self.known[key]
        return self.known[key]

    def gradient_norms(self) -> dict[str, Tensor]:
        """Euclidean norm of the gradient of each player's last step."""
        return {f"{name}.gradient_norm": get_total_norm(step.gradients) for name, step in self.latest.items()}


class PlayerStep:
    """A player's step with batches of one size. Its FLOPs are counted at the first call; a graph records the second."""

    def __init__(
        self, work: Callable[[], dict[str, Tensor]], weights: list[nn.Parameter], means: "Means", graph: Graph | None
    ):
        self.work, self.weights, self.means = work, weights, means
        self.perform = self._work if graph is None else Captured(self._work, graph)
        self.terms: list[str] = []
        self.flops = 0  # of one call
        self.gradients: list[Tensor] = []  # of the latest call: a graph writes them to places of its own

    @property
    def refused(self) -> bool:
        """Whether a graph could not hold it."""
        return isinstance(self.perform, Captured) and bool(self.perform.refusal)

    def __call__(self) -> None:
        if self.terms:
            self.perform()
        else:  # the counter only watches: a counted step computes the same bits as any other
            with FlopCounterMode(display=False) as counter:
                self.perform()
            self.flops = counter.get_total_flops()
        self.means.counts.update(self.terms)

    def _work(self) -> None:
        terms = self.work()
        self.means.add(terms)
        self.terms = [*terms]
        self.gradients = [weight.grad for weight in self.weights if weight.grad is not None]


def move(
    player: Player, weights: list[nn.Parameter], data: Batch, batch: int, autocast: AbstractContextManager[object]
) -> dict[str, Tensor]:
    """Step one player's weights once while everyone else's stay frozen; the terms of its loss, on the device."""
    for weight in weights:
        weight.requires_grad = True
    with autocast:
        loss = player.loss(draw(data, batch))
    terms = {"loss": loss} if isinstance(loss, Tensor) else dict(loss)
    player.optimizer.zero_grad()
    sum(term for term in terms.values() if term.requires_grad).backward()  # type: ignore[union-attr]
    player.optimizer.step()
    player.after_step()
    for weight in weights:
        weight.requires_grad = False
    return {f"{player.name}.{name}": term.detach() for name, term in terms.items()}


class Means:
    """Sums of terms since the last look at them, on the device, and how many steps each is the sum of."""

    def __init__(self, device: torch.device):
        self.device = device
        self.sums: dict[str, Tensor] = {}
        self.counts = Counter[str]()

    def add(self, terms: dict[str, Tensor]) -> None:
        for name in terms:
            if name not in self.sums:
                self.sums[name] = torch.zeros((), device=self.device)
        torch._foreach_add_([self.sums[name] for name in terms], [*terms.values()])

    def bring_home(self, more: dict[str, Tensor]) -> Curves:
        """The means of all terms, and `more`, in one transfer; the sums begin anew."""
        names = [name for name in self.sums if self.counts[name]]
        sums = torch.stack([self.sums[name] for name in names] + [value.float() for value in more.values()])
        counts = [self.counts[name] for name in names] + [1] * len(more)
        curves = {name: value / n for name, value, n in zip([*names, *more], sums.tolist(), counts, strict=True)}
        torch._foreach_zero_([*self.sums.values()])
        self.counts.clear()
        return curves


def draw(data: Batch, n: int) -> Batch:
    """Draw `n` samples with replacement; the second domain is drawn apart, so that no pair meets.

    With replacement, because then the device's generator is the whole state of the stream: a run
    resumes exactly, and a step can be captured.
    """
    device = data.x.device
    i = torch.randint(len(data.x), (n,), device=device)
    x, y = data.x.index_select(0, i), None if data.y is None else data.y.index_select(0, i)
    if data.x_other is None:
        return Batch(x, y)
    j = torch.randint(len(data.x_other), (n,), device=device)
    return Batch(x, y, data.x_other.index_select(0, j))


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Where losses are computed in bfloat16, if that is the precision."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def enter(ledger: Ledger, variant: Variant, flops: int) -> None:
    """Write a round of `flops` floating-point operations into the ledger."""
    ledger.rounds += 1
    ledger.flops += flops
    for player in variant.players:
        images = player.repeats * variant.batch * variant.domains
        ledger.d_updates += player.repeats if player.sees_data else 0
        ledger.g_updates += player.repeats if player.makes_samples else 0
        ledger.images += images if player.sees_data else 0
        ledger.images_g += images if player.compares else 0
