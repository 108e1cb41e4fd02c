"""Modes and classes along the budget: which were forgotten, which came back, which are lost for good.

From the counts that each run keeps in its `exhibits.npz` (`occupancy`, on the validation split): how many samples fall
to each mode, or to each class as the judge sees it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from ganbench.reports import figures
from ganbench.reports.formats.words import short
from ganbench.reports.frames import tables
from ganbench.reports.frames.tables import FLOOR
from ganbench.reports.html.markup import Chapter, chip, escape
from numpy.typing import NDArray
from pandas import DataFrame

Floats = NDArray[np.float64]

CARD = 208  # CSS pixels wide
TURNS = ("forgotten", "returned")


class Kind(NamedTuple):
    """What a row of the map is, and from which share of its due on it is held: as for the metric of that name."""

    word: str
    plural: str
    least: float
    metric: str


MODES = Kind("mode", "modes", 1 / 3, "modes_third")
CLASSES = Kind("class", "classes", 1 / 10, "classes")
NOTE = (
    "A row per {word}, time to the right: bare where no sample falls to it, full colour where it has its due share of "
    "the samples, {due}, or more. So a row that fades is being forgotten. <em>Easily misread</em>: the same row in two "
    "runs is the same {word}, but a {word} that stays bare between two evaluations may have come and gone unseen."
)
DUE = {True: "its weight in the mixture", False: "its share in the judge's eyes of real data"}


class History(NamedTuple):
    """One run's modes or classes."""

    images: Floats  # (n,) real images shown to D
    shares: Floats  # (n, k) of the samples, over the share that is due
    held: NDArray[np.bool_]  # (n, k)


def history(exhibits: Mapping[str, NDArray[Any]], kind: Kind, due: Floats) -> History | None:
    """A run's exhibits and the share (k,) that each mode or class should have; None if it kept no such counts."""
    counts, images = exhibits.get("occupancy"), exhibits.get("images")
    if counts is None or images is None or not len(counts) == len(images) > 0:
        return None
    all_samples = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    own = counts[:, : len(due)]  # a mixture's last column counts those near no mode
    shares = own / all_samples / np.where(due > 0, due, np.inf)
    held = (shares >= kind.least * (1 - 1e-9)) & (own >= 1)
    return History(images.astype(float), shares, held)


def turns(found: History) -> dict[str, int]:
    """How often, from one evaluation to the next, a mode that was held was forgotten, and how often one came back."""
    before, after = found.held[:-1], found.held[1:]
    known = np.cumsum(before, axis=0) > 0
    return dict(zip(TURNS, (int((before & ~after).sum()), int((known & ~before & after).sum())), strict=True))


def histories(chapter: Chapter) -> tuple[Kind, dict[str, History]]:
    """What a row is on this dataset, and the history of each run of a variant that kept one, by its id."""
    truth = chapter.results.truth(chapter.dataset)
    kind = MODES if truth else CLASSES
    runs = chapter.runs[~chapter.runs["guest"] & (chapter.runs["status"] != tables.MISSING)]
    trained = runs[~runs["control"]]
    due = np.asarray(truth["weights"], dtype=float) if truth else _seen_of_real(chapter, runs)
    found = {}
    for run in trained["run"]:
        exhibits = chapter.results.exhibits(run)
        if due is None and "occupancy" in exhibits:
            due = np.full(exhibits["occupancy"].shape[1], 1 / exhibits["occupancy"].shape[1])
        if due is not None and (one := history(exhibits, kind, due)) is not None:
            found[run] = one
    return kind, found


def _seen_of_real(chapter: Chapter, runs: DataFrame) -> Floats | None:
    """Shares of the classes among real data; None without that control."""
    real = runs[runs["control"] & (runs["variant"] == FLOOR)]
    kept = (chapter.results.exhibits(run).get("occupancy") for run in real["run"])
    counts = [found.sum(axis=0) for found in kept if found is not None]
    return np.asarray(np.sum(counts, axis=0) / np.sum(counts), dtype=np.float64) if counts else None


def maps(chapter: Chapter, kind: Kind, found: Mapping[str, History]) -> str:
    """A small heat map per run, of which a select shows those of one seed; nothing if no run was evaluated twice."""
    if max((len(one.images) for one in found.values()), default=0) < 2:
        return ""
    runs = chapter.runs[chapter.runs["run"].isin([*found])]
    order = {label: i for i, label in enumerate(chapter.labels)}
    runs = runs.assign(order=runs["label"].map(order)).sort_values(["seed", "order"])
    own = chapter.page.claim(f"{chapter.slug}--{kind.plural}")
    text = NOTE.format(word=kind.word, due=DUE[kind is MODES])
    parts: list[str] = []
    options: list[str] = []
    for seed, part in runs.groupby("seed", sort=False):
        place = chapter.page.claim(f"{own}--{seed}")
        options.append(f'<option value="{place}">seed {escape(seed)}</option>')
        cards = "".join(_card(chapter, kind, row, found[row["run"]]) for row in part.to_dict("records"))
        parts.append(
            f'<figure id="{place}" data-group="{own}"{" hidden" if parts else ""}><div class="gallery">{cards}</div>'
            f"<figcaption>{text}</figcaption></figure>"
        )
    title = f"{kind.plural.capitalize()} along the budget"
    choice = f'<select data-group="{own}" aria-label="{title}: which">{"".join(options)}</select>'
    head = f'<header><h4 id="{own}">{title}</h4>{choice if len(parts) > 1 else ""}</header>'
    return f'<section class="maps" aria-labelledby="{own}">{head}{"".join(parts)}</section>'


def _card(chapter: Chapter, kind: Kind, run: Mapping[Any, Any], found: History) -> str:
    label, k = str(run["label"]), found.held.shape[1]
    look = chapter.styles[label]
    first, last = (int(found.held[i].sum()) for i in (0, -1))
    what = f"{kind.plural.capitalize()} of {short(label)} along the budget, seed {run['seed']}"
    alternative = f"{what}: {first} of {k} held at first, {last} at the end."
    ended = "" if run["status"] == "done" else f", {escape(run['status'])}"
    drawn = chapter.page.plot(figures.occupancy(found.shares, list(found.images), look, kind.word), alternative)
    return (
        f'<div class="map" style="--width:{CARD}px">{drawn}<p>{chip(look)}<bdi title="{escape(label)}">'
        f"{escape(short(label))}</bdi><span>{last} of {k} held at the end{ended}</span></p></div>"
    )
