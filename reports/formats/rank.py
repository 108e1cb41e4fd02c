"""A ranking as a terminal's tables, Markdown, LaTeX, CSV, JSON or a page."""

import json
from collections.abc import Callable, Iterator

import pandas as pd
from pandas import DataFrame
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.compare.rank import Ranking
from ganbench.reports.formats.as_latex import latex_table, latex_text
from ganbench.reports.formats.as_md import markdown_table, markdown_text
from ganbench.reports.html.layout import whole_page
from ganbench.reports.numbers import APART, estimate, fixed, probability, short, spans
from ganbench.store import csv
from ganbench.store.whole import json_rows

MOST_PAIRS = 20  # of a dataset in a terminal
RULES = (
    "Means and intervals (95 %) are over seeds; rows that share a tier are not told apart, which does not make them "
    "equal. All verdicts of a dataset together are wrong in at most 5 % of boards. Seeds: of each, that would probably "
    "decide."
)


def rank_in_terminal(ranking: Ranking) -> RenderableType:
    """The answer and the tables; names are never read as markup."""
    parts: list[RenderableType] = [Text(ranking.answer, style="bold")]
    for title, text in _tables(ranking, MOST_PAIRS):
        table = Table(box=box.SIMPLE, title=Text(title), title_justify="left", title_style="dim")
        for column in text:
            table.add_column(Text(str(column)), justify="left" if column in ("label", "a", "b") else "right")
        for line in text.to_numpy().tolist():
            table.add_row(*map(Text, line))
        parts.append(table)
    return Group(*parts, Text(RULES, style="dim"))


def to_md(ranking: Ranking) -> str:
    """The same as Markdown, with all pairs."""
    parts = [f"**{markdown_text(ranking.answer)}**"]
    for title, text in _tables(ranking):
        parts += [f"### {markdown_text(title)}", markdown_table(text)]
    return "\n\n".join([*parts, RULES]) + "\n"


def to_latex(ranking: Ranking) -> str:
    """The same as booktabs tables."""
    parts = ["% needs \\usepackage{booktabs}", latex_text(ranking.answer)]
    for title, text in _tables(ranking):
        parts += [rf"\subsection*{{{latex_text(title)}}}", latex_table(text)]
    return "\n\n".join(parts) + "\n"


def to_csv(ranking: Ranking) -> str:
    """The pairs."""
    return csv.to_csv(ranking.pairs)


def to_json(ranking: Ranking) -> str:
    """Everything: answer, rows, tests, overall; null is a number that there cannot be."""
    frames = {"rows": ranking.rows, "tests": ranking.tests, "overall": ranking.overall}
    content = {name: json_rows(frame) for name, frame in frames.items()}
    tiers = [{"dataset": dataset, "metric": metric, "tiers": own} for (dataset, metric), own in ranking.tiers.items()]
    about = {"answer": ranking.answer, "answers": ranking.answers, "tiers": tiers}
    return json.dumps({**about, **content}, indent=1) + "\n"


def to_html(ranking: Ranking) -> str:
    """One page that needs no network."""
    tables = list(_tables(ranking))
    return whole_page("rank.html", title="ranking", subtitle=ranking.answer, links={}, tables=tables, rules=RULES)


WRITERS: dict[str, Callable[[Ranking], str]] = {
    "md": to_md, "latex": to_latex, "csv": to_csv, "json": to_json, "html": to_html,
}  # fmt: skip


def _tables(ranking: Ranking, most: int | None = None) -> Iterator[tuple[str, DataFrame]]:
    """Titles and tables of text: rows and pairs of each dataset, and the pairs over all."""
    for (dataset, metric), rows in ranking.rows.groupby(["dataset", "metric"], sort=False):
        place = " ".join(short(name) for name in (dataset, metric) if name) or "scores"
        yield f"Rows: {place}", _row_cells(rows)
        tests = ranking.tests[(ranking.tests["dataset"] == dataset) & (ranking.tests["metric"] == metric)]
        told = f" (the first {most} of {len(tests)}; --format csv has all)" if most and len(tests) > most else ""
        yield f"Pairs: {place}{told}", _pair_cells(tests.head(most) if most else tests)
    if len(ranking.overall):
        text = ranking.overall.astype(str)
        better = ranking.overall["verdict"]
        winner = ranking.overall["a"].where(better == "a", ranking.overall["b"])
        text["verdict"] = winner.where(better != "undecided", "undecided")
        yield "Pairs over all datasets", text.head(most) if most else text


def _row_cells(rows: DataFrame) -> DataFrame:
    lines = []
    for row in rows.to_dict("records"):
        seeds = str(row["n"]) + (f" of {row['runs']}" if row["failed"] else "")
        line = {"tier": spans(row["tier"]), "rank": str(row["rank"]), "label": short(row["label"])}
        line["mean [95 %]"] = " ".join(estimate(row["mean"], row["low"], row["high"])).strip()
        lines.append(line | {"seeds": seeds, "P(best)": APART if pd.isna(row["p_best"]) else fixed(row["p_best"], 2)})
    return DataFrame(lines)


def _pair_cells(tests: DataFrame) -> DataFrame:
    lines = []
    for test in tests.to_dict("records"):
        better = test[test["verdict"]] if test["verdict"] in ("a", "b") else test["verdict"]
        lines.append({
            "a": short(test["a"]), "b": short(test["b"]),
            "b − a [95 %]": " ".join(estimate(test["difference"], test["low"], test["high"])).strip(),
            "p": probability(test["p"]), "better": short(better), "by": test["test"],
            "seeds": APART if pd.isna(test["seeds"]) else f"{test['seeds']:,}",
        })  # fmt: skip
    return DataFrame(lines)
