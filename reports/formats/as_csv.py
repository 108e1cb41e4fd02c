"""The scores as CSV: one row each, for pandas and spreadsheets."""

from ganbench.reports.frames.scores import tidy
from ganbench.store import Results, csv


def to_csv(results: Results) -> str:
    """`scores.tidy`, as `store.csv` writes tables."""
    return csv.to_csv(tidy(results))
