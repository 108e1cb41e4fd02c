"""MNIST: 70,000 handwritten digits of 28 x 28 grey pixels; and the 5,000 of them that come with ganbench.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
The files are the official IDX ones, checked against torchvision's checksums when downloaded. Of the
60,000 training digits the first 50,000 train and the last 10,000 validate; the official test set tests.
"""

import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from ganbench.data import Part, Split
from ganbench.data.files import checksum, data_roots, plain_or_gz, spoken
from ganbench.data.idx import RIM, SIZES, STEMS, IdxDataset, IdxFiles, pair_names
from ganbench.data.images import Other, PixelDataset, check_size
from ganbench.errors import DataMissing
from ganbench.store.whole import write_bytes
from ganbench.variant import Batch

MNIST = IdxFiles("mnist", "MNIST", "MNIST/raw", instead="The dataset `mnist5k` needs no download.")

ASSETS = Path(__file__).parent / "assets"
PACKAGED = ASSETS / "mnist5k.npz"
REINSTALL = "Install ganbench again: pip install --force-reinstall --no-deps ganbench"

# MD5 of the files unzipped: FashionMNIST's have the same names and sizes.
_UNZIPPED = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


class Mnist(IdxDataset):
    """MNIST, 50,000 digits for training.

    Fresh digits for "test" are the validation ones and the other way round: no variant trains on either.
    Files are sought in `$GANBENCH_DATA` and the user's cache, and downloaded if they are in neither.
    Raises DataMissing if that fails, and BadSuite if `size` is none of SIZES.
    """

    files = MNIST
    judge = "mnist"
    show = "digits"


class Mnist5k(PixelDataset):
    """5,000 digits that come with ganbench: MNIST without a download. Their card is `assets/mnist5k.md`.

    They are 500 of each digit from the first 5,848 of MNIST's training file, so neither reference holds
    one. The first 300 of each train; the other 200 of each are fresh real digits for both splits, since
    the controls need some that no variant trained on. The references are MNIST's own 10,000 digits of either
    split, which ganbench ships.

    Raises DataMissing if their file is damaged, and BadSuite if `size` is none of SIZES.
    """

    judge = "mnist"
    rim = RIM

    def __init__(
        self,
        *,
        size: int = 32,  # 28: as stored; 32: with a black border; 8, 16, 64: the bordered image, resized
        other: Other = "negative",  # second domain; rotated: by 90 degrees
    ):
        check_size(size, SIZES, "digits")
        pixels, labels = packaged_digits()
        trains = torch.arange(len(labels)) % 500 < 300
        super().__init__(size, other, pixels[trains], labels[trains])
        self._others = pixels[~trains], labels[~trains]

    def stored(self, split: Split) -> tuple[Tensor, Tensor]:
        return packaged_references(split)

    def fresh(self, split: Split, n: int) -> Batch:
        return self._first(n, *self._others)

    def held_out(self, split: Split) -> Batch:
        """The 2,000: digits of MNIST's test file are further from these training digits than these are."""
        return self._batch(*self._others)


def digits(part: Part, data_dir: Path | None = None, *, download: bool = True) -> tuple[Tensor, Tensor]:
    """Read the MNIST digits of a part: (n, 28, 28) uint8, 0 is paper and 255 ink; and (n,) int64 labels.

    Looks in the `data_roots` and, if no file is in any of them and `download` is true, downloads to the user's cache.
    Raises DataMissing if there are no files, or if they are damaged.
    """
    return MNIST.part(part, data_dir, download=download)


def find_mnist(stem: str = "train", data_dir: Path | None = None) -> tuple[Path, ...] | None:
    """Find the files of images and labels of "train" or "t10k", plain or gzipped, in the first root that has both."""
    return MNIST.find(pair_names(stem), data_dir)


def import_mnist(folder: Path) -> Path:
    """Copy the four IDX files, plain or gzipped, from `folder` into the user's cache, unzipped -> where they are now.

    Raises DataMissing, before anything is copied, if one is missing, damaged or another dataset's.
    """
    if not folder.is_dir():
        raise DataMissing(f"{folder} is no folder. Name the one that holds {spoken(MNIST.names)}, plain or .gz.")
    for stem in STEMS:
        absent = [name for name in pair_names(stem) if not plain_or_gz(folder / name)]
        if absent:
            raise DataMissing(f"No {spoken(absent)}, plain or .gz, in {folder}. Name the folder of all four.")
    unzipped = {name: MNIST.read(path) for name in MNIST.names if (path := plain_or_gz(folder / name))}
    for name, raw in unzipped.items():
        if checksum(raw) != _UNZIPPED[name]:
            raise DataMissing(
                f"{folder / name} has the MD5 {checksum(raw)}, MNIST's has {_UNZIPPED[name]}. It is damaged, or of "
                "another dataset with the same names of files: those of FashionMNIST are looked for in "
                "FashionMNIST/raw below the folder that GANBENCH_DATA names."
            )
    target = data_roots()[-1] / MNIST.folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, raw in unzipped.items():
            write_bytes(target / name, raw)
    except OSError as error:
        raise DataMissing(
            f"{target} cannot be written: {error}. Set XDG_CACHE_HOME to another folder, or leave the files where they "
            f"are, in a folder {MNIST.folder}, and set GANBENCH_DATA to the one that holds it."
        ) from error
    return target


def packaged_references(split: Split) -> tuple[Tensor, Tensor]:
    """Read the digits that ganbench brings of a split, all of it: (10000, 28, 28) uint8, and (10000,) int64 labels.

    Raises DataMissing if their file is not there or not as expected.
    """
    file = ASSETS / f"mnist-{split}.npz"
    pixels, labels = _packaged(file)
    if pixels.shape != (10_000, 28, 28) or pixels.dtype != torch.uint8 or labels.shape != (10_000,):
        raise DataMissing(f"{file} does not hold 10,000 digits. {REINSTALL}")
    return pixels, labels


def packaged_digits() -> tuple[Tensor, Tensor]:
    """Read the package's own digits: (5000, 28, 28) uint8, and (5000,) int64 labels, 500 of each digit in order.

    Raises DataMissing if their file is not there or not as expected.
    """
    pixels, labels = _packaged(PACKAGED)
    whole = pixels.shape == (5000, 28, 28) and pixels.dtype == torch.uint8
    if not whole or not labels.equal(torch.arange(10).repeat_interleave(500)):
        raise DataMissing(f"{PACKAGED} does not hold 500 of each digit in order. {REINSTALL}")
    return pixels, labels


def _packaged(file: Path) -> tuple[Tensor, Tensor]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            return torch.from_numpy(stored["images"]), torch.from_numpy(stored["labels"]).long()
    except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error) as error:
        raise DataMissing(f"{file} cannot be read: {error!r}. {REINSTALL}") from error
