"""Who beats whom: ties, failures, mean ranks and profiles against answers known or computed another way."""

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganbench.compare.rank import rank
from ganbench.reports.frames import ranking
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.order import is_entrant
from ganbench.reports.frames.ranking import RankedDataset
from ganbench.reports.frames.verdicts import of_runs

INF = math.inf


def _entry(
    runs: dict[str, list[float]], dataset: str = "a", lower: bool = True, worst: float = 10, best: float = 0
) -> RankedDataset:
    failed = {label: sum(map(math.isinf, values)) for label, values in runs.items()}
    return RankedDataset(
        dataset, "fid", "FID", lower, {k: np.array(v, dtype=float) for k, v in runs.items()}, failed, worst, best
    )


def test_wins_count_pairs_and_halve_ties() -> None:
    a, b = np.array([1.0, 2, 3]), np.array([1.0, INF])
    assert ranking.wins(a, b, lower=True) == pytest.approx((2 + 0.5) / 6)
    assert ranking.wins(a, b, lower=False) == pytest.approx(1 - 2.5 / 6)
    assert math.isnan(ranking.wins(a, np.empty(0), lower=True))


def test_win_shares_are_the_mean_over_the_others() -> None:
    runs = [np.array([1.0, 2]), np.array([2.0, 3]), np.array([INF, INF])]
    assert ranking.win_shares(runs, lower=True) == pytest.approx([(0.875 + 1) / 2, (0.125 + 1) / 2, 0])
    assert sum(ranking.win_shares(runs, lower=True)) == pytest.approx(1.5)


def test_mean_ranks_are_of_win_shares_and_failures_come_last() -> None:
    first = _entry({"a": [1, 2], "b": [3, 4], "c": [INF, INF]})
    second = _entry({"b": [5, 6], "a": [1, 2], "c": [3, 4], "only here": [0, 0]}, "b", lower=False)
    assert ranking.shared([first, second]) == ["a", "b", "c"]
    table = ranking.overall_ranks([first, second])
    assert table["label"].tolist() == ["b", "a", "c"] and table["rank"].tolist() == [1.5, 2, 2.5]
    assert table["rank 0"].tolist() == [2, 1, 3]
    assert table["failed"].tolist() == [0, 0, 2] and table["score_low"].isna().all(), "two seeds have no interval"


def test_one_dataset_or_one_variant_has_no_mean_rank() -> None:
    both = _entry({"a": [1], "b": [2]})
    assert ranking.overall_ranks([both]).empty and ranking.overall_ranks([]).empty
    assert ranking.overall_ranks([both, _entry({"a": [1]})]).empty


def test_over_all_datasets_the_boards_verdicts_decide(full: Any) -> None:
    """Each at its share of the error: as `ganbench rank` says it of the same scores."""
    report = Report(full)
    pairs = ranking.over_all(report)
    labels = ranking.shared(ranking.ranked_datasets(report))
    assert {*pairs["a"], *pairs["b"]} == set(labels) and len(pairs) == len(labels) * (len(labels) - 1) / 2
    scores = pd.concat(
        [of_runs(chapter.ranked_scores[is_entrant(chapter.ranked_scores)]) for chapter in report.chapters]
    )
    ranked = rank(scores.drop(columns=["noise"])).overall.set_index(["a", "b"])
    for pair in pairs.itertuples():
        assert ranked.loc[(pair.a, pair.b), "verdict"] == pair.verdict


def test_scores_lie_between_noise_and_real_data() -> None:
    entry = _entry({"a": [10, 0, 5, 12, INF]}, worst=10, best=0)
    assert ranking.normalised(entry, "a").tolist() == [0, 1, 0.5, -0.2, 0]
    up = _entry({"a": [0.2, 0.8]}, lower=False, worst=0.0, best=0.8)
    assert ranking.normalised(up, "a") == pytest.approx([0.25, 1])


def test_profiles_count_datasets_alike() -> None:
    table = ranking.profiles([_entry({"a": [0, 0, 0, 0]}), _entry({"a": [5]}, "b")])
    share = table.set_index("tau")["share"]
    assert share.loc[0.0] == 1 and share[share.index > 0.51].unique().tolist() == [0.5]
    assert ranking.profiles([_entry({"a": [1]}, worst=math.nan)]).empty


def test_entries_hold_each_run_of_a_variant_once(full: Any) -> None:
    ring, mnist = ranking.ranked_datasets(Report(full))
    assert (ring.metric, mnist.metric) == ("reverse_kl", "fid")
    for entry in (ring, mnist):
        assert {k: len(v) for k, v in entry.runs.items()} == {"gan": 3, "dcgan": 3, "wgan": 3}
        assert np.isinf(entry.runs["gan"]).sum() == (entry is mnist)
        assert 0 <= entry.best < 0.5 < entry.worst


def test_a_dataset_without_scores_or_direction_is_not_ranked(synthetic: ModuleType, full: Any) -> None:
    results = synthetic.all_failed()
    assert ranking.ranked_datasets(Report(replace(results, scores=results.scores.iloc[:0]))) == []
    assert ranking.ranked_datasets(Report(replace(full, scores=full.scores.assign(direction="none")))) == []
