"""Which pictures of a folder train, validate and test, and what their classes are: all by their places in it."""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ganbench.data import Part
from ganbench.data.pictures import SUFFIXES, Listing, sizes_in_words
from ganbench.errors import DataMissing

TRAINS, VALIDATES = 0.8, 0.1  # shares of the images; the rest tests
FEWEST = 2  # images in a split
PARTS: tuple[Part, ...] = ("train", "validation", "test")
SPLITS: dict[str, Part] = {  # names of folders that are splits, in small letters
    "train": "train", "training": "train", "valid": "validation", "validation": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
NAMED = 3  # classes or files in a sentence


class Dealt(NamedTuple):
    """Places of pictures, first those that train, then those that validate, then those that test."""

    names: list[str]  # in a split in the order of their hashes
    rows: dict[Part, slice]
    classes: list[str]  # the class of each name; [] if there are no classes
    by_folders: bool  # whether folders say the splits
    note: str  # what was done that hash and folders alone do not tell, in words


def deal(folder: Path, names: Iterable[str], others: str = "") -> Dealt:
    """Deal places out. Raises DataMissing if a split gets too few images, or if a class has none that trains.

    `others` says what else was found in the folder, where there are no images.
    """
    ordered = sorted(names, key=lambda name: (hashed(name), name))
    by_folders = split_by_folders(ordered)
    parts = _by_folders(ordered) if by_folders else _by_hash(ordered)
    inside = [name.partition("/")[2] if by_folders else name for name in ordered]
    classes = classes_of(inside)
    moved = () if by_folders else _without_training(classes, parts)
    for i in moved:
        parts[i] = "train"
    rows = {part: [i for i, its in enumerate(parts) if its == part] for part in PARTS}
    _check(folder, {part: len(of_it) for part, of_it in rows.items()}, others)
    if missing := _without_training(classes, parts):
        raise DataMissing(
            f"The class {classes[missing[0]]!r} of {folder} has no image in `train`. Add one, or remove it."
        )
    order = [i for part in PARTS for i in rows[part]]
    ends = [0, *torch.tensor([len(rows[part]) for part in PARTS]).cumsum(0).tolist()]
    slices = {part: slice(start, end) for part, start, end in zip(PARTS, ends[:-1], ends[1:], strict=True)}
    note = f"{len(moved)} images train so that every class does" if moved else ""
    note = "splits as the folders say" if by_folders else note
    return Dealt([ordered[i] for i in order], slices, [classes[i] for i in order] if classes else [], by_folders, note)


def hashed(name: str) -> float:
    """A share, from 0 to 1, that is a name's own."""
    return int.from_bytes(sha256(os.fsencode(name)).digest()[:8]) / 2**64


def split_by_folders(names: Sequence[str]) -> bool:
    """Whether all places lie in folders that are called as splits are: `train`, and one more."""
    tops = {name.partition("/")[0].lower() if "/" in name else "" for name in names}
    return tops <= SPLITS.keys() and "train" in (parts := {SPLITS[top] for top in tops}) and len(parts) > 1


def _by_hash(ordered: Sequence[str]) -> list[Part]:
    first, second = (bisect_left(ordered, end, key=hashed) for end in (TRAINS, TRAINS + VALIDATES))
    return [PARTS[(i >= first) + (i >= second)] for i in range(len(ordered))]


def _by_folders(ordered: Sequence[str]) -> list[Part]:
    """As the folders say; a split that has none takes its share of what trains, by their hashes."""
    parts: list[Part] = [SPLITS[name.partition("/")[0].lower()] for name in ordered]
    for part in {*PARTS} - {*parts}:
        parts = [part if its == "train" and hashed(name) >= 1 - VALIDATES else its
                 for name, its in zip(ordered, parts, strict=True)]  # fmt: skip
    return parts


def classes_of(places: Sequence[str]) -> list[str]:
    """The folder of each, if all lie exactly one down, and in more than one; else []."""
    folders = [place.rpartition("/")[0] for place in places]
    return folders if len({*folders}) > 1 and all(place.count("/") == 1 for place in places) else []


def _without_training(classes: Sequence[str], parts: Sequence[Part]) -> list[int]:
    """Of each class of which no image trains the first."""
    train = {name for name, part in zip(classes, parts, strict=False) if part == "train"}
    return [classes.index(name) for name in sorted({*classes} - train)]


def _check(folder: Path, counts: dict[Part, int], others: str) -> None:
    train, validation, test = counts.values()
    if not (n := train + validation + test):
        why = f"no file's name ends in {', '.join(SUFFIXES)}. {others}".strip()
        raise DataMissing(f"No images in {folder}: {why} Name another folder.")
    if min(counts.values()) < FEWEST:
        raise DataMissing(
            f"Found {n} image{'s' * (n > 1)} in {folder}, of which {train} train, {validation} validate and {test} "
            f"test, but each split needs at least {FEWEST}. Add some: a hash of their names deals them out, 100 are "
            "enough."
        )


def labels(dealt: Dealt) -> tuple[Tensor | None, Tensor]:
    """The class of each image, (n,) int64, and the shares of the classes; None and no shares, if there are none."""
    if not dealt.classes:
        return None, torch.empty(0, dtype=torch.float64)
    number = {name: i for i, name in enumerate(sorted({*dealt.classes}))}
    of_each = torch.tensor([number[name] for name in dealt.classes])
    return of_each, torch.bincount(of_each).double() / len(of_each)


# In words


def in_words(folder: Path, listing: Listing, dealt: Dealt) -> str:
    """What was found in a folder: pictures, sizes, classes, splits, and what was passed over."""
    train, validation, test = (rows.stop - rows.start for rows in dealt.rows.values())
    whose = "as its folders say" if dealt.by_folders else "by a hash of their names"
    sizes, counted = sizes_in_words(folder, listing.names), Counter(dealt.classes)
    lines = [
        f"{folder}: {len(dealt.names):,} images" + (f", {sizes}" if sizes else "") + ".",
        f"{train:,} train, {validation:,} validate and {test:,} test, {whose}.",
        f"{len(counted)} classes: {_some([f'{name} ({n:,})' for name, n in sorted(counted.items())], 10)}."
        if counted
        else f"No classes{_why_not(dealt)}.",
        f"{len(listing.names) - len(dealt.names):,} cannot be read and are left out."
        if len(listing.names) > len(dealt.names)
        else "",
        f"{dealt.note}." if dealt.note and not dealt.by_folders else "",
        listing.others,
    ]
    return " ".join(line for line in lines if line)


def _why_not(dealt: Dealt) -> str:
    """Which files keep folders from being classes, if any do."""
    inside = [name.partition("/")[2] if dealt.by_folders else name for name in sorted(dealt.names)]
    stray = [name for name in inside if name.count("/") != 1]
    folders = {name.partition("/")[0] for name in inside if name.count("/") == 1}
    if len(depths := {name.count("/") for name in inside}) == 1 and (depth := depths.pop()) > 1:
        return f", for all images lie {depth} folders down, and classes are folders one down"
    if not folders or (len(folders) == 1 and not stray):
        return ""
    lies, it = ("lies", "it") if len(stray) == 1 else ("lie", "them")
    return f", though there are folders: {_some(stray, NAMED)} {lies} elsewhere than one folder down. Move {it} away"


def _some(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
