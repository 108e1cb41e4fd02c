"""Which device a command computes on: what was asked for, if it is there."""

import pytest
import torch

from ganbench.errors import NoDevice
from ganbench.executors.devices import choose_device


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch):
    """Puts an accelerator of some type in the machine, or None."""

    def put(kind: str | None) -> None:
        found = None if kind is None else torch.device(kind)
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: found)

    return put


@pytest.mark.parametrize(
    ("there", "asked", "taken"),
    [
        (None, "auto", "cpu"), (None, "cpu", "cpu"),
        ("cuda", "auto", "cuda"), ("cuda", "cuda", "cuda"), ("cuda", "cpu", "cpu"),
        ("mps", "auto", "cpu"), ("mps", "mps", "mps"), ("xpu", "xpu", "xpu"),
    ],
)  # fmt: skip
def test_a_device_is_taken_if_it_is_there_and_auto_takes_only_what_is_measured(accelerator, there, asked, taken):
    accelerator(there)
    assert choose_device(asked) == torch.device(taken)


@pytest.mark.parametrize(
    ("there", "asked", "said"),
    [
        (None, "cuda", "No CUDA device found: .* sees no accelerator. Use --device cpu"),
        ("mps", "cuda", "No CUDA device found: .* sees one of the type mps. Use --device mps"),
        ("cuda", "xpu", "No XPU device found: .* sees one of the type cuda. Use --device cuda"),
    ],
)
def test_a_device_that_is_not_there_is_refused_with_what_is(accelerator, there, asked, said):
    accelerator(there)
    with pytest.raises(NoDevice, match=said):
        choose_device(asked)
