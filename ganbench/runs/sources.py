"""Where samples from elsewhere come from: folders of pictures, arrays in files, callables, runs.

Pictures are read as the dataset `folder` reads them. Numbers that could mean two things are asked about: a `Range` says
what is black and what is white.
"""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganbench import plugins
from ganbench.data import Dataset, pictures
from ganbench.errors import BadResults, BenchError
from ganbench.runs.sampling import Drawn, Sampler, load_run, sampling_seed
from ganbench.runs.spec import RunSpec
from ganbench.store.files import read_array, read_arrays
from ganbench.store.layout import holds_run
from ganbench.variant import DataSpec

GIVEN = "What was given"  # in messages, of samples without a name
Source = str | Callable[[int], Any]  # a callable returns so many samples, as an array or tensor
SAVE = "Save it by numpy.save or numpy.savez, as float32 or uint8."


class Range(NamedTuple):
    """Of a pixel's numbers: what is black, and what is white."""

    low: float
    high: float

    @classmethod
    def read(cls, text: str) -> "Range":
        """`0..1` -> from 0 to 1. Raises BadResults."""
        low, dots, high = text.partition("..")
        with suppress(ValueError):
            if dots and float(low) < float(high) < inf:
                return cls(float(low), float(high))
        raise BadResults(f"Found the range {text!r}, but it needs two numbers and dots between them: 0..1.")

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


BYTES, FLOATS = Range(0, 255), Range(-1, 1)


def read_samples(
    source: Source,
    dataset: Dataset,
    like: RunSpec,
    device: torch.device,
    skip_corrupt: bool = False,
    allow_plugins: bool = False,
    span: Range | None = None,
) -> Drawn:
    """`like.samples` of what a source holds, picked at random if there are more; fewer, if it has no more.

    `span` is the range of its pixels, where the file alone does not tell.
    """
    if not isinstance(source, str):
        return _chosen(fitting(_asked(source, like.samples, GIVEN), dataset, GIVEN, span), like, device)
    path = Path(source)
    if holds_run(path):
        return _of_run(path, dataset, like, device, allow_plugins)
    if path.is_dir():
        x = _pictures(path, dataset, skip_corrupt, span)
    elif path.suffix in (".npy", ".npz"):
        x = fitting(_array(path), dataset, source, span)
    elif ":" in source:
        x = fitting(_called(source, like.samples), dataset, source, span)
    else:
        raise BadResults(
            f"{source} is no folder, no .npy or .npz file and no module:callable. Samples come as one of these."
        )
    return _chosen(x, like, device)


def _chosen(x: Tensor, like: RunSpec, device: torch.device) -> Drawn:
    if len(x) > like.samples:
        x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[: like.samples]]
    return Drawn(x.to(device))


def fitting(found: np.ndarray[Any, Any], dataset: Dataset, source: str, span: Range | None = None) -> Tensor:
    """Points (n, 2), or images (n, [c,] h, w [, c]) as bytes or in [-1, 1] -> (n, *shape) as the dataset has them.

    Raises BadResults if the numbers or the shape are not those of such samples, or if they leave it open what is black
    and what is white, unless `span` says it.
    """
    spec = dataset.spec
    if not (span or found.dtype == np.uint8 or np.issubdtype(found.dtype, np.floating)):
        cure = " Of other numbers say the range, such as --range 0..255." if spec.is_image else ""
        raise BadResults(f"{source} holds numbers of type {found.dtype}. Samples are floats, images also uint8.{cure}")
    if not spec.is_image:
        if found.ndim != 2 or found.shape[1:] != spec.shape or found.dtype == np.uint8 or span:
            raise BadResults(
                f"{source} has shape {found.shape}, type {found.dtype}; points are (n, {spec.shape[0]}) floats"
                f"{', of no range' if span else ''}."
            )
        return _finite(torch.from_numpy(found).float(), source)
    x = _finite(torch.from_numpy(_channels_first(found, spec, source).astype(np.float32)), source)
    dataset.fit(torch.zeros_like(x[:1]))  # so that a wrong shape is said before anything is asked
    low, high = x.min().item(), x.max().item()
    span = span or _told_range(found.dtype, low, high, source, dataset.train().x)
    slack = 5e-4 * (span.high - span.low)  # of rounding
    if low < span.low - slack or high > span.high + slack:
        raise BadResults(
            f"{source} has pixels from {low:.4g} to {high:.4g}, but they are to lie in [{span.low:g}, {span.high:g}]. "
            f"Scale them, save uint8, or say their range, such as --range {'0..255' if high > 16 else '0..1'}."
        )
    if span != FLOATS:
        x = (x - span.low) / ((span.high - span.low) / 2) - 1
    return dataset.fit(x.clamp(-1, 1))


def _told_range(dtype: np.dtype[Any], low: float, high: float, source: str, real: Tensor) -> Range:
    """The range that numbers of a type have, if they look as if they had it. Raises BadResults."""
    usual, what = (BYTES, f"bytes up to {high:g}") if dtype == np.uint8 else (FLOATS, f"floats up to {high:.2g}")
    if low >= 0 and high <= 1:
        raise _doubtful(source, f"{what}, and none below {low:.2g}", Range(0, 1), usual)
    if dtype == np.uint8:
        near, likely = high <= 255 * (real.max().item() + 1) / 4, Range(0, high)
    else:
        near = max(-low, high) <= real.abs().max().item() / 2 or high <= 0 < real.max().item()
        likely = Range(round(low, 2), round(high, 2) + 0.0)
    if near and low >= usual.low:
        raise _doubtful(source, f"{what}, and real ones go twice as far", likely, usual)
    return usual


def _doubtful(source: str, what: str, likely: Range, usual: Range) -> BadResults:
    return BadResults(
        f"{source} holds {what}. If black is {likely.low:g} and white is {likely.high:g}, say --range {likely}; if the "
        f"samples are meant as they are, --range {usual}."
    )


def _channels_first(found: np.ndarray[Any, Any], spec: DataSpec, source: str) -> np.ndarray[Any, Any]:
    """(n, h, w), (n, h, w, c) or (n, c, h, w) -> (n, c, h, w) of the right number of channels, of any size."""
    images = found[:, None] if found.ndim == 3 else found
    if images.ndim == 4 and images.shape[1] != spec.channels and images.shape[3] == spec.channels:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] != spec.channels or 0 in images.shape[2:]:
        raise BadResults(
            f"{source} has shape {found.shape}; images of this dataset are (n, {spec.channels}, height, width) "
            f"or (n, height, width, {spec.channels})."
        )
    return np.ascontiguousarray(images)


def _finite(x: Tensor, source: str) -> Tensor:
    bad = int((~x.isfinite()).flatten(1).any(1).sum())
    if bad or not len(x):
        if not len(x):
            raise BadResults(f"{source} holds no samples at all. Save some.")
        raise BadResults(
            f"{source} holds {bad:,} of {len(x):,} samples with numbers that are not finite. Leave them out, or see "
            "how they came about."
        )
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

    def make(n: int) -> Any:
        return (plugins.load("callables", source) if name.endswith(".py") else _attribute(name, attribute))(n)

    return _asked(make, n, source)


def _asked(make: Callable[[int], Any], n: int, source: str) -> np.ndarray[Any, Any]:
    """What a callable returns for `n`. Raises BadResults if that is no tensor and no array."""
    try:
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


def _pictures(folder: Path, dataset: Dataset, skip_corrupt: bool, span: Range | None) -> Tensor:
    """All images in a folder and below it, by name, (n, *shape), read and resized as those of the dataset `folder`.

    Raises BadResults if they do not fit the dataset, DataMissing if some cannot be read.
    """
    spec, names = dataset.spec, pictures.list_pictures(folder).names
    if not names or not spec.is_image:
        raise BadResults(f"{folder} holds {len(names):,} images, but needs to hold samples of shape {spec.shape}.")
    found, brightest = [], 0
    for name, image in zip(names, pictures.read_pictures(folder, names, spec.channels, skip_corrupt), strict=True):
        if image is None:
            continue
        brightest = max(brightest, np.asarray(image).max())
        try:
            found.append(dataset.picture(_stretched(image, span) if span else image))
        except BadResults as error:
            raise BadResults(f"{folder / name}: {error}") from error
    if not found:
        raise BadResults(f"None of the {len(names):,} images in {folder} can be read.")
    if brightest <= 1 and not span:
        raise _doubtful(str(folder), f"no pixel above {brightest} of 255", Range(0, 1), BYTES)
    return torch.stack(found)


def _stretched(image: Image.Image, span: Range) -> Image.Image:
    """The image whose levels are said to be from `span.low` to `span.high`, in all of 0 to 255."""
    levels = (np.arange(256) - span.low) / (span.high - span.low) * 255
    return image.point([*levels.round().clip(0, 255).astype(int)] * len(image.getbands()))


def _of_run(folder: Path, dataset: Dataset, like: RunSpec, device: torch.device, allow_plugins: bool) -> Drawn:
    """Fresh draws of a run's selected checkpoint, with all that the variant says of them."""
    spec, its_data, variant = load_run(folder, "selected", device, allow_plugins)
    if its_data.spec != dataset.spec:
        raise BadResults(
            f"{folder} has learnt samples of shape {its_data.spec.shape} in {its_data.spec.classes} classes, "
            f"but {like.dataset_label} has {dataset.spec.shape} in {dataset.spec.classes}. Name the dataset it learnt."
        )
    return Sampler(variant, dataset, device).drawn("test", like.samples, sampling_seed(spec))
