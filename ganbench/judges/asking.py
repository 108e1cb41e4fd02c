"""How a frozen network is asked: a few samples at a time, without gradients, in 32-bit arithmetic."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ganbench.judges import Judged


def ask(
    net: Callable[[Tensor], Sequence[Tensor]], x: Tensor, at_once: int = 100, device: torch.device | None = None
) -> Judged:
    """What `net` says of samples (n, *shape), asked in pieces of `at_once`: features and logits, float32 on the CPU.

    The pieces are shown on `device`, or where they are. Neither autocast nor TF32 reaches the net, and both are
    afterwards as they were.
    """
    # Of no samples the answers have a width too.
    asked, device = x if len(x) else x.new_zeros(1, *x.shape[1:]), device or x.device
    with torch.inference_mode(), torch.autocast(device.type, enabled=False), full_precision():
        pieces = (piece.to(device).float() for piece in torch.split(asked, at_once))
        answers = [[part.float().cpu() for part in net(piece)] for piece in pieces]
    return Judged(*(torch.cat(parts)[: len(x)] for parts in zip(*answers, strict=True)))


@contextmanager
def full_precision() -> Iterator[None]:
    """Switch TF32 and its like off, which training may have switched on for the whole process."""
    backends: Any = torch.backends
    switches = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv]
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "ieee"
        yield
    finally:
        for switch, precision in zip(switches, before, strict=True):
            switch.fp32_precision = precision
