"""Seeds until decided: how often the whole scheme is wrong, how often it finds a leader, and what it costs.

pytest tests/bench/test_until_decided.py --benchmark-only -s

Boards of ten variants, looks after 4, 8 and 12 seeds. Tests are the t's alone: the rule also asks permutations, and so
says less. A scheme is wrong if any pair of equal variants is told apart, or one of them leads, at any look.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ganbench.statistics.cells import means_apart, t_test
from ganbench.statistics.looks import levels
from ganbench.statistics.moderated import spreads
from ganbench.statistics.significance import shaffer

_spec = importlib.util.spec_from_file_location("boards", Path(__file__).with_name("test_verdicts.py"))
assert _spec and _spec.loader
boards = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(boards)

Values = NDArray[np.float64]
BOARDS, K, ERROR, SEEDS = 4_000, boards.VARIANTS, 0.05, (4, 8, 12)
LEFT, RIGHT = boards.PAIRS
# name -> levels at the three looks, and whether rows that cannot lead get no more seeds
SCHEMES = {
    "as ganbench does": (levels(3, ERROR), True),
    "the same, seeds for all": (levels(3, ERROR), False),
    "equal shares of the error": ((ERROR / 3,) * 3, True),
    "Pocock's constant level": ((0.0221,) * 3, True),
    "O'Brien and Fleming's levels": ((0.0005, 0.0141, 0.0451), True),
    "5 % at each look": ((ERROR,) * 3, True),
}
EQUAL = ("equal spreads", "spreads of quick", "spreads within a factor of 4", "one variant 10 times as wild",
         "residuals of quick, digits", "residuals of a later quick")  # fmt: skip


def scheme(x: Values, at: tuple[float, ...], dropping: bool) -> tuple[NDArray[np.bool_], NDArray[np.int64], Values]:
    """(boards, variants, 12) logarithms -> on which boards a pair is decided, who leads or -1, and runs."""
    n, smallest = np.zeros(x.shape[:2], dtype=int), np.full((len(x), len(LEFT)), np.inf)
    better, done = np.zeros(smallest.shape, dtype=int), np.zeros(len(x), dtype=bool)
    active, leader = np.ones(x.shape[:2], dtype=bool), np.full(len(x), -1)
    for seeds, level in zip(SEEDS, at, strict=True):
        n = np.where(active & ~done[:, None], seeds, n)
        seen = np.arange(x.shape[2]) < n[..., None]
        mean = np.where(seen, x, 0).sum(-1) / n
        variance = (np.where(seen, x - mean[..., None], 0) ** 2).sum(-1) / (n - 1)
        variance, df = spreads(variance, n - 1.0, np.zeros(n.shape))
        p = t_test(*means_apart(mean, variance / n, df, LEFT, RIGHT)) * (ERROR / level)
        p = np.where((n[:, LEFT] == seeds) & (n[:, RIGHT] == seeds) & ~done[:, None], p, np.inf)
        better = np.where(p < smallest, np.where(mean[:, LEFT] < mean[:, RIGHT], -1, 1), better)
        smallest, best = np.minimum(smallest, p), mean.argmin(1)
        beats = np.zeros((len(x), K, K), dtype=bool)
        beats[:, LEFT, RIGHT], beats[:, RIGHT, LEFT] = ((smallest <= ERROR) & (better == side) for side in (-1, 1))
        can_lead = ~beats[np.arange(len(x)), best]
        alone = can_lead.sum(1) == 1
        leader, done = np.where(alone & ~done, best, leader), done | alone
        active = can_lead if dropping else active
    return (shaffer(np.minimum(smallest, 1.0), K) <= ERROR).any(1), leader, n.sum(1)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme(benchmark, name):
    at, dropping = SCHEMES[name]

    def measured() -> dict[str, float]:
        found = {}
        for setting in EQUAL:
            draw, _ = boards.SETTINGS[setting]
            decided, leader, _ = scheme(np.log(draw(np.random.default_rng(1), (BOARDS, K, 12))), at, dropping)
            found[f"false, {setting}"] = 100 * float((decided | (leader >= 0)).mean())
        x = np.log(boards.DRAWN(np.random.default_rng(1), (BOARDS, K, 12)))
        for ratio in (1.25, 1.5, 2.0):
            _, leader, runs = scheme(x - np.log(ratio) * (np.arange(K) == 3)[:, None], at, dropping)
            found |= {
                f"found, {ratio:g} times as good": 100 * float((leader == 3).mean()),
                f"runs, {ratio:g}": runs.mean(),
            }
        return found

    found = benchmark.pedantic(measured, rounds=1)
    print(f"\n{name}: " + "; ".join(f"{what} {value:.1f}" for what, value in found.items()), flush=True)
    if name == "as ganbench does":
        assert max(value for what, value in found.items() if what.startswith("false")) <= 5
        assert found["found, 2 times as good"] >= 99 and found["runs, 2"] <= 50
