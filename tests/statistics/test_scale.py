"""Distances are tested as logarithms; shares and counts as they are."""

import numpy as np
import pytest

from ganbench.statistics.scale import scale_of


@pytest.mark.parametrize(
    ("values", "lower", "log"),
    [
        ([31.0, 9.4, 0.4], True, True),
        ([0.98, 0.5], False, False),  # shares
        ([8, 7, 8], False, False),  # counts
        ([0.001, -0.0002], True, False),  # below zero
        ([7.1, 9.2], False, True),  # such as IS
        ([0, 0], True, False),
    ],
)
def test_what_is_tested_as_logarithms(values: list[float], lower: bool, log: bool) -> None:
    assert scale_of(np.array(values, dtype=float), lower).log is log


def test_zeros_are_handled_and_not_dropped() -> None:
    scale = scale_of(np.array([0.0, 0.2, 0.8]), lower_is_better=True)
    assert scale.back(scale.to(np.array([0.0, 0.2]))) == pytest.approx([0.1, 0.2])


def test_a_difference_in_the_metrics_unit_is_that_of_the_means_and_keeps_its_sign() -> None:
    scale = scale_of(np.array([1.0, 2.5]), lower_is_better=True)
    a, b = scale.to(np.array([2.0])), scale.to(np.array([6.0]))
    assert scale.difference(a, b, b - a) == pytest.approx(4)
    assert scale.difference(a, b, np.array([-0.1])) < 0 < scale.difference(a, b, np.array([0.1]))


def test_counts_that_do_not_vary_are_not_known_exactly() -> None:
    scale = scale_of(np.array([8.0, 8.0, 7.0]), lower_is_better=False)
    assert scale.least_variance(np.array([8.0]), np.zeros(1)) == pytest.approx(1 / 12)
    assert scale.least_variance(np.array([8.0]), np.ones(1)) == pytest.approx(1)
    assert scale.one_off(np.array([8.0, 8.0]), np.array([2, 4])) == pytest.approx([1 / 2, 1 / 4])
    assert scale_of(np.array([0.8, 0.7]), False).one_off(np.array([0.8]), np.array([2])) == 0
