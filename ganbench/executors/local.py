"""Runs as processes of this machine, one process per run, so that a crash or a kill touches no other.

Where the system can fork, workers are forked from a server that has imported torch, the judges and the
metrics once: a run starts in milliseconds and shares that memory.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from ganbench.executors import Executor, Job, JobReport


class Local(Executor):
    """Runs as processes of this machine: one per core of a CPU, or one at a time on its GPU."""

    def __init__(self, device: str, workers: int | None = None):
        self.device = device
        self.workers, self.threads = workers_and_threads(device, workers)

    @classmethod
    def warm_up(cls) -> None:
        """Let the server that workers are forked from begin with its imports."""
        if _context().get_start_method() == "forkserver":
            ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it inherits this: Ctrl-C is never its affair
            forkserver.ensure_running()
            signal.signal(signal.SIGINT, ours)

    def __call__(self, jobs: list[Job]) -> Iterator[JobReport]:
        context = _context()
        waiting, running = list(reversed(jobs)), dict[Connection, _Running]()
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    started = _start(context, waiting.pop(), self.device, self.threads)
                    running[started.inbox] = started
                    yield JobReport(started.job)
                for inbox in wait(list(running)):
                    yield from _receive(running, inbox)  # type: ignore[arg-type]
        finally:
            for one in running.values():
                one.process.terminate()
            for one in running.values():
                one.process.join()


@dataclass
class _Running:
    job: Job
    process: BaseProcess
    inbox: Connection
    last: JobReport


def workers_and_threads(device: str, workers: int | None) -> tuple[int, int]:
    """On a CPU one run per core beats all cores on one run; a GPU is given one run at a time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = workers or (1 if device == "cuda" else cores)
    return workers, max(1, cores // workers)


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ganbench.executors.warm"])
    return context


def _start(context: Any, job: Job, device: str, threads: int) -> _Running:
    inbox, outbox = context.Pipe(duplex=False)
    process = context.Process(target=_do_job, args=(job, device, threads, outbox), daemon=True)
    process.start()
    outbox.close()  # ours; when the worker's end closes too, the inbox says so
    return _Running(job, process, inbox, JobReport(job))


def _receive(running: dict[Connection, _Running], inbox: Connection) -> Iterator[JobReport]:
    one = running[inbox]
    try:
        one.last = JobReport(one.job, *inbox.recv())
    except EOFError:  # the worker is gone without a word
        one.process.join()
        code = one.process.exitcode or 0
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        hint = ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
        reason = f"the process ended with {cause}{hint}, after {one.last.images:,} images"
        one.last = JobReport(one.job, one.last.share, one.last.images, "crashed", reason)
    if one.last.status:
        one.process.join()
        inbox.close()
        del running[inbox]
    yield one.last


def _do_job(job: Job, device: str, threads: int, outbox: Connection) -> None:
    """The worker: one run, and a word to the driver after each log interval."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    import torch

    from ganbench.runs.run import run

    torch.set_num_threads(threads)
    try:
        status, reason = run(
            job.spec, job.workdir, torch.device(device), lambda share, images: outbox.send((share, images, "", ""))
        )
        outbox.send((1.0, 0, status, reason))
    except BrokenPipeError:
        sys.exit(1)  # the driver is gone; what the workdir holds is enough to go on
