"""The scores as CSV: one row each, for pandas and spreadsheets."""

from ganbench.reports.frames.scores import tidy
from ganbench.store import Results


def to_csv(results: Results) -> str:
    """`scores.tidy`; a number that is not known is an empty field."""
    return str(tidy(results).to_csv(index=False, lineterminator="\n"))
