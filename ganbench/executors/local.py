"""Runs as processes of this machine, one process per run, so that a crash or a kill touches no other.

How they start is in `apart.py`; what a worker must do to depend on nobody and to leave nothing behind, in `worker.py`.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic, sleep

from ganbench.errors import said
from ganbench.executors import Executor, Job, JobReport, gpus
from ganbench.executors.apart import context, ending, kill, started
from ganbench.executors.worker import do_job

GRACE_S = 5.0  # for a worker to end, before it is killed
ECHO_S = 0.3  # whoever ends all processes at once, as Slurm does, ends the driver a moment after the worker
KILLERS = [signal.Signals[name] for name in ("SIGKILL", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__]
KILLS = (*(-one for one in KILLERS), 255)  # exit codes; 255: the server was killed


class Local(Executor):
    """Runs as processes of this machine: one per core of a CPU; on its GPUs as many as their memory holds."""

    def __init__(self, device: str, workers: int | None = None):
        self.device, self.asked = device, workers
        self.devices = max(1, gpus.count_gpus()) if device == "cuda" else 1
        self.workers, self.threads = workers_and_threads(device, workers, self.devices)

    def share(self, memory: int) -> None:
        if self.device == "cuda" and self.asked is None and memory:
            free, each = gpus.free_memory(self.devices), cores() // self.devices
            shared = gpus.runs_per_gpu(free, memory, each, gpus.mps_runs())
            self.workers, self.threads = workers_and_threads(self.device, self.devices * shared, self.devices)

    def __call__(self, jobs: Iterable[Job]) -> Iterator[JobReport]:
        waiting, running = iter(jobs), list[_Running]()
        try:
            while True:
                while len(running) < self._at_a_time(running) and (job := next(waiting, None)):
                    try:
                        running.append(_start(job, self._device_for(running), self.threads))
                    except OSError as error:  # too many processes or open files
                        yield JobReport(job, status="lost", reason=f"no process could be started: {said(error)}")
                    else:
                        yield JobReport(job)
                if not running:
                    return
                _wait(running, self.silence_s)
                for one in list(running):
                    for report in one.reports(self.silence_s):
                        if report.status:
                            running.remove(one)
                        yield report
        finally:
            _end(running)

    def _at_a_time(self, running: "list[_Running]") -> int:
        """Fewer, if those that run have several threads each, unless the number was asked for."""
        if self.device != "cpu" or self.asked is not None:
            return self.workers
        return max(1, self.workers // max((one.job.spec.threads for one in running), default=1))

    def _device_for(self, running: "list[_Running]") -> str:
        several = self.device == "cuda" and self.devices > 1
        return gpus.least_busy(self.devices, (one.device for one in running)) if several else self.device


@dataclass
class _Running:
    job: Job
    device: str
    process: BaseProcess
    inbox: Connection
    last: JobReport
    heard: float = field(default_factory=monotonic)  # when it last gave a sign of life

    def reports(self, silence_s: float | None) -> Iterator[JobReport]:
        """What has come since the last look; the last one ends the run."""
        while not self.last.status and (report := self._next(silence_s)):
            self.last, self.heard = report, monotonic()
            if report.status:
                _end([self])
            yield report

    def _next(self, silence_s: float | None) -> JobReport | None:
        ended = not self.process.is_alive()  # asked first: what it said before it ended is in the inbox then
        try:
            if self.inbox.poll():
                return JobReport(self.job, *self.inbox.recv())
        except (EOFError, OSError):  # the worker is gone without a word, or nearly
            self.process.join(GRACE_S)
            return self._crashed()
        if ended:  # a child of the worker's own may hold its end of the pipe open
            return self._crashed()
        if silence_s is not None and monotonic() - self.heard > silence_s:
            return self._crash(f"it gave no sign of life for {silence_s / 60:g} minutes and was ended, see --silence")
        return None

    def _crashed(self) -> JobReport:
        code = self.process.exitcode
        if code is None:
            return self._crash("the process went on without a connection to the driver and was ended")
        if code == -signal.SIGTERM:
            sleep(ECHO_S)
        return self._crash(f"the process ended with {ending(self.process)}", killed=code in KILLS)

    def _crash(self, what: str, killed: bool = False) -> JobReport:
        reason = f"{what}, after {self.last.images:,} images"
        return JobReport(self.job, self.last.share, self.last.images, "crashed", reason, killed)


def workers_and_threads(device: str, workers: int | None, devices: int = 1) -> tuple[int, int]:
    """On a CPU one run per core beats all cores on one run; a GPU has one run at a time until more are known to fit.

    The threads are those beside a GPU: on a CPU a suite says how many, so that numbers do not depend on the workers.
    """
    workers = workers or (cores() if device == "cpu" else devices)
    return workers, 1 if device == "cpu" else max(1, cores() // workers)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(job: Job, device: str, threads: int) -> _Running:
    inbox, outbox = context().Pipe(duplex=False)
    process = started(do_job, job, device, threads, outbox)
    outbox.close()  # ours; when the worker's end closes too, the inbox says so
    return _Running(job, device, process, inbox, JobReport(job))


def _wait(running: list[_Running], silence_s: float | None) -> None:
    """Sleep until one of them says something, ends, or has been silent for too long."""
    left = None
    if silence_s is not None and running:
        left = max(0.0, min(one.heard for one in running) + silence_s - monotonic()) + 0.01
    wait([source for one in running for source in (one.inbox, one.process.sentinel)], left)


def _end(running: list[_Running]) -> None:
    """End workers, also those that will not, and whatever they have started."""
    for one in running:
        if one.last.status in ("", "crashed"):  # else it is about to end by itself
            one.process.terminate()
    until = monotonic() + GRACE_S
    for one in running:
        one.process.join(max(0.0, until - monotonic()))
        kill(one.process)
        one.inbox.close()
