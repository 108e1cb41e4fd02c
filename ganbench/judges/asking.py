"""How a frozen network is asked: a few samples at a time, without gradients, in 32-bit arithmetic."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

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
    with torch.inference_mode(), torch.autocast(device.type, enabled=False), matrix_precision("ieee"):
        pieces = (piece.to(device).float() for piece in torch.split(asked, at_once))
        answers = [[part.float().cpu() for part in net(piece)] for piece in pieces]
    return Judged(*(torch.cat(parts)[: len(x)] for parts in zip(*answers, strict=True)))


BACKENDS: Any = torch.backends  # whose types do not say all that oneDNN's has
MATRIX_SWITCHES = BACKENDS.cuda.matmul, BACKENDS.cudnn.conv, BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv


@contextmanager
def matrix_precision(precision: Literal["ieee", "tf32"]) -> Iterator[None]:
    """Arithmetic of float32 matrix products and convolutions, inside: 32 bits, or TF32 where the device has it."""
    before = [switch.fp32_precision for switch in MATRIX_SWITCHES]
    try:
        set_matrix_precision(precision)
        yield
    finally:
        for switch, earlier in zip(MATRIX_SWITCHES, before, strict=True):
            switch.fp32_precision = earlier


def set_matrix_precision(precision: Literal["ieee", "tf32"]) -> None:
    """The same, for good. PyTorch's own default is TF32 for cuDNN's convolutions."""
    for switch in MATRIX_SWITCHES:
        switch.fp32_precision = precision
