"""The only training loop.

It is a generator, so that judging, checkpoints, progress and early stop belong to whoever iterates.
Inside a lap nothing waits for the device: batches are gathered there, losses stay there, and one
transfer at the lap's end brings home their means.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.utils.flop_counter import FlopCounterMode

from ganbench.runs.budget import Budget, Ledger
from ganbench.variant import Batch, Player, Variant

Precision = Literal["float32", "tf32", "bfloat16"]
Curves = dict[str, float]  # "D.loss", "G.loss", "D.real", ... -> mean over the lap


def train(
    variant: Variant, data: Batch, budget: Budget, ledger: Ledger, laps: int = 100, precision: Precision = "float32"
) -> Iterator[Curves]:
    """Train in `laps` equal shares of the budget; yield the curves' means after each.

    `data` is the training split on the variant's device. The ledger is kept up to date in place;
    one that has already spent part of the budget goes on from there. Laps too short for a round
    are passed over.
    """
    variant.train().requires_grad_(False)
    weights = {player.name: [*player.weights.parameters()] for player in variant.players}
    ledger.parameters_d, ledger.parameters_g = variant.count_weights()
    flops: dict[object, int] = {}  # of a round, by its shape
    device = data.x.device.type
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "float32"
    autocast = torch.autocast(device, torch.bfloat16) if precision == "bfloat16" else nullcontext()

    for lap in range(1, laps + 1):
        history: dict[str, list[Tensor]] = defaultdict(list)
        started, before = perf_counter(), ledger.seconds
        while (spent := budget.spent(ledger)) < lap / laps:
            variant.advance(min(spent, 1.0), ledger.rounds)
            shape = (variant.stage, variant.batch, *(player.repeats for player in variant.players))
            # The counter only watches: a counted round computes the same bits as any other.
            counter = None if shape in flops else FlopCounterMode(display=False)
            with counter or nullcontext():
                for player in variant.players:
                    terms = move(player, weights[player.name], data, variant.batch, autocast)
                    for term, value in terms.items():
                        history[f"{player.name}.{term}"].append(value)
            if counter:
                flops[shape] = counter.get_total_flops()
            _enter(ledger, variant, flops[shape])
            ledger.seconds = before + perf_counter() - started
        if history:
            for player in variant.players:
                history[f"{player.name}.gradient_norm"] = [_gradient_norm(weights[player.name])]
            curves = _means(history)  # waits for the device, so the clock below counts the work in full
            ledger.seconds = before + perf_counter() - started
            yield curves


def move(
    player: Player, weights: list[nn.Parameter], data: Batch, batch: int, autocast: AbstractContextManager[object]
) -> dict[str, Tensor]:
    """Step one player's weights while everyone else's stay frozen; the last step's terms, on the device."""
    for weight in weights:
        weight.requires_grad = True
    for _ in range(player.repeats):
        with autocast:
            loss = player.loss(draw(data, batch))
        terms = {"loss": loss} if isinstance(loss, Tensor) else dict(loss)
        player.optimizer.zero_grad()
        sum(term for term in terms.values() if term.requires_grad).backward()  # type: ignore[union-attr]
        player.optimizer.step()
        player.after_step()
    for weight in weights:
        weight.requires_grad = False
    return {name: term.detach() for name, term in terms.items()}


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


def _enter(ledger: Ledger, variant: Variant, flops: int) -> None:
    ledger.rounds += 1
    ledger.flops += flops
    for player in variant.players:
        images = player.repeats * variant.batch * variant.domains
        ledger.d_updates += player.repeats if player.sees_data else 0
        ledger.g_updates += player.repeats if player.makes_samples else 0
        ledger.images += images if player.sees_data else 0
        ledger.images_g += images if player.compares else 0


def _gradient_norm(weights: list[nn.Parameter]) -> Tensor:
    """Euclidean norm of the gradient of a player's last step."""
    return get_total_norm([weight.grad for weight in weights if weight.grad is not None])


def _means(history: dict[str, list[Tensor]]) -> Curves:
    means = torch.stack([torch.stack(values).float().mean() for values in history.values()])
    return dict(zip(history, means.tolist(), strict=True))
