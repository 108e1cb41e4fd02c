"""The whole report as a Markdown document, for GitHub."""

from pandas import DataFrame

from ganbench.reports.formats.document import Markup, document
from ganbench.store import Results


def to_md(results: Results) -> str:
    """Over all datasets, then per dataset the answer, the boards and all other tables of the page."""
    return document(results, Markup(("# {}", "## {}", "### {}"), markdown_table, markdown_text))


def markdown_table(table: DataFrame) -> str:
    """A frame of text as a GitHub table; nothing in a cell is read as markup."""
    lines = [list(map(str, table.columns)), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    escaped = (line if i == 1 else [markdown_text(cell) for cell in line] for i, line in enumerate(lines))
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def markdown_text(text: str) -> str:
    """Text as Markdown, with its special characters escaped."""
    special = {c: f"\\{c}" for c in r"\`*_{}[]<>#|~&$"} | {"\n": " ", "\r": " "}
    return "".join(special.get(c, c) for c in text)
