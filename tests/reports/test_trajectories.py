"""How runs went: known answers for oscillation, collapse, gaps and failures."""

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ganbench.reports.frames import trajectories
from ganbench.reports.frames.rows import runs as all_runs
from ganbench.reports.frames.scores import tidy

NAN = math.nan


def test_oscillation_is_of_the_last_fifth() -> None:
    values = np.array([9.0, 5, 8, 2, 1, 7, 3, 3, 1, 4, 6])  # of eleven the last three: 1, 4, 6
    swing, spread = trajectories.oscillation(values)
    assert swing == pytest.approx((3 + 2) / 2)
    assert spread == pytest.approx(math.sqrt(((1 - 11 / 3) ** 2 + (4 - 11 / 3) ** 2 + (6 - 11 / 3) ** 2) / 2))


def test_a_level_end_does_not_oscillate_and_a_short_course_has_no_end() -> None:
    assert trajectories.oscillation(np.array([5.0, 4, 3, 2, 1, 1])) == (0, 0)
    assert (
        np.isnan(trajectories.oscillation(np.arange(5.0))).all()
        and np.isnan(trajectories.oscillation(np.empty(0))).all()
    )


@pytest.mark.parametrize(
    ("values", "start", "wanted"),
    [
        ([8, 4, 2, 6, 7], NAN, 3),  # half way back from 2 to 8 is 5
        ([8, 4, 2, 6, 4], NAN, None),  # it came back
        ([8, 4, 2, 6, 4, 6], NAN, 5),  # the last time counts
        ([8, 4, 2, 5, 5], NAN, None),  # exactly half is not more
        ([2, 6, 7], 10, 2),  # the best may be the first, where noise says what was gained: half way is 6
        ([2, 6, 7], NAN, None),  # without noise nothing was gained
        ([8, 4, 2, 6, 7], 20, None),  # little, of what was gained over noise
        ([12, 11, 12], 10, None),  # never better than noise
        ([8, 2, 9], NAN, 2),
        ([3], 10, None),
        ([], 10, None),
    ],
)
def test_collapse_is_the_first_evaluation_that_stays_worse_than_half_way_back(
    values: list[float], start: float, wanted: int | None
) -> None:
    x = np.array(values, dtype=float)
    assert trajectories.collapse(x, lower=True, start=start) == wanted
    assert trajectories.collapse(-x, lower=False, start=-start) == wanted


def test_every_ended_run_of_a_variant_has_a_row_and_failures_their_time(full: Any) -> None:
    scores, runs = tidy(full).query("dataset == 'mnist5k'"), all_runs(full, "mnist5k")
    found = trajectories.of_runs(runs, scores, "fid")
    assert set(found["label"]) == {"gan", "dcgan", "wgan"} and len(found) == 9
    failed = found[found["failed"].notna()]
    assert failed[["label", "seed", "failed"]].values.tolist() == [["gan", 1, 62_000]]
    assert failed["evaluations"].item() == 3 and np.isnan(failed["swing"].item())
    curve = scores.query("label == 'wgan' and seed == 0 and checkpoint == 'curve' and metric == 'fid'")["value"]
    one = found[(found["label"] == "wgan") & (found["seed"] == 0)]
    assert one["swing"].item() == pytest.approx(np.abs(np.diff(curve.to_numpy()[-3:])).mean())
    test = scores.query("label == 'wgan' and seed == 0 and metric == 'fid'").set_index("checkpoint")["value"]
    assert one["gap"].item() == pytest.approx(test["last"] - test["selected"])
    rows = trajectories.of_labels(found).set_index("label")
    assert rows.at["gan", "failed"] == 1 and rows.at["gan", "failed_at"] == 62_000 and rows.at["gan", "runs"] == 3
    own = found.loc[found["label"] == "wgan", "swing"]
    assert rows.at["wgan", "swing"] == pytest.approx(own.mean())
    assert rows.at["wgan", "swing_low"] < own.mean() < rows.at["wgan", "swing_high"]
    unlike = trajectories.of_labels(found.assign(swing=[0.0, 0.0, 9.0] * 3, gap=[0.0, 0.0, 9.0] * 3)).iloc[0]
    assert unlike["swing_low"] == 0, "a swing is not negative"
    assert unlike["gap_low"] < 0, "a gap may be"


def test_seeds_tell_the_failed_from_the_finished(full: Any) -> None:
    scores, runs = tidy(full).query("dataset == 'mnist5k'"), all_runs(full, "mnist5k")
    values = trajectories.seed_values(scores, runs, "fid")
    assert len(values) == 9 and values["value"].isna().sum() == 1
    assert values.loc[values["value"].isna(), "status"].item() == "diverged"


@pytest.mark.parametrize("kind", ["empty", "all_failed", "half_finished"])
def test_results_with_little_in_them_make_tables(synthetic: ModuleType, kind: str) -> None:
    results = getattr(synthetic, kind)()
    runs, scores = all_runs(results), tidy(results)
    if runs.empty:
        return
    metric = trajectories.judged_by(scores, "fid")
    found = trajectories.of_runs(runs, scores, metric)
    assert len(found) == 6 and len(trajectories.of_labels(found)) == 3
    assert found["failed"].notna().all() == (kind == "all_failed")


def test_noise_says_where_a_run_began(full: Any) -> None:
    scores = tidy(full).query("dataset == 'ring8'")
    noise = scores.query("label == 'noise' and checkpoint == 'last' and metric == 'reverse_kl'")["value"].mean()
    assert trajectories.noise_level(scores, "reverse_kl") == pytest.approx(noise)
    assert math.isnan(trajectories.noise_level(scores[scores["label"] != "noise"], "reverse_kl"))


def test_what_is_dropped_is_counted_from_the_best_evaluation_and_higher_may_be_better(full: Any) -> None:
    scores, runs = tidy(full).query("dataset == 'ring8'"), all_runs(full, "ring8")
    found = trajectories.of_runs(runs, scores, "modes").set_index("run")
    own = scores.query("label == 'gan' and seed == 2").set_index("checkpoint")
    held = own[own["metric"] == "modes_third"].loc["curve", "value"]
    test = own[own["metric"] == "modes"]["value"]
    one = found.loc[own["run"].iloc[0]]
    assert one["dropped"] == pytest.approx(held.max() - held.iloc[-1])
    assert one["gap"] == pytest.approx(test["selected"] - test["last"])
