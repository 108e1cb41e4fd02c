"""The report as one page, which opens from disk without a network."""

from ganbench.reports.html.page import render
from ganbench.store import Results


def to_html(results: Results) -> str:
    """All of the results as one file of HTML."""
    return render(results)
