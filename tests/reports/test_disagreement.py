"""Metrics that disagree: correlations with known answers, and pairs that change places."""

import math
from itertools import combinations
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame

from ganbench.reports.frames import disagreement
from ganbench.reports.frames.scores import tidy
from ganbench.reports.html import page


def _tau_b(x: list[float], y: list[float]) -> float:
    """Concordant less discordant pairs, over the geometric mean of those untied in x and in y."""
    pairs = list(combinations(range(len(x)), 2))
    signs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in pairs]
    untied = math.sqrt(sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs))
    return float(sum(a * b for a, b in signs) / untied)


def test_tau_is_kendalls_with_ties() -> None:
    x, y = [1.0, 2, 2, 3, 5, 4, 7], [2.0, 1, 3, 3, 3, 6, 5]
    found = disagreement.correlations(DataFrame({"x": x, "y": y, "minus": [-v for v in x]}))
    assert found.loc["x", "y"] == pytest.approx(_tau_b(x, y)) and found.loc["x", "minus"] == pytest.approx(-1)


def test_what_says_nothing_of_runs_is_left_out() -> None:
    table = DataFrame({"x": range(8), "same": [1.0] * 8, "rare": [1.0, 2, 3] + [math.nan] * 5, "y": range(8)})
    assert list(disagreement.correlations(table)) == ["x", "y"]


def test_chance_is_kendalls_standard_deviation() -> None:
    rng = np.random.default_rng(0)
    drawn = [_tau_b(list(rng.random(10)), list(rng.random(10))) for _ in range(400)]
    assert disagreement.by_chance(10) == pytest.approx(1.96 * np.std(drawn), rel=0.1)
    assert disagreement.by_chance(1) == disagreement.by_chance(2) == 1


def test_metrics_are_turned_so_that_more_is_better(full: Any) -> None:
    scores = tidy(full).query("dataset == 'mnist5k'")
    table = disagreement.table_of(scores, "is")
    assert list(table)[:2] == ["IS", "FID"] and len(table) == 8, "controls and the failed run are no rows"
    run = full.scores.query("dataset == 'mnist5k' and label == 'wgan' and metric == 'fid' and checkpoint == 'last'")
    assert table.at[run["run"].iloc[0], "FID"] == -run["value"].iloc[0]


def test_two_judges_are_two_columns(full: Any) -> None:
    scores = tidy(full).query("dataset == 'mnist5k' and metric == 'fid'")
    assert list(disagreement.table_of(pd.concat([scores, scores.assign(judge="other")]))) == [
        "FID, mnist",
        "FID, other",
    ]


def _seen_by_people(full: Any) -> DataFrame:
    """Scores to which people's are added, who order runs of mnist5k as FID does."""
    own = full.scores.query("dataset == 'mnist5k' and metric == 'fid'")
    said = own.assign(metric="human_error", title="Human error", judge="people", key="k", direction="higher")
    return pd.concat([full.scores, said.assign(value=-own["value"])])


def test_the_metric_is_named_that_orders_runs_most_as_people_do(synthetic: ModuleType) -> None:
    full = synthetic.make()
    plain = tidy(full).query("dataset == 'mnist5k'")
    assert disagreement.nearest(plain, disagreement.correlations(disagreement.table_of(plain))).empty
    full.scores = _seen_by_people(full)
    scores = tidy(full).query("dataset == 'mnist5k'")
    (found,) = disagreement.nearest(scores, disagreement.correlations(disagreement.table_of(scores))).itertuples()
    assert (found.metric, found.judge, found.nearest, found.tau) == ("Human error", "people", "FID", 1.0)
    assert "Of the metrics of others,\nFID orders runs most as it does: τ = 1" in page.render(full)


def _scores(**middles: float) -> DataFrame:
    """Four seeds around each of `a_fid=1.0`."""
    made = [
        (*name.split("_"), seed, middle * (1 + step))
        for name, middle in middles.items()
        for seed, step in enumerate((-0.02, 0.0, 0.01, 0.02))
    ]
    rows = DataFrame(made, columns=["label", "metric", "seed", "value"])
    more = {"checkpoint": "last", "control": False, "dataset": "d", "key": "k", "status": "done", "stderr": 0.0}
    titles, senses = {"fid": "FID", "recall": "Recall"}, {"fid": "lower", "recall": "higher"}
    return rows.assign(title=rows["metric"].map(titles), direction=rows["metric"].map(senses), **more)


def test_pairs_change_places_only_where_both_metrics_decide() -> None:
    rows = _scores(a_fid=1, b_fid=3, c_fid=1.01, a_recall=0.2, b_recall=0.6, c_recall=0.21)
    found = disagreement.reversals(rows)
    assert found.values.tolist() == [["a", "b", ["FID"], ["Recall"]], ["b", "c", ["Recall"], ["FID"]]]
    elsewhere = rows.assign(key=rows["key"].where(~((rows["metric"] == "recall") & (rows["label"] == "b")), "other"))
    assert disagreement.reversals(elsewhere).empty, "scores that were measured otherwise are not compared"
    assert disagreement.reversals(rows[rows["seed"] == 0]).empty, "one seed decides nothing"
    lost = rows.assign(value=rows["value"].where((rows["label"] != "b") | (rows["seed"] < 2)))
    lost["status"] = lost["value"].isna().map({True: "diverged", False: "done"})
    assert disagreement.reversals(lost).empty, "the better recall may be that of the runs that are left"


@pytest.mark.parametrize("kind", ["all_failed", "half_finished"])
def test_the_section_is_there_or_not(synthetic: ModuleType, kind: str) -> None:
    source = page.render(getattr(synthetic, kind)())
    assert ("Whose order depends on the metric" in source) == (kind == "half_finished")
