"""How long a suite takes: from trials to whole runs, what is remembered, and which scale keeps a promise."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ganbench.metrics import Metric
from ganbench.metrics.fidelity import precision
from ganbench.metrics.modes import modes, wasserstein1
from ganbench.runs.budget import Budget
from ganbench.runs.contract import fewer
from ganbench.runs.spec import RunSpec
from ganbench.suite import estimate as estimating
from ganbench.suite import loading, trials
from ganbench.suite.estimate import STARTING_S, Cost, Tried, elapsed, estimate, scale_for
from ganbench.suite.remembered import Remembered

SuiteFile = Callable[..., Path]
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def runs(suite_file: SuiteFile) -> tuple[RunSpec, ...]:
    return loading.load(suite_file()).runs


def _tried(run: RunSpec, metrics: list[Metric], **trial: Any) -> Tried:
    """A variant whose budget takes 2 s a unit, that draws and is judged in a second a thousand."""
    plain = {"building": 0.0, "training": 2.0, "settling": 0.0, "drawing": 0.0, "truncations": 0, "gives": [],
             "trains": True, "memory": 0}  # fmt: skip
    each = {"first": 1.0, "again": 1.0, "size": 100.0, "walked": 0}
    tried = Tried({(run.label, run.dataset_label): {**plain, **trial}})
    tried.judging[run.dataset_label] = {"asking": 0.0, "width": 2}
    tried.metrics[run.dataset_label] = metrics
    tried.metric_trials[run.dataset_label] = {metric.name: each for metric in metrics}
    return tried


def test_training_grows_with_the_budget_and_metrics_by_their_power(runs: tuple[RunSpec, ...]) -> None:
    run = replace(runs[0], budget=Budget("updates", 30), samples=200, evaluations=3, metrics=("one",))
    assert _tried(run, [modes]).cost(run) == Cost(STARTING_S, 60.0, 2.0 * (3 + 2)), "linear, three looks and two ends"
    assert _tried(run, [precision]).cost(run).judging == pytest.approx(2.0**2 * (3 + 2))
    alone = _tried(run, [wasserstein1]).cost(replace(run, samples=10**6)).judging
    assert alone == pytest.approx(2 * (wasserstein1.enough / 100) ** 2.5), (
        "at both ends, and of no more than it looks at"
    )


def test_what_is_made_once_counts_once_and_what_a_variant_does_before_it_draws_each_time(
    runs: tuple[RunSpec, ...],
) -> None:
    run = replace(runs[0], samples=100, evaluations=4, metrics=("modes",))
    tried = _tried(run, [modes], settling=3.0, drawing=0.01)
    assert tried.cost(run).judging == pytest.approx((4 + 2) * (3.0 + 1.0 + 1.0))
    tried.metric_trials["ring8"]["modes"] = {"first": 6.0, "again": 1.0, "size": 100.0, "walked": 0}
    assert tried.cost(run).judging == pytest.approx((4 + 2) * 5.0 + 5.0)


def test_a_control_is_judged_twice_and_never_trained(runs: tuple[RunSpec, ...]) -> None:
    run = replace(runs[0], samples=100, evaluations=10, metrics=("modes",))
    cost = _tried(run, [modes], training=0.0, trains=False).cost(run)
    assert (cost.training, cost.judging) == (0.0, 2.0)


def test_workers_share_all_work_but_a_gpu_trains_in_turns() -> None:
    costs = [Cost(1.0, 10.0, 3.0)] * 4
    assert elapsed(costs, _executor("cpu", 4)) == 14
    assert elapsed(costs, _executor("cuda", 4)) == 40 + 4
    assert elapsed(costs, _executor("cuda", 4, devices=2)) == 20 + 4


def test_the_proposed_scale_takes_the_promised_time(runs: tuple[RunSpec, ...]) -> None:
    run = replace(runs[0], budget=Budget("updates", 10_000), samples=10_000, evaluations=10, metrics=("modes",))
    tried, executor = _tried(run, [modes], drawing=0.001), _executor("cpu", 2)
    scale = scale_for([run] * 6, tried, executor, seconds=600)
    assert scale is not None
    short = [estimating.shorten(run, scale, modes.least) for _ in range(6)]
    assert 500 < elapsed(map(tried.cost, short), executor) <= 600
    assert scale_for([run] * 6, tried, executor, seconds=1) is None, "six processes take longer to start"


def test_an_estimate_tries_each_shape_of_data_once_and_remembers_it(
    suite_file: SuiteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = suite_file(
        ('name = "ring8"\n', 'name = "ring8"\n\n[[dataset]]\nname = "grid25"\nlabel = "far"\n'), of="tiny"
    )
    path.write_text(path.read_text().replace("options = { points = 1000, sigma = 0.1 }", "options = { points = 1000 }"))
    runs, tried_now = loading.load(path).runs, []

    def watched(run: RunSpec, *rest: Any) -> Any:
        tried_now.append((run.label, run.dataset_label))
        return trials.try_variant(run, *rest)

    monkeypatch.setattr(estimating, "try_variant", watched)
    first = estimate(runs, CPU)
    pairs = {(run.label, run.dataset_label) for run in runs}
    assert set(first.variants) == pairs and not first.failures
    assert first.cost(runs[0]).training > 0
    tried_before = list(tried_now)
    again = estimate(loading.load(path, scale=0.5).runs, CPU)
    assert tried_now == tried_before, "another scale is no other trial"
    assert again.cost(runs[0]).training == first.cost(runs[0]).training


def test_a_failing_variant_is_told_and_costs_nothing(suite_file: SuiteFile) -> None:
    runs = loading.load(suite_file(of="failing")).runs
    raising = [run for run in runs if run.label == "raises"]
    tried = estimate(raising, CPU)
    assert {*tried.failures.values()} == {"KeyError"}
    assert tried.cost(raising[0]) == Cost()


def test_when_time_is_up_the_rest_is_taken_to_be_as_the_others_but_controls_cost_no_training(
    suite_file: SuiteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = loading.load(suite_file(("[[variant]]", '[[variant]]\nname = "dcgan"\n\n[[variant]]'))).runs
    estimate([run for run in runs if run.label == "gan"], CPU)
    monkeypatch.setattr(estimating, "TRIALS_S", -1.0)
    monkeypatch.setattr(estimating, "MORE_S", -1.0)
    tried = estimate(runs, CPU)
    assert tried.guessed == {("dcgan", "ring8")}
    assert tried.variants["dcgan", "ring8"]["training"] == tried.variants["gan", "ring8"]["training"]
    assert {tried.cost(run).training > 0 for run in runs if run.label in ("real", "noise")} == {False}


def test_where_most_is_remembered_little_more_is_tried_at_a_time() -> None:
    remembered = Remembered()
    remembered.trials = {}
    for what in ("a", "b"):
        remembered(what, lambda: 1)
    begun = process_time()
    assert estimating._until(remembered, ["a", "b", "c", "d"]) >= begun + estimating.TRIALS_S
    assert estimating._until(remembered, ["a", "b", "c"]) < begun + estimating.TRIALS_S


def test_a_batch_is_halved_while_it_can_be() -> None:
    assert [fewer(batch) for batch in (8, 31, 32, 100, 256, 45)] == [8, 31, 16, 25, 16, 45]


def test_what_is_remembered_is_of_this_machine_and_this_code(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Remembered()
    assert first("a trial", lambda: {"seconds": 1.5}) == {"seconds": 1.5}
    first.keep()
    assert "a trial" in Remembered()
    assert Remembered()("a trial", lambda: pytest.fail("it is remembered")) == {"seconds": 1.5}
    monkeypatch.setattr("ganbench.suite.remembered.machine_and_code", lambda: "another")
    assert "a trial" not in Remembered()
    first.file.write_text("{damaged")
    assert "a trial" not in Remembered()


def _executor(device: str, workers: int, devices: int = 1) -> Any:
    return SimpleNamespace(device=device, workers=workers, devices=devices)
