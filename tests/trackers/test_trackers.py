"""Trackers are told each run's curves, scores and samples, and no run depends on them."""

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from ganbench.executors import Job, JobReport
from ganbench.store import read
from ganbench.suite.loading import load
from ganbench.suite.tracking import Tracking, picture
from ganbench.trackers import About, TrackedRun, Tracker

Command = Callable[..., Any]
ABOUT = About("0123", "gan on ring8, seed 0", {"suite": "tiny", "seed": 0, "label": "gan"})
PICTURE = np.zeros((4, 6, 3), np.uint8)


class Remembers(Tracker, TrackedRun):
    """Keeps what it is told, of one run."""

    def __init__(self, suite: str = "", folder: Path = Path()):
        self.began, self.points, self.ended = list[About](), dict[int, dict[str, float]](), list[Any]()

    def begin(self, run: About) -> TrackedRun:
        self.began.append(run)
        return self

    def log(self, images: int, values: Any) -> None:
        assert images not in self.points or not self.points[images].keys() & values.keys(), "told twice"
        self.points.setdefault(images, {}).update(values)

    def end(self, status: str, images: int, scores: Any, samples: Any) -> None:
        self.ended.append((status, images, dict(scores), samples))


class Breaks(Remembers):
    def log(self, images: int, values: Any) -> None:
        raise ConnectionError("the network is gone")


# What they are told


@pytest.fixture
def run(finished: Path, resources: Path) -> tuple[JobReport, Path, pd.DataFrame, pd.DataFrame]:
    """The end of a run whose record is published, its suite's folder, scores and losses."""
    spec = next(one for one in load(resources / "tiny.toml").runs if one.label == "gan")
    found = read(finished)
    scores, losses = (frame[frame["run"] == spec.id] for frame in (found.scores, found.losses))
    return JobReport(Job(spec, finished / "none"), 1.0, 0, "done"), finished, scores, losses


def test_all_points_and_scores_are_told_once(run: Any) -> None:
    end, folder, scores, losses = run
    one = Remembers()
    tracking = Tracking({"one": one}, folder, Console(quiet=True))
    tracking.hear(JobReport(end.job))
    tracking.hear(end)
    (about,) = one.began
    assert (about.title, about.settings["width"], about.settings["seed"]) == ("gan on ring8, seed 0", 8, 0)
    told = {(images, name): value for images, values in one.points.items() for name, value in values.items()}
    curve = scores[scores["checkpoint"] == "curve"].dropna(subset="value")
    assert told == {
        **{(row.images, row.curve): row.value for row in losses.itertuples()},
        **{(row.images, f"{row.split}/{row.metric}"): row.value for row in curve.itertuples()},
    }
    ((status, images, final, samples),) = one.ended
    ends = scores[scores["checkpoint"] != "curve"].dropna(subset="value")
    assert status == "done" and images == losses["images"].max()
    assert final == {f"{row.checkpoint}/{row.metric}": row.value for row in ends.itertuples()}
    assert samples.shape == (400, 400, 3) and samples.dtype == np.uint8 and samples.min() < samples.max()
    assert not tracking.followed


def test_points_are_told_while_a_run_is_under_way(run: Any, tmp_path: Path) -> None:
    import torch

    end, folder, scores, losses = run
    one = Remembers()
    tracking = Tracking({"one": one}, folder, Console(quiet=True))
    rows = losses.to_dict("records")
    state = {"losses": rows[:4], "scores": scores[scores["checkpoint"] == "curve"].to_dict("records")[:1]}
    torch.save({"state": state}, tmp_path / "state.pt")
    job = Job(end.job.spec, tmp_path)
    tracking.hear(JobReport(job))
    assert sum(map(len, one.points.values())) == 5
    tracking.hear(JobReport(job, 0.5, 10))
    tracking.hear(JobReport(job, 0.5, 10, "again"))
    tracking.hear(JobReport(job))
    assert sum(map(len, one.points.values())) == 5, "nothing new is saved"
    tracking.hear(JobReport(job, 1.0, 20, "done"))
    assert sum(map(len, one.points.values())) == len(losses) + (scores["checkpoint"] == "curve").sum()
    assert len(one.began) == len(one.ended) == 1


def test_a_run_that_is_lost_or_stopped_is_said_to_be(run: Any) -> None:
    end, folder, *_ = run
    one, other = Remembers(), Remembers()
    for remembers, lost in ((one, True), (other, False)):
        tracking = Tracking({"one": remembers}, folder, Console(quiet=True))
        tracking.hear(JobReport(end.job))
        if lost:
            tracking.hear(JobReport(end.job, status="lost"))
        tracking.close()
    assert one.ended == [("lost", 0, {}, None)] and other.ended == [("stopped", 0, {}, None)]


def test_a_tracker_that_fails_is_told_no_more_and_the_others_are(run: Any) -> None:
    end, folder, *_ = run
    console = Console(record=True, file=StringIO())
    broken, whole = Breaks(), Remembers()
    tracking = Tracking({"broken": broken, "whole": whole}, folder, console)
    tracking.hear(JobReport(end.job))
    tracking.hear(end)
    assert not broken.ended and len(whole.ended) == 1
    said = console.export_text()
    assert said.count("broken is told no more of these runs: ConnectionError: the network is gone.") == 1


def test_images_are_shown_as_the_grid_that_the_record_has(tmp_path: Path) -> None:
    from ganbench.runs.sampling import write_grid

    assert picture(tmp_path) is None
    write_grid(np.full((4, 3, 3, 1), 200, np.uint8), tmp_path / "grid.png")
    shown = picture(tmp_path)
    assert shown is not None and shown.shape == (3, 15, 3) and shown.max() == 200


# The three that there are


def use(tracker: Tracker) -> None:
    run = tracker.begin(ABOUT)
    run.log(8, {"G.loss": 0.5, "validation/fid": 3.0})
    run.log(16, {"G.loss": 0.25})
    run.end("done", 16, {"last/fid": 2.0}, PICTURE)


def test_tensorboard_writes_event_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from ganbench.trackers.tensorboard import TensorBoard

    for _ in range(2):  # the second time all is told again
        use(TensorBoard("tiny", tmp_path))
    found = EventAccumulator(str(tmp_path / "tensorboard" / "0123")).Reload()
    assert [(event.step, event.value) for event in found.Scalars("G.loss")] == [(8, 0.5), (16, 0.25)]
    assert [(event.step, event.value) for event in found.Scalars("last/fid")] == [(16, 2.0)]
    (image,) = found.Images("samples")
    assert (image.height, image.width) == (4, 6)
    assert b"label = gan" in found.Tensors("run/text_summary")[0].tensor_proto.string_val[0]


class Metric(NamedTuple):
    key: str
    value: float
    timestamp: int
    step: int


class Client:
    """As much of MLflow's client as is called."""

    made: Any = None

    def __init__(self, uri: str):
        self.uri, self.calls = uri, list[Any]()
        Client.made = self

    def get_experiment_by_name(self, name: str) -> Any:
        return None

    def create_experiment(self, name: str, artifact_location: str | None = None) -> str:
        return "7"

    def create_run(self, experiment: str, **about: Any) -> Any:
        self.calls.append((experiment, about["run_name"]))
        return SimpleNamespace(info=SimpleNamespace(run_id="abc"))

    def log_batch(self, run: str, metrics: list[Metric]) -> None:
        self.calls += [(run, one.key, one.value, one.step) for one in metrics]

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values, **named: self.calls.append((name, *values[1:], *named.values()))


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Modules in the places of mlflow and wandb."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    mlflow, entities, wandb = (ModuleType(name) for name in ("mlflow", "mlflow.entities", "wandb"))
    calls = list[Any]()

    class Run(SimpleNamespace):
        def log(self, values: Any) -> None:
            calls.append(values)

        def define_metric(self, name: str, step_metric: str) -> None:
            calls.append((name, step_metric))

        def finish(self, exit_code: int) -> None:
            calls.append(exit_code)

    def init(**given: Any) -> Run:
        calls.append(given)
        return Run(summary=SimpleNamespace(update=calls.append))

    vars(mlflow).update(MlflowClient=Client, entities=entities)
    vars(entities).update(Metric=Metric)
    vars(wandb).update(init=init, Settings=dict, Image=lambda array: ("image", array.shape), calls=calls)
    for module in (mlflow, entities, wandb, ModuleType("alembic"), ModuleType("sqlalchemy")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return calls


@pytest.mark.usefixtures("stand_ins")
def test_mlflow_gets_an_experiment_of_the_suites_name(tmp_path: Path) -> None:
    from ganbench.trackers.mlflow import MLflow

    use(MLflow("tiny", tmp_path))
    assert Client.made.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert ("7", "gan on ring8, seed 0") in Client.made.calls
    assert [call for call in Client.made.calls if call[0] == "abc"] == [
        ("abc", "G.loss", 0.5, 8), ("abc", "validation/fid", 3.0, 8), ("abc", "G.loss", 0.25, 16),
        ("abc", "last/fid", 2.0, 16),
    ]  # fmt: skip
    assert ("log_param", "label", "gan") in Client.made.calls
    assert Client.made.calls[-1] == ("set_terminated", "FINISHED")


def test_weights_and_biases_gets_a_group_of_the_suites_name(stand_ins: list[Any], tmp_path: Path) -> None:
    from ganbench.trackers.wandb import Wandb

    use(Wandb("tiny", tmp_path))
    begun, *rest = stand_ins
    assert (begun["group"], begun["name"], begun["project"]) == ("tiny", "gan on ring8, seed 0", "ganbench")
    assert begun["config"] == {"run": "0123", "suite": "tiny", "seed": 0, "label": "gan"}
    assert rest == [
        ("*", "images"), {"images": 8, "G.loss": 0.5, "validation/fid": 3.0}, {"images": 16, "G.loss": 0.25},
        {"last/fid": 2.0, "status": "done"}, {"images": 16, "samples": ("image", (4, 6, 3))}, 0,
    ]  # fmt: skip


# By the command


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_package_is_said_with_its_cure_before_anything_runs(
    ganbench: Command, suite_file: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    ran = ganbench("run", suite_file(), "--results", tmp_path / "results", "--track", name)
    assert ran.code == 2 and f"--track {name} needs {name}, which cannot be imported" in ran.err
    assert f"Install it: pip install {name}" in ran.err and not (tmp_path / "results").exists()


def test_a_suite_that_is_tracked_has_the_results_of_one_that_is_not(
    ganbench: Command, suite_file: Command, finished: Path, stand_ins: list[Any], tmp_path: Path
) -> None:
    ran = ganbench("run", suite_file(), "--results", tmp_path, "--track", "wandb", "--only", "gan")
    assert ran.code == 0, ran.err
    one, other = read(tmp_path).scores, read(finished).scores
    other = other[other["label"] == "gan"]
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), check_exact=True)
    assert sum(isinstance(call, dict) and "group" in call for call in stand_ins) == 2, "a run each"
    assert stand_ins.count(0) == 2, "each has ended well"


def test_an_unknown_tracker_is_an_error_that_names_those_there_are(ganbench: Command, suite_file: Command) -> None:
    ran = ganbench("run", suite_file(), "--track", "tensorbord")
    assert ran.code == 2
    assert "No 'tensorbord' among the trackers. Did you mean 'tensorboard'?" in " ".join(ran.err.split())
