"""An executor is a plugin: one from elsewhere does the runs as ours does."""

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from ganbench import plugins
from ganbench.executors import Executor, Job, JobReport
from ganbench.store import read

Command = Callable[..., Any]


class OneByOne(Executor):
    """Every run in this very process; the last crashes."""

    asked: ClassVar[list[tuple[str, int | None]]] = []

    def __init__(self, device: str, workers: int | None = None):
        self.device, self.workers, self.threads = device, 1, 1
        self.asked.append((device, workers))

    def __call__(self, jobs: Iterable[Job]) -> Iterator[JobReport]:
        from ganbench.runs.run import run

        jobs = list(jobs)
        for job in jobs[:-1]:
            yield JobReport(job)
            status, reason = run(job.spec, job.workdir, torch.device(self.device))
            yield JobReport(job, 1.0, 100, status, reason)
        if jobs:
            yield JobReport(jobs[-1], 0.5, 50, "crashed", "the power went off")


load = EntryPoint.load


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The executor above under the name `toy`, beside `local`."""
    real = plugins._installed
    monkeypatch.setattr(EntryPoint, "load", lambda point: OneByOne if point.name == "toy" else load(point))
    toy = EntryPoint("toy", f"{__name__}:OneByOne", "ganbench.executors")
    monkeypatch.setattr(
        plugins, "_installed", lambda kind: EntryPoints([*real(kind), *([toy] if kind == "executors" else [])])
    )


@pytest.mark.usefixtures("installed")
def test_an_executor_from_elsewhere_does_the_runs(ganbench: Command, suite_file: Command, tmp_path: Path) -> None:
    suite = suite_file(("seeds = 2", "seeds = 1"))
    ran = ganbench("run", suite, "--results", tmp_path, "--executor", "toy", "--workers", 3, "--device", "cpu")
    assert ran.code == 3, ran.err
    assert OneByOne.asked == [("cpu", 3)]
    runs = read(tmp_path).runs.set_index("label")
    assert runs["status"].to_dict() == {"gan": "done", "real": "done", "noise": "crashed"}
    assert (runs.loc["noise", "reason"], runs.loc["noise", "images"]) == ("the power went off", 50)


def test_an_unknown_executor_is_an_error_that_names_those_there_are(ganbench: Command, suite_file: Command) -> None:
    ran = ganbench("run", suite_file(), "--executor", "locl")
    assert ran.code == 2
    assert "No 'locl' among the executors. Did you mean 'local'?" in " ".join(ran.err.split())


def test_the_executors_are_listed(ganbench: Command) -> None:
    ran = ganbench("list", "executors")
    assert ran.out.startswith("local  Runs as processes of this machine")
