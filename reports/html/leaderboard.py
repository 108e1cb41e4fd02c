"""The page's leaderboards, which sort, the numbers of papers beside them, and the failures."""

import math
import re
from typing import Any

from ganbench.reports.frames.board import Board, Cell, Column, board, few
from ganbench.reports.frames.failures import failed_runs
from ganbench.reports.frames.published import published_and_ours
from ganbench.reports.frames.rows import each
from ganbench.reports.frames.ties import SEEDS_TO_COUNT
from ganbench.reports.html.markup import Section, escape, folded, name, plain_table, row_name, table
from ganbench.reports.numbers import amount, arrow, better, duration, estimate, short

RULES = (
    "Mean over seeds with its 95 % interval (Student); one seed has none, and no rank. A rank is one more than the "
    "number of variants that are surely better: their intervals lie apart or, from {seeds} seeds a side on, their runs "
    "win with a probability significantly over one half. An = marks ties. <em>Beats 1st</em>: how probably a run beats "
    "one of the first row, and the 95 % interval (Newcombe); a failed run loses to all that ended. <em>Easily "
    "misread</em>: tied is not equal; more seeds may tell them apart."
)
FEW = "†"  # marks a number from fewer samples than is usual
CONTROLS = "Controls: no GAN, but what each metric sees and does not see"


def leaderboards(section: Section) -> str:
    """All boards of a dataset; several, where scores were not measured alike."""
    parts = sorted(set(section.summary["board"]))
    if not parts:
        return "<h3>Leaderboard</h3><p class='empty'>There is no score to rank: no run reached its evaluation.</p>"
    why = f" Scores that were not measured alike never share a ranking: {len(parts)} boards." if len(parts) > 1 else ""
    rules = RULES.format(seeds=SEEDS_TO_COUNT)
    shown = "".join(_leaderboard(section, part) for part in parts)
    return f'<h3>Leaderboard</h3><p class="note">{rules}{why}</p>{shown}'


def _leaderboard(section: Section, part: int) -> str:
    """The board of the last checkpoint; that of the selected one is a click away."""
    last, selected = board(section, "last", part), board(section, "selected", part)
    shown = ""
    if last.metrics:
        caption = f"Scores on {short(section.dataset)}: {_measured(last)}"
        shown = _board_table(section, last, caption, anchors=part == 1)
    if selected.metrics:
        caption = f"Checkpoint selected on validation: {_measured(selected)}"
        chosen = _board_table(section, selected, caption, anchors=False)
        shown += folded("All metrics at the checkpoint selected on validation", chosen)
    return shown


def _measured(board: Board) -> str:
    """How the scores were measured by which a board is ranked."""
    about = next(iter(board.metrics.values()))
    fewer = f" ({FEW}: {about['usual_samples']:,.0f} are usual)" if few(about) else ""
    where = f"{short(about['split'])} split, {about['samples']:,} samples{fewer}, judge {short(about['judge'])}"
    return where + (f", key {str(about['key'])[:12]}" if about["key"] else "")


def _board_table(section: Section, board: Board, caption: str, anchors: bool) -> str:
    lines = {
        control: "".join(_board_row(section, board, row, anchors) for row in part.to_dict("records"))
        for control, part in board.rows.groupby("control")
    }
    divider = f'<tr><th scope="rowgroup" colspan="{len(board.columns)}"><span>{CONTROLS}</span></th></tr>'
    bodies = f"<tbody>{lines.get(False, '')}</tbody>"
    if True in lines:
        bodies += f'<tbody class="controls">{divider}{lines[True]}</tbody>'
    return table(caption, _board_head(board.columns), bodies)


def _board_head(columns: tuple[Column, ...]) -> str:
    """Two header rows where a metric stands at both checkpoints, else one."""
    pair = [column for column in columns if column.paired]
    first = next((column for column in columns if column.metric), None)  # rows are ordered by it when the page opens
    if not pair:
        return f"<tr>{''.join(_heading(column, _title(column), now=column is first) for column in columns)}</tr>"
    i = columns.index(pair[0])
    before, after = (
        "".join(_heading(column, _title(column), ' rowspan="2"') for column in some)
        for some in (columns[:i], columns[i + len(pair) :])
    )
    group = f'<th scope="colgroup" colspan="{len(pair)}">{_title(pair[0])}</th>'
    below = "".join(_heading(column, column.checkpoint, now=column is first) for column in pair)
    return f"<tr>{before}{group}{after}</tr><tr>{below}</tr>"


def _heading(column: Column, title: str, span: str = "", now: bool = False) -> str:
    first = "descending" if column.descending else "ascending"
    return sorter(_place(column), title, first, f'{span} class="text"' if column.left else span, now)


def _place(column: Column) -> str:
    """A column's key in markup and in selectors of the script."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", column.key)


def _title(column: Column) -> str:
    if not column.metric:
        return escape(column.title)
    title = f'<bdi title="{escape(column.metric)}">{escape(short(column.title))}</bdi>'
    sense = f'<span class="hidden">, {better(column.direction)}{", of few samples" if column.few else ""}</span>'
    return f'{title} <span aria-hidden="true">{arrow(column.direction)}{FEW if column.few else ""}</span>{sense}'


def sorter(column: str, title: str, first: str, span: str = "", now: bool = False) -> str:
    return (
        f'<th scope="col"{span} aria-sort="{first if now else "none"}">'
        f'<button type="button" data-sorts="{column}" data-first="{first}">{title}</button></th>'
    )


def _board_row(section: Section, board: Board, row: dict[Any, Any], anchor: bool) -> str:
    label = str(row["label"])
    own = f' id="{section.page.claim(f"{section.slug}--{label}")}"' if anchor else ""
    cells = [(column, column.cell(row)) for column in board.columns]
    metrics = [cell for column, cell in cells if column.metric]
    if all(cell.value is None for cell in metrics):
        shown = [(column, cell) for column, cell in cells if not column.metric]
        rest = _lost(row, len(metrics))
    else:
        shown, rest = cells, ""
    leads = " first" if row["rank"] == 1 else ""
    return f'<tr class="row{leads}"{own}>{"".join(_cell(section, label, *one) for one in shown)}{rest}</tr>'


def _cell(section: Section, label: str, column: Column, cell: Cell) -> str:
    place = f'data-column="{_place(column)}"' + ("" if cell.value is None else f' data-value="{_exact(cell.value)}"')
    kind = "lost" if cell.lacking else "interval"
    detail = f' <span class="{kind}">{escape(cell.detail)}</span>' if cell.detail else ""
    if column.left:
        return f'<th scope="row" {place}>{row_name(label, section.styles[label])}{detail}</th>'
    text = escape(cell.text)
    if cell.spoken:
        text = f'<span aria-hidden="true">{text}</span><span class="hidden">{escape(cell.spoken)}</span>'
    if column.metric:
        return f'<td {place}><span class="mean">{text}</span>{detail}</td>'
    return f'<td class="{column.key}" {place}>{text}{detail}</td>'


def _exact(value: float | str) -> str:
    """A value as the script sorts it: JavaScript's words for numbers."""
    if isinstance(value, str):
        return escape(value)
    return repr(value) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _lost(row: dict[Any, Any], width: int) -> str:
    why = short(row["reasons"], 160) if row["failed"] else "not measured" if row["done"] else "not run yet"
    return f'<td class="text wrap lost" colspan="{width}"><bdi>{escape(why)}</bdi></td>'


PUBLISHED = (
    "Means with 95 % intervals over training runs, ours over seeds and of the last checkpoint. Where the intervals lie "
    "apart, something differs from the paper: budget, code or chance; the conditions below say what ours were."
)


def published(section: Section) -> str:
    """What papers have printed, beside what was found here; nothing if the suite names none."""
    numbers = published_and_ours(section)
    if numbers.empty:
        return ""
    lines = (
        f'<tr class="row"><th scope="row">{row_name(r.label, section.styles[r.label])}</th>'
        f'<td class="text">{name(section.metrics[r.metric].title)}</td>'
        f"{_mean_cell(r.theirs, r.theirs_low, r.theirs_high)}"
        f"<td>{r.trials}</td>{_mean_cell(r.ours, r.ours_low, r.ours_high)}<td>{r.n}</td>"
        f'<td class="text">{_apart(r)}</td><td class="text wrap">{name(r.source, 120)}</td></tr>'
        for r in each(numbers)
    )
    titles = ("<Variant", "<Metric", "Published", "Trials", "Here", "Seeds", "<Intervals", "<Source")
    table = plain_table("Published numbers beside ours", titles, lines)
    return f'<h3>Published and here</h3><p class="note">{PUBLISHED}</p>{table}'


def _mean_cell(mean: float, low: float, high: float) -> str:
    text, interval = estimate(mean, low, high)
    return f'<td><span class="mean">{text}</span><span class="interval">{interval}</span></td>'


def _apart(row: Any) -> str:
    if math.isnan(row.ours_low):
        return "one seed" if row.n else "not run"
    overlap = row.ours_low <= row.theirs_high and row.theirs_low <= row.ours_high
    return "overlap" if overlap else "apart"


def failures(section: Section) -> str:
    """Why runs failed, and after how much of the budget; nothing if none did."""
    failed = failed_runs(section)
    if failed.empty:
        return ""
    lines = (
        f'<tr class="row"><th scope="row">{row_name(r.label, section.styles[r.label])}</th><td>{escape(r.seed)}</td>'
        f'<td class="text wrap">{escape(r.status)}{": " if r.reason else ""}{name(r.reason, 600) if r.reason else ""}'
        f"</td><td>{amount(float(r.images))}</td><td>{duration(float(r.seconds))}</td>"
        f'<td class="text"><a href="#run-{escape(r.run)}"><code>{escape(r.run)}</code></a></td></tr>'
        for r in each(failed)
    )
    titles = ("<Variant", "Seed", "<What happened", "At images", "After", "<Run")
    return "<h3>Runs that failed</h3>" + plain_table("Why, and after how much of the budget", titles, lines)
