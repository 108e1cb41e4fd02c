"""The files of results, read with care: whatever is wrong with one is a BadResults that names it and the cure.

Results may come from anybody. Nothing here runs what a file says, and no size that a file claims is believed before it
is compared with the file's own.
"""

import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.lib import format as npy
from numpy.typing import NDArray
from pandas.api.types import infer_dtype

from ganbench.errors import BadResults, said, shortened
from ganbench.store.columns import LOSS_COLUMNS, NUMBERS, SCORE_COLUMNS

LARGEST_TEXT = 100 * 2**20  # bytes of a JSON file
SHARE_OF_MEMORY = 0.5  # that the arrays of one file may take
# Commands to a terminal, marks that turn text around, and halves of characters, which no file can hold.
ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
ESCAPED = re.compile(r"\\(u00|u20|ud|[bfr])", re.IGNORECASE)  # as JSON may write them
Array = NDArray[Any]
Types = Mapping[str, type | tuple[type, ...]]  # a field -> what it may be
T = TypeVar("T")


def damaged(file: Path, what: object, cure: str = "") -> BadResults:
    """The error of a file that cannot be used; `what` is an error or words."""
    words = said(what) if isinstance(what, BaseException) else str(what)
    if cure:
        return BadResults(f"{file} cannot be read: {words}. {cure}")
    return BadResults(f"{file} is damaged ({words}). Move {file.parent} away and run the suite again.")


def read_json(file: Path, cure: str = "") -> dict[str, Any]:
    """An object of a JSON file, whose texts no terminal obeys."""
    with _saying(file, cure):
        if check_file(file) > LARGEST_TEXT:
            raise ValueError(f"it has more than {LARGEST_TEXT:,} bytes")
        text = file.read_text(encoding="utf-8")
        found = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_finite)
        if not isinstance(found, dict):
            raise TypeError(f"it holds a {type(found).__name__}, and no object")
        cleaned: dict[str, Any] = harmless(found) if ODD.search(text) or ESCAPED.search(text) else found
        return cleaned


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(f"it has the number {shortened(text, 60)}, which is none of JSON's")
    return number


def _whole(text: str) -> int:
    _finite(text)  # beyond which nobody can compute with it
    return int(text)


def harmless(found: Any) -> Any:
    """The same values, in whose texts a question mark stands for each odd character."""
    match found:
        case str():
            return ODD.sub("?", found)
        case dict():
            return {ODD.sub("?", name): harmless(value) for name, value in found.items()}
        case list():
            return [*map(harmless, found)]
    return found


def read_table(file: Path, needed: Mapping[str, bool]) -> pd.DataFrame:
    """A Parquet file that has the columns of `needed`, which tells of each whether it holds numbers.

    Columns of records hold what they are meant to, whether they are needed or not.
    """
    with _saying(file):
        check_file(file)
        frame = pd.read_parquet(file)
        for name, numeric in needed.items():
            if name not in frame:
                raise KeyError(f"it has no column {name!r}")
            if numeric and len(frame) and not pd.api.types.is_numeric_dtype(frame[name].dtype):
                raise TypeError(f"its column {name!r} holds no numbers")
        for name in frame.columns.intersection([*SCORE_COLUMNS, *LOSS_COLUMNS]):
            _check_column(frame[name])
            if name not in NUMBERS and any(map(ODD.search, frame[name].dropna().unique())):
                frame[name] = frame[name].map(harmless)
        return frame


def _check_column(column: pd.Series) -> None:
    """Raise TypeError unless a column of records holds numbers, or texts, as its name says; or nothing."""
    numbers = column.name in NUMBERS
    fits = pd.api.types.is_numeric_dtype(column.dtype) if numbers else infer_dtype(column) == "string"
    if not fits and column.notna().any():
        raise TypeError(f"its column {column.name!r} holds no {'numbers' if numbers else 'texts'}")


def read_array(file: Path, cure: str = "") -> Array:
    """The array of a .npy file: numbers as this machine computes with them, of 8 to 64 bits."""
    with _saying(file, cure):
        size = check_file(file)  # asked first: opening a pipe may take for ever
        with file.open("rb") as opened:
            return _array(opened, size)


def read_arrays(file: Path, cure: str = "") -> dict[str, Array]:
    """The arrays of a .npz file, by name."""
    with _saying(file, cure):
        check_file(file)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > most_bytes():
                raise ValueError("its arrays take more memory than this machine can give them")
            found = {}
            for entry in entries:
                with archive.open(entry) as opened:
                    found[entry.filename.removesuffix(".npy")] = _array(opened, entry.file_size)
                    opened.read(1)  # at the end its checksum is looked at
            return found


def most_bytes() -> int:
    """How much memory the arrays of one file may take."""
    try:
        return int(SHARE_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError):  # as on Windows
        return 2**33


def fields(found: Any, needed: Types, file: Path, maybe: Types | None = None) -> dict[str, Any]:
    """`found`, if it is a table that has the needed fields, and maybe others, each of its type. Raises BadResults."""
    if not isinstance(found, dict):
        raise damaged(file, f"a {type(found).__name__} stands where a table should")
    if missing := [name for name in needed if name not in found]:
        raise damaged(file, f"it has no {missing[0]!r}")
    for name, types in {**needed, **{name: types for name, types in (maybe or {}).items() if name in found}}.items():
        if not isinstance(found[name], types) or (isinstance(found[name], bool) and types is int):
            raise damaged(file, f"its {name!r} is a {type(found[name]).__name__}")
    return found


def readable(readers: Iterable[Callable[[], T]], notes: list[str]) -> Iterable[T]:
    """What can be read; of what cannot, the reason goes to `notes`."""
    for read in readers:
        try:
            yield read()
        except BadResults as error:
            notes.append(str(error))


class _saying:
    """Say of any error that is raised within which file has it."""

    def __init__(self, file: Path, cure: str = ""):
        self.file, self.cure = file, cure

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, BadResults):
            raise damaged(self.file, error, self.cure) from error


def check_file(file: Path) -> int:
    """Bytes of a file. Raises ValueError of what is none: a pipe may never end, a device never begin."""
    if not file.is_file():
        raise ValueError("it is a folder, a pipe or a device" if file.exists() else "it is not there")
    return file.stat().st_size


def _array(opened: Any, size: int) -> Array:
    """An array, after its header and `size`, the bytes of both, have been found to agree."""
    version = npy.read_magic(opened)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(opened)
    check_numbers(dtype)
    n = int(np.prod([int(side) for side in shape], dtype=object)) if shape else 1
    if min(shape, default=1) < 0 or n * dtype.itemsize > min(size, most_bytes()):
        raise ValueError(f"its header claims {n * dtype.itemsize:,} bytes, of which it has at most {size:,}")
    raw = opened.read(n * dtype.itemsize)
    if len(raw) < n * dtype.itemsize:
        raise EOFError("it ends too early")
    found = np.frombuffer(bytearray(raw), dtype)
    return found.reshape(shape[::-1]).T if fortran else found.reshape(shape)


def check_numbers(dtype: np.dtype[Any]) -> None:
    """Raise TypeError unless that is a type that this project computes with."""
    if dtype.kind not in "buif" or dtype.itemsize > 8 or not dtype.isnative:
        raise TypeError(f"its numbers are of type {dtype.str}, and not of 8 to 64 bits in this machine's order")
