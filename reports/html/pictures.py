"""The page's figures, a group of them per question."""

from collections.abc import Iterator
from typing import NamedTuple

import plotly.graph_objects as go
from pandas import DataFrame

from ganbench.reports import figures
from ganbench.reports.formats.text_tables import COST as LEDGER_TITLES
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.order import metrics_in_order
from ganbench.reports.frames.rows import of_dataset
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.sections import Page, PlacedFigure, Section
from ganbench.reports.numbers import listed, short

COSTS = ("seconds", "flops", "parameters")
NEEDED = ["label", "seed", "control", "status", "checkpoint", "images", "metric", "title", "judge"]
NEEDED += ["direction", "value", "key"]


class Caption(NamedTuple):
    """How to read the figures of a group, and how they are easily misread."""

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
    "A line per run, means over a log interval.",
    "losses of different formulations have different scales: read the shape, not the height. A falling loss of G says "
    "that it fools D, not that samples got better.",
)
GRADIENTS = Caption(
    "Norm of the gradient at the last step of each log interval, a line per run, on a logarithmic axis. A steep fall "
    "of G's says that D leaves it nothing to learn from; spikes come before many a divergence.",
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


class FigureGroup(NamedTuple):
    """Figures that answer one question, of which a select shows one."""

    id: str
    title: str
    caption: Caption
    choices: dict[str, str]  # ids -> titles
    figures: dict[str, PlacedFigure]  # by the same ids


class DrawnFigure(NamedTuple):
    """One figure of a group."""

    title: str  # its name among the group's
    figure: go.Figure
    alternative: str  # what a screen reader says


def scores_with_intervals(section: Section) -> FigureGroup:
    """Each metric's means and seeds."""
    return group(section.page, section.slug, "Scores with their intervals", DOTS, _dots(section))


def quality_and_cost(section: Section) -> FigureGroup:
    """The ranking metric over each kind of cost."""
    return group(section.page, section.slug, "Quality and cost", COST, _costs(section))


def pictures(section: Section) -> str:
    """What went on along the budget, under one legend, whose buttons show and hide a label in all figures."""
    losses = of_dataset(section.results.losses, section.dataset)
    groups = [
        group(section.page, section.slug, "Along the budget", CURVES, _curves(section)),
        group(section.page, section.slug, "Theory", THEORY, _theory(section)),
        group(section.page, section.slug, "Losses", LOSSES, _losses(section, losses)),
        group(section.page, section.slug, "Gradient norms", GRADIENTS, _gradients(section, losses)),
        group(section.page, section.slug, "What D believes", _of_beliefs(losses), _beliefs(section, losses)),
    ]
    drawn = [one for one in groups if one.figures]
    return lay_out("pictures.html", section=section, groups=drawn) if drawn else ""


def _scores(section: Section, checkpoint: str) -> DataFrame:
    """Scores at a checkpoint, and what figures ask of them: a frame of few columns is filtered in little time."""
    rows = section.scores
    kept = rows["value"].notna() & ((rows["checkpoint"] == checkpoint) | rows["control"].astype(bool))
    return rows.loc[kept, NEEDED] if len(rows) else rows


def _dots(section: Section) -> Iterator[DrawnFigure]:
    scores = _scores(section, "last")
    for part in sorted(set(section.summary["board"])):
        rows = section.summary[section.summary["board"] == part]
        for metric in metrics_in_order(list(rows[rows["n"] > 0]["metric"]), section.primary):
            title = section.metrics[metric].title + (f", board {part}" if part > 1 else "")
            figure = figures.dots(rows, metric, section.styles, scores[scores["metric"] == metric])
            yield DrawnFigure(
                title, figure, f"{title} of each variant with its interval; the leaderboard has the numbers."
            )


def _curves(section: Section) -> Iterator[DrawnFigure]:
    scores = _scores(section, "curve")
    along = scores[scores["checkpoint"] == "curve"]
    for metric in metrics_in_order(list(along["metric"]), section.primary):
        judges = list(dict.fromkeys(along[along["metric"] == metric]["judge"]))
        for judge in judges:  # two judges' values of one metric are two kinds of number
            title = section.metrics[metric].title + (f", judge {short(judge)}" if len(judges) > 1 else "")
            figure = figures.curves(scores[scores["judge"] == judge], metric, section.styles)
            yield DrawnFigure(title, figure, f"{title} on the validation split along the budget, a line per variant.")


def _theory(section: Section) -> Iterator[DrawnFigure]:
    scores = _scores(section, "curve")
    of_game = (scores["metric"] == figures.GAME[0]) & (scores["checkpoint"] == "curve")
    if of_game.any():
        title = "Value of the game"
        alternative = f"{title} along the budget, per variant a line at its own D and one at the best D."
        yield DrawnFigure(title, figures.theory(scores, section.styles), alternative)


def _losses(section: Section, losses: DataFrame) -> Iterator[DrawnFigure]:
    for curve in dict.fromkeys(losses["curve"]) if len(losses) else ():
        if not curve.endswith(figures.GRADIENT_NORM) and curve not in figures.BELIEFS:
            figure = figures.losses(losses, curve, section.styles)
            yield DrawnFigure(str(curve), figure, f"{curve} along the budget, a line per run.")


def _gradients(section: Section, losses: DataFrame) -> Iterator[DrawnFigure]:
    curves = (
        [curve for curve in dict.fromkeys(losses["curve"]) if curve.endswith(figures.GRADIENT_NORM)]
        if len(losses)
        else []
    )
    for player in sorted(curve.removesuffix(figures.GRADIENT_NORM) for curve in curves):
        figure = figures.gradient_norms(losses, player, section.styles)
        yield DrawnFigure(player, figure, f"Norm of the gradient of {player} along the budget, a line per run.")


def _beliefs(section: Section, losses: DataFrame) -> Iterator[DrawnFigure]:
    if len(losses) and losses["curve"].isin(figures.BELIEFS).any():
        alternative = "D's mean belief that real data and that fakes are real, along the budget, two lines per variant."
        yield DrawnFigure("Belief", figures.beliefs(losses, section.styles), alternative)


def _of_beliefs(losses: DataFrame) -> Caption:
    """Names those that have no belief, since their lines are missing."""
    without: set[str] = set()
    if len(losses):
        without = set(losses["label"]) - set(losses.loc[losses["curve"].isin(figures.BELIEFS), "label"])
    named = listed([short(label) for label in sorted(map(str, without))])
    missing = f" None here of {named}: not recorded, or of a formulation without probabilities." if without else ""
    return BELIEFS._replace(read=BELIEFS.read.format(missing=missing))


def _costs(section: Section) -> Iterator[DrawnFigure]:
    rows, ledger = section.summary, mean_ledger(section)
    first = rows[(rows["board"] == 1) & (rows["n"] > 0) & ~rows["control"].astype(bool)]
    for metric in metrics_in_order(list(first["metric"]), section.primary)[:1]:
        for column in (c for c in COSTS if c in ledger and ledger[c].notna().any()):
            figure = figures.cost(first, ledger, metric, column, section.styles)
            title = LEDGER_TITLES[column]
            yield DrawnFigure(title, figure, f"{section.metrics[metric].title} over {title}, a point per variant.")


def group(page: Page, slug: str, title: str, caption: Caption, drawn: Iterator[DrawnFigure]) -> FigureGroup:
    """Figures that answer one question, placed on a page; `slug` is the id of the section around them."""
    own = page.claim(f"{slug}--{title.split()[0].lower()}")
    choices, placed = {}, {}
    for one in drawn:
        place = page.claim(f"{own}--{one.title}")
        choices[place] = short(one.title)
        placed[place] = page.place(one.figure, one.alternative)
    return FigureGroup(own, title, caption, choices, placed)
