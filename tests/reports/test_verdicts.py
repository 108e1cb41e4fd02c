"""Who is better than the controls: by a family of tests of their own, and the leader by its one claim."""

import math

import pytest
from pandas import DataFrame

from ganbench.reports.frames.verdicts import against_controls


def scores(levels: dict[str, list[float]], direction: str = "lower") -> DataFrame:
    """A row per run; labels that are controls' names are controls."""
    rows = [
        {"dataset": "ring8", "metric": "reverse_kl", "select": "reverse_kl", "label": label, "variant": label,
         "seed": seed, "value": value, "stderr": math.nan, "direction": direction, "status": "done",
         "control": label in ("noise", "mode_dropper"), "entrant": label not in ("noise", "mode_dropper")}
        for label, values in levels.items() for seed, value in enumerate(values)
    ]  # fmt: skip
    return DataFrame(rows)


LOST = {f"v{i}": [2.0, 2.1] for i in range(8)}
CONTROLS = {"noise": [2.08, 2.08], "mode_dropper": [0.69, 0.69]}


def test_who_leads_the_board_by_far_is_better_than_the_controls_too() -> None:
    """Corrected for eighteen tests two seeds would not do; one claim needs no correction."""
    assert against_controls(scores({"cgan": [0.001, 0.0016], **LOST, **CONTROLS})) == {
        "noise": ["cgan"],
        "mode_dropper": ["cgan"],
    }


def test_who_leads_but_not_the_controls_is_not_better_than_these() -> None:
    found = against_controls(scores({"cgan": [0.68, 0.72], **LOST, **CONTROLS}))
    assert found["mode_dropper"] == []


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_nobody_is_better_where_all_are_as_noise(direction: str) -> None:
    assert against_controls(scores({**LOST, "noise": [2.0, 2.1]}, direction)) == {"noise": []}
