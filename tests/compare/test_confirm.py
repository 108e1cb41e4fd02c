"""An alarm stands, is cleared, or is neither, by fresh seeds that took no part in it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ganbench.compare.baseline import Baseline, Runs, Score
from ganbench.compare.confirm import alarmed_rows, confirm, fresh_seeds
from ganbench.compare.gate import Gate
from ganbench.compare.regression import EVERY, check
from ganbench.compare.rows import ENDED

Values = Sequence[float | None]
ONCE = {"a": [10.0, 10.5, 9.6, 10.1], "b": [20.0, 21.0, 19.2, 20.4]}
AGAIN = {"a": [10.2, 9.8, 10.3, 9.9], "b": [19.8, 20.6, 20.1, 19.5]}
ALARM = {**AGAIN, "b": [30.5, 31.0, 30.1, 29.2]}


def board(rows: dict[str, Values], first: int = 0) -> Baseline:
    """FIDs by variant; None: the run failed."""
    seeds = {variant: dict(enumerate(values, first)) for variant, values in rows.items()}
    failures = {v: {seed: "diverged" for seed, value in own.items() if value is None} for v, own in seeds.items()}
    runs = {("d", v): Runs("d", v, "100 images", "fid", [*own], failures[v], {}) for v, own in seeds.items()}
    scores = {("d", v, "fid"): Score("d", v, "fid", "lower", "", "k", None, own) for v, own in seeds.items()}
    return Baseline("quick", "", {}, runs, scores)


def outcome(now: dict[str, Values], fresh: dict[str, Values], gate: Gate | None = None) -> tuple[dict[str, str], int]:
    """The verdict and the first word on each row that was alarmed, and the exit code."""
    checked = check(board(now), board(ONCE), gate or Gate())
    alarmed = {(row.variant, row.metric) for row in checked.of("regression").itertuples()}
    found = confirm(checked, board(fresh, first=4), board(ONCE))
    rows = [row for row in found.rows.itertuples() if (row.variant, row.metric) in alarmed]
    return {
        f"{row.variant} {row.metric}": f"{row.verdict}, {row.remark.partition(':')[0]}" for row in rows
    }, found.exit_code


def test_fresh_seeds_that_are_worse_as_well_confirm() -> None:
    found, code = outcome(ALARM, {"a": AGAIN["a"], "b": [29.9, 31.5, 30.2, 30.8]})
    assert found["b fid"] == "regression, confirmed" and code == 1


def test_fresh_seeds_as_good_as_the_baseline_clear() -> None:
    found, code = outcome(ALARM, {"a": AGAIN["a"], "b": [20.3, 19.9, 20.8, 19.6]})
    assert found["b fid"] == "cleared, cleared" and code == 0
    assert set(found.values()) == {"cleared, cleared"}, "and with it the mean of every variant"


@pytest.mark.parametrize("fresh", [[18.0, 35.0, 16.0, 36.0], [22.9, 23.0, 22.0, 22.5]])
def test_what_neither_confirms_nor_clears_stands(fresh: list[float]) -> None:
    """Seeds that scatter too much, and a change between what is tolerated and the alarm's that may be chance."""
    found, code = outcome(ALARM, {"a": AGAIN["a"], "b": fresh}, Gate(error=1e-4))
    assert found["b fid"] == "regression, inconclusive" and code == 1


def test_a_change_of_every_variant_is_confirmed_by_their_mean() -> None:
    rng = np.random.default_rng(0)
    levels = {f"v{i}": 10.0 + i for i in range(10)}

    def draw(factor: float, first: int = 0) -> Baseline:
        return board(
            {name: list(level * factor * np.exp(rng.normal(0, 0.15, 3))) for name, level in levels.items()}, first
        )

    once = draw(1.0)
    checked = check(draw(1.3), once, Gate())
    assert EVERY in set(checked.of("regression")["variant"]) and len(alarmed_rows(checked)) == 10
    for factor, word in ((1.3, "regression"), (0.95, "cleared")):
        rows = confirm(checked, draw(factor, 3), once).rows.set_index("variant")
        assert rows.loc[EVERY, "verdict"] == word


@pytest.mark.parametrize(
    ("fresh", "word", "code"),
    [
        ([19.8, None, 20.1, 19.5], "regression, confirmed", 1),
        ([19.8, 20.6, 20.1, 19.5], "regression, inconclusive", 1),
        ([19.8, 20.6, 20.1, 19.5] * 3, "cleared, cleared", 0),
    ],
)
def test_runs_that_fail_are_looked_at_as_shares(fresh: Values, word: str, code: int) -> None:
    """Of four one failed: that none of four does is to be expected in 32 %, none of twelve in 3 %."""
    found, ended = outcome({**AGAIN, "b": [19.8, None, 20.1, 19.5]}, {"a": AGAIN["a"], "b": fresh})
    assert found == {f"b {ENDED}": word} and ended == code


def test_a_variant_that_always_fails_is_confirmed() -> None:
    found, code = outcome({**AGAIN, "b": [None] * 4}, {"b": [None] * 4})
    assert set(found.values()) == {"regression, confirmed"} and code == 1


def test_what_is_missing_is_not_cleared() -> None:
    now = board({"b": ALARM["b"]})
    found = confirm(check(now, board(ONCE), Gate()), board({"b": AGAIN["b"]}, 4), board(ONCE))
    assert found.exit_code == 2


def test_fresh_seeds_are_in_neither() -> None:
    assert fresh_seeds(board(ONCE), board(ONCE, first=7)) == range(11, 15)
    assert fresh_seeds(board(ONCE), board(ONCE), 6) == range(4, 10)


def test_without_an_alarm_there_is_nothing_to_train() -> None:
    assert alarmed_rows(check(board(AGAIN), board(ONCE), Gate())) == []
    changed = replace(board(ONCE), scores={})
    assert alarmed_rows(check(changed, board(ONCE), Gate())) == []
