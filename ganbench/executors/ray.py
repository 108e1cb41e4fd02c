"""Runs as tasks of a Ray cluster: Ray decides where, and there a run is a process as it is on one machine.

Ray, Moritz and others 2018, https://arxiv.org/abs/1712.05889. Nodes need Python, torch and what else ganbench depends
on, and the data; ganbench itself travels from here, as do the files that a suite names. Reports and records stream back
to the driver, which alone publishes. A task whose node is lost begins again on another, from the last state that
`checkpoints` holds, or from nothing.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from annotated_types import Ge

from ganbench.errors import NoDevice, said
from ganbench.executors import Executor, Job, JobReport
from ganbench.executors.checkpoints import Checkpoint, file_system
from ganbench.executors.shipping import Parcel, pack, stage_code
from ganbench.plugins.spec import NotNegative, Positive
from ganbench.store.layout import RUN, STATE
from ganbench.store.whole import write_json

LOST_NODES = 5  # that a run survives; the next one is its end
PART = 2**26  # bytes of a file that travel at a time
LOOK_S = 1.0  # how often the cluster is asked for room while nothing is reported
SAID = ("share", "images", "status", "reason", "killed")  # of a report
Word = tuple[str, Any, bytes | None]  # "file", its name, a part of it; "report", its fields, nothing


class Ray(Executor):
    """Runs as tasks of a Ray cluster, each with its share of processors, memory and GPUs."""

    elsewhere = True

    def __init__(
        self,
        device: str,
        workers: int | None = None,
        *,
        address: str = "auto",  # of the cluster: HOST:6379, or ray://HOST:10001; auto: the one that this machine is of
        checkpoints: str = "",  # folder or URL (s3://, gs://) for states; without it a lost node costs whole runs
        cpus: Annotated[int, Ge(1)] = 1,  # of a run, which has as many threads
        gpus: NotNegative = 1.0,  # of a run on CUDA; 0.25: four share one
        memory: Positive = 1.0,  # GiB of a run
    ):
        self.ray = _connected(address)
        there = self.ray.cluster_resources()
        if device == "cuda" and not there.get("GPU"):
            raise NoDevice(f"No GPU in the Ray cluster at {address}. Use --device cpu, or add a node that has one.")
        self.device = ("cuda" if there.get("GPU") else "cpu") if device == "auto" else device
        self.asked, self.threads, self.checkpoints = workers, cpus, checkpoints
        self.needs = {"CPU": float(cpus), "memory": memory * 2**30, "GPU": gpus if self.device == "cuda" else 0.0}
        if checkpoints:
            file_system(checkpoints)  # what cannot be written is said here, and not in the night

    @property
    def workers(self) -> int:  # type: ignore[override]
        """As many as were asked for, or as the cluster has room for, which may grow."""
        there = self.ray.cluster_resources()
        fit = [int(there.get(name, 0) / amount + 1e-9) for name, amount in self.needs.items() if amount]
        return self.asked or max(1, *fit[:1], min(fit))

    def __call__(self, jobs: Iterable[Job]) -> Iterator[JobReport]:
        waiting, running = iter(jobs), dict[Any, _Task]()
        try:
            while True:
                while len(running) < self.workers and (job := next(waiting, None)):
                    running[self._start(job)] = _Task(job, JobReport(job))
                    yield JobReport(job)
                if not running:
                    return
                said_something, _ = self.ray.wait([*running], timeout=LOOK_S, fetch_local=False)
                for words in said_something:
                    yield from self._heard(words, running)
        finally:
            for words in running:
                with suppress(Exception):  # gone already
                    self.ray.cancel(words, force=True)

    def _start(self, job: Job) -> Any:
        task = self.ray.remote(do_parcel).options(
            num_cpus=self.needs["CPU"], num_gpus=self.needs["GPU"], memory=int(self.needs["memory"]),
            num_returns="streaming", max_retries=0, scheduling_strategy="SPREAD",
        )  # fmt: skip
        return task.remote(pack(job.spec), self.device, self.threads, self.silence_s, self.checkpoints)

    def _heard(self, words: Any, running: "dict[Any, _Task]") -> Iterator[JobReport]:
        """What a task says next."""
        task = running[words]
        try:
            kind, first, second = self.ray.get(next(words))
        except StopIteration:
            del running[words]
            return
        except Exception as error:
            del running[words]
            if _is_lost(error) and task.lost_nodes < LOST_NODES:
                running[self._start(task.job)] = _Task(task.job, task.last, task.lost_nodes + 1)
            else:
                yield task.ended(error)
            return
        if kind == "file":
            task.write(first, second)
        else:
            task.last = JobReport(task.job, **first)
            if task.last.status:
                task.complete()
            yield task.last


@dataclass
class _Task:
    job: Job
    last: JobReport
    lost_nodes: int = 0

    def write(self, name: str, part: bytes | None) -> None:
        """Append to a file of the record; None begins it."""
        file = self.job.workdir / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb" if part is None else "ab") as opened:
            opened.write(part or b"")

    def complete(self) -> None:
        """Let the record say where the files of plugins lie here."""
        file = self.job.workdir / RUN
        if file.exists():
            write_json(file, {**json.loads(file.read_text(encoding="utf-8")), "spec": self.job.spec.to_dict()})

    def ended(self, error: Exception) -> JobReport:
        """The report of a task that ended without one."""
        reason = f"its task ended: {said(error)}"
        if _is_lost(error):
            return JobReport(self.job, self.last.share, self.last.images, "crashed", reason, killed=True)
        return JobReport(self.job, status="lost", reason=reason)


def do_parcel(parcel: Parcel, device: str, threads: int, silence_s: float | None, checkpoints: str) -> Iterator[Word]:
    """On a node: do one run in a process of its own, and say what there is to be said of it."""
    from ganbench.executors.local import Local

    with TemporaryDirectory(prefix="ganbench-") as folder:
        workdir = Path(folder, "work")
        workdir.mkdir()
        spec = parcel.unpack(Path(folder, "files"))
        kept = Checkpoint(checkpoints, spec.id)
        kept.fetch(workdir)
        here = Local(device, workers=1)
        here.threads, here.silence_s = threads, silence_s
        for report in here([Job(spec, workdir)]):
            kept.keep(workdir)
            if report.status:
                yield from _parts(workdir)
            if report.status and not report.killed and report.status != "out_of_memory":
                kept.forget()
            yield "report", {name: getattr(report, name) for name in SAID}, None


def _parts(workdir: Path) -> Iterator[Word]:
    for file in sorted(file for file in workdir.rglob("*") if file.is_file() and file.name != STATE):
        name = file.relative_to(workdir).as_posix()
        yield "file", name, None
        with file.open("rb") as opened:
            while part := opened.read(PART):
                yield "file", name, part


def _is_lost(error: Exception) -> bool:
    """Whether something outside of the task ended it."""
    from ray import exceptions

    return isinstance(
        error,
        exceptions.NodeDiedError | exceptions.WorkerCrashedError | exceptions.LocalRayletDiedError
        | exceptions.OutOfMemoryError | exceptions.ObjectLostError,
    )  # fmt: skip


def _connected(address: str) -> Any:
    """Ray's module, connected to a cluster that gets this ganbench. Raises NoDevice."""
    try:
        import ray
    except ImportError as error:
        raise NoDevice("Ray is not installed. Install it: pip install 'ganbench[ray]'.") from error
    if not ray.is_initialized():
        with TemporaryDirectory(prefix="ganbench-") as folder:
            stage_code(Path(folder))
            try:
                ray.init(address=address, runtime_env={"working_dir": folder}, log_to_driver=False)
            except Exception as error:  # Ray has many for a cluster that is not there
                cure = "Start one (`ray start --head`), or name it with --address."
                raise NoDevice(f"No Ray cluster at {address}: {said(error)}. {cure}") from error
    return ray
