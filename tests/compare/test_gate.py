"""The rules of a gate: defaults, exceptions, and how results tell them."""

import json
from pathlib import Path

import pytest

from ganbench.compare.gate import FLOOR, SPEED, Gate, Limit, held_to
from ganbench.errors import BadResults


def results(folder: Path, gate: str) -> Path:
    (folder / "suite.json").write_text(json.dumps({"text": gate}), encoding="utf-8")
    return folder


def test_the_gate_is_the_suites_with_exceptions_from_the_command_line(tmp_path: Path) -> None:
    text = "[gate]\nerror = 0.01\ntolerance = 0.2\n[gate.metrics.fid]\ntolerance = 0.3\nweight = 4"
    gate = Gate.of_results(results(tmp_path, text))
    assert gate == Gate(error=0.01, tolerance=0.2, metrics={"fid": {"tolerance": 0.3, "weight": 4}})
    other = gate.changed(None, {"": 0.5, "fid": 0.1, "kid": 0.7})
    metrics = {"fid": {"tolerance": 0.1, "weight": 4}, "kid": {"tolerance": 0.7}}
    assert other == Gate(error=0.01, tolerance=0.5, metrics=metrics)
    assert gate.changed(0.3, {}) == Gate(error=0.3, tolerance=0.2, metrics=gate.metrics)


def test_a_metrics_own_rules_go_before_those_of_all() -> None:
    gate = Gate(tolerance=0.2, floor=0.1, metrics={"fid": {"tolerance": 0.3, "weight": 4}, "kid": {"weight": 0}})
    assert gate.limit("fid", primary=True) == Limit(0.3, 4, 0.1)
    assert gate.limit("kid", primary=True) == Limit(0.2, 0, 0.1), "no weight is a weight"
    assert gate.limit("modes", primary=False) == Limit(0.2, 1, 0.1)
    assert gate.limit("modes", primary=True) == Limit(0.2, 10, 0.1)
    assert gate.limit(SPEED, primary=False) == Limit(0.3, 1, 0.1)
    assert Gate(metrics={"kid": {"floor": 0.5}}).limit("kid", primary=False) == Limit(0.1, 1, 0.5)
    assert Gate().limit("kid", primary=False).floor == FLOOR


def test_a_baselines_rules_hold_and_what_the_suite_says_otherwise_is_told() -> None:
    kept, suite = Gate(failures=0.25), Gate(error=0.01, metrics={"fid": {"weight": 0}})
    gate, (remark,) = held_to(kept, suite)
    assert gate == kept and remark.startswith("The suite has other rules than the baseline, whose rules hold: ")
    others = ("error = 0.01 (here: 0.05)", "failures = 0 (here: 0.25)", "metrics.fid.weight = 0 (here: by default)")
    assert all(other in remark for other in others)
    assert held_to(kept, Gate(failures=0.25)) == (kept, [])
    assert held_to(Gate(metrics={"fid": {"weight": 1}}), Gate(metrics={}))[1], "a rule that is gone"


def test_a_baseline_without_rules_leaves_them_to_the_suite() -> None:
    gate, (remark,) = held_to(None, Gate(error=0.01))
    assert gate == Gate(error=0.01) and "older format" in remark


def test_a_suite_without_rules_has_the_defaults(tmp_path: Path) -> None:
    assert Gate.of_results(results(tmp_path, 'name = "x"')) == Gate(error=0.05, tolerance=0.1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[gate]\nerror = 2.0", r"gate\.error is 2\.0"),
        ("[gate]\ntolerence = 0.1", r"gate\.tolerence is 0\.1"),
        ("[gate.metrics.fid]\nweight = -1", r"gate\.metrics\.fid\.weight is -1"),
        ("gate = 3", "gate is 3"),
    ],
)
def test_results_whose_rules_make_no_gate_are_refused(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(BadResults, match=place):
        Gate.of_results(results(tmp_path, text))
