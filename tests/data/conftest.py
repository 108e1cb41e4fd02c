"""Files in the formats of published datasets, small in content and of their sizes."""

import struct
import urllib.error
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganbench.data import files

STEMS = {"train": 60_000, "t10k": 10_000}


def _idx(values: Tensor) -> bytes:
    return struct.pack(f">HBB{values.dim()}I", 0, 8, values.dim(), *values.shape) + values.numpy().tobytes()


def _write_pair(root: Path, stem: str, images: Tensor, labels: Tensor, folder: str = "MNIST/raw") -> None:
    raw = root / folder
    raw.mkdir(parents=True, exist_ok=True)
    (raw / f"{stem}-images-idx3-ubyte").write_bytes(_idx(images))
    (raw / f"{stem}-labels-idx1-ubyte").write_bytes(_idx(labels))


def _numbers_of(images: Tensor) -> list[int]:
    pixels = images.reshape(len(images), -1)[:, :3].double()
    if images.is_floating_point():
        pixels = ((pixels + 1) * 127.5).round()
    numbers: list[int] = (pixels @ torch.tensor([1.0, 256.0, 65536.0], dtype=torch.float64)).long().tolist()
    return numbers


@pytest.fixture(scope="session")
def idx() -> Callable[[Tensor], bytes]:
    """What an IDX file of these bytes holds."""
    return _idx


@pytest.fixture(scope="session")
def write_pair() -> Callable[..., None]:
    """Write images and labels of "train" or "t10k" below a root."""
    return _write_pair


@pytest.fixture(scope="session")
def numbers_of() -> Callable[[Tensor], list[int]]:
    """The numbers that images of `numbered` hold, (n, [1,] 28, 28) as bytes or as floats."""
    return _numbers_of


@pytest.fixture(scope="session")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MNIST's and FashionMNIST's files, whose images hold their own numbers: training from 0, test from 60,000."""
    root = tmp_path_factory.mktemp("numbered")
    for stem, first in [("train", 0), ("t10k", 60_000)]:
        numbers = torch.arange(first, first + STEMS[stem])
        images = torch.zeros(len(numbers), 28, 28, dtype=torch.uint8)
        for place in range(3):
            images[:, 0, place] = (numbers >> 8 * place) & 255
        _write_pair(root, stem, images, (numbers % 10).to(torch.uint8))
    (root / "FashionMNIST").symlink_to(root / "MNIST")
    return root


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No files anywhere on this machine, and no network; the user's cache is `cache/ganbench` below."""
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(url: str) -> bytes:
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(files, "_get", refuse)
    return tmp_path
