"""The rule of an audit: known lines and their verdicts, and what may not change one."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame, Series
from scipy import stats

from ganbench.audit.verdicts import (
    NONE,
    RISING,
    VALUES,
    Audit,
    MetricVerdict,
    correlation,
    decide_verdict,
    judge_agreement,
    noise_floor,
)
from ganbench.statistics import t_quantile

quick = settings(max_examples=25, deadline=None)
QUIET = np.full(6, 0.1)  # three standard errors of a difference are then 0.42


def judged(*damage: float, stderr: float = 0.1) -> MetricVerdict:
    return decide_verdict(np.array(damage), np.full(len(damage), stderr))


@pytest.mark.parametrize(
    ("damage", "word", "seen_from"),
    [
        ([0, 1, 2, 3, 4, 5], "monotone", 1),
        ([0, 0.3, 1, 2, 3, 4], "monotone", 2),
        ([0, 0.1, -0.2, 0.3, 0.2, 1], "monotone", 5),
        ([0, 0, 0, 0, 0, 1], "monotone", 5),
        ([0, 5, 5.1, 4.9, 5, 5.05], "monotone", 1),  # saturated: chance orders the rest
        ([0, 1, 2, 2, 3, 4], "monotone", 1),  # one tie
        ([0, 1, 2, 3, 5, 4.2], "monotone", 1),  # one step back, still far worse than undisturbed
        ([0, 0.3, -0.3, 0.2, 0.4, -0.4], "blind", None),
        ([0, 0, 0, 0, 0, 0], "blind", None),
        ([0, -1, -2, -3, -4, -5], "reversed", None),
        ([0, 0.1, 0, 0.2, 0.1, -1], "reversed", None),
        ([0, -1, 0, 1, 2, 3], "mixed", None),  # better, then worse
        ([0, 3, 5, 3, 1, 0.2], "mixed", None),  # worse, then as good as new
        ([0, 5, 4, 3, 2, 1], "mixed", None),  # worse at once, better from then on
        ([0, 1, 2, 3, 4, math.inf], "monotone", 1),
        ([0, math.nan, math.inf, math.nan, math.inf, math.inf], "monotone", 1),
    ],
)
def test_known_lines_have_known_verdicts(damage: list[float], word: str, seen_from: int | None) -> None:
    found = judged(*damage)
    assert (found.word, found.seen_from) == (word, seen_from)


def test_a_slow_drift_is_seen_though_no_single_step_is() -> None:
    found = judged(0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert (found.word, found.seen_from) == ("monotone", 3)


def test_counts_without_noise_are_seen_exactly_and_rounding_is_no_change() -> None:
    assert judged(0, 0, 0, 0, 1, 2, stderr=0).seen_from == 4
    assert judged(0, 1e-14, -1e-14, 0, 1e-14, 0, stderr=0).word == "blind"
    assert judged(100, 100 + 1e-11, 100, 100, 100, 100, stderr=0).word == "blind"


def test_no_line_that_never_turns_back_has_a_lower_correlation_than_the_rule_allows() -> None:
    lowest = min(
        judged(0, *itertools.accumulate(steps)).rho for steps in itertools.product([0, 1], repeat=5) if any(steps)
    )
    assert lowest == pytest.approx(math.sqrt(3 / 7)) and lowest > RISING


@quick
@given(steps=st.lists(st.sampled_from([0.0, 1.0, 5.0]), min_size=5, max_size=5).filter(any))
def test_what_never_turns_back_is_monotone_and_its_mirror_image_reversed(steps: list[float]) -> None:
    line = np.array([0, *itertools.accumulate(steps)])
    first = int(np.flatnonzero(line)[0])
    assert decide_verdict(line, QUIET)[:2] == ("monotone", first)
    assert decide_verdict(-line, QUIET).word == "reversed"


@quick
@given(
    line=st.lists(st.integers(-20, 20), min_size=6, max_size=6),
    shift=st.integers(-100, 100),
    scale=st.sampled_from([0.25, 1, 8]),
)
def test_neither_unit_nor_origin_of_a_metric_changes_a_verdict(line: list[int], shift: int, scale: float) -> None:
    damage = np.array(line, dtype=float)
    assert decide_verdict(damage, QUIET)[:2] == decide_verdict(damage * scale + shift, QUIET * scale)[:2]


@quick
@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    one, other = (Series(column, dtype=float) for column in zip(*pairs, strict=True))
    if one.nunique() < 2 or other.nunique() < 2:
        assert math.isnan(correlation(one, other))
    else:
        assert correlation(one, other) == pytest.approx(float(stats.spearmanr(one, other).statistic))


def measured(
    *lines: tuple[str, str, list[float]],
    judge: str = "mnist",
    draws: tuple[float, ...] = (0.0, 0.2, -0.2),
    stderr: float = 0.1,
    direction: str = "lower",
) -> DataFrame:
    """Values of (metric, disturbance, strengths 1 to 5); the draws are those of undisturbed data."""
    rows = []
    for metric in dict.fromkeys(line[0] for line in lines):
        rows += [(judge, NONE, 0, i, metric, value, stderr, direction, metric) for i, value in enumerate(draws)]
        for _, disturbance, values in (line for line in lines if line[0] == metric):
            rows += [
                (judge, disturbance, k, 0, metric, v, stderr, direction, metric) for k, v in enumerate(values, start=1)
            ]
    return DataFrame(rows, columns=VALUES)


def audit(*values: DataFrame) -> Audit:
    joined = pd.concat(values, ignore_index=True)
    return Audit(list(dict.fromkeys(joined["judge"])), joined, {}, {})


def test_the_direction_says_what_is_worse() -> None:
    line = ("fid", "blur", [1.0, 2, 3, 4, 5])
    for direction, word in (("lower", "monotone"), ("higher", "reversed")):
        assert audit(measured(line, direction=direction)).verdicts["verdict"].tolist() == [word]


def test_every_metric_meets_every_disturbance_in_the_order_of_the_audit() -> None:
    rising, flat = [1.0, 2, 3, 4, 5], [0.0] * 5
    found = audit(measured(("fid", "blur", rising), ("fid", "noise", flat), ("is", "blur", flat))).verdicts
    assert found[["metric", "disturbance", "verdict"]].to_numpy().tolist() == [
        ["fid", "blur", "monotone"],
        ["fid", "noise", "blind"],
        ["is", "blur", "blind"],
    ]
    assert found["seen_from"].tolist() == [1, pd.NA, pd.NA]


def test_noise_is_the_larger_of_the_metrics_own_and_the_scatter_of_real_data() -> None:
    for own, expected in ((0.1, 0.2), (0.5, 0.5)):
        found = noise_floor(measured(("fid", "blur", [1.0] * 5), stderr=own))
        assert found.tolist() == pytest.approx([expected] * 8)


def test_a_metric_without_a_standard_error_must_exceed_students_quantile() -> None:
    """Three draws have two degrees of freedom: 19 instead of 3."""
    found = noise_floor(measured(("recall", "blur", [1.0] * 5), stderr=math.nan))
    assert found.tolist() == pytest.approx([0.2 * t_quantile(0.9973, 2) / 3] * 8)
    assert found.iloc[0] > 1.2


def test_agreement_is_of_the_same_samples() -> None:
    one = measured(("fid", "blur", [1.0, 2, 3, 4, 5]), ("is", "blur", [1.0, 2, 3, 4, 5]))
    other = measured(("fid", "blur", [10.0, 20, 30, 40, 50]), ("is", "blur", [-1.0, -2, -3, -4, -5]), judge="b")
    found = judge_agreement(audit(one, other.sample(frac=1, random_state=0)), "mnist", "b").set_index("metric")
    assert found["disturbed_rows"].tolist() == [8, 8]
    assert found.loc["fid", "disturbed"] == pytest.approx(1)
    assert found.loc["is", "disturbed"] < -0.5
    assert found["alike"].tolist() == [1, 0] and found["verdicts"].tolist() == [1, 1]
    assert found["runs_rows"].tolist() == [0, 0] and found["runs"].isna().all()
