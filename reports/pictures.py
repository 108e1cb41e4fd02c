"""The page's figures, a group of them per question."""

from collections.abc import Iterator
from typing import NamedTuple

import plotly.graph_objects as go

from reports import figures, prose, tables
from reports.glossary import entry, ordered
from reports.markup import Chapter, chip, escape, name
from reports.words import short

COSTS = ("seconds", "flops", "parameters_g")
DOTS = (
    "Large dot: mean at the last checkpoint, with its 95 % interval; small dots: seeds; hollow diamond: the checkpoint "
    "selected on validation."
)
CURVES = (
    "Validation split. Line: mean over seeds; band: lowest to highest seed; cross: where a failed run was last "
    "measured. Dashed grey: controls, for scale."
)
THEORY = (
    "Validation split. Solid: the value of the minimax game at the trained D; dotted: at the best D for the same "
    "generator; bands: lowest to highest seed. The gap between the two is what D fails to see. The dotted line stands "
    "above −log 4 by twice the Jensen-Shannon divergence; it is estimated a little low."
)
LOSSES = "A line per run. Losses of different formulations have different scales: read the shape, not the height."
COST = "Mean and 95 % interval at the last checkpoint, over what a finished run cost."


class Drawn(NamedTuple):
    """One figure of a group."""

    title: str  # its name among the group's
    figure: go.Figure
    alternative: str  # what a screen reader says


def pictures(chapter: Chapter) -> str:
    """All figures of a dataset under one legend, whose buttons show and hide a label in all of them."""
    groups = (
        _group(chapter, "Scores with their intervals", DOTS, _dots(chapter)),
        _group(chapter, "Along the budget", CURVES, _curves(chapter)),
        _group(chapter, "Theory", THEORY, _theory(chapter)),
        _group(chapter, "Losses", LOSSES, _losses(chapter)),
        _group(chapter, "Quality and cost", COST, _costs(chapter)),
    )
    if not any(groups):
        return ""
    chips = "".join(
        f'<li class="{"control" if control else "variant"}"><button type="button" aria-pressed="true" '
        f'data-label="{escape(label)}">{chip(chapter.styles[label])}{name(label)}</button></li>'
        for label, control in chapter.labels.items()
    )
    legend = f'<ul class="legend" aria-label="Show or hide in all pictures of this dataset">{chips}</ul>'
    return f'<h3>Pictures</h3>{legend}<div class="figures">{"".join(groups)}</div>'


def _dots(chapter: Chapter) -> Iterator[Drawn]:
    for part in sorted(set(chapter.rows["board"])):
        rows = chapter.rows[chapter.rows["board"] == part]
        for metric in ordered(list(rows[rows["n"] > 0]["metric"]), chapter.select):
            title = entry(metric).title + (f", board {part}" if part > 1 else "")
            figure = figures.dots(rows, metric, chapter.styles, chapter.scores)
            yield Drawn(title, figure, f"{title} of each variant with its interval; the leaderboard has the numbers.")


def _curves(chapter: Chapter) -> Iterator[Drawn]:
    scores = chapter.scores
    along = scores[(scores["checkpoint"] == "curve") & scores["value"].notna()]
    for metric in ordered(list(along["metric"]), chapter.select):
        judges = list(dict.fromkeys(along[along["metric"] == metric]["judge"]))
        for judge in judges:  # two judges' values of one metric are two kinds of number
            title = entry(metric).title + (f", judge {short(judge)}" if len(judges) > 1 else "")
            figure = figures.curves(scores[scores["judge"] == judge], metric, chapter.styles)
            yield Drawn(title, figure, f"{title} on the validation split along the budget, a line per variant.")


def _theory(chapter: Chapter) -> Iterator[Drawn]:
    scores = chapter.scores
    of_game = (scores["metric"] == figures.GAME[0]) & (scores["checkpoint"] == "curve") & scores["value"].notna()
    if of_game.any():
        title = "Value of the game"
        said = f"{title} along the budget, per variant a line at its own D and one at the best D."
        yield Drawn(title, figures.theory(scores, chapter.styles), said)


def _losses(chapter: Chapter) -> Iterator[Drawn]:
    losses = tables.of_dataset(chapter.results.losses, chapter.dataset)
    for curve in dict.fromkeys(losses["curve"]) if len(losses) else ():
        figure = figures.losses(losses, curve, chapter.styles)
        yield Drawn(str(curve), figure, f"{curve} along the budget, a line per run.")


def _costs(chapter: Chapter) -> Iterator[Drawn]:
    rows, ledger = chapter.rows, tables.ledger(chapter.results, chapter.dataset)
    first = rows[(rows["board"] == 1) & (rows["n"] > 0) & ~rows["control"].astype(bool)]
    for metric in ordered(list(first["metric"]), chapter.select)[:1]:
        for column in (c for c in COSTS if c in ledger and ledger[c].notna().any()):
            figure = figures.cost(first, ledger, metric, column, chapter.styles)
            title = prose.COST[column]
            yield Drawn(title, figure, f"{entry(metric).title} over {title}, a point per variant.")


def _group(chapter: Chapter, title: str, caption: str, drawn: Iterator[Drawn]) -> str:
    """Figures that answer one question, of which a select shows one."""
    page = chapter.page
    group = page.claim(f"{chapter.slug}--{title.split()[0].lower()}")
    parts: list[str] = []
    options: list[str] = []
    for one in drawn:
        own = page.claim(f"{group}--{one.title}")
        options.append(f'<option value="{own}">{escape(short(one.title))}</option>')
        parts.append(
            f'<figure id="{own}" data-group="{group}"{" hidden" if parts else ""}>'
            f"{page.plot(one.figure, one.alternative)}<figcaption>{caption}</figcaption></figure>"
        )
    if not parts:
        return ""
    choice = f'<select data-group="{group}" aria-label="{title}: which">{"".join(options)}</select>'
    head = f'<header><h4 id="{group}">{title}</h4>{choice if len(parts) > 1 else ""}</header>'
    return f'<section aria-labelledby="{group}">{head}{"".join(parts)}</section>'
