"""What a search of options has found: its trials on the validation split, and the best one of each row."""

from math import inf, nan

import pandas as pd
from pandas import DataFrame

from ganbench.store import Results
from ganbench.store.columns import MISSING

OUTCOMES = [
    *("dataset", "label", "run", "trial", "trials", "tried", "seed", "status"),
    *("metric", "direction", "value", "images", "seconds"),
]


def outcomes(search: Results) -> DataFrame:
    """The trials of `Results.search` -> OUTCOMES, a row for each of their runs that has ended.

    `value` is that of the primary metric at the end of the budget, on the validation split; NaN of a run that failed.
    """
    runs = search.runs[search.runs["status"] != MISSING]
    if runs.empty:
        return DataFrame(columns=OUTCOMES)
    curve = search.scores[search.scores["checkpoint"] == "curve"].sort_values("images", kind="stable")
    last = curve.drop_duplicates(["run", "metric"], keep="last")[["run", "metric", "value", "direction"]]
    table = runs.assign(metric=runs["primary"]).merge(last, on=["run", "metric"], how="left")
    table["value"] = table["value"].where(table["status"] == "done").replace([inf, -inf], nan)
    known = last.drop_duplicates("metric").set_index("metric")["direction"]
    table["direction"] = table["metric"].map(known)
    return table.reindex(columns=OUTCOMES)


def of_trials(found: DataFrame) -> DataFrame:
    """OUTCOMES -> a row per trial: the mean over its seeds, how many failed, what it cost; in the order of the runs."""
    row = ["dataset", "label", "trial"]
    kept = ["trials", "tried", "metric", "direction"]
    table = found.assign(failed=found["value"].isna()).groupby(row, sort=False)
    sums = table[["failed", "images", "seconds"]].sum(min_count=1)
    first = table[kept].first()
    return pd.concat([first, table["value"].mean(), sums], axis=1).reset_index()


def best_trials(found: DataFrame) -> dict[tuple[str, str], int]:
    """OUTCOMES -> by dataset and label the number of the best trial: of which fewest runs failed, then the best mean.

    Of equal trials the first.
    """
    table = of_trials(found)
    sign = table["direction"].map({"lower": 1.0, "higher": -1.0}).fillna(1.0)
    table = table.assign(worth=(sign * table["value"]).fillna(inf))
    ordered = table.sort_values(["failed", "worth", "trial"], kind="stable").drop_duplicates(["dataset", "label"])
    return {
        (str(dataset), str(label)): int(trial)
        for dataset, label, trial in zip(ordered["dataset"], ordered["label"], ordered["trial"], strict=True)
    }
