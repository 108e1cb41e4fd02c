"""What works on this machine, and what to do about the rest."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version

Finding = tuple[bool, str, str]  # good, what, remark

PACKAGES = ("torch", "torchvision", "torch-fidelity", "pandas", "plotly", "safetensors")


def findings() -> Iterator[Finding]:
    yield True, "python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    for package in PACKAGES:
        yield True, package, version(package)
    yield _cuda()
    yield _mnist()
    yield _judge()


def _cuda() -> Finding:
    import torch

    if torch.cuda.is_available():
        return True, "cuda", torch.cuda.get_device_name()
    cause = "torch is built without it" if torch.version.cuda is None else "torch sees no device or driver"
    return False, "cuda", f"not here ({cause}); runs use the CPU. `quick` is made for that, `standard` is not."


def _mnist() -> Finding:
    from ganbench.data.mnist import find_mnist

    if found := find_mnist():
        return True, "mnist", str(found[0].parent)
    return False, "mnist", "not here: `ganbench data fetch mnist`, or --data-dir. `mnist5k` works without."


def _judge() -> Finding:
    from ganbench.data.mnist import Mnist5k
    from ganbench.judges.mnist import MnistJudge

    try:
        judge = MnistJudge(Mnist5k())
        n = len(judge.reference("test").features)
    except Exception as error:  # whatever a damaged file makes its reader raise
        return False, "judge mnist", f"its files are damaged ({error}). Install ganbench again."
    return True, "judge mnist", f"key {judge.key[:12]}, features of {n:,} test digits"
