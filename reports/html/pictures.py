"""The page's figures, a group of them per question."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import plotly.graph_objects as go
from ganbench.reports import figures
from ganbench.reports.figures import Look
from ganbench.reports.formats.text_tables import COST as LEDGER_TITLES
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.order import metrics_in_order
from ganbench.reports.frames.rows import of_dataset
from ganbench.reports.html.markup import Page, Section, chip, escape, name
from ganbench.reports.numbers import listed, short
from pandas import DataFrame

COSTS = ("seconds", "flops", "parameters")
NEEDED = ["label", "seed", "control", "status", "checkpoint", "images", "metric", "title", "judge"]
NEEDED += ["direction", "value", "key"]


class Caption(NamedTuple):
    """How to read the figures of a group, and how they are easily misread; HTML."""

    read: str
    misread: str


DOTS = Caption(
    "Large dot: mean at the last checkpoint, with its 95 % interval; small dots: seeds; hollow diamond: the checkpoint "
    "selected on validation.",
    "two intervals that overlap a little may still differ; two that do not, do. A mean leaves failed runs out.",
)
CURVES = Caption(
    "Validation split. Line: mean over seeds; band: lowest to highest seed; cross: where a failed run was last "
    "measured. Dashed grey: controls, for scale.",
    "where a run fails, the mean goes on without it: a curve may rise because its worst seed has died.",
)
THEORY = Caption(
    "Validation split. Solid: the value of the minimax game at the trained D; dotted: at the best D for the same "
    "generator; bands: lowest to highest seed. The gap between the two is what D fails to see. The dotted line stands "
    "above −log 4 by twice the Jensen-Shannon divergence; it is estimated a little low.",
    "a solid line at −log 4 is no success by itself: a blind D puts it there too.",
)
LOSSES = Caption(
    "A line per run, means over a lap.",
    "losses of different formulations have different scales: read the shape, not the height. A falling loss of G says "
    "that it fools D, not that samples got better.",
)
GRADIENTS = Caption(
    "Norm of the gradient at the last step of each lap, a line per run, on a logarithmic axis. A steep fall of G's "
    "says that D leaves it nothing to learn from; spikes come before many a divergence.",
    "networks of different size have norms of different size, and Adam divides by them: compare a line with itself.",
)
BELIEFS = Caption(
    "D's mean belief that real data (solid) and fakes (dotted) are real, in training, means over seeds. Theory has "
    "both end at one half, where D cannot tell one from the other.{missing}",
    "one half is also where an untrained or a too weak D stands. The curves of the metric say which.",
)
COST = Caption(
    "Mean and 95 % interval at the last checkpoint, over what a finished run cost. Grey steps: the Pareto front; who "
    "stands on it is filled, and no other is both cheaper and better.",
    "the front is one of means: neighbours whose intervals overlap might change places. Seconds are those of the "
    "machine and of what else it did.",
)


class Drawn(NamedTuple):
    """One figure of a group."""

    title: str  # its name among the group's
    figure: go.Figure
    alternative: str  # what a screen reader says


def pictures(chapter: Section) -> str:
    """All figures of a dataset under one legend, whose buttons show and hide a label in all of them."""
    losses = of_dataset(chapter.results.losses, chapter.dataset)
    asked: tuple[tuple[str, Caption, Iterator[Drawn]], ...] = (
        ("Scores with their intervals", DOTS, _dots(chapter)),
        ("Along the budget", CURVES, _curves(chapter)),
        ("Theory", THEORY, _theory(chapter)),
        ("Quality and cost", COST, _costs(chapter)),
        ("Losses", LOSSES, _losses(chapter, losses)),
        ("Gradient norms", GRADIENTS, _gradients(chapter, losses)),
        ("What D believes", _of_beliefs(losses), _beliefs(chapter, losses)),
    )
    groups = "".join(group(chapter.page, chapter.slug, *one) for one in asked)
    return (
        f'<h3>Pictures</h3>{legend(chapter.styles, chapter.labels)}<div class="figures">{groups}</div>'
        if groups
        else ""
    )


def legend(styles: Mapping[str, Look], labels: Mapping[str, bool]) -> str:
    """Buttons that show and hide a label (-> is it a control?) in all figures of their dataset."""
    chips = "".join(
        f'<li class="{"control" if control else "variant"}"><button type="button" aria-pressed="true" '
        f'data-label="{escape(label)}">{chip(styles[label])}{name(label)}</button></li>'
        for label, control in labels.items()
    )
    return f'<ul class="legend" aria-label="Show or hide in all pictures of this dataset">{chips}</ul>'


def _scores(chapter: Section, checkpoint: str) -> DataFrame:
    """Scores at a checkpoint, and what figures ask of them: a frame of few columns is filtered in little time."""
    rows = chapter.scores
    kept = rows["value"].notna() & ((rows["checkpoint"] == checkpoint) | rows["control"].astype(bool))
    return rows.loc[kept, NEEDED] if len(rows) else rows


def _dots(chapter: Section) -> Iterator[Drawn]:
    scores = _scores(chapter, "last")
    for part in sorted(set(chapter.summary["board"])):
        rows = chapter.summary[chapter.summary["board"] == part]
        for metric in metrics_in_order(list(rows[rows["n"] > 0]["metric"]), chapter.select):
            title = chapter.metrics[metric].title + (f", board {part}" if part > 1 else "")
            figure = figures.dots(rows, metric, chapter.styles, scores[scores["metric"] == metric])
            yield Drawn(title, figure, f"{title} of each variant with its interval; the leaderboard has the numbers.")


def _curves(chapter: Section) -> Iterator[Drawn]:
    scores = _scores(chapter, "curve")
    along = scores[scores["checkpoint"] == "curve"]
    for metric in metrics_in_order(list(along["metric"]), chapter.select):
        judges = list(dict.fromkeys(along[along["metric"] == metric]["judge"]))
        for judge in judges:  # two judges' values of one metric are two kinds of number
            title = chapter.metrics[metric].title + (f", judge {short(judge)}" if len(judges) > 1 else "")
            figure = figures.curves(scores[scores["judge"] == judge], metric, chapter.styles)
            yield Drawn(title, figure, f"{title} on the validation split along the budget, a line per variant.")


def _theory(chapter: Section) -> Iterator[Drawn]:
    scores = _scores(chapter, "curve")
    of_game = (scores["metric"] == figures.GAME[0]) & (scores["checkpoint"] == "curve")
    if of_game.any():
        title = "Value of the game"
        said = f"{title} along the budget, per variant a line at its own D and one at the best D."
        yield Drawn(title, figures.theory(scores, chapter.styles), said)


def _losses(chapter: Section, losses: DataFrame) -> Iterator[Drawn]:
    for curve in dict.fromkeys(losses["curve"]) if len(losses) else ():
        if not curve.endswith(figures.GRADIENT_NORM) and curve not in figures.BELIEFS:
            figure = figures.losses(losses, curve, chapter.styles)
            yield Drawn(str(curve), figure, f"{curve} along the budget, a line per run.")


def _gradients(chapter: Section, losses: DataFrame) -> Iterator[Drawn]:
    curves = (
        [curve for curve in dict.fromkeys(losses["curve"]) if curve.endswith(figures.GRADIENT_NORM)]
        if len(losses)
        else []
    )
    for player in sorted(curve.removesuffix(figures.GRADIENT_NORM) for curve in curves):
        figure = figures.gradient_norms(losses, player, chapter.styles)
        yield Drawn(player, figure, f"Norm of the gradient of {player} along the budget, a line per run.")


def _beliefs(chapter: Section, losses: DataFrame) -> Iterator[Drawn]:
    if len(losses) and losses["curve"].isin(figures.BELIEFS).any():
        said = "D's mean belief that real data and that fakes are real, along the budget, two lines per variant."
        yield Drawn("Belief", figures.beliefs(losses, chapter.styles), said)


def _of_beliefs(losses: DataFrame) -> Caption:
    """Names those that have no belief, since their lines are missing."""
    found = losses[losses["curve"].isin(figures.BELIEFS)] if len(losses) else losses
    without = set(losses["label"]) - set(found["label"]) if len(losses) else set()
    named = listed([escape(short(label)) for label in sorted(map(str, without))])
    missing = f" None here of {named}: not recorded, or of a formulation without probabilities." if without else ""
    return BELIEFS._replace(read=BELIEFS.read.format(missing=missing))


def _costs(chapter: Section) -> Iterator[Drawn]:
    rows, ledger = chapter.summary, mean_ledger(chapter)
    first = rows[(rows["board"] == 1) & (rows["n"] > 0) & ~rows["control"].astype(bool)]
    for metric in metrics_in_order(list(first["metric"]), chapter.select)[:1]:
        for column in (c for c in COSTS if c in ledger and ledger[c].notna().any()):
            figure = figures.cost(first, ledger, metric, column, chapter.styles)
            title = LEDGER_TITLES[column]
            yield Drawn(title, figure, f"{chapter.metrics[metric].title} over {title}, a point per variant.")


def group(page: Page, slug: str, title: str, caption: Caption, drawn: Iterator[Drawn]) -> str:
    """Figures that answer one question, of which a select shows one; `slug` is the id of the section around them."""
    own = page.claim(f"{slug}--{title.split()[0].lower()}")
    text = f"{caption.read} <em>Easily misread</em>: {caption.misread}"
    parts: list[str] = []
    options: list[str] = []
    for one in drawn:
        place = page.claim(f"{own}--{one.title}")
        options.append(f'<option value="{place}">{escape(short(one.title))}</option>')
        parts.append(
            f'<figure id="{place}" data-group="{own}"{" hidden" if parts else ""}>'
            f"{page.plot(one.figure, one.alternative)}<figcaption>{text}</figcaption></figure>"
        )
    if not parts:
        return ""
    choice = f'<select data-group="{own}" aria-label="{title}: which">{"".join(options)}</select>'
    head = f'<header><h4 id="{own}">{title}</h4>{choice if len(parts) > 1 else ""}</header>'
    return f'<section aria-labelledby="{own}">{head}{"".join(parts)}</section>'
