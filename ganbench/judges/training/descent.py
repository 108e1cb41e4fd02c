"""How a classifier descends: AdamW at a one-cycle rate, in shuffled batches."""

from collections.abc import Callable, Iterable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

BATCH = 128  # images in a step
RATE = 3e-3  # at its highest


def descend(
    parameters: Iterable[nn.Parameter],
    logits: Callable[[Tensor], Tensor],
    make_batch: Callable[[Tensor], tuple[Tensor, Tensor]],
    n: int,
    epochs: int,
    g: Generator,
    report: Callable[[int, float], None],
) -> None:
    """Descend the cross-entropy of `logits`, by AdamW at a one-cycle rate.

    `make_batch` makes images and labels of the indices of a batch, among `n`; `report` gets the number of each epoch,
    from 1, and the loss of its last batch.
    """
    steps = epochs * (n // min(BATCH, n))
    optimizer = torch.optim.AdamW(parameters, weight_decay=0.02)
    # torch divides by zero in a cycle of five steps.
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=max(steps, 10), pct_start=0.2)
    for epoch in range(1, epochs + 1):
        for chosen in shuffled_batches(n, g):
            x, y = make_batch(chosen)
            loss = F.cross_entropy(logits(x), y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        report(epoch, loss.item())


def shuffled_batches(n: int, g: Generator) -> Tensor:
    """Indices of an epoch, (batches, BATCH) or fewer; the few that fill no batch wait for another epoch."""
    size = min(BATCH, n)
    return torch.randperm(n, generator=g)[: n // size * size].view(-1, size)
