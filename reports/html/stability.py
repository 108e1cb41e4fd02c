"""The page's section on stability: a table that sorts, seeds side by side, modes or classes along the budget."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pandas import DataFrame

from ganbench.reports import figures
from ganbench.reports.frames import modes, trajectories
from ganbench.reports.frames.scatter import seeds_over_samples
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.modes import maps
from ganbench.reports.html.pictures import Caption, DrawnFigure, group
from ganbench.reports.html.sections import Section

SEEDS = Caption(
    f"A dot per seed at the last checkpoint, on the test split; the tick is their median. From {figures.VIOLIN} seeds "
    "on a violin shows where they crowd. Variants with narrow rows can be relied on.",
    "a violin is smoothed: its tips lie beyond the best and the worst run that was seen. Failed runs are counted "
    "beside the name and are no dots.",
)
COURSE = 3  # evaluations, below which there is no way there and back


class StabilityColumn(NamedTuple):
    """A column of the table: a field of the frame, its title, and whether it is an interval, an event or a count."""

    name: str
    title: str
    kind: str = "interval"  # or "event", which carries when it first happened, or "count"


def stability(section: Section) -> str:
    """How steady each variant was; nothing before a run of a variant has ended."""
    metric = trajectories.judged_by(section.scores, section.select)
    runs = trajectories.of_runs(section.runs, section.scores, metric)
    if runs.empty:
        return ""
    kind, kept = modes.occupancies(section)
    turned = DataFrame([{"run": run, **modes.turns(one)} for run, one in kept.items()], columns=["run", *modes.TURNS])
    means = runs.merge(turned, on="run", how="left").groupby("label")[list(modes.TURNS)].mean()
    rows = trajectories.of_labels(runs).merge(means, on="label", how="left")
    direction = section.scores.loc[section.scores["metric"] == metric, "direction"]
    return lay_out(
        "stability.html",
        section=section,
        metric=section.metrics[metric].title,
        direction=str(direction.iloc[0]) if len(direction) else None,
        kind=kind,
        held=kind.least_in_words if kept else "",
        runs=len(runs),
        few=int((runs["evaluations"] < trajectories.FEWEST).sum()),
        fewest=trajectories.FEWEST,
        columns=_shown(_columns(kind), rows, int(runs["evaluations"].max())),
        rows=rows.to_dict("records"),
        scatter=seeds_over_samples(section.ranked_scores),
        primary=section.metrics[section.primary].title if section.primary in section.metrics else "",
        seeds=group(section.page, section.slug, "Seed by seed", SEEDS, _seeds(section, metric)),
        maps=maps(section, kind, kept),
    )


def _shown(columns: Sequence[StabilityColumn], rows: DataFrame, evaluations: int) -> list[StabilityColumn]:
    """The columns of which somebody has a number, and of which that many evaluations can tell."""
    told = [c for c in columns if evaluations >= COURSE or c.name in ("failed", "gap")]
    return [c for c in told if c.kind == "event" or rows[c.name].notna().any()]


def _columns(kind: modes.Counted) -> tuple[StabilityColumn, ...]:
    return (
        StabilityColumn("failed", "Failed", "event"),
        StabilityColumn("collapsed", "Collapsed", "event"),
        StabilityColumn("swing", "Swing"),
        StabilityColumn("spread", "Spread"),
        StabilityColumn("gap", "Last − selected"),
        StabilityColumn("dropped", f"{kind.plural.capitalize()} dropped", "count"),
        StabilityColumn("forgotten", "Forgotten", "count"),
        StabilityColumn("returned", "Back", "count"),
    )


def _seeds(section: Section, metric: str) -> Iterator[DrawnFigure]:
    rows = section.scores[section.scores["metric"] == metric]
    values = trajectories.seed_values(section.scores, section.runs, metric)
    if values["value"].notna().any():
        direction = str(rows["direction"].iloc[0])
        title = section.metrics[metric].title
        figure = figures.seeds(values, title, direction, section.styles)
        yield DrawnFigure(title, figure, f"{title} of every seed at the last checkpoint, a row per variant.")
