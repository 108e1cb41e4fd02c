"""What runs cost."""

from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter

LEDGER = [
    *("images", "images_g", "d_updates", "g_updates", "seconds", "flops", "peak_memory"),
    *("parameters_d", "parameters_g", "parameters", "images_per_second"),
    *("sampling_seconds", "sampling_passes"),
]


def mean_ledger(chapter: Chapter) -> DataFrame:
    """Mean cost of a finished run, a row per variant: label, runs, then the ledger in seconds, FLOPs, bytes.

    Controls train nothing and are left out. What failed runs cost stands in `failures.failed_runs`.
    """
    runs = chapter.runs
    if runs.empty:
        return DataFrame(columns=["label", "runs", *LEDGER])
    done = runs[(runs["status"] == "done") & ~runs["control"]]
    kept = [c for c in LEDGER if c in done]
    table = done.groupby("label", sort=False)[kept].mean()
    table.insert(0, "runs", done.groupby("label", sort=False).size())
    return table.reset_index()
