"""Seeds that were added until decided: who can still lead, how many seeds each row got, and why no more."""

from dataclasses import dataclass

from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.rows import MISSING
from ganbench.reports.frames.verdicts import verdicts
from ganbench.store import Results


@dataclass(frozen=True)
class Seeds:
    """What rows got."""

    counts: dict[str, int]  # by label, of entrants
    most: int  # that a row may get
    open: list[str]  # labels that can lead; of a decided dataset one
    ended: bool  # whether all that can lead got the most, or one is left


def can_lead(results: Results, look: int) -> dict[str, list[str]]:
    """By dataset the best label and those that no test at the first `look` looks has told from it, the best first."""
    return {chapter.dataset: _open(chapter.ranked_scores, look) for chapter in Report(results).chapters}


def seeds_added(chapter: Chapter) -> Seeds | None:
    """None where seeds were fixed."""
    runs = chapter.runs
    if "look" not in runs or not (grows := runs["look"].notna() & (runs["status"] != MISSING)).any():
        return None
    own = runs[grows]
    first, looks = own[own["look"] == 1].groupby("label").size().max(), int(own["looks"].max())
    counts = {str(label): int(n) for label, n in own.groupby("label", sort=False).size().items()}
    open_ = _open(chapter.ranked_scores, looks)
    most = int(first) * looks
    ended = len(open_) < 2 or all(counts.get(label, 0) >= most for label in open_)
    return Seeds(counts, most, open_, ended)


def _open(scores: DataFrame, look: int) -> list[str]:
    seen = scores[scores["look"].isna() | (scores["look"] <= look)] if "look" in scores else scores
    found = verdicts(seen)
    return [] if found is None else list(found.rows.loc[found.rows["contender"].astype(bool), "label"])
