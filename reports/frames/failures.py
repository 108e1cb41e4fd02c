"""Runs that failed: which, how, and after how much of the budget."""

from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter


def failed_runs(chapter: Chapter) -> DataFrame:
    """Runs that ended badly: label, seed, run, status, reason, and where it happened (images, seconds)."""
    columns = ["label", "seed", "run", "status", "reason", "images", "seconds"]
    runs = chapter.runs
    return DataFrame(columns=columns) if runs.empty else runs.loc[runs["lost"], columns]
