"""What each metric says of itself, read from the scores that it gave."""

from math import inf
from typing import NamedTuple

from pandas import DataFrame

COLUMNS = {"title": "title", "meaning": "meaning", "blind_to": "blind_to", "lower_bound": "low", "upper_bound": "high"}


class Term(NamedTuple):
    """What readers must know of a metric."""

    title: str
    meaning: str = ""  # what it measures, in a sentence
    blind_to: str = ""  # what it cannot see
    low: float = -inf  # its values lie between these, whatever the data
    high: float = inf


class Glossary(dict[str, Term]):
    """Terms by metric, in the order of the scores. A metric without a score is called by its name."""

    def __missing__(self, metric: str) -> Term:
        return Term(metric)


def read(scores: DataFrame) -> Glossary:
    """Scores, or another frame with a column `metric` and some of `COLUMNS`, -> what its metrics say of themselves."""
    if scores.empty:
        return Glossary()
    columns = [name for name in COLUMNS if name in scores]
    rows = scores.drop_duplicates("metric")[["metric", *columns]].to_dict("records")
    return Glossary(
        {row["metric"]: Term(**{"title": row["metric"], **{COLUMNS[c]: row[c] for c in columns}}) for row in rows}
    )
