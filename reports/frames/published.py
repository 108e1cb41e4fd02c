"""Numbers of papers beside ours."""

from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter
from ganbench.reports.frames.rows import of_dataset
from ganbench.statistics import t_quantile
from ganbench.statistics.intervals import LEVEL


def published_and_ours(chapter: Chapter) -> DataFrame:
    """Numbers of papers beside ours: label, metric, source, trials, theirs, ours, each with `_low` and `_high`, and n.

    Theirs is mean and Student's 95 % interval from the standard error that was printed; ours is of the last
    checkpoint over n seeds, NaN where nothing was run.
    """
    columns = ["label", "metric", "source", "trials", "theirs", "theirs_low", "theirs_high"]
    columns += ["ours", "ours_low", "ours_high", "n"]
    theirs = of_dataset(chapter.results.published, chapter.dataset)
    if theirs.empty:
        return DataFrame(columns=columns)
    reach = theirs["stderr"] * [t_quantile(LEVEL, trials - 1) for trials in theirs["trials"]]
    limits = {"theirs_low": theirs["mean"] - reach, "theirs_high": theirs["mean"] + reach}
    theirs = theirs.assign(theirs=theirs["mean"], **limits)
    rows = chapter.summary
    rows = rows[(rows["checkpoint"] == "last") & (rows["n"] > 0)]
    rows = rows.sort_values("board").drop_duplicates(["label", "metric"])
    own = rows[["label", "metric", "n", "mean", "low", "high"]]
    own = own.rename(columns={"mean": "ours", "low": "ours_low", "high": "ours_high"})
    both = theirs.drop(columns=["mean", "stderr", "dataset"]).merge(own, on=["label", "metric"], how="left")
    return both.assign(n=both["n"].fillna(0).astype(int))[columns]
