"""The page's gallery: what runs made along their budget, and what they show of themselves when asked.

One slider moves the samples of all runs of a dataset along the budget, one select chooses the seed. All else is folded,
a fold per kind of exhibit. Images travel as PNGs, points as Plotly figures. A run that kept no exhibits shows its last
samples, one without samples says why.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from ganbench.reports.figures import Look, points2d
from ganbench.reports.figures.points2d import Truth
from ganbench.reports.frames.order import in_order_of
from ganbench.reports.frames.rows import MISSING
from ganbench.reports.html import image_grid
from ganbench.reports.html.image_grid import Sheet
from ganbench.reports.html.markup import Section, chip, escape, name
from ganbench.reports.numbers import amount, short
from numpy.typing import NDArray
from pandas import DataFrame

Exhibits = Mapping[str, NDArray[Any]]  # by name; see `ganbench.runs.exhibits`
Run = Mapping[Any, Any]  # a row of `_hung`

MOST_STOPS = 10  # of the slider: each is a picture of every run
FIRST = "The first samples of each run, not chosen."
MODES = "Circles: three standard deviations around each true mode."
ALONG = "What they are drawn from is the same at every stop of the slider, so that what changes is the generator."
CHOSEN = (
    "All at the checkpoint selected on validation, of the variants that have such a thing: latents, classes, partners."
)


class Kind(NamedTuple):
    """One kind of exhibit."""

    title: str
    note: str  # what is seen, and how to read it
    needs: str  # the exhibit without which there is nothing to draw
    draw: Callable[[Exhibits, Truth, Look], Sheet | go.Figure]


def _classes(found: Exhibits, *_: object) -> Sheet:
    return image_grid.table(found["by_class"].swapaxes(0, 1), [str(k) for k in range(len(found["by_class"]))])


def _truncation(found: Exhibits, *_: object) -> Sheet:
    return image_grid.table(found["truncation"].swapaxes(0, 1), [f"{setting:g}" for setting in found["truncations"]])


def _pairs(found: Exhibits, *_: object) -> Sheet:
    heads = {"sample": "pair_x", "partner": "pair_other", "true": "pair_truth", "back": "pair_returned"}
    columns = {head: found[exhibit] for head, exhibit in heads.items() if exhibit in found}
    return image_grid.table(np.stack(list(columns.values()), 1), list(columns), image_grid.LARGE)


IMAGES = (
    Kind(
        "Walks between latents",
        "Each row leads from one latent to another. Shapes that change smoothly were learnt; jumps between finished "
        "pictures hint at learning by heart.",
        "interpolation",
        lambda found, *_: image_grid.table(found["interpolation"]),
    ),
    Kind("Class by class", "A column per class that was asked for, a row per latent.", "by_class", _classes),
    Kind(
        "Truncation",
        "A row per latent, a column per setting, from none to much: variety is given away for quality.",
        "truncation",
        _truncation,
    ),
    Kind(
        "Pairs of two domains",
        "A row per pair: a sample, its partner in the second domain, and the partner that the known transform gives "
        "it. A variant that translates made the sample of the partner; the last column is the way back, to be held "
        "against the partner.",
        "pair_other",
        _pairs,
    ),
    Kind(
        "Nearest training samples",
        "Rows in twos: samples, and below each the training sample that the judge finds most like it: are they copies?",
        "neighbour",
        lambda found, *_: image_grid.twos(found["neighbour_x"], found["neighbour"]),
    ),
)
POINTS = (
    Kind(
        "Walks between latents",
        "Ways from one latent to another, a dot per step. Where two steps lie far apart, G jumps.",
        "interpolation",
        lambda found, truth, look: points2d.walks(found["interpolation"], truth, look),
    ),
    Kind(
        "Where G takes a grid of latents",
        "A square grid, four standard deviations wide, in a random plane where latents have more dimensions than two. "
        "Samples are dense where its lines crowd and rare where they are stretched.",
        "transport",
        lambda found, truth, look: points2d.transport(found["transport"], truth, look),
    ),
    Kind(
        "What D believes",
        "Orange: real; blue: made; bare: D cannot tell, as everywhere if G were perfect. Lines at beliefs of 0.1, 0.3, "
        "0.5, 0.7 and 0.9. Only a D that speaks of probabilities is shown.",
        "surface",
        lambda found, truth, _: points2d.belief(found["surface"], found["surface_edges"], truth),
    ),
    Kind(
        "Class by class",
        "A colour per mode that was asked for; after ten the colours come round again.",
        "by_class",
        lambda found, truth, _: points2d.classes(found["by_class"], truth),
    ),
    Kind(
        "Truncation",
        "The same latents at each setting, from none, in grey, to much, in colour: variety is given away for quality.",
        "truncation",
        lambda found, truth, look: points2d.truncation(found["truncation"], truth, look),
    ),
    Kind(
        "Pairs of two domains",
        "A dot is a sample's partner in the second domain. A line in colour leads to the partner that the known "
        "transform gives the sample; a grey one, where a variant translates, to what came back of the partner.",
        "pair_other",
        lambda found, truth, look: points2d.pairs(
            found["pair_other"], found["pair_truth"], found.get("pair_returned"), truth, look
        ),
    ),
)


def gallery(chapter: Section) -> str:
    """Samples of every run, variants before controls, and whatever else the runs kept to be looked at."""
    runs = _hung(chapter)
    if runs.empty:
        return ""
    truth = chapter.results.truth(chapter.dataset)
    cards: dict[bool, list[str]] = {False: [], True: []}  # is it a control?
    more: dict[Kind, list[str]] = defaultdict(list)
    stops: list[list[float]] = []
    for run in runs.to_dict("records"):
        found = chapter.results.exhibits(run["run"])  # of one run at a time: together they may be gigabytes
        cards[run["control"]].append(_samples(chapter, truth, run, found))
        for kind in _kinds(found):
            more[kind].append(_exhibit(chapter, truth, run, found, kind))
        stops += [] if run["control"] else [_stops(found)]
    title, slider = chapter.page.claim(f"{chapter.slug}--gallery"), _slider(chapter, stops)
    circles = truth and any("data-figure" in card for card in cards[False] + cards[True])
    notes = [FIRST, MODES if circles else "", ALONG if slider else ""]
    folds = "".join(_fold(chapter, kind, more[kind]) for kind in IMAGES + POINTS if kind in more)
    return (
        f'<section class="exhibits" aria-labelledby="{title}"><h3 id="{title}">Gallery</h3>'
        f'<p class="note">{" ".join(filter(None, notes))}</p>{_choice(chapter, runs)}'
        f"<div><h4>Samples</h4>{slider}{_wall(cards[False])}</div>"
        + (f"<h4>Controls</h4>{_wall(cards[True])}" if cards[True] else "")
        + (f'<h4>More to look at</h4><p class="note">{CHOSEN}</p>{folds}' if folds else "")
        + "</section>"
    )


def _hung(chapter: Section) -> DataFrame:
    """The runs in the order of the labels; of a control one seed, which shows all there is to see.

    Adds `shown`, whether a run is to be seen when the page opens, and `selected`, after how many images its checkpoint
    was selected.
    """
    runs = chapter.runs[chapter.runs["status"] != MISSING]
    runs = in_order_of(runs.sort_values("seed", kind="stable"), chapter.labels)
    runs = runs[~runs["control"] | ~runs["label"].duplicated()]
    chosen = chapter.scores[chapter.scores["checkpoint"] == "selected"].drop_duplicates("run")
    selected = dict(zip(chosen["run"], chosen["images"], strict=True))
    first = runs.loc[~runs["control"], "seed"].min()
    return runs.assign(shown=runs["control"] | (runs["seed"] == first), selected=runs["run"].map(selected))


def _kinds(found: Exhibits) -> list[Kind]:
    """What can be drawn of a run's exhibits."""
    kinds = IMAGES if "frames" in found and _are_images(found["frames"]) else POINTS
    return [kind for kind in kinds if kind.needs in found]


def _are_images(x: NDArray[Any]) -> bool:
    return bool(x.dtype == np.uint8)


def _places(found: Exhibits) -> NDArray[np.intp]:
    """Which of a run's frames are on the page: the first, the last, and others evenly between them."""
    n = len(found["frames"]) if "frames" in found else 0
    return np.rint(np.linspace(0, n - 1, min(n, MOST_STOPS))).astype(np.intp)


def _stops(found: Exhibits) -> list[float]:
    """Real images that D had seen at each frame on the page; NaN where nobody wrote it down."""
    images = found.get("images", np.empty(0))
    return [float(images[i]) if len(images) == len(found["frames"]) else nan for i in _places(found)]


def _choice(chapter: Section, runs: DataFrame) -> str:
    """A select that shows the runs of another seed, or of all."""
    seeds = sorted(set(runs.loc[~runs["control"], "seed"]))
    if len(seeds) < 2:
        return ""
    options = "".join(f'<option value="{escape(seed)}">{escape(seed)}</option>' for seed in seeds)
    own = chapter.page.claim(f"{chapter.slug}--seed")
    select = f'<select id="{own}" data-seeds autocomplete="off">{options}<option value="">all</option></select>'
    return f'<p class="choice"><label for="{own}">Seed</label>{select}</p>'


def _slider(chapter: Section, stops: list[list[float]]) -> str:
    """Moves the samples of all runs to the same share of their budgets; at its end when the page opens."""
    most = max(map(len, stops), default=0)
    if most < 2:
        return ""
    said = [_said([run[i] for run in stops if len(run) == most], i, most) for i in range(most)]
    own = chapter.page.claim(f"{chapter.slug}--slider")
    return (
        f'<div class="slider"><label for="{own}">Along the budget</label>'
        f'<input type="range" id="{own}" min="0" max="{most - 1}" value="{most - 1}" autocomplete="off" '
        f'aria-valuetext="{escape(said[-1])}" data-said="{escape(json.dumps(said))}">'
        f'<span class="said" aria-hidden="true">{escape(said[-1])}</span></div>'
    )


def _said(images: Sequence[float], i: int, most: int) -> str:
    """Where runs are at stop `i`: after how many images, at least and at most."""
    known = sorted(n for n in images if isfinite(n))
    ends = dict.fromkeys(amount(n) for n in (*known[:1], *known[-1:]))
    return f"after {' to '.join(ends)} images" if ends else f"stop {i + 1} of {most}"


def _samples(chapter: Section, truth: Truth, run: Run, found: Exhibits) -> str:
    """A run's samples along the budget, or only the last ones, or why there are none."""
    frames = found["frames"][_places(found)] if "frames" in found else chapter.results.samples(run["run"])
    if frames is None:
        return _card(chapter, run, _missing(run), points2d.SIDE, narrow=True)
    if "frames" not in found:
        frames = frames[None]
    drawn = image_grid.film(frames) if _are_images(frames) else points2d.samples(frames, truth, _look(chapter, run))
    stops = [] if run["control"] else _stops(found)
    told = [
        (f"{images:,.0f} images" if isfinite(images) else f"stop {i + 1} of {len(stops)}")
        + (", selected" if images == run["selected"] else "")
        for i, images in enumerate(stops)
    ]
    return _card(chapter, run, _drawn(chapter, run, "Samples", drawn, len(frames)), _width(drawn), told, narrow=True)


def _exhibit(chapter: Section, truth: Truth, run: Run, found: Exhibits, kind: Kind) -> str:
    drawn = kind.draw(found, truth, _look(chapter, run))
    width = _width(drawn)
    return _card(chapter, run, _drawn(chapter, run, kind.title, drawn), width, narrow=width <= points2d.SIDE)


def _look(chapter: Section, run: Run) -> Look:
    return chapter.styles[str(run["label"])]


def _width(drawn: Sheet | go.Figure) -> int:
    """In CSS pixels."""
    return drawn.width if isinstance(drawn, Sheet) else points2d.SIDE


def _missing(run: Run) -> str:
    failed = f"{run['status']}: {short(run['reason'], 120)}".rstrip(": ")
    return f'<div class="missing">{name("No samples were kept." if run["status"] == "done" else failed, 200)}</div>'


def _drawn(chapter: Section, run: Run, title: str, drawn: Sheet | go.Figure, stops: int = 1) -> str:
    what = f"{title} of {short(run['label'])}, seed {run['seed']}"
    return _pixels(drawn, what, stops) if isinstance(drawn, Sheet) else chapter.page.plot(drawn, what, still=True)


def _pixels(sheet: Sheet, what: str, stops: int) -> str:
    """A sheet under the heads of its columns; a film of several stops shows its last."""
    height, width = sheet.pixels.shape[:2]
    columns = f"; columns: {', '.join(sheet.heads)}" if sheet.heads else ""
    heads = "".join(f"<span>{escape(head)}</span>" for head in sheet.heads)
    image = (
        f'<img alt="{escape(what + columns)}" width="{width}" height="{height}" decoding="async" loading="lazy" '
        f'src="{image_grid.source(sheet.pixels)}">'
    )
    if stops > 1:
        style = f"aspect-ratio:{width}/{height // stops};--stops:{stops};--at:{stops - 1}"
        return f'<div class="film" style="{style}">{image}</div>'
    return f'<div class="heads" aria-hidden="true">{heads}</div>{image}' if heads else image


def _card(chapter: Section, run: Run, inside: str, width: int, told: Sequence[str] = (), narrow: bool = False) -> str:
    """A picture `width` CSS pixels wide and whose it is; `told` is what is said at each stop of the slider."""
    label = str(run["label"])
    state = "" if run["status"] == "done" else f", {escape(run['status'])}"
    classes = f"{'control' if run['control'] else 'variant'}{' narrow' if narrow else ''}"
    stops = f' data-stops="{escape(json.dumps(list(told)))}"' if len(told) > 1 else ""
    seed = "" if run["control"] else f' data-seed="{escape(run["seed"])}"{"" if run["shown"] else " hidden"}'
    return (
        f'<figure class="{classes}" style="--width:{width}px"{stops}{seed}>{inside}'
        f'<figcaption>{chip(_look(chapter, run))}<bdi title="{escape(label)}">{escape(short(label))}</bdi>'
        f'<span class="seed">seed {escape(run["seed"])}{state}</span>'
        + (f'<span class="stop">{escape(told[-1])}</span>' if told else "")
        + "</figcaption></figure>"
    )


def _wall(cards: Sequence[str]) -> str:
    return f'<div class="gallery">{"".join(cards)}</div>'


def _fold(chapter: Section, kind: Kind, cards: Sequence[str]) -> str:
    own = chapter.page.claim(f"{chapter.slug}--{kind.needs}")
    head = f'<summary><h5>{kind.title}</h5></summary><p class="note">{kind.note}</p>'
    return f'<details id="{own}">{head}{_wall(cards)}</details>'
