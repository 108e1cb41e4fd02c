"""How often a history without a step shows one, and whether steps are found where they are.

pytest tests/bench/test_history.py --benchmark-only -s
"""

import numpy as np
import pytest
from pandas import DataFrame

from ganbench.compare.baseline import Baseline, Runs, Score
from ganbench.compare.gate import Gate
from ganbench.compare.history import CommitResult, follow

RESULTS, VARIANTS, SEEDS, SPREAD = 12, 8, 3, 0.15  # spread over seeds: a standard deviation of 15 %
AT = 6  # where the first variant steps


def steps(rng: np.random.Generator, step: float) -> DataFrame:
    """Of a made-up history in which the first variant becomes `step` times as bad."""
    levels = 10 * np.exp(rng.normal(size=VARIANTS))
    entries = []
    for place in range(RESULTS):
        now = levels * np.where((np.arange(VARIANTS) == 0) & (place >= AT), step, 1.0)
        values = now[:, None] * np.exp(rng.normal(0, SPREAD, (VARIANTS, SEEDS)))
        names = [f"v{i}" for i in range(VARIANTS)]
        runs = {("d", name): Runs("d", name, "100 images", "fid", [*range(SEEDS)], {}, {}) for name in names}
        scores = {
            ("d", name, "fid"): Score("d", name, "fid", "lower", "", "k", None, dict(enumerate(map(float, own))))
            for name, own in zip(names, values, strict=True)
        }
        entries.append(CommitResult("", Baseline("quick", "", {}, runs, scores)))
    return follow(entries, Gate()).steps


def rates(step: float, times: int) -> tuple[float, float, float]:
    """Share of histories with a step of another variant, with the true one, and with that in its very place."""
    rng = np.random.default_rng(0)
    found = [steps(rng, step) for _ in range(times)]
    true = [rows[rows["variant"] == "v0"]["place"].tolist() if step > 1 else [] for rows in found]
    false = sum(len(rows) > len(own) for rows, own in zip(found, true, strict=True))
    return false / times, sum(map(bool, true)) / times, sum(AT in own for own in true) / times


def test_histories_without_a_step_seldom_show_one() -> None:
    """Of 40 at 5 %, 8 or more have a probability of 0.1 %."""
    assert rates(1.0, times=40)[0] < 8 / 40


def test_large_steps_are_found_where_they_are() -> None:
    _, found, placed = rates(1.5, times=20)
    assert found >= 0.9 and placed >= 0.6


@pytest.mark.parametrize("step", [1.0, 1.15, 1.25, 1.5])
def test_steps(benchmark, step):
    false, found, placed = benchmark.pedantic(lambda: rates(step, times=400), rounds=1)
    print(f"a step of {step:g}: found {found:.3f}, in its very place {placed:.3f}, another {false:.3f}")
    assert false <= 0.05 + 0.03
