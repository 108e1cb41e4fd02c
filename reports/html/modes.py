"""The page's maps of modes or classes along the budget, one per run."""

from collections.abc import Mapping
from typing import NamedTuple

from ganbench.reports import figures
from ganbench.reports.frames.modes import MODES, Counted, Occupancy
from ganbench.reports.frames.order import in_order_of
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.sections import PlacedFigure, Section
from ganbench.reports.numbers import short

CARD = 208  # CSS pixels wide


class Map(NamedTuple):
    """One run's map."""

    label: str
    figure: PlacedFigure
    held: int  # at the end
    of: int
    status: str


def maps(section: Section, kind: Counted, kept: Mapping[str, Occupancy]) -> str:
    """A small heat map per run, of which a select shows those of one seed; nothing if no run was evaluated twice."""
    if max((len(one.images) for one in kept.values()), default=0) < 2:
        return ""
    runs = section.runs[section.runs["run"].isin([*kept])]
    runs = in_order_of(runs, section.labels).sort_values("seed", kind="stable")
    own = section.claim(kind.plural)
    by_seed = {}
    for seed, part in runs.groupby("seed", sort=False):
        place = section.page.claim(f"{own}--{seed}")
        shown = zip(part["label"].astype(str), part["run"], part["status"], strict=True)
        by_seed[place] = [_map(section, kind, f"{label}", seed, kept[run], status) for label, run, status in shown]
    seeds = dict(zip(by_seed, (f"seed {seed}" for seed in runs["seed"].unique()), strict=True))
    return lay_out(
        "modes.html", styles=section.styles, id=own, kind=kind, mixture=kind is MODES, seeds=seeds, maps=by_seed,
        width=CARD,
    )  # fmt: skip


def _map(section: Section, kind: Counted, label: str, seed: object, kept: Occupancy, status: str) -> Map:
    first, last = (int(kept.held[i].sum()) for i in (0, -1))
    k = kept.held.shape[1]
    what = f"{kind.plural.capitalize()} of {short(label)} along the budget, seed {seed}"
    drawn = figures.occupancy(kept.shares, list(kept.images), section.styles[label], kind.word)
    place = section.page.place(drawn, f"{what}: {first} of {k} held at first, {last} at the end.")
    return Map(label, place, last, k, status)
