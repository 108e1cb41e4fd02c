"""The whole report as a Markdown document, for GitHub."""

from collections.abc import Callable

from pandas import DataFrame

from ganbench.reports.formats.document import Markup, document
from ganbench.store import Results


def to_md(results: Results) -> str:
    """Over all datasets, then per dataset the answer, the boards and all other tables of the page."""
    return document(results, Markup(("# {}", "## {}", "### {}"), markdown_table, markdown_text))


def markdown_text(text: str) -> str:
    """Text as Markdown, with its special characters escaped."""
    special = {c: f"\\{c}" for c in r"\`*_{}[]<>#|~&$"} | {"\n": " ", "\r": " "}
    return "".join(special.get(c, c) for c in text)


def markdown_table(table: DataFrame, text: Callable[[str], str] = markdown_text) -> str:
    """A frame of text as a GitHub table; nothing in a cell is read as markup, unless `text` is `str`."""
    lines = [[*map(str, table.columns)], *table.astype(str).to_numpy().tolist()]
    head, *body = [[*map(text, line)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body))
