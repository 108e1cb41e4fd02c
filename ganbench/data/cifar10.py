"""CIFAR-10: 60,000 colour photographs of 32 x 32 pixels, of animals and vehicles.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
The files are those of the version for Python, which torchvision also keeps. They are pickles, and a pickle may run
whatever its author likes: none is opened unless its checksum is the one that torchvision has for it.
"""

import io
import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganbench.data import Part, Split
from ganbench.data.files import Files, checksum, first_good, is_whole
from ganbench.data.images import Other, PixelDataset, check_size
from ganbench.errors import DataMissing
from ganbench.store.whole import write_bytes

SIZES = (8, 16, 32, 64)

# Batches of 10,000 photographs.
BATCHES: dict[Part, tuple[str, ...]] = {
    "train": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4"),
    "validation": ("data_batch_5",),
    "test": ("test_batch",),
}


@dataclass(frozen=True)
class CifarFiles(Files):
    """The six batches, as the published archive holds them."""

    names: tuple[str, ...] = tuple(name for batches in BATCHES.values() for name in batches)

    def part(self, part: Part) -> tuple[Tensor, Tensor]:
        """Read the photographs of a part, (n, 3, 32, 32) uint8, red, green and blue, and their labels, (n,) int64.

        Downloads them if they are in none of the `data_roots`. Raises DataMissing if that fails, or if a file is not
        the published one.
        """
        pixels, labels = zip(*map(self._read_batch, self.locate(BATCHES[part])), strict=True)
        return torch.cat(pixels), torch.cat(labels)

    def download(self, folder: Path) -> None:
        from torchvision.datasets import CIFAR10

        checksums = _checksums()
        if all(is_whole(folder / name, checksums[name]) for name in self.names):
            return
        archive = first_good([CIFAR10.url], CIFAR10.tgz_md5)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for name in self.names:
                batch = tar.extractfile(f"{CIFAR10.base_folder}/{name}")
                assert batch is not None, "the published archive holds files of these names"
                write_bytes(folder / name, batch.read())

    def _read_batch(self, path: Path) -> tuple[Tensor, Tensor]:
        raw = self.read(path)
        digest, needed = checksum(raw), _checksums()[path.name.removesuffix(".gz")]
        if digest != needed:
            raise DataMissing(
                f"{path} has the MD5 {digest}, {self.title}'s has {needed}. It is damaged or another file, and was not "
                f"opened. {self.repair}"
            )
        batch = pickle.loads(raw, encoding="latin1")  # written by Python 2
        return torch.from_numpy(batch["data"]).reshape(-1, 3, 32, 32), torch.tensor(batch["labels"])


def _checksums() -> dict[str, str]:
    """The MD5 of each batch, by its name, as torchvision has them."""
    from torchvision.datasets import CIFAR10

    return dict([*CIFAR10.train_list, *CIFAR10.test_list])


CIFAR10 = CifarFiles("cifar10", "CIFAR-10", "cifar-10-batches-py")


class Cifar10(PixelDataset):
    """CIFAR-10, ten kinds of animals and vehicles, 40,000 photographs for training.

    Of the five batches of the training set the last one validates, 10,000 photographs, so that both references are of
    one size; the test batch tests. Fresh photographs for "test" are the validation ones and the other way round: no
    variant trains on either. Published figures are of GANs that trained on all 50,000.
    Files are sought in `$GANBENCH_DATA` and the user's cache, and downloaded if they are in neither, 170 MB.
    Raises DataMissing if that fails, and BadSuite if `size` is none of 8, 16, 32, 64.
    """

    files = CIFAR10
    judge = "trained"

    def __init__(
        self,
        *,
        size: int = 32,  # 32: as stored; 8, 16, 64: resized, antialiased
        other: Other = "negative",  # second domain; rotated: by 90 degrees
    ):
        check_size(size, SIZES, "photographs")
        super().__init__(size, other, *CIFAR10.part("train"))

    def stored(self, split: Split) -> tuple[Tensor, Tensor]:
        return CIFAR10.part(split)
