"""Judges are asked in pieces, exactly, and nobody notices."""

import pytest
import torch
from torch import Tensor

from ganbench.judges.asking import ask

NET = torch.nn.Linear(6, 3)


def net(x: Tensor) -> tuple[Tensor, Tensor]:
    assert len(x) <= 4
    return x * 2, NET(x)


@pytest.mark.parametrize("n", [0, 1, 4, 11])
def test_pieces_come_together_in_order(n: int) -> None:
    x = torch.randn(n, 6, requires_grad=True)
    said = ask(net, x, at_once=4)
    assert said.features.equal(x.detach() * 2)
    assert said.logits.shape == (n, 3)
    assert not said.logits.requires_grad


def test_no_other_precision_reaches_the_net_and_nothing_stays_changed() -> None:
    x = torch.randn(8, 6)
    expected, before = ask(net, x, 4), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = ask(net, x.double(), 4)
            assert torch.is_autocast_enabled("cpu")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert found.logits.equal(expected.logits)
    assert {part.dtype for part in found} == {torch.float32}


def test_a_net_that_raises_leaves_precision_as_it_was() -> None:
    switch = torch.backends.cuda.matmul
    before = switch.fp32_precision
    with pytest.raises(ZeroDivisionError):
        ask(lambda x: [x / (1 // 0)], torch.zeros(1, 2))
    assert switch.fp32_precision == before
