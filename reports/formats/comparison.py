"""A comparison of two results as text: in a terminal and as Markdown."""

import math
from typing import Any

import pandas as pd
from pandas import DataFrame
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.compare.compare import Comparison, Verdict
from ganbench.reports.formats.as_md import markdown_table
from ganbench.reports.frames.rows import each, of_dataset
from ganbench.reports.numbers import APART, NONE, arrow, count, estimate, fixed, listed, number, short
from ganbench.statistics.verdicts import ERROR

STYLES = {"better": "green", "worse": "red", "same": "", "undecided": "dim", "not comparable": "yellow"}
DIFFERENCE = "B − A [95 %]"
WIDE = ["why", "P, 95 %"]  # columns for which a terminal has no room
RULES = (
    "B − A is of the means over seeds, which are no pairs, with its 95 % interval; of geometric means where a metric "
    "is a distance. P is the probability that a new run of B is better than a new one of A. Both are of one row; "
    "verdicts hold for all rows at once. Needed: seeds of each side that would decide with 80 % probability, if gap "
    "and spread are as seen here."
)


def comparison_answer(comparison: Comparison) -> str:
    """How often B got which verdict."""
    verdicts = comparison.rows["verdict"].value_counts()
    parts = [f"{verdicts[word.value]} {word.value}" for word in Verdict if word.value in verdicts]
    return f"B against A in {count(len(comparison.rows), 'row')}: {listed(parts, 5)}."


def conditions_compared(comparison: Comparison) -> str:
    """What was compared how, and at which error rate."""
    tolerance, compared = comparison.tolerance, comparison.compared
    within = f"tolerance {number(100 * tolerance)} % of A's mean" if tolerance else "no tolerance, so none is the same"
    tested = (
        f"{count(compared, 'row')} tested, with a chance of any false verdict of at most {100 * ERROR:.0f} % (Holm)"
    )
    return f"{comparison.checkpoint.capitalize()} checkpoint; {within}; {tested if compared else 'no row tested'}."


def comparison_cells(rows: DataFrame) -> DataFrame:
    """Rows of a comparison -> text, metrics in the order of the scores; the variant is named if there are several."""
    parts = [part for _, part in rows.groupby(["a_label", "b_label"], sort=False)]
    table = DataFrame([_comparison_line(row) for part in parts for row in each(part)])
    return table if len(parts) > 1 else table.drop(columns="variant")


def _comparison_line(row: Any) -> dict[str, str]:
    a, b = _seed_counts(row.a_n, row.a_lost), _seed_counts(row.b_n, row.b_lost)
    return {
        "variant": short(row.a_label if row.a_label == row.b_label else f"{row.a_label} → {row.b_label}"),
        "metric": f"{short(row.metric)} {arrow(row.direction)}",
        "A": number(row.a_mean),
        "B": number(row.b_mean),
        DIFFERENCE: " ".join(estimate(row.difference, row.low, row.high)).strip(),
        "verdict": row.verdict,
        "why": short(row.why, 120) if row.why else "",
        "seeds": a if a == b else f"{a}; {b}",
        "needed": APART if pd.isna(row.seeds) else f"{row.seeds:,}",
        "P": NONE if math.isnan(row.improvement) else fixed(row.improvement, 2),
        "P, 95 %": NONE
        if math.isnan(row.improvement_low)
        else f"[{fixed(row.improvement_low, 2)}, {fixed(row.improvement_high, 2)}]",
    }


def _seed_counts(n: int, lost: int) -> str:
    return f"{n} of {n + lost}" if lost else str(n)


def comparison_in_terminal(comparison: Comparison) -> RenderableType:
    """The answer, what it rests on, the remarks, and a table per dataset; names are never read as markup.

    To be printed uncropped, so that a path is whole.
    """
    parts: list[RenderableType] = [
        Text(f"{name}: {short(side, 300)}", no_wrap=True, overflow="ignore")
        for name, side in (("A", comparison.a), ("B", comparison.b))
    ]
    parts += [Text(comparison_answer(comparison), style="bold"), Text(conditions_compared(comparison))]
    parts += [Text(short(remark, 600), style="yellow") for remark in comparison.remarks]
    for dataset in dict.fromkeys(comparison.rows["dataset"]):
        lines = comparison_cells(of_dataset(comparison.rows, dataset))
        parts.append(_dataset_table(lines.drop(columns=WIDE), short(dataset)))
        for (verdict, why), some in lines[lines["why"] != ""].groupby(["verdict", "why"], sort=False):
            metrics = listed([*dict.fromkeys(some["metric"])], 8) if len(some) < len(lines) else "all"
            parts.append(Text(f"  {verdict}, {why}: {metrics}", style="dim"))
    return Group(*parts, Text(), Text(RULES, style="dim"))


def _dataset_table(lines: DataFrame, title: str) -> Table:
    table = Table(box=box.SIMPLE, title=Text(title), title_justify="left", title_style="bold", padding=0)
    for column in lines.columns.drop("variant", errors="ignore"):
        # Only the difference may break, before its interval or in it.
        wraps, left = column == DIFFERENCE, column in ("metric", "verdict")
        widest = max(len(word) for text in lines[column] for word in text.split()) if wraps else None
        table.add_column(
            Text(column), justify="left" if left else "right", overflow="fold", no_wrap=not wraps, min_width=widest
        )
    variant = ""
    for line in lines.to_dict("records"):
        if line.get("variant", "") != variant:
            table.add_section()
            table.add_row(Text(variant := line["variant"], style="bold"))
        shown = {name: text for name, text in line.items() if name != "variant"}
        table.add_row(*(Text(text, style=STYLES[text] if name == "verdict" else "") for name, text in shown.items()))
    return table


def comparison_markdown(comparison: Comparison) -> str:
    """The same for a pull request or a report."""
    parts = [markdown_table(DataFrame({"": ["A", "B"], "compared": [comparison.a, comparison.b]}))]
    parts.append(f"**{comparison_answer(comparison)}** {conditions_compared(comparison)}")
    if comparison.remarks:
        parts.append(markdown_table(DataFrame({"To be known": [short(remark, 600) for remark in comparison.remarks]})))
    for dataset in dict.fromkeys(comparison.rows["dataset"]):
        lines = comparison_cells(of_dataset(comparison.rows, dataset))
        lines.insert(0, "dataset", short(dataset))
        parts.append(markdown_table(lines if lines["why"].any() else lines.drop(columns="why")))
    return "\n\n".join([*parts, RULES]) + "\n"
