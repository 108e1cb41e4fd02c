"""Scores, long: one row each, with all that they depend on."""

import numpy as np
from pandas import DataFrame

from ganbench.reports.frames.rows import runs
from ganbench.store import Results
from ganbench.store import columns as of_records

TIDY = [
    *of_records.IDENTITY,
    *("control", "reference", "given", "entrant", "checkpoint", "images", "judge", "split"),
    *("metric", "value", "stderr", "most", "samples", "usual_samples", "direction", "unit", "key", "status"),
    *("title", "lower_bound", "upper_bound"),
]
SENTENCES = ["meaning", "blind_to"]  # of a metric, which every score repeats
CHECKPOINTS: tuple[str, ...] = of_records.FINAL_CHECKPOINTS
SENSES = of_records.SENSES  # metrics of another direction rank nobody
WORST, BEST = "noise", "real"  # the controls between which all others are read


def tidy(results: Results) -> DataFrame:
    """One row per score: the score's own columns, then its run's budget, ledger and conditions.

    `images` is where the score was measured, `images_trained` where the run ended.
    What metrics mean and cannot see is left out; `glossary.read` has it.
    """
    all_runs, scores = runs(results), results.scores
    if all_runs.empty or scores.empty:
        return DataFrame(columns=TIDY)
    own = all_runs.drop(columns=["lost"]).rename(columns={"images": "images_trained"})
    kept = [c for c in own if c == "run" or c not in scores]
    rows = scores.merge(own[kept], on="run", how="left", validate="many_to_one")
    rows = rows.drop(columns=SENTENCES)
    rows["control"] = rows["control"].fillna(False).astype(bool)
    rows["reference"] = rows["reference"].fillna(False).astype(bool)
    rows["entrant"] = rows["entrant"].fillna(True).astype(bool)
    for late in ("most", "usual_samples"):  # results of earlier versions lack them
        if late not in rows:
            rows[late] = np.nan
    return rows[[c for c in TIDY if c in rows] + [c for c in rows if c not in TIDY]]


def comparability_keys(scores: DataFrame) -> DataFrame:
    """Tidy scores -> their comparability keys: metric, judge, split, samples, key, scores (how many have it)."""
    columns = ["metric", "judge", "split", "samples", "key"]
    known = scores[scores["value"].notna()]
    if known.empty:
        return DataFrame(columns=[*columns, "scores"])
    return known.groupby(columns, sort=False, dropna=False).size().rename("scores").reset_index()
