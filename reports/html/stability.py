"""The page's section on stability: a table that sorts, seeds side by side, modes or classes along the budget."""

from collections.abc import Iterator, Mapping
from math import isfinite, isnan
from typing import Any, NamedTuple

from ganbench.reports import figures
from ganbench.reports.frames import modes, trajectories
from ganbench.reports.html.leaderboard import sorter
from ganbench.reports.html.markup import Section, escape, row_name, table
from ganbench.reports.html.modes import maps
from ganbench.reports.html.pictures import Caption, Drawn, group
from ganbench.reports.numbers import APART, NONE, amount, better, estimate, number, short
from pandas import DataFrame

SEEDS = Caption(
    f"A dot per seed at the last checkpoint, on the test split; the tick is their median. From {figures.VIOLIN} seeds "
    "on a violin shows where they crowd. Variants with narrow rows can be relied on.",
    "a violin is smoothed: its tips lie beyond the best and the worst run that was seen. Failed runs are counted "
    "beside the name and are no dots.",
)


class Column(NamedTuple):
    """A column of the table: a field of the frame and its title; events carry when they first happened."""

    name: str
    title: str
    kind: str = "interval"  # or "event", "count"


def stability(chapter: Section) -> str:
    """How steady each variant was; nothing before a run of a variant has ended."""
    metric = trajectories.judged_by(chapter.scores, chapter.select)
    runs = trajectories.of_runs(chapter.runs, chapter.scores, metric)
    if runs.empty:
        return ""
    kind, kept = modes.occupancies(chapter)
    turned = DataFrame([{"run": run, **modes.turns(one)} for run, one in kept.items()], columns=["run", *modes.TURNS])
    means = runs.merge(turned, on="run", how="left").groupby("label")[list(modes.TURNS)].mean()
    rows = trajectories.of_labels(runs).merge(means, on="label", how="left")
    drawn = group(chapter.page, chapter.slug, "Seed by seed", SEEDS, _seeds(chapter, metric))
    notes = _notes(runs, chapter.metrics[metric].title, kind, bool(kept))
    return (
        f"<h3>Stability</h3>{notes}{_table(chapter, rows, metric, kind)}"
        f'<div class="figures">{drawn}{maps(chapter, kind, kept)}</div>'
    )


def _notes(runs: DataFrame, title: str, kind: modes.Counted, counted: bool) -> str:
    """What the columns mean, from what they follow, and what could not be computed."""
    title = f"<strong>{escape(title)}</strong>"
    told = [
        f"Of {title} on the validation split, evaluation by evaluation; means over seeds with 95 % intervals. "
        "<em>Swing</em> and <em>spread</em>: mean absolute change and standard deviation over the last fifth of the "
        "evaluations. <em>Last − selected</em>: how much worse the last checkpoint is than the selected one, on the "
        "test split. <em>Collapsed</em>: runs that gave back more than half of their gain (from noise, or without that "
        "control from their first evaluation, to their best) and never recovered it; <em>failed</em>: runs that "
        "diverged or crashed; each with the images of the earliest.",
        f"<em>Dropped</em>: how many {kind.plural} fewer than at best are held at the end, of the worst seed.",
    ]
    if counted:
        told.append(
            f"<em>Forgotten</em> and <em>back</em>: how often, in a run, a {kind.word} that was held was so no longer "
            f"at the next evaluation, and how often it was again (held: at least {_part(kind.least)} of its due; from "
            "the counts in each run's <code>exhibits.npz</code>)."
        )
    few = int((runs["evaluations"] < trajectories.FEWEST).sum())
    if few:
        told.append(
            f"{few} of {len(runs)} runs have fewer than {trajectories.FEWEST} evaluations: no last fifth to speak of. "
            "Set <code>evaluations</code> higher in the suite."
        )
    told.append("<em>Easily misread</em>: a swing near zero is steady, not good: a run that never learnt has it too.")
    return f'<p class="note">{" ".join(told)}</p>'


def _part(share: float) -> str:
    return {1 / 3: "a third", 1 / 10: "a tenth"}[share]


def _table(chapter: Section, rows: DataFrame, metric: str, kind: modes.Counted) -> str:
    columns = [
        Column("failed", "Failed", "event"),
        Column("collapsed", "Collapsed", "event"),
        Column("swing", "Swing"),
        Column("spread", "Spread"),
        Column("gap", "Last − selected"),
        Column("dropped", f"{kind.plural.capitalize()} dropped", "count"),
        Column("forgotten", "Forgotten", "count"),
        Column("returned", "Back", "count"),
    ]
    columns = [c for c in columns if c.kind == "event" or rows[c.name].notna().any()]
    head = sorter("name", "Variant", "ascending", ' class="text"') + sorter("runs", "Runs", "descending")
    head += "".join(sorter(f"s{i}", escape(c.title), "descending") for i, c in enumerate(columns))
    lines = "".join(_row(chapter, row, columns) for row in rows.to_dict("records"))
    title = chapter.metrics[metric].title
    direction = chapter.scores.loc[chapter.scores["metric"] == metric, "direction"]
    sense = f" ({better(str(direction.iloc[0]))})" if len(direction) else ""
    return table(
        f"Stability on {short(chapter.dataset)}, by {title}{sense}", f"<tr>{head}</tr>", f"<tbody>{lines}</tbody>"
    )


def _row(chapter: Section, row: Mapping[Any, Any], columns: list[Column]) -> str:
    label = str(row["label"])
    cells = "".join(_cell(row, column, i) for i, column in enumerate(columns))
    return (
        f'<tr class="row"><th scope="row" data-column="name" data-value="{escape(label)}">'
        f"{row_name(label, chapter.styles[label])}</th>"
        f'<td data-column="runs" data-value="{row["runs"]}">{row["runs"]}</td>{cells}</tr>'
    )


def _cell(row: Mapping[Any, Any], column: Column, i: int) -> str:
    value = float(row[column.name])
    if isnan(value):
        return f'<td data-column="s{i}">{NONE if column.kind == "interval" else APART}</td>'
    place = f'<td data-column="s{i}" data-value="{value!r}">'
    if column.kind == "count":
        return f"{place}{number(value, 2)}</td>"
    if column.kind == "event":
        first = float(row[f"{column.name}_at"])
        when = f'<span class="interval">from {amount(first)}</span>' if isfinite(first) else ""
        return f"{place}{value:.0f}{when}</td>"
    low, high = float(row[f"{column.name}_low"]), float(row[f"{column.name}_high"])
    text, interval = estimate(value, low, high) if low != high else (number(value), "")  # all seeds alike, as at zero
    return f'{place}<span class="mean">{text}</span><span class="interval">{interval}</span></td>'


def _seeds(chapter: Section, metric: str) -> Iterator[Drawn]:
    rows = chapter.scores[chapter.scores["metric"] == metric]
    values = trajectories.seeds(chapter.scores, chapter.runs, metric)
    if values["value"].notna().any():
        direction = str(rows["direction"].iloc[0])
        figure = figures.seeds(values, chapter.metrics[metric].title, direction, chapter.styles)
        title = chapter.metrics[metric].title
        yield Drawn(title, figure, f"{title} of every seed at the last checkpoint, a row per variant.")
