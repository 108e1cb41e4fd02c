"""Modes and classes along the budget: which were forgotten, which came back, which are lost for good.

From the counts that each run keeps in its `exhibits.npz` (`occupancy`, on the validation split): how many samples fall
to each mode, or to each class as the judge sees it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter
from ganbench.reports.frames.rows import MISSING
from ganbench.reports.frames.scores import BEST

Floats = NDArray[np.float64]

TURNS = ("forgotten", "returned")


class Counted(NamedTuple):
    """What is counted, and from which share of its due on it is held: as for the metric of that name."""

    word: str
    plural: str
    least: float
    least_in_words: str
    metric: str


MODES = Counted("mode", "modes", 1 / 3, "a third", "modes_third")
CLASSES = Counted("class", "classes", 1 / 10, "a tenth", "classes")


class Occupancy(NamedTuple):
    """One run's modes or classes."""

    images: Floats  # (n,) real images shown to D
    shares: Floats  # (n, k) of the samples, over the share that is due
    held: NDArray[np.bool_]  # (n, k)


def occupancy_of(exhibits: Mapping[str, NDArray[Any]], kind: Counted, due: Floats) -> Occupancy | None:
    """A run's exhibits and the share (k,) that each mode or class should have; None if it kept no such counts."""
    counts, images = exhibits.get("occupancy"), exhibits.get("images")
    if counts is None or images is None or not len(counts) == len(images) > 0 or counts.shape[1] < len(due):
        return None
    all_samples = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    own = counts[:, : len(due)]  # a mixture's last column counts those near no mode
    shares = own / all_samples / np.where(due > 0, due, np.inf)
    held = (shares >= kind.least * (1 - 1e-9)) & (own >= 1)
    return Occupancy(images.astype(float), shares, held)


def turns(occupancy: Occupancy) -> dict[str, int]:
    """How often, from one evaluation to the next, a mode that was held was forgotten, and how often one came back."""
    before, after = occupancy.held[:-1], occupancy.held[1:]
    known = np.cumsum(before, axis=0) > 0
    return dict(zip(TURNS, (int((before & ~after).sum()), int((known & ~before & after).sum())), strict=True))


def occupancies(chapter: Chapter) -> tuple[Counted, dict[str, Occupancy]]:
    """What is counted on this dataset, and by id the occupancy of each run of a variant that kept it."""
    truth = chapter.results.truth(chapter.dataset)
    kind = MODES if truth else CLASSES
    runs = chapter.runs[~chapter.runs["guest"] & (chapter.runs["status"] != MISSING)]
    trained = runs[~runs["control"]]
    due = np.asarray(truth["weights"], dtype=float) if truth else _shares_of_real(chapter, runs)
    kept = {}
    for run in trained["run"]:
        exhibits = chapter.results.exhibits(run)
        if due is None and "occupancy" in exhibits:
            due = np.full(exhibits["occupancy"].shape[1], 1 / exhibits["occupancy"].shape[1])
        if due is not None and (one := occupancy_of(exhibits, kind, due)) is not None:
            kept[run] = one
    return kind, kept


def _shares_of_real(chapter: Chapter, runs: DataFrame) -> Floats | None:
    """Shares of the classes among real data; None without that control."""
    real = runs[runs["control"] & (runs["variant"] == BEST)]
    kept = (chapter.results.exhibits(run).get("occupancy") for run in real["run"])
    counts = [occupancy.sum(axis=0) for occupancy in kept if occupancy is not None]
    return np.asarray(np.sum(counts, axis=0) / np.sum(counts), dtype=np.float64) if counts else None
