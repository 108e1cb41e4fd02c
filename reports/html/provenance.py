"""The page's account of itself: what runs cost, under which conditions they were measured, and how to repeat them."""

from pandas import DataFrame

from ganbench.reports.formats.text_tables import COST, cost_text
from ganbench.reports.frames.conditions import conditions_of, identities, paper, repeats
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.rows import each
from ganbench.reports.frames.scores import CHECKPOINTS, comparability_keys
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.pictures import quality_and_cost
from ganbench.reports.html.sections import Page, Section
from ganbench.reports.numbers import number, short


def cost(section: Section) -> str:
    """The ledger, a row per variant, and whether the budgets were equal."""
    ledger = mean_ledger(section)
    if ledger.empty:
        return ""
    columns = [str(column) for column in ledger if column in COST and ledger[column].notna().any()]
    least = {column: float(ledger[column].min()) for column in columns}
    return lay_out(
        "cost.html",
        page=section.page,
        titles={column: COST[column] for column in columns},
        rows=ledger.to_dict("records"),
        least=least,
        equal=_equal(ledger, section.runs),
        cost_text=cost_text,
        group=quality_and_cost(section),
    )


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


def conditions(section: Section) -> str:
    """What each row is, what the scores depend on, which are comparable, and the commands that repeat the runs."""
    values = conditions_of(section)
    scores = section.scores[section.scores["metric"] == section.primary].dropna(subset=["value"])
    return lay_out(
        "conditions.html",
        page=section.page,
        rows=[(section.anchor("about", row.label), row) for row in each(identities(section))],
        conditions=list(each(values)),
        differ=set(values.loc[values["condition"].duplicated(), "condition"]),
        keys=list(each(comparability_keys(section.scores))),
        primary=short(section.metrics[section.primary].title),
        checkpoints=CHECKPOINTS,
        runs=list(each(section.runs)),
        repeats=repeats,
        scores={(score.run, score.checkpoint): float(score.value) for score in each(scores)},
    )


def glossary(page: Page) -> str:
    """What each metric on the page says of itself."""
    return lay_out("glossary.html", terms=page.report.metrics, paper=paper) if page.report.metrics else ""
