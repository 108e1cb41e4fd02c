"""What a search of options has found on a dataset, how good so many trials are, and what they cost."""

import pandas as pd
from pandas import DataFrame

from ganbench.reports.frames.chapter import Chapter
from ganbench.reports.frames.rows import of_dataset
from ganbench.statistics.best_of import expected_best
from ganbench.store.search import best_trials, of_trials, outcomes

SEARCHED = ["label", "trials", "failed", "tried", "metric", "best", "half", "one", "images", "seconds"]


def trials(chapter: Chapter) -> DataFrame:
    """A row per trial, as `store.search` has them, and whether it is the best; empty without a search."""
    search = chapter.results.search
    found = outcomes(search) if search else None
    if found is None or found.empty or (found := of_dataset(found, chapter.dataset)).empty:
        return DataFrame()
    best = best_trials(found)
    table = of_trials(found)
    table["chosen"] = [
        best[str(dataset), str(label)] == trial
        for dataset, label, trial in zip(table["dataset"], table["label"], table["trial"], strict=True)
    ]
    return table


def quality(found: DataFrame) -> DataFrame:
    """`trials` -> the expected best of k of a label's trials: label, k, value, as far as it is known."""
    rows = [
        {"label": label, "k": k, "value": value}
        for label, own in found.groupby("label", sort=False)
        for k, value in enumerate(expected_best(own["value"], own["direction"].iloc[0] != "higher"), 1)
    ]
    return DataFrame(rows, columns=["label", "k", "value"]).dropna()


def searched(found: DataFrame) -> DataFrame:
    """`trials` -> SEARCHED, a row per label: the options of the best trial and its value on the validation split, the
    expected best of half the trials and of one, and what all of them cost."""
    rows = []
    for label, own in found.groupby("label", sort=False):
        expected = expected_best(own["value"], own["direction"].iloc[0] != "higher")
        chosen = own[own["chosen"]].iloc[0]
        rows.append({
            "label": label, "trials": len(own), "failed": int((own["failed"] > 0).sum()), "tried": chosen["tried"],
            "metric": chosen["metric"], "best": chosen["value"], "half": expected[max(1, len(own) // 2) - 1],
            "one": expected[0], "images": own["images"].sum(), "seconds": own["seconds"].sum(),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=SEARCHED)
