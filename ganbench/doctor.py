"""What works on this machine, and what to do about the rest."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version

from ganbench.errors import BenchError

Finding = tuple[bool, str, str]  # good, what, remark

PACKAGES = ("torch", "torchvision", "torch-fidelity", "pandas", "plotly", "safetensors")


def findings() -> Iterator[Finding]:
    """Look at packages, device, datasets and judges, one by one."""
    yield True, "python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    for package in PACKAGES:
        yield True, package, version(package)
    yield _cuda()
    yield from _datasets()
    yield _mnist_judge()
    yield _inception_judge()
    yield _trained_judge()


def _cuda() -> Finding:
    import torch

    if torch.cuda.is_available():
        return True, "cuda", torch.cuda.get_device_name()
    cause = "torch is built without it" if torch.version.cuda is None else "torch sees no device or driver"
    other = torch.accelerator.current_accelerator(check_available=True)
    unless = f" unless `--device {other.type}` says otherwise" if other else ""
    return False, "cuda", f"not here ({cause}); runs use the CPU{unless}. `quick` is made for that, `standard` is not."


def _datasets() -> Iterator[Finding]:
    from ganbench.data.files import published

    try:
        published_files = dict.fromkeys(published().values())
    except BenchError as error:
        yield False, "datasets", str(error)
        return
    for files in published_files:
        if paths := files.find(files.names):
            yield True, files.dataset, str(paths[0].parent)
        else:
            cure = f"not here: `ganbench data fetch {files.dataset}`, or --data-dir. {files.instead}"
            yield False, files.dataset, cure.strip()


def _mnist_judge() -> Finding:
    from ganbench.data.mnist import Mnist5k
    from ganbench.judges.mnist import MnistJudge

    try:
        judge = MnistJudge(Mnist5k())
        n = len(judge.reference("test").features)
    except Exception as error:  # whatever a damaged file makes its reader raise
        return False, "judge mnist", f"its files are damaged ({error}). Install ganbench again."
    return True, "judge mnist", f"key {judge.key[:12]}, features of {n:,} test digits"


def _inception_judge() -> Finding:
    from ganbench.judges import inception

    try:
        path = inception.find_weights()
        if path is None:
            cure = f"they are downloaded when first needed, 96 MB; or set {inception.VARIABLE} to a file of them"
            return False, "judge inception", f"no weights in {inception.hub_folder()}: {cure}"
        inception.check_weights(path)
    except (BenchError, OSError) as error:
        return False, "judge inception", str(error)
    return True, "judge inception", str(path)


def _trained_judge() -> Finding:
    from ganbench.judges import image_classifier as classifier

    files = sorted(classifier.weights_folder().glob("*.safetensors"))
    try:
        datasets = [f"{file.stem} {classifier.read_weights(file)[0]['shape']}" for file in files]
    except BenchError as error:
        return False, "judge trained", str(error)
    if not datasets:
        return False, "judge trained", "for no dataset yet: `ganbench judge train DATASET` makes one"
    return True, "judge trained", f"for {', '.join(datasets)} in {classifier.weights_folder()}"
