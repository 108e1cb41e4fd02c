"""How many runs share a GPU, and which GPU is a run's."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ganbench.executors.apart import apart

MEMORY_SHARE = 0.9  # of a GPU's free memory that runs may fill
CONTEXT = 1 << 30  # bytes of a GPU that a process takes for itself, with the libraries' workspaces and captured graphs


def runs_per_gpu(free: int, memory: int, cores: int, mps: bool) -> int:
    """How many runs share a GPU, whose free memory is `free` bytes, where each takes up to `memory` of it.

    Some train while others start or are judged on the host. Without MPS they take turns on the GPU, and up to four do;
    with it, whose server lets their kernels run side by side, up to eight. Neither number is measured yet.
    """
    fit = int(free * MEMORY_SHARE) // (memory + CONTEXT)
    return max(1, min(fit, cores, 8 if mps else 4))


def least_busy(devices: int, busy: Iterable[str]) -> str:
    """The GPU that does the fewest of the runs whose devices are given; of several the first."""
    does = Counter(busy)
    return min((f"cuda:{index}" for index in range(devices)), key=lambda device: does[device])


def count_gpus() -> int:
    """GPUs that PyTorch sees."""
    return apart(_count)


def _count() -> int:
    import torch

    return torch.cuda.device_count()


def free_memory(devices: int) -> int:
    """Bytes that are free on each of the GPUs."""
    return apart(_free, devices)


def _free(devices: int) -> int:
    import torch

    return min(torch.cuda.mem_get_info(index)[0] for index in range(devices))


def mps_runs() -> bool:
    """Whether CUDA's multi-process service runs here, which processes then use by themselves.

    https://docs.nvidia.com/deploy/mps: its control daemon has a pipe in a folder that a variable names.
    """
    return Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY") or "/tmp/nvidia-mps", "control").exists()
