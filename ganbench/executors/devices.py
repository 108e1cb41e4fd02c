"""Which device a command computes on: what was asked for, if it is there."""

from typing import TYPE_CHECKING, Literal

from ganbench.errors import NoDevice

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda", "mps", "xpu"]  # as one may ask for it


def device_type(device: str) -> str:
    """The type of the device that is asked for, if it is there. Raises NoDevice."""
    return choose_device(device).type


def choose_device(device: str) -> "torch.device":
    """`auto` is CUDA where there is one; other accelerators of torch's are taken if asked for. Raises NoDevice."""
    import torch

    here = torch.accelerator.current_accelerator(check_available=True)
    found = "cpu" if here is None else here.type
    if device not in ("auto", "cpu", found):
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        sees = "no accelerator" if here is None else f"one of the type {found}"
        raise NoDevice(
            f"No {device.upper()} device found: torch {torch.__version__}, {built}, sees {sees}. "
            f"Use --device {found}, or see `ganbench doctor`."
        )
    return torch.device(("cuda" if found == "cuda" else "cpu") if device == "auto" else device)
