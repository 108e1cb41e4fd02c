"""The files that datasets are published as: where they are looked for, and how they get there.

They are looked for below every one of the `data_roots`, where torchvision would put them, so that one folder serves
both. What is downloaded goes to the last of them, the user's cache, and only if it has the published checksum.
"""

import gzip
import http.client
import os
import urllib.request
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

from ganbench import plugins
from ganbench.errors import DataMissing

TIMEOUT_S = 10  # without an answer, before the next mirror is asked


def data_roots(data_dir: Path | None = None) -> list[Path]:
    """List the folders that may hold datasets, first come first served; the last is the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "ganbench")
    roots = [data_dir, os.environ.get("GANBENCH_DATA"), cache]
    return [Path(root).expanduser() for root in roots if root]


@dataclass(frozen=True)
class Files(ABC):
    """The files of one dataset."""

    dataset: str  # its name, as `ganbench data fetch` knows it
    title: str  # its name for people
    folder: str  # below a root
    names: tuple[str, ...]  # of all files; each may also be gzipped, with `.gz` behind its name
    instead: str = ""  # a sentence: what can be done without them

    @abstractmethod
    def download(self, folder: Path) -> None:
        """Write to `folder` what it lacks. Raises OSError with all reasons if no place gives it."""

    @property
    def repair(self) -> str:
        """What to do about a damaged file, a sentence."""
        return f"Delete it and run `ganbench data fetch {self.dataset}`."

    def find(self, names: Sequence[str], data_dir: Path | None = None) -> tuple[Path, ...] | None:
        """Find the files of `names`, plain or gzipped, in the first root that has them all; does not look into them."""
        for root in data_roots(data_dir):
            paths = tuple(file for name in names if (file := plain_or_gz(root / self.folder / name)))
            if len(paths) == len(names):
                return paths
        return None

    def held_by(self, root: Path) -> bool:
        """Tell whether all files are below `root`, without looking into them."""
        return all(plain_or_gz(root / self.folder / name) for name in self.names)

    def locate(self, names: Sequence[str], data_dir: Path | None = None, *, download: bool = True) -> tuple[Path, ...]:
        """Find the files of `names`; download them all, if these are nowhere and `download` is true.

        Raises DataMissing if there are none.
        """
        paths = self.find(names, data_dir)
        if paths is None and download:
            self.fetch(data_dir)
            paths = self.find(names, data_dir)
        if paths is None:
            raise self._missing(f"{spoken(names)}, plain or .gz,", data_dir)
        return paths

    def fetch(self, data_dir: Path | None = None) -> Path:
        """Download what the user's cache lacks, with progress on stderr -> the folder of the files.

        Raises DataMissing if that fails, with the places of `data_roots(data_dir)` in its message.
        """
        folder = data_roots(data_dir)[-1] / self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.download(folder)
        except OSError as error:
            wanted = f"whole set of {self.title}'s files"
            raise self._missing(wanted, data_dir, f"; downloading them failed: {error}") from error
        return folder

    def read(self, path: Path) -> bytes:
        """Read one of the files, unzipped. Raises DataMissing if that cannot be done."""
        try:
            raw = path.read_bytes()
            return gzip.decompress(raw) if path.suffix == ".gz" else raw
        except (OSError, EOFError, zlib.error) as error:
            raise DataMissing(f"{path} cannot be read: {error}. {self.repair}") from error

    def _missing(self, wanted: str, data_dir: Path | None, reason: str = "") -> DataMissing:
        places = ", ".join(str(root / self.folder) for root in data_roots(data_dir))
        cure = (
            f"Get them with `ganbench data fetch {self.dataset}`, "
            f"or set GANBENCH_DATA to the folder that holds {self.folder}."
        )
        return DataMissing("\n".join(filter(None, [f"No {wanted} in any of: {places}{reason}.", cure, self.instead])))


def published() -> dict[str, Files]:
    """The files of every installed dataset that has some, by the dataset's name. Raises BadSuite if one is broken."""
    datasets = {name: plugins.load("datasets", name) for name in plugins.names("datasets")}
    return {name: dataset.files for name, dataset in datasets.items() if getattr(dataset, "files", None)}


def spoken(names: Sequence[str]) -> str:
    """Names as a sentence has them: "a", "a and b", "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def plain_or_gz(path: Path) -> Path | None:
    """The file of that name, or gzipped of that name with `.gz` behind it, if there is one."""
    candidates = path, path.with_name(path.name + ".gz")
    # Unlike `Path.is_file`, this also says no in a folder that may not be read.
    return next((file for file in candidates if os.path.isfile(file)), None)


# Download


def checksum(raw: bytes) -> str:
    """MD5, which is what these datasets are published with: whoever published them is trusted, the line is not."""
    return md5(raw, usedforsecurity=False).hexdigest()


def is_whole(path: Path, published_checksum: str) -> bool:
    """Tell whether a file is there and has that checksum."""
    return path.is_file() and checksum(path.read_bytes()) == published_checksum


def first_good(urls: list[str], published_checksum: str) -> bytes:
    """What the first of `urls` gives that has the checksum. Raises OSError with all reasons if none does."""
    reasons = []
    for url in urls:
        try:
            raw = _get(url)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{url}: {error}")
            continue
        if checksum(raw) == published_checksum:
            return raw
        reasons.append(f"{url}: {len(raw):,} bytes with another checksum than {published_checksum}")
    raise OSError("; ".join(reasons))


def _get(url: str) -> bytes:
    from rich.console import Console
    from rich.progress import wrap_file

    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        name, size = url.rpartition("/")[2], int(answer.headers.get("Content-Length") or 0)
        with wrap_file(answer, size, description=name, console=Console(stderr=True)) as file:
            return b"".join(iter(lambda: file.read(2**16), b""))
