"""Modes along the budget: what is held, forgotten and back again."""

from typing import Any

import numpy as np
import pytest

from ganbench.reports.frames import modes
from ganbench.reports.frames.modes import CLASSES, MODES

DUE = np.full(2, 0.5)


def _kept(*counts: list[int]) -> dict[str, Any]:
    return {"occupancy": np.array(counts), "images": np.arange(1, len(counts) + 1) * 100}


def test_shares_are_of_all_samples_and_relative_to_the_due() -> None:
    found = modes.occupancy_of(_kept([50, 25, 25], [0, 100, 0]), MODES, DUE)  # the last column is near no mode
    assert found is not None
    np.testing.assert_allclose(found.shares, [[1, 0.5], [0, 2]])
    assert found.held.tolist() == [[True, True], [False, True]]


@pytest.mark.parametrize(("kind", "least"), [(MODES, 17), (CLASSES, 5)])
def test_held_means_what_the_metric_means(kind: modes.Counted, least: int) -> None:
    for n, held in ((least, True), (least - 1, False)):
        found = modes.occupancy_of(_kept([100 - n, n]), kind, DUE)
        assert found is not None and found.held.tolist() == [[True, held]]


def test_a_class_without_a_share_of_real_data_is_never_held() -> None:
    found = modes.occupancy_of(_kept([90, 10]), CLASSES, np.array([1.0, 0.0]))
    assert found is not None and found.held.tolist() == [[True, False]] and np.isfinite(found.shares).all()


def test_turns_count_what_was_forgotten_and_what_came_back() -> None:
    course = [[0, 1], [1, 1], [0, 1], [1, 0], [0, 1]]  # the first begins missing, which is not forgetting
    found = modes.occupancy_of(_kept(*[[100 * a, 100 * b] for a, b in course]), CLASSES, DUE)
    assert found is not None and modes.turns(found) == {"forgotten": 3, "returned": 2}


@pytest.mark.parametrize(
    "kept", [{}, {"images": np.array([1])}, {"images": np.array([1]), "occupancy": np.ones((2, 2))}]
)
def test_runs_that_kept_no_counts_have_no_history(kept: dict[str, Any]) -> None:
    assert modes.occupancy_of(kept, MODES, DUE) is None
