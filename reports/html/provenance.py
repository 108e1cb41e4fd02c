"""The page's account of itself: what runs cost, under which conditions they were measured, and how to repeat them."""

from ganbench.reports.formats.text_tables import COST, cost_text
from ganbench.reports.frames.conditions import conditions_of
from ganbench.reports.frames.glossary import Term
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.rows import each
from ganbench.reports.frames.scores import CHECKPOINTS, comparability_keys
from ganbench.reports.html.markup import Page, Section, escape, folded, name, plain_table, row_name
from ganbench.reports.numbers import NONE, amount, duration, number, short
from pandas import DataFrame


def cost(chapter: Section) -> str:
    """The ledger, a row per variant, and whether the budgets were equal."""
    ledger = mean_ledger(chapter)
    if ledger.empty:
        return ""
    columns = [str(c) for c in ledger if c in COST and ledger[c].notna().any()]
    low = {column: float(ledger[column].min()) for column in columns}
    lines = (
        f'<tr class="row"><th scope="row">{row_name(row["label"], chapter.styles[row["label"]])}</th>'
        f"<td>{row['runs']}</td>{''.join(_amount(c, float(row[c]), low[c]) for c in columns)}</tr>"
        for row in ledger.to_dict("records")
    )
    titles = ("<Variant", "Runs", *(COST[c][0].upper() + COST[c][1:] for c in columns))
    note = f"{_equal(ledger, chapter.runs)} Small numbers: how many times the smallest of the column."
    head = f'<h3>What it cost</h3><p class="note">{escape(note)}</p>'
    return head + plain_table("Mean over finished runs", titles, lines)


def _equal(ledger: DataFrame, runs: DataFrame) -> str:
    """Whether the amount that was meant to be equal is equal."""
    unit = str(runs["budget_unit"].dropna().iloc[0])
    column = {"updates": "g_updates"}.get(unit, unit)
    what = COST.get(column, short(unit))
    spent = ledger[column].dropna() if column in ledger else ledger.iloc[:0, 0]
    if not len(spent) or spent.max() <= 0:
        return f"The budget is counted in {what}."
    spread = spent.max() / spent.min() - 1 if spent.min() > 0 else float("inf")
    if spread < 0.02:
        return f"The budget was spent equally: {cost_text(column, float(spent.max()))}, counted in {what}."
    return f"Unequal budgets: {what} differ by up to {number(100 * spread, 2)} %."


def _amount(column: str, value: float, low: float) -> str:
    ratio = value / low if low > 0 else 1.0
    more = f'<span class="interval">× {number(ratio, 2)}</span>' if ratio > 1.05 else ""
    return f"<td>{escape(cost_text(column, value))}{more}</td>"


def conditions(chapter: Section) -> str:
    """What the scores depend on, which of them are comparable, and the commands that repeat the runs."""
    return (
        "<h3>What it was measured under</h3>"
        + folded("Conditions", _conditions(chapter), open_=True)
        + folded("Comparability keys", _keys(chapter))
        + folded(f"All {len(chapter.runs)} runs", _runs(chapter))
    )


def _conditions(chapter: Section) -> str:
    found = conditions_of(chapter)
    differ = set(found.loc[found["condition"].duplicated(), "condition"])
    lines = (
        f'<tr class="row"><th scope="row">{escape(r.condition.replace("_", " "))}'
        f"{' <span class=lost>differs</span>' if r.condition in differ else ''}</th>"
        f'<td class="text wrap"><code>{escape(r.value)}</code></td><td>{r.runs}</td></tr>'
        for r in each(found)
    )
    return plain_table("What the scores were measured under", ("<Condition", "<Value", "Runs"), lines)


def _keys(chapter: Section) -> str:
    lines = (
        f'<tr class="row"><th scope="row">{name(r.metric)}</th><td class="text">{name(r.judge)}</td>'
        f'<td class="text">{escape(r.split)}</td><td>{escape(r.samples)}</td>'
        f'<td class="text wrap"><code>{escape(r.key)}</code></td><td>{r.scores}</td></tr>'
        for r in each(comparability_keys(chapter.scores))
    )
    titles = ("<Metric", "<Judge", "<Split", "Samples", "<Key", "Scores")
    return plain_table("Only scores with equal keys are compared", titles, lines)


def _runs(chapter: Section) -> str:
    scores = chapter.scores[chapter.scores["metric"] == chapter.select]
    value = {(r.run, r.checkpoint): float(r.value) for r in each(scores.dropna(subset=["value"]))}
    lines = (
        f'<tr class="row" id="run-{escape(r.run)}"><th scope="row"><code>{escape(r.run)}</code></th>'
        f'<td class="text wrap">{name(r.label)}</td><td>{escape(r.seed)}</td><td class="text">{escape(r.status)}</td>'
        f"{''.join(_score(value.get((r.run, checkpoint))) for checkpoint in CHECKPOINTS)}"
        f"<td>{amount(float(r.images))}</td><td>{duration(float(r.seconds))}</td>"
        f'<td class="text wrap"><code>{escape(r.command)}</code></td></tr>'
        for r in each(chapter.runs)
    )
    title = short(chapter.metrics[chapter.select].title)
    titles = (
        "<Run",
        "<Variant",
        "Seed",
        "<Status",
        f"{title}, last",
        f"{title}, selected",
        "Images",
        "Time",
        "<Command",
    )
    return plain_table("Every run, and the command that repeats it", titles, lines)


def _score(value: float | None) -> str:
    return f"<td>{NONE}</td>" if value is None else f'<td data-value="{value!r}">{number(value)}</td>'


def glossary(page: Page) -> str:
    """What each metric on the page says of itself."""
    terms = "".join(
        f"<dt>{name(term.title)}</dt><dd>{escape(_definition(term))} <code>{escape(metric)}</code></dd>"
        for metric, term in page.report.metrics.items()
    )
    head = '<section class="dataset" id="glossary"><h2>What the metrics mean</h2>'
    return f"{head}<dl>{terms}</dl></section>" if terms else ""


def _definition(term: Term) -> str:
    blind = f"Blind to: {term.blind_to}" if term.blind_to else ""
    return " ".join(filter(None, (term.meaning, blind))) or "Its author does not say what it means."
