"""The page's leaderboards, which sort, and its table of failures."""

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from ganbench.reports.formats.prose import UNVERIFIED
from ganbench.reports.formats.words import APART, NONE, amount, arrow, better, duration, estimate, fixed, short
from ganbench.reports.frames import tables
from ganbench.reports.frames.ranking import SEEDS_TO_COUNT
from ganbench.reports.frames.tables import each
from ganbench.reports.html.markup import Chapter, escape, folded, name, plain_table, row_name, table
from pandas import DataFrame

from ganbench.statistics import Interval, probability_of_improvement

RULES = (
    "Mean over seeds with its 95 % interval (Student); one seed has none, and no rank. A rank is one more than the "
    "number of variants that are surely better: their intervals lie apart or, from {seeds} seeds a side on, their runs "
    "win with a probability significantly over one half. An = marks ties. <em>Beats 1st</em>: how probably a run beats "
    "one of the first row, and the 95 % interval (Newcombe); a failed run loses to all that ended. <em>Easily "
    "misread</em>: tied is not equal; more seeds may tell them apart."
)
Cells = dict[str, dict[str, dict[Any, Any]]]  # checkpoint -> label -> row of a board
FEW = "†"  # marks a number from fewer samples than is usual
CONTROLS = "Controls: no GAN, but what each metric sees and does not see"


class Column(NamedTuple):
    """A column of a board: a metric at a checkpoint."""

    metric: str
    title: str
    checkpoint: str
    direction: str
    few: bool  # from fewer samples than is usual for it


def boards(chapter: Chapter) -> str:
    """All boards of a dataset; several, where scores were not measured alike."""
    rows = chapter.rows
    if rows.empty:
        return "<h3>Leaderboard</h3><p class='empty'>There is no score to rank: no run reached its evaluation.</p>"
    parts = sorted(set(rows["board"]))
    why = f" Scores that were not measured alike never share a ranking: {len(parts)} boards." if len(parts) > 1 else ""
    rules = RULES.format(seeds=SEEDS_TO_COUNT)
    return f'<h3>Leaderboard</h3><p class="note">{rules}{why}</p>' + "".join(_board(chapter, part) for part in parts)


def _board(chapter: Chapter, part: int) -> str:
    """The last checkpoint, and for the selecting metric the selected one beside it; its rest is a click away."""
    by = {
        checkpoint: tables.wide(
            chapter.rows[chapter.rows["checkpoint"] == checkpoint], chapter.people, chapter.select, part
        )
        for checkpoint in tables.CHECKPOINTS
    }
    columns = {
        c: [Column(m, a["title"], c, a["direction"], tables.few(a)) for m, a in by[c].attrs["metrics"].items()]
        for c in by
    }
    last, selected = columns["last"], columns["selected"]
    main = last[:1] + selected[:1] + last[1:]
    if not main:
        return ""
    how = _measured(by[main[0].checkpoint].attrs["metrics"][main[0].metric])
    shown = _table(chapter, by, main, f"Scores on {short(chapter.dataset)}: {how}", anchors=part == 1)
    if not selected:
        return shown
    chosen = _table(chapter, by, selected, f"Checkpoint selected on validation: {how}", anchors=False)
    return shown + folded("All metrics at the checkpoint selected on validation", chosen)


def _measured(about: dict[str, Any]) -> str:
    fewer = f" ({FEW}: {about['usual_samples']:,.0f} are usual)" if tables.few(about) else ""
    where = f"{short(about['split'])} split, {about['samples']:,} samples{fewer}, judge {short(about['judge'])}"
    return where + (f", key {str(about['key'])[:12]}" if about["key"] else "")


def _table(chapter: Chapter, by: dict[str, DataFrame], columns: list[Column], caption: str, anchors: bool) -> str:
    first = by[columns[0].checkpoint]
    cells = {c: {row["label"]: row for row in frame.to_dict("records")} for c, frame in by.items()}
    tied = set(first.loc[first["rank"].duplicated(keep=False), "rank"].dropna())
    beats = _beats(chapter, first, columns[0])
    lines = {
        control: "".join(
            _row(chapter, row, cells, columns, anchors, row["rank"] in tied, beats.get(row["label"]))
            for row in part.to_dict("records")
        )
        for control, part in first.groupby("control")
    }
    divider = f'<tr><th scope="rowgroup" colspan="{4 + len(columns)}"><span>{CONTROLS}</span></th></tr>'
    bodies = f"<tbody>{lines.get(False, '')}</tbody>"
    if True in lines:
        bodies += f'<tbody class="controls">{divider}{lines[True]}</tbody>'
    return table(caption, _head(columns), bodies)


def _beats(chapter: Chapter, board: DataFrame, column: Column) -> dict[str, Interval]:
    """Label -> how probably its run beats one of the first row's, where both have runs that count."""
    about = board.attrs["metrics"][column.metric]
    if column.direction not in tables.SENSES:
        return {}
    same = (chapter.scores["checkpoint"] == column.checkpoint) & (chapter.scores["metric"] == column.metric)
    rows = chapter.scores[same & chapter.scores["key"].isin([about["key"], ""])]
    lower = column.direction == "lower"
    values, done = rows["value"].to_numpy(dtype=np.float64), (rows["status"] == "done").to_numpy()
    groups = rows.groupby("label").indices.items()
    runs = {str(label): tables.with_failures(values[own], done[own], lower) for label, own in groups}
    first = str(board["label"].iloc[0])
    if first not in runs or board["control"].iloc[0]:
        return {}
    found = {label: probability_of_improvement(runs[first], own, lower) for label, own in runs.items()}
    return {label: odds for label, odds in found.items() if label != first and not math.isnan(odds.mean)}


def _head(columns: list[Column]) -> str:
    """Two header rows where the first metric stands at both checkpoints, else one."""
    paired = len(columns) > 1 and columns[0].metric == columns[1].metric
    span = ' rowspan="2"' if paired else ""
    top = sorter("rank", "Rank", "ascending", span)
    top += sorter("name", "Variant", "ascending", f'{span} class="text"')
    top += sorter("seeds", "Seeds", "descending", span) + sorter("odds", "Beats 1st", "descending", span)
    if not paired:
        return f"<tr>{top}{''.join(_metric(c, i, _title(c)) for i, c in enumerate(columns))}</tr>"
    pair = "".join(_metric(c, i, c.checkpoint) for i, c in enumerate(columns[:2]))
    rest = "".join(_metric(c, i, _title(c), span) for i, c in enumerate(columns) if i > 1)
    return f'<tr>{top}<th scope="colgroup" colspan="2">{_title(columns[0])}</th>{rest}</tr><tr>{pair}</tr>'


def _title(column: Column) -> str:
    title = f'<bdi title="{escape(column.metric)}">{escape(short(column.title))}</bdi>'
    sense = f'<span class="hidden">, {better(column.direction)}{", of few samples" if column.few else ""}</span>'
    return f'{title} <span aria-hidden="true">{arrow(column.direction)}{FEW if column.few else ""}</span>{sense}'


def _metric(column: Column, i: int, title: str, span: str = "") -> str:
    """The header of a metric; the first one is what the rows are ordered by when the page opens."""
    return sorter(f"m{i}", title, "descending" if column.direction == "higher" else "ascending", span, i == 0)


def sorter(column: str, title: str, first: str, span: str = "", now: bool = False) -> str:
    return (
        f'<th scope="col"{span} aria-sort="{first if now else "none"}">'
        f'<button type="button" data-sorts="{column}" data-first="{first}">{title}</button></th>'
    )


def _row(
    chapter: Chapter,
    row: dict[Any, Any],
    cells: Cells,
    columns: list[Column],
    anchor: bool,
    tied: bool,
    odds: Interval | None,
) -> str:
    label, done, rank = str(row["label"]), row["done"], row["rank"]
    own = f' id="{chapter.page.claim(f"{chapter.slug}--{label}")}"' if anchor else ""
    found = [_found(cells, label, column) for column in columns]
    scored = any(f is not None for f in found)
    ranked = scored and not pd.isna(rank)
    leads = " first" if ranked and rank == 1 else ""
    equal = '<span aria-hidden="true">=</span><span class="hidden">tied with others at </span>' if tied else ""
    place = f' data-value="{rank}">{equal}{rank}' if ranked else f">{APART}"
    of = f' <span class="lost">of {row["runs"]}</span>' if done < row["runs"] else ""
    guest = f' <span class="interval">{UNVERIFIED}</span>' if row["guest"] else ""
    values = "".join(_cell(f, i, done) for i, f in enumerate(found)) if scored else _lost(row, len(columns))
    return (
        f'<tr class="row{leads}"{own}><td class="rank" data-column="rank"{place}</td>'
        f'<th scope="row" data-column="name" data-value="{escape(label)}">'
        f"{row_name(label, chapter.styles[label])}{guest}</th>"
        f'<td data-column="seeds" data-value="{done}">{done}{of}</td>{_odds(odds)}{values}</tr>'
    )


def _odds(found: Interval | None) -> str:
    if found is None:
        return f'<td data-column="odds">{APART}</td>'
    limits = "" if math.isnan(found.low) else f"[{fixed(found.low, 2)}, {fixed(found.high, 2)}]"
    return (
        f'<td data-column="odds" data-value="{found.mean!r}">{fixed(found.mean, 2)}'
        f'<span class="interval">{limits}</span></td>'
    )


class Found(NamedTuple):
    """What a cell shows."""

    mean: float
    low: float
    high: float
    n: int  # seeds with a score


def _found(cells: Cells, label: str, column: Column) -> Found | None:
    row = cells[column.checkpoint].get(label)
    if row is None or not row[f"{column.metric}_n"]:
        return None
    mean, low, high, n = (row[column.metric + part] for part in ("", "_low", "_high", "_n"))
    return Found(float(mean), float(low), float(high), int(n))


def _cell(found: Found | None, i: int, done: int) -> str:
    if found is None:
        # A finished run without this number cannot have it; any other owes it.
        return f'<td data-column="m{i}">{APART if done else NONE}</td>'
    mean, interval = estimate(found.mean, found.low, found.high)
    fewer = f" {found.n} of {done} seeds" if found.n != done else ""  # a seed may lack a single metric
    limits = f'<span class="interval">{interval}{fewer}</span>' if interval or fewer else ""
    exact = repr(found.mean) if math.isfinite(found.mean) else "Infinity" if found.mean > 0 else "-Infinity"
    return f'<td data-column="m{i}" data-value="{exact}"><span class="mean">{mean}</span>{limits}</td>'


def _lost(row: dict[Any, Any], width: int) -> str:
    why = short(row["reasons"], 160) if row["failed"] else "not measured" if row["done"] else "not run yet"
    return f'<td class="text wrap lost" colspan="{width}"><bdi>{escape(why)}</bdi></td>'


PUBLISHED = (
    "Means with 95 % intervals over training runs, ours over seeds and of the last checkpoint. Where the intervals lie "
    "apart, something differs from the paper: budget, code or chance; the conditions below say what ours were."
)


def published(chapter: Chapter) -> str:
    """What papers have printed, beside what was found here; nothing if the suite names none."""
    found = tables.published(chapter.results, chapter.dataset)
    if found.empty:
        return ""
    lines = (
        f'<tr class="row"><th scope="row">{row_name(r.label, chapter.styles[r.label])}</th>'
        f'<td class="text">{name(chapter.metrics[r.metric].title)}</td>{_told(r.theirs, r.theirs_low, r.theirs_high)}'
        f"<td>{r.trials}</td>{_told(r.ours, r.ours_low, r.ours_high)}<td>{r.n}</td>"
        f'<td class="text">{_apart(r)}</td><td class="text wrap">{name(r.source, 120)}</td></tr>'
        for r in each(found)
    )
    titles = ("<Variant", "<Metric", "Published", "Trials", "Here", "Seeds", "<Intervals", "<Source")
    table = plain_table("Published numbers beside ours", titles, lines)
    return f'<h3>Published and here</h3><p class="note">{PUBLISHED}</p>{table}'


def _told(mean: float, low: float, high: float) -> str:
    text, interval = estimate(mean, low, high)
    return f'<td><span class="mean">{text}</span><span class="interval">{interval}</span></td>'


def _apart(row: Any) -> str:
    if math.isnan(row.ours_low):
        return "one seed" if row.n else "not run"
    overlap = row.ours_low <= row.theirs_high and row.theirs_low <= row.ours_high
    return "overlap" if overlap else "apart"


def failures(chapter: Chapter) -> str:
    """Why runs failed, and after how much of the budget; nothing if none did."""
    failed = tables.failures(chapter.results, chapter.dataset)
    if failed.empty:
        return ""
    lines = (
        f'<tr class="row"><th scope="row">{row_name(r.label, chapter.styles[r.label])}</th><td>{escape(r.seed)}</td>'
        f'<td class="text wrap">{escape(r.status)}{": " if r.reason else ""}{name(r.reason, 600) if r.reason else ""}'
        f"</td><td>{amount(float(r.images))}</td><td>{duration(float(r.seconds))}</td>"
        f'<td class="text"><a href="#run-{escape(r.run)}"><code>{escape(r.run)}</code></a></td></tr>'
        for r in each(failed)
    )
    titles = ("<Variant", "Seed", "<What happened", "At images", "After", "<Run")
    return "<h3>Runs that failed</h3>" + plain_table("Why, and after how much of the budget", titles, lines)
