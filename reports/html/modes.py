"""The page's maps of modes or classes along the budget."""

from collections.abc import Mapping
from typing import Any

from ganbench.reports import figures
from ganbench.reports.frames.modes import MODES, Counted, Occupancy
from ganbench.reports.frames.order import in_order_of
from ganbench.reports.html.markup import Section, chip, escape
from ganbench.reports.numbers import short

CARD = 208  # CSS pixels wide
NOTE = (
    "A row per {word}, time to the right: bare where no sample falls to it, full colour where it has its due share of "
    "the samples, {due}, or more. So a row that fades is being forgotten. <em>Easily misread</em>: the same row in two "
    "runs is the same {word}, but a {word} that stays bare between two evaluations may have come and gone unseen."
)
DUE = {True: "its weight in the mixture", False: "its share in the judge's eyes of real data"}


def maps(chapter: Section, kind: Counted, found: Mapping[str, Occupancy]) -> str:
    """A small heat map per run, of which a select shows those of one seed; nothing if no run was evaluated twice."""
    if max((len(one.images) for one in found.values()), default=0) < 2:
        return ""
    runs = chapter.runs[chapter.runs["run"].isin([*found])]
    runs = in_order_of(runs, chapter.labels).sort_values("seed", kind="stable")
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


def _card(chapter: Section, kind: Counted, run: Mapping[Any, Any], found: Occupancy) -> str:
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
