"""The page's gallery: what runs made along their budget, and what they show of themselves when asked.

One slider moves the samples of all runs of a dataset along the budget, one select chooses the seed. All else is folded,
a fold per kind of exhibit. Images travel as PNGs, points as Plotly figures. A run that kept no exhibits shows its last
samples, one without samples says why.
"""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.reports.figures import points2d
from ganbench.reports.figures.points2d import Truth
from ganbench.reports.frames.order import in_order_of
from ganbench.reports.frames.rows import MISSING
from ganbench.reports.html import image_grid
from ganbench.reports.html.exhibits import IMAGES, POINTS, ExhibitKind, Exhibits, are_images, kinds_of
from ganbench.reports.html.image_grid import ImageGrid
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.sections import PlacedFigure, Section
from ganbench.reports.numbers import amount, short
from ganbench.store.files import damaged

Run = Mapping[Any, Any]  # a row of `_shown_runs`

MOST_STOPS = 10  # of the slider: each is a picture of every run


class Film(NamedTuple):
    """Images of a run at the stops of the slider, one below the other; without a slider, one picture."""

    source: str  # data URI
    alternative: str
    width: int  # pixels
    height: int  # of all stops together
    stops: int
    heads: tuple[str, ...]  # over columns of equal width


class Card(NamedTuple):
    """A picture, and whose it is."""

    run: Run
    picture: Film | PlacedFigure | None  # None: there is none, and `reason` says why
    width: int = points2d.SIDE  # CSS pixels
    narrow: bool = True
    stops: Sequence[str] = ()  # where the run is at each stop of the slider
    reason: str = ""
    id: str = ""  # of a label's first samples


class Fold(NamedTuple):
    """All pictures of a kind."""

    id: str
    kind: ExhibitKind
    cards: list[Card]


def gallery(section: Section) -> str:
    """Samples of every run, variants before controls, and whatever else the runs kept to be looked at."""
    runs = _shown_runs(section)
    if runs.empty:
        return ""
    truth = section.results.truth(section.dataset)
    samples: list[Card] = []
    more: dict[ExhibitKind, list[Card]] = {}
    stops: list[list[float]] = []
    placed: set[str] = set()
    for run in runs.to_dict("records"):
        own, kinds, at = _drawn(section, truth, run)  # of one run at a time: together they may be gigabytes
        first = run["label"] not in placed
        samples.append(own._replace(id=section.anchor("samples", run["label"])) if first else own)
        placed.add(run["label"])
        for kind, card in kinds.items():
            more.setdefault(kind, []).append(card)
        stops += [] if run["control"] else [at]
    seeds = sorted(set(runs.loc[~runs["control"], "seed"]))
    places = _slider(stops)
    return lay_out(
        "gallery.html",
        styles=section.styles,
        id=section.claim("gallery"),
        slider=section.claim("slider") if places else "",
        places=places,
        choice=section.claim("seed") if len(seeds) > 1 else "",
        seeds=seeds,
        samples=[card for card in samples if not card.run["control"]],
        controls=[card for card in samples if card.run["control"]],
        circles=bool(truth) and any(isinstance(card.picture, PlacedFigure) for card in samples),
        folds=[Fold(section.claim(kind.needs), kind, more[kind]) for kind in IMAGES + POINTS if kind in more],
    )


def _drawn(section: Section, truth: Truth, run: Run) -> tuple[Card, dict[ExhibitKind, Card], list[float]]:
    """All pictures of a run, and where it is at each stop; without its exhibits, if these are of no use."""
    for name, exhibits in (("exhibits.npz", section.results.exhibits(run["run"])), ("samples.npy", {})):
        try:
            cards = {kind: _exhibit_card(section, truth, run, exhibits, kind) for kind in kinds_of(exhibits)}
            return _samples_card(section, truth, run, exhibits), cards, _stops(exhibits)
        except Exception as error:  # whatever drawing stumbles over in arrays of other shapes
            section.results.leave_out(str(damaged(section.results.path / run["run"] / name, error)))
    return Card(run, None, reason="Its samples are damaged."), {}, []


def _shown_runs(section: Section) -> DataFrame:
    """The runs in the order of the labels; of a control one seed, which shows all there is to see.

    Adds `shown`, whether a run is to be seen when the page opens, and `selected`, after how many images its checkpoint
    was selected.
    """
    runs = section.runs[section.runs["status"] != MISSING]
    runs = in_order_of(runs.sort_values("seed", kind="stable"), section.labels)
    runs = runs[~runs["control"] | ~runs["label"].duplicated()]
    chosen = section.scores[section.scores["checkpoint"] == "selected"].drop_duplicates("run")
    selected = dict(zip(chosen["run"], chosen["images"], strict=True))
    first = runs.loc[~runs["control"], "seed"].min()
    return runs.assign(shown=runs["control"] | (runs["seed"] == first), selected=runs["run"].map(selected))


def _places(exhibits: Exhibits) -> NDArray[np.intp]:
    """Which of a run's frames are on the page: the first, the last, and others evenly between them."""
    n = len(exhibits["frames"]) if "frames" in exhibits else 0
    return np.rint(np.linspace(0, n - 1, min(n, MOST_STOPS))).astype(np.intp)


def _stops(exhibits: Exhibits) -> list[float]:
    """Real images shown to D at each frame on the page; NaN where nobody wrote it down."""
    images = exhibits.get("images", np.empty(0))
    return [float(images[i]) if len(images) == len(exhibits["frames"]) else nan for i in _places(exhibits)]


def _slider(stops: list[list[float]]) -> list[str]:
    """Where runs are at each stop of the slider, which moves all to the same share of their budgets; none for one."""
    most = max(map(len, stops), default=0)
    whole = [run for run in stops if len(run) == most]
    return [_between([run[i] for run in whole], i, most) for i in range(most)] if most > 1 else []


def _between(images: Sequence[float], i: int, most: int) -> str:
    """Where runs are at stop `i`: after how many images, at least and at most."""
    known = sorted(n for n in images if isfinite(n))
    ends = dict.fromkeys(amount(n) for n in (*known[:1], *known[-1:]))
    return f"after {' to '.join(ends)} images" if ends else f"stop {i + 1} of {most}"


def _samples_card(section: Section, truth: Truth, run: Run, exhibits: Exhibits) -> Card:
    """A run's samples along the budget, or only the last ones, or why there are none."""
    frames = exhibits["frames"][_places(exhibits)] if "frames" in exhibits else section.results.samples(run["run"])
    if frames is None:
        failed = f"{run['status']}: {short(run['reason'], 120)}".rstrip(": ")
        return Card(run, None, reason="No samples were kept." if run["status"] == "done" else failed)
    if "frames" not in exhibits:
        frames = frames[None]
    look = section.styles[str(run["label"])]
    drawn = image_grid.film(frames) if are_images(frames) else points2d.samples(frames, truth, look)
    stops = [] if run["control"] else _stops(exhibits)
    spoken = [
        (f"{images:,.0f} images" if isfinite(images) else f"stop {i + 1} of {len(stops)}")
        + (", selected" if images == run["selected"] else "")
        for i, images in enumerate(stops)
    ]
    return Card(run, _picture(section, run, "Samples", drawn, len(frames)), _width(drawn), stops=spoken)


def _exhibit_card(section: Section, truth: Truth, run: Run, exhibits: Exhibits, kind: ExhibitKind) -> Card:
    drawn = kind.drawn(exhibits, truth, section.styles[str(run["label"])])
    width = _width(drawn)
    return Card(run, _picture(section, run, kind.title, drawn), width, narrow=width <= points2d.SIDE)


def _width(drawn: ImageGrid | go.Figure) -> int:
    """In CSS pixels."""
    return drawn.width if isinstance(drawn, ImageGrid) else points2d.SIDE


def _picture(
    section: Section, run: Run, title: str, drawn: ImageGrid | go.Figure, stops: int = 1
) -> Film | PlacedFigure:
    what = f"{title} of {short(run['label'])}, seed {run['seed']}"
    if not isinstance(drawn, ImageGrid):
        return section.page.place(drawn, what, still=True)
    columns = f"; columns: {', '.join(drawn.heads)}" if drawn.heads else ""
    height, width = drawn.pixels.shape[:2]
    return Film(image_grid.data_uri(drawn.pixels), what + columns, width, height, stops, drawn.heads)
