"""Samples from elsewhere: read, checked, judged as a run's own are, and set on the same board.

Nobody knows what they have cost, so their rows say that the budget is unverified.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ganbench import plugins
from ganbench.data import Dataset, pictures
from ganbench.errors import BadResults, BenchError, UnknownName
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget
from ganbench.runs.judging import Judgement, Work
from ganbench.runs.record import State, given_to, write_record, write_shown
from ganbench.runs.run import SHOWN
from ganbench.runs.sampling import Drawn, Sampler, load_run, sampling_seed
from ganbench.runs.spec import RunSpec, check_trust, complete, recorded
from ganbench.store.columns import NOT_SAID, SCORE_COLUMNS
from ganbench.store.files import read_array, read_arrays
from ganbench.store.folder import Store
from ganbench.variant import DataSpec, Variant

SAVE = "Save it by numpy.save or numpy.savez, as float32 or uint8."
USUAL = 10_000  # samples, where no suite says how many


class ExternalSamples(Variant):
    """Stands for samples that came from elsewhere; it was not trained here."""

    def __init__(self) -> None:
        super().__init__()
        self.players = []


class JudgedSamples(NamedTuple):
    """One source of samples as a run of no length."""

    spec: RunSpec
    state: State
    work: Work
    x: Tensor  # (n, *shape) on the device


def spec_for(dataset: str, samples: int | None) -> RunSpec:
    """How samples are judged where no suite says it: by the dataset's own judge and that judge's metrics."""
    spec = RunSpec(
        suite="", label="", variant=PluginSpec("external"), dataset_label=dataset, dataset=PluginSpec(dataset),
        judge="", metrics=(), seed=0, budget=Budget("images", 0), evaluations=1, samples=samples or USUAL,
        precision="float32",
    )  # fmt: skip
    return complete(spec, spec.build_dataset())


def spec_from_results(results: Path, dataset: str, allow_plugins: bool = False) -> RunSpec:
    """How the runs of a suite's results are judged on the dataset of that label. Raises BadResults or UnknownName."""
    specs: dict[str, tuple[RunSpec, Path]] = {}
    for file in sorted(results.glob("*/run.json")):
        spec = replace(recorded(file.parent), variant=PluginSpec("external"))
        specs.setdefault(spec.dataset_label, (spec, file.parent))
    if not specs:
        raise BadResults(f"{results} holds no finished run. Name the folder of a suite: <results>/<suite>.")
    if dataset not in specs:
        raise UnknownName(f"datasets of {results}", dataset, specs)
    spec, folder = specs[dataset]
    check_trust(spec, folder, allow_plugins)
    return replace(spec, budget=Budget("images", 0), scale=1.0)


def judge_external(
    sources: Sequence[str],
    label: str,
    like: RunSpec,
    device: torch.device,
    skip_corrupt: bool = False,
    allow_plugins: bool = False,
) -> list[JudgedSamples]:
    """Judge each source as a run is judged at its end, as seeds 0, 1, ... of one row.

    A source is a folder of images, a .npy or .npz file, a run's folder, or `module:callable`. Raises BenchError if it
    holds anything but samples of that dataset.
    """
    dataset = like.build_dataset()
    work = Work(dataset, like.build_judge(dataset), like.load_metrics(), ExternalSamples(), device)
    judged = []
    for seed, source in enumerate(sources):
        drawn = read_samples(source, dataset, like, device, skip_corrupt, allow_plugins)
        content = PluginSpec("external", {"samples": sha256(drawn.x.cpu().numpy().tobytes()).hexdigest()})
        spec = replace(like, label=label, seed=seed, samples=len(drawn.x), variant=content)
        rows, _ = Judgement(spec, work).scores(drawn, "test", "last", images=0)
        given = NOT_SAID if drawn.variant is None else given_to(drawn.variant)
        state = State(scores=rows + [{**row, "checkpoint": "selected"} for row in rows], given=given)
        judged.append(JudgedSamples(spec, state, work, drawn.x))
    return judged


def add_to_results(results: Path, judged: list[JudgedSamples]) -> None:
    """Set them beside a suite's runs, in place of earlier ones of that label on that dataset."""
    store = Store(results.parent, results.name)
    for spec, state, work, x in judged:
        workdir = store.external_workdir()
        write_record(replace(spec, suite=results.name), workdir, "done", "", state, work, external=True)
        write_shown(workdir, x[: SHOWN[work.dataset.spec.is_image]])
        store.publish_external(workdir, spec.label, spec.dataset_label, spec.seed)


def score_table(judged: list[JudgedSamples]) -> pd.DataFrame:
    """Their scores in the columns of the store, one row for each."""
    rows = [
        {**asdict(spec.identity), "judge": spec.judge, "status": "done", **row}
        for spec, state, _, _ in judged
        for row in state.scores
        if row["checkpoint"] == "last"
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


# Sources


def read_samples(
    source: str,
    dataset: Dataset,
    like: RunSpec,
    device: torch.device,
    skip_corrupt: bool = False,
    allow_plugins: bool = False,
) -> Drawn:
    """`like.samples` of what a source holds, picked at random if there are more; fewer, if it has no more."""
    path = Path(source)
    if (path / "run.json").is_file():
        return _of_run(path, dataset, like, device, allow_plugins)
    if path.is_dir():
        x = fitting(_pictures(path, dataset.spec, skip_corrupt), dataset, source)
    elif path.suffix in (".npy", ".npz"):
        x = fitting(_array(path), dataset, source)
    elif ":" in source:
        x = fitting(_called(source, like.samples), dataset, source)
    else:
        raise BadResults(
            f"{source} is no folder, no .npy or .npz file and no module:callable. Samples come as one of these."
        )
    if len(x) > like.samples:
        x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[: like.samples]]
    return Drawn(x.to(device))


def fitting(found: np.ndarray[Any, Any], dataset: Dataset, source: str) -> Tensor:
    """Points (n, 2), or images (n, [c,] h, w [, c]) as bytes or in [-1, 1] -> (n, *shape) as the dataset has them.

    Raises BadResults if the numbers or the shape are not those of such samples.
    """
    spec = dataset.spec
    if found.dtype != np.uint8 and not np.issubdtype(found.dtype, np.floating):
        raise BadResults(f"{source} holds numbers of type {found.dtype}. Samples are floats, images also uint8.")
    if not spec.is_image:
        if found.ndim != 2 or found.shape[1:] != spec.shape or found.dtype == np.uint8:
            raise BadResults(
                f"{source} has shape {found.shape}, type {found.dtype}; points are (n, {spec.shape[0]}) floats."
            )
        return _finite(torch.from_numpy(found).float(), source)
    x = torch.from_numpy(_channels_first(found, spec, source))
    if found.dtype == np.uint8:
        x = x.float() / 127.5 - 1
    x = _finite(x.float(), source)
    low, high = x.aminmax()
    if low < -1 - 1e-3 or high > 1 + 1e-3:
        raise BadResults(
            f"{source} has pixels from {low:.4g} to {high:.4g}. Floats lie in [-1, 1]: scale them, or save uint8."
        )
    return dataset.fit(x.clamp(-1, 1))


def _channels_first(found: np.ndarray[Any, Any], spec: DataSpec, source: str) -> np.ndarray[Any, Any]:
    """(n, h, w), (n, h, w, c) or (n, c, h, w) -> (n, c, h, w) of the right number of channels, square."""
    images = found[:, None] if found.ndim == 3 else found
    if images.ndim == 4 and images.shape[1] != spec.channels and images.shape[3] == spec.channels:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] != spec.channels or images.shape[2] != images.shape[3]:
        raise BadResults(
            f"{source} has shape {found.shape}; images of this dataset are (n, {spec.channels}, side, side) "
            f"or (n, side, side, {spec.channels})."
        )
    return np.ascontiguousarray(images)


def _finite(x: Tensor, source: str) -> Tensor:
    bad = int((~x.isfinite()).flatten(1).any(1).sum())
    if bad or not len(x):
        what = f"{bad:,} of {len(x):,} samples with numbers that are not finite" if bad else "no samples at all"
        raise BadResults(f"{source} holds {what}. Leave them out, or see how they came about.")
    return x


def _array(path: Path) -> np.ndarray[Any, Any]:
    if path.suffix == ".npy":
        return read_array(path, SAVE)
    loaded = read_arrays(path, SAVE)
    if len(loaded) != 1 and "samples" not in loaded:
        raise BadResults(f"{path} holds {', '.join(loaded) or 'nothing'}. Name the one of the samples `samples`.")
    return loaded["samples"] if "samples" in loaded else next(iter(loaded.values()))


def _called(source: str, n: int) -> np.ndarray[Any, Any]:
    """What `module:callable` or `file.py:callable` returns for `n`: a tensor or an array."""
    name, _, attribute = source.rpartition(":")
    try:
        make = plugins.load("callables", source) if name.endswith(".py") else _attribute(name, attribute)
        found = make(n)
    except BenchError:
        raise
    except Exception as error:
        raise BadResults(f"{source} does not give samples: {type(error).__name__}: {error}.") from error
    if isinstance(found, Tensor):
        return found.detach().cpu().numpy()
    if not isinstance(found, np.ndarray):
        raise BadResults(f"{source} returned a {type(found).__name__}, but needs to return a tensor or an array.")
    return found


def _attribute(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _pictures(folder: Path, spec: DataSpec, skip_corrupt: bool) -> np.ndarray[Any, Any]:
    """(n, h, w, c) bytes of all images in a folder and below it, by name. Raises BadResults."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in pictures.SUFFIXES)
    if not files or not spec.is_image:
        raise BadResults(f"{folder} holds {len(files):,} images, but needs to hold samples of shape {spec.shape}.")
    mode = "L" if spec.channels == 1 else "RGB"
    found, corrupt = dict[Path, np.ndarray[Any, Any]](), list[Path]()
    for file in files:
        try:
            with pictures.opened(file) as image:
                found[file] = np.asarray(image.convert(mode)).reshape(image.height, image.width, spec.channels)
        except Exception:  # Pillow raises whatever its decoders stumble over
            corrupt.append(file)
    if corrupt and not skip_corrupt:
        named = ", ".join(str(file.relative_to(folder)) for file in corrupt[:5]) + (", ..." if len(corrupt) > 5 else "")
        raise BadResults(
            f"{len(corrupt):,} of {len(files):,} images in {folder} cannot be read: {named}. "
            "Mend them, or leave them out with --skip-corrupt."
        )
    sizes: dict[tuple[int, ...], Path] = {}
    for file, pixels in found.items():
        sizes.setdefault(pixels.shape, file)
    if len(sizes) != 1:
        named = ", ".join(f"{w} x {h} ({file.name})" for (h, w, _), file in list(sizes.items())[:5])
        raise BadResults(f"{folder} holds images of {len(sizes)} sizes: {named or 'none'}. Samples are of one size.")
    return np.stack(list(found.values()))


def _of_run(folder: Path, dataset: Dataset, like: RunSpec, device: torch.device, allow_plugins: bool) -> Drawn:
    """Fresh draws of a run's selected checkpoint, with all that the variant says of them."""
    spec, its_data, variant = load_run(folder, "selected", device, allow_plugins)
    if its_data.spec != dataset.spec:
        raise BadResults(
            f"{folder} has learnt samples of shape {its_data.spec.shape} in {its_data.spec.classes} classes, "
            f"but {like.dataset_label} has {dataset.spec.shape} in {dataset.spec.classes}. Name the dataset it learnt."
        )
    return Sampler(variant, dataset, device).drawn("test", like.samples, sampling_seed(spec))
