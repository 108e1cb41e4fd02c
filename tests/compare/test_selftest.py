"""A self-test passes only if the gate sees what it should."""

from dataclasses import replace

import numpy as np
import pytest

from ganbench.compare.baseline import Baseline, Runs, Score
from ganbench.compare.gate import SPEED, Gate
from ganbench.compare.selftest import Trial, proven, self_test

ROWS = {
    "fid": ("lower", ""),
    "modes": ("higher", "modes"),
    "reverse_kl": ("lower", "nats"),
    SPEED: ("higher", "images/s"),
}


def board(seeds: int = 4, metrics: tuple[str, ...] = tuple(ROWS), spread: float = 0.02) -> Baseline:
    """Three variants that hardly vary."""
    rng, names = np.random.default_rng(0), [("d", f"v{i}") for i in range(3)]
    scores = {
        (*name, metric): Score(
            *name,
            metric,
            *ROWS[metric],
            "k",
            None,
            dict(enumerate(map(float, 8 * np.exp(rng.normal(0, spread, seeds))))),
        )
        for name in names
        for metric in metrics
    }
    return Baseline(
        "quick", "", {}, {name: Runs(*name, "100 images", "fid", [*range(seeds)], {}, {}) for name in names}, scores
    )


def trial(found: list[Trial], name: str) -> Trial:
    return next(one for one in found if one.name == name)


def test_each_degradation_of_steady_results_is_caught() -> None:
    found = self_test(board(), Gate())
    assert [(one.name, one.tried, one.passed) for one in found] == [
        ("noise", 9, True), ("modes dropped", 6, True), ("half speed", 3, True),
    ]  # fmt: skip
    assert proven(found)


def test_the_results_stay_as_they_are() -> None:
    now = board()
    before = {name: dict(score.values) for name, score in now.scores.items()}
    assert self_test(now, Gate()) == self_test(now, Gate())
    assert {name: score.values for name, score in now.scores.items()} == before


def test_noise_is_for_the_worse_on_either_side() -> None:
    """Half as much again of what should be low, half of what should be high."""
    found = self_test(board(metrics=("fid",)), Gate(tolerance=0.35))
    assert trial(found, "noise").passed
    found = self_test(board(metrics=("modes",)), Gate(tolerance=0.35))
    assert trial(found, "noise").passed


@pytest.mark.parametrize(
    ("gate", "missed"),
    [
        (Gate(tolerance=5.0), "noise"),
        (Gate(metrics={SPEED: {"tolerance": 0.6}}), "half speed"),
        (Gate(metrics={"modes": {"tolerance": 5.0}, "reverse_kl": {"tolerance": 5.0}}), "modes dropped"),
    ],
)
def test_a_gate_that_tolerates_it_does_not_pass(gate: Gate, missed: str) -> None:
    found = self_test(board(), gate)
    assert not trial(found, missed).passed and not proven(found)


@pytest.mark.parametrize("seeds", [1, 2])
def test_seeds_that_decide_nothing_do_not_pass(seeds: int) -> None:
    """One has no spread, and two that scatter by a factor of e leave room for everything."""
    wild = board(seeds, spread=1.0)
    assert not proven(self_test(wild, Gate()))


def test_results_that_are_faster_than_their_baseline_are_spoilt_all_the_same() -> None:
    """Half of a speed that has doubled is what the baseline had."""
    now = board()
    fast = {n: replace(s, values={k: v and 4 * v for k, v in s.values.items()}) for n, s in now.scores.items()}
    assert trial(self_test(replace(now, scores=fast), Gate()), "half speed").passed


def test_what_the_gate_does_not_look_at_is_not_tried() -> None:
    now = board()
    several = replace(now, scores={n: replace(s, key="") if n[2] == SPEED else s for n, s in now.scores.items()})
    found = self_test(several, Gate())
    assert trial(found, "half speed") == Trial("half speed", 0, 0) and proven(found)
    blind = Gate(metrics={metric: {"weight": 0.0} for metric in ROWS})
    assert [one.tried for one in self_test(now, blind)] == [0, 0, 0]
    assert not proven(self_test(now, blind)), "nothing was caught"
