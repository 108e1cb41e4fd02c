"""Intervals, tests, power and ranks agree with scipy and with textbooks, and cover what they promise."""

import math
from itertools import combinations

import numpy as np
import pytest

from ganbench.statistics import (
    Interval,
    average_ranks,
    bootstrap_interval,
    critical_difference,
    detectable_gap,
    difference_interval,
    equivalence_test,
    friedman_test,
    holm,
    iqm,
    mann_whitney_test,
    mean_interval,
    permutation_test,
    power,
    probability_of_improvement,
    rank_intervals,
    ranks,
    seeds_needed,
    stratified_interval,
    t_quantile,
    t_tail,
    welch_test,
)
from ganbench.statistics.ranking import range_quantile

NAN, INF = math.nan, math.inf
A, B = [3.1, 2.7, 3.9, 3.3], [4.2, 3.8, 5.9]


# Student's t


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99, 0.9999])
@pytest.mark.parametrize("df", [1, 1.3, 2, 2.5, 3, 4, 5, 9, 30, 101, 500])
def test_t_quantile_is_scipys(level: float, df: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(level, df) == pytest.approx(stats.t.isf((1 - level) / 2, df), rel=1e-10)


@pytest.mark.parametrize("t", [0.0, 0.01, 1.0, 3.0, 40.0])
@pytest.mark.parametrize("df", [1, 1.7, 4, 25.4, 3000])
def test_the_tail_of_t_is_scipys(t: float, df: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_tail(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-9)


def test_t_quantile_is_the_textbooks() -> None:
    assert t_quantile(0.95, 1) == pytest.approx(12.7062, abs=1e-4)
    assert t_quantile(0.95, 2) == pytest.approx(4.30265, abs=1e-5)


@pytest.mark.parametrize(("level", "df"), [(0.0, 3), (1.0, 3), (0.95, 0), (0.95, NAN), (NAN, 3)])
def test_t_quantile_refuses_what_has_no_answer(level: float, df: float) -> None:
    with pytest.raises(ValueError, match="need"):
        t_quantile(level, df)


# Averages


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 11])
def test_iqm_is_the_trimmed_mean(n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(n).normal(size=(6, n))
    assert iqm(values) == pytest.approx(stats.trim_mean(values, 0.25, axis=1))
    assert iqm(values.T, axis=0) == pytest.approx(iqm(values))


def test_iqm_ignores_one_wild_seed_of_five() -> None:
    assert iqm([1, 2, 3, 4, 1e9]) == 3


# Intervals


def test_mean_interval_of_three_known_values() -> None:
    assert mean_interval([1, 2, 3]) == pytest.approx(
        (2, 2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), abs=1e-6
    )


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = mean_interval([5.0]), mean_interval([])
    assert one.mean == 5 and math.isnan(one.low) and math.isnan(one.high)
    assert all(math.isnan(v) for v in none)


@pytest.mark.parametrize("bad", [NAN, INF])
def test_values_that_are_not_finite_leave_no_interval(bad: float) -> None:
    assert math.isnan(mean_interval([1.0, 2.0, bad]).low) and math.isnan(bootstrap_interval([1.0, bad]).low)
    assert math.isnan(difference_interval(A, [*B, bad]).low)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_mean_interval_covers_the_mean_of_normal_values(n: int) -> None:
    """4,000 intervals: the share that covers has a standard error of 0.0034."""
    values = np.random.default_rng(0).normal(size=(4000, n))
    covered = np.mean([found.low <= 0 <= found.high for found in map(mean_interval, values)])
    assert covered == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_of_a_difference_is_scipys(level: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    scipys = stats.ttest_ind(B, A, equal_var=False)
    found = difference_interval(A, B, level)
    assert found.mean == pytest.approx(np.mean(B) - np.mean(A))
    assert found[1:] == pytest.approx(tuple(scipys.confidence_interval(level)))


def test_a_difference_is_of_two_samples() -> None:
    assert difference_interval(A, A).mean == 0
    there, back = difference_interval(A, B), difference_interval(B, A)
    assert back == pytest.approx((-there.mean, -there.high, -there.low))
    one = difference_interval([1.0], [2.0, 4.0])
    assert one.mean == 2 and math.isnan(one.low)
    assert all(math.isnan(v) for v in difference_interval([], B))
    assert difference_interval([8, 8], [7, 7, 7]) == (-1, -1, -1), "no spread, no width"


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_a_difference_has_no_scale(scale: float) -> None:
    found = difference_interval(scale * np.array(A), scale * np.array(B))
    assert np.array(found) / scale == pytest.approx(np.array(difference_interval(A, B)))


def test_squares_that_overflow_leave_no_interval() -> None:
    with np.errstate(over="ignore"):
        assert math.isnan(difference_interval([1e200, -1e200], B).low) and math.isnan(welch_test([1e200, 0], B))


@pytest.mark.parametrize("shape", ["normal", "lognormal"])
@pytest.mark.parametrize("n", [3, 5])
def test_the_interval_of_a_difference_covers_none(shape: str, n: int) -> None:
    """700 intervals, a standard error of 0.008; with more of them, 0.95 to 0.98 (see the docstring)."""
    a, b = getattr(np.random.default_rng(n), shape)(size=(2, 700, n))
    covered = np.mean([found.low <= 0 <= found.high for found in map(difference_interval, a, b)])
    assert 0.925 <= covered <= 0.995


def test_bootstrap_is_repeatable_and_near_students_interval_for_many_values() -> None:
    values = np.random.default_rng(0).normal(3, 1, size=400)
    found = bootstrap_interval(values, seed=1)
    assert found == bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)
    assert found == pytest.approx(mean_interval(values), abs=0.02)


def test_bootstrap_takes_other_statistics() -> None:
    assert bootstrap_interval([1, 2, 3, 4, 100], statistic=np.median).mean == 3


def test_a_large_bootstrap_is_done_in_parts() -> None:
    values = np.random.default_rng(0).normal(size=30_000)
    assert bootstrap_interval(values, resamples=300) == pytest.approx(mean_interval(values), abs=0.002)


def test_strata_are_resampled_within_themselves() -> None:
    """Seeds that agree leave no doubt, however far apart the datasets are."""
    assert stratified_interval([[0.2] * 3, [0.9] * 3], statistic=np.mean) == pytest.approx((0.55, 0.55, 0.55))


def test_the_spread_of_stratified_draws_is_that_of_the_mean() -> None:
    """Of many datasets with two seeds each: the interval is as wide as normal theory has it, not 0.7 times as wide."""
    x = np.random.default_rng(0).normal(size=(200, 2))
    found = stratified_interval([*x], statistic=np.mean)
    error = math.sqrt(np.var(x, axis=1, ddof=1).mean() / x.size)
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.05)


def test_strata_may_be_uneven_or_empty() -> None:
    found = stratified_interval([[1.0, 2.0], [], [5.0]], statistic=np.mean)
    assert found == pytest.approx((8 / 3, 7 / 2 - 1 / 2, 7 / 2))
    assert math.isnan(stratified_interval([[1.0], [2.0]]).low), "nothing to draw anew"
    assert all(math.isnan(v) for v in stratified_interval([]))


def test_interval_unpacks() -> None:
    mean, low, high = Interval(1, 0, 2)
    assert (mean, low, high) == (1, 0, 2)


# Probability of improvement


def test_the_probability_of_improvement_counts_pairs() -> None:
    a, b = [1, 2, 3], [2, 4]
    assert probability_of_improvement(a, b, lower_is_better=False).mean == pytest.approx((1.5 + 3) / 6)
    assert probability_of_improvement(a, b, lower_is_better=True).mean == pytest.approx(1.5 / 6)


def test_its_limits_solve_newcombes_equation() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    found = probability_of_improvement(A, B, lower_is_better=False)
    m, n = len(A), len(B)

    def excess(theta: float) -> float:
        q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)  # Hanley and McNeil's, with (m + n) / 2 - 1 for both
        k = (m + n) / 2 - 1
        variance = (theta * (1 - theta) + k * (q1 - theta**2) + k * (q2 - theta**2)) / (m * n)
        return (theta - found.mean) ** 2 - 1.959963985**2 * variance

    assert found.low == pytest.approx(optimize.brentq(excess, 1e-9, found.mean), abs=1e-7)
    assert found.high == pytest.approx(optimize.brentq(excess, found.mean, 1 - 1e-9), abs=1e-7)


def test_full_separation_of_few_seeds_is_no_certainty() -> None:
    found = probability_of_improvement([1, 2, 3], [4, 5, 6], lower_is_better=False)
    assert found.mean == found.high == 1 and 0.4 < found.low < 0.6
    many = probability_of_improvement(range(30), range(30, 60), lower_is_better=False)
    assert many.low > 0.85


def test_swapping_sides_mirrors_the_probability() -> None:
    one, other = probability_of_improvement(A, B, True), probability_of_improvement(B, A, True)
    assert (one.mean, one.low, one.high) == pytest.approx((1 - other.mean, 1 - other.high, 1 - other.low))


def test_a_failed_run_is_the_worst() -> None:
    assert probability_of_improvement([INF, 2], [1, 1], lower_is_better=True).mean == 1
    assert probability_of_improvement([INF], [INF], lower_is_better=True).mean == 0.5
    assert all(math.isnan(v) for v in probability_of_improvement([NAN, 1], [1, 1], True))
    assert all(math.isnan(v) for v in probability_of_improvement([], [1, 1], True))
    assert math.isnan(probability_of_improvement([1], [2, 3], True).low)


# Tests


def test_welchs_test_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert welch_test(A, B) == pytest.approx(stats.ttest_ind(A, B, equal_var=False).pvalue)
    assert welch_test(A, B, 0.5) == pytest.approx(stats.ttest_ind(np.array(A) + 0.5, B, equal_var=False).pvalue)
    assert welch_test(A, B) == welch_test(B, A)


def test_values_that_do_not_vary_are_left_to_the_permutation_test() -> None:
    assert welch_test([8, 8, 8], [7, 7, 7]) == pytest.approx(2 / 20)
    assert welch_test([8] * 5, [7] * 5) == pytest.approx(2 / 252)
    assert welch_test([8, 8], [8, 8]) == 1


@pytest.mark.parametrize(
    ("a", "b"), [([1.0], [1.0, 2.0]), ([], []), ([1.0, NAN], [1.0, 2.0]), ([1.0, INF], [1.0, 2.0])]
)
def test_too_few_values_have_no_p_value(a: list[float], b: list[float]) -> None:
    assert math.isnan(welch_test(a, b)) and math.isnan(equivalence_test(a, b, 1.0))


@pytest.mark.parametrize("margin", [0.5, 1.4, 3.0])
def test_equivalence_is_the_weaker_of_two_one_sided_tests(margin: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    above = stats.ttest_ind(np.array(B) - margin, A, equal_var=False, alternative="less").pvalue
    below = stats.ttest_ind(np.array(B) + margin, A, equal_var=False, alternative="greater").pvalue
    assert equivalence_test(A, B, margin) == pytest.approx(max(above, below))


def test_values_that_do_not_vary_are_within_the_margin_or_not() -> None:
    assert equivalence_test([8, 8], [8, 8], 0.1) == 0
    assert equivalence_test([8, 8], [7, 7], 0.1) == 1
    assert equivalence_test([8, 8], [8, 8], 0.0) == 1, "no margin, nothing is within it"


def test_the_permutation_test_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for n, m in ((2, 3), (4, 4), (3, 6)):
        a, b = rng.normal(size=n), rng.normal(1, size=m)
        scipys = stats.permutation_test(
            (a, b), lambda x, y, axis: np.abs(x.mean(axis) - y.mean(axis)), n_resamples=np.inf, alternative="greater"
        )
        assert permutation_test(a, b) == pytest.approx(scipys.pvalue)


def test_few_seeds_cannot_be_significant_by_permutation() -> None:
    assert permutation_test([1, 2, 3], [40, 50, 60]) == pytest.approx(2 / 20)
    assert permutation_test([1, 2, 3, 4], [40, 50, 60, 70]) == pytest.approx(2 / 70)
    assert permutation_test([0.1, 0.1, 0.1], [0.1, 0.1]) == 1, "rounding makes no difference"


def test_many_seeds_are_split_at_random() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=40), rng.normal(0.5, size=40)
    found = permutation_test(a, b, resamples=20_000)
    assert found == permutation_test(a, b, resamples=20_000), "the same every time"
    assert found == pytest.approx(stats.ttest_ind(a, b).pvalue, abs=0.01)
    assert permutation_test(a, b + 100, resamples=999) == 1 / 1000, "never zero"


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 3), (4, 6), (8, 5)])
def test_mann_whitney_is_scipys_exact_test(n: int, m: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(1, size=m)
    assert mann_whitney_test(a, b) == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue)


def test_mann_whitney_is_exact_with_ties() -> None:
    a, b = [1, 2, 2, 5], [2, 5, 5, 7]
    pooled = [*a, *b]

    def wins(first: tuple[int, ...]) -> float:
        rest = [i for i in range(8) if i not in first]
        return sum((pooled[i] > pooled[j]) + 0.5 * (pooled[i] == pooled[j]) for i in first for j in rest)

    splits = [abs(wins(first) - 8) for first in combinations(range(8), 4)]
    assert mann_whitney_test(a, b) == pytest.approx(np.mean(np.array(splits) >= abs(wins((0, 1, 2, 3)) - 8)))


def test_mann_whitney_ranks_failed_runs_last() -> None:
    assert mann_whitney_test([1, 2, 3], [4, INF, INF]) == pytest.approx(0.1)
    assert math.isnan(mann_whitney_test([1, NAN], [2, 3]))
    assert math.isnan(mann_whitney_test([], [2, 3]))


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []


def test_holm_counts_only_what_was_tested() -> None:
    found = holm([0.01, NAN, 0.02])
    assert found[[0, 2]] == pytest.approx([0.02, 0.02]) and math.isnan(found[1])


def test_holm_rejects_what_bonferroni_does_and_no_more_than_no_correction() -> None:
    p = np.random.default_rng(0).random((50, 7)) ** 3
    for row in p:
        found = holm(row)
        assert (row <= found).all() and (found <= np.minimum(7 * row, 1)).all()
        assert (np.argsort(row) == np.argsort(found, kind="stable")).all() or len(set(found)) < 7


# Planning


@pytest.mark.parametrize(("effect", "n"), [(0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_needed_are_cohens(effect: float, n: int) -> None:
    """Cohen, "A Power Primer", 1992, table 2: 64 and 26 a side for a medium and a large effect."""
    assert seeds_needed(effect, 1, 1) == seeds_needed(-effect, 1, 1) == n


@pytest.mark.parametrize("n", [2, 3, 10, 400, 9_000])
@pytest.mark.parametrize("b_std", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("level", [0.95, 0.999])
def test_power_is_the_tail_of_the_noncentral_t(n: int, b_std: float, level: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    gap = 3 * math.sqrt((1 + b_std**2) / n)
    df = (1 + b_std**2) ** 2 * (n - 1) / (1 + b_std**4)
    assert power(gap, 1, b_std, n, level) == pytest.approx(
        stats.nct.sf(stats.t.ppf((1 + level) / 2, df), df, 3), abs=1e-4
    )


def test_power_is_how_often_the_test_succeeds() -> None:
    """1,500 tests: a standard error of 0.013."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, size=(1500, 5)), rng.normal(2.5, 1.5, size=(1500, 5))
    assert np.mean([welch_test(*both) <= 0.05 for both in zip(a, b, strict=True)]) == pytest.approx(
        power(2.5, 1, 1.5, 5), abs=0.04
    )


def test_detectable_gaps_and_seeds_needed_belong_together() -> None:
    gap = detectable_gap(1.2, 0.7, 9)
    assert power(gap, 1.2, 0.7, 9) == pytest.approx(0.8)
    assert (seeds_needed(1.001 * gap, 1.2, 0.7), seeds_needed(0.999 * gap, 1.2, 0.7)) == (9, 10)
    assert detectable_gap(0, 0, 3) == 0


def test_some_gaps_no_number_of_seeds_can_tell() -> None:
    assert seeds_needed(0, 1, 1) is None
    assert seeds_needed(1e-9, 1, 1) is None
    assert seeds_needed(NAN, 1, 1) is None


def test_seeds_that_do_not_vary_must_be_enough_for_the_permutation_test() -> None:
    assert seeds_needed(1, 0, 0) == 4  # 2 / 70
    assert seeds_needed(1, 0, 0, level=0.999) == 7  # 2 / 3432


# Ranks


def test_average_ranks_are_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(0).integers(5, size=(20, 6)).astype(float)
    values[3, 2] = INF
    assert average_ranks(values) == pytest.approx(stats.rankdata(values, axis=1))
    with pytest.raises(ValueError, match="NaN"):
        average_ranks([1.0, NAN])


def test_ranks_tie_where_intervals_overlap() -> None:
    low, high = [1, 2, 5, NAN], [3, 4, 6, NAN]
    assert ranks(low, high, lower_is_better=True).tolist() == [1, 1, 3, 1]
    assert ranks(low, high, lower_is_better=False).tolist() == [2, 2, 1, 1]


def test_ranks_of_nothing() -> None:
    assert ranks([], [], lower_is_better=True).tolist() == []


def test_rank_intervals_say_how_sure_a_rank_is() -> None:
    far, near, nearer = [100, 101, 102], [1, 2, 3], [1.1, 2.2, 2.6]
    found = rank_intervals([far, near, nearer], lower_is_better=True)
    assert found[0] == (3, 3, 3)
    assert found[2] == (1, 1, 2) and found[1] == (2, 1, 2)
    upside_down = rank_intervals([far, near, nearer], lower_is_better=False)
    assert [one.mean for one in upside_down] == [1, 2, 3]


def test_rank_intervals_tie_what_is_equal() -> None:
    assert rank_intervals([[5.0, 5.0], [5.0], [7.0]], lower_is_better=True) == [
        (1.5, 1.5, 1.5),
        (1.5, 1.5, 1.5),
        (3, 3, 3),
    ]


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_quantile_of_the_range_is_demsars(k: int, q: float) -> None:
    """Demsar, 2006, table 5 (a); he rounds 2.3437 down."""
    assert range_quantile(0.95, k) / math.sqrt(2) == pytest.approx(q, abs=1e-3)


@pytest.mark.parametrize("k", [2, 7, 25])
def test_the_quantile_of_the_range_is_scipys(k: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert range_quantile(0.9, k) == pytest.approx(stats.studentized_range.ppf(0.9, k, np.inf), rel=1e-5)


def test_the_critical_difference_of_demsars_example() -> None:
    """Section 3.2.4: four classifiers on 14 datasets, CD = 1.25 at 5 % and 1.12 at 10 %."""
    scores = np.random.default_rng(0).normal(size=(14, 4))
    assert critical_difference(scores, True).distance == pytest.approx(1.25, abs=0.005)
    assert critical_difference(scores, True, level=0.9).distance == pytest.approx(1.12, abs=0.005)


def test_friedmans_test_is_scipys_in_the_form_of_iman_and_davenport() -> None:
    stats = pytest.importorskip("scipy.stats")
    n, k = 12, 4
    scores = np.random.default_rng(0).normal(loc=[0, 0, 0.5, 1], size=(n, k))
    chi2 = stats.friedmanchisquare(*scores.T).statistic
    wanted = stats.f.sf((n - 1) * chi2 / (n * (k - 1) - chi2), k - 1, (k - 1) * (n - 1))
    found = critical_difference(scores, lower_is_better=False)
    assert found.p == pytest.approx(wanted)
    assert found.mean_ranks.tolist() == pytest.approx((k + 1 - stats.rankdata(scores, axis=1)).mean(axis=0))


def test_friedmans_test_of_agreement_and_of_ties() -> None:
    assert friedman_test(np.array([[1.0, 2, 3]] * 4)) == 0
    assert friedman_test(np.full((4, 3), 2.0)) == 1


@pytest.mark.parametrize("scores", [[[1, 2, 3]], [[1], [2]], [1, 2, 3], [[1, NAN], [2, 3]]])
def test_critical_differences_refuse_what_has_no_answer(scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"need|NaN"):
        critical_difference(scores, True)
