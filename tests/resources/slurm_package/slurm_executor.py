"""Runs as jobs of Slurm, through submitit: https://github.com/facebookincubator/submitit.

The results lie in a folder that all nodes see, so that a job writes its record, and the states that it goes on from,
where the driver looks for them. A job that Slurm ends, as for its time, is done once more from its last state.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import submitit

from ganbench.executors import Executor, Job, JobReport
from ganbench.executors.local import Local
from ganbench.plugins.spec import Count, Natural, Positive
from ganbench.store.whole import write_json

LAST = "report.json"  # in a workdir: what the job said last
LOOK_S = 1.0


class Slurm(Executor):
    """Runs as jobs of Slurm."""

    elsewhere = True

    def __init__(
        self,
        device: str,
        workers: int | None = None,
        *,
        partition: str = "",  # empty: Slurm's default
        minutes: Count = 720,  # of a job, before Slurm ends it
        cpus: Count = 1,  # of a run, which has as many threads
        gpus: Natural = 1,  # of a run on CUDA
        memory: Positive = 4.0,  # GB of a run
        logs: str = "slurm",  # folder of submitit's files
        cluster: str = "slurm",  # local: processes of this machine, to try it out
    ):
        self.device = "cpu" if device == "auto" else device
        self.workers, self.threads = workers or 100, cpus
        self.slurm = submitit.AutoExecutor(folder=logs, cluster=cluster)
        self.slurm.update_parameters(
            name="ganbench", timeout_min=minutes, cpus_per_task=cpus, mem_gb=memory,
            gpus_per_node=gpus if self.device == "cuda" else 0,
            **{"slurm_partition": partition} if partition else {},
        )  # fmt: skip

    def __call__(self, jobs: Iterable[Job]) -> Iterator[JobReport]:
        waiting, running = iter(jobs), list[Submitted]()
        try:
            while True:
                while len(running) < self.workers and (job := next(waiting, None)):
                    (job.workdir / LAST).unlink(missing_ok=True)
                    submitted = self.slurm.submit(do_job, job, self.device, self.threads, self.silence_s)
                    running.append(Submitted(job, submitted, JobReport(job)))
                    yield JobReport(job)
                if not running:
                    return
                sleep(LOOK_S)
                for one in list(running):
                    if report := one.news():
                        if report.status:
                            running.remove(one)
                        yield report
        finally:
            for one in running:
                one.submitted.cancel()


@dataclass
class Submitted:
    """A job in Slurm's hands."""

    job: Job
    submitted: "submitit.Job[Any]"
    last: JobReport

    def news(self) -> JobReport | None:
        """What the job has said since the last look, or how it ended without a word."""
        ended = self.submitted.done()  # asked first: what it said before it ended is in the file then
        if (file := self.job.workdir / LAST).exists():
            report = JobReport(self.job, **json.loads(file.read_text(encoding="utf-8")))
            if report != self.last:
                self.last = report
                if report.status:
                    file.unlink()
                return report
        if ended:
            reason = f"Slurm's job {self.submitted.job_id} ended as {self.submitted.state}"
            return JobReport(self.job, self.last.share, self.last.images, "crashed", reason, killed=True)
        return None


def do_job(job: Job, device: str, threads: int, silence_s: float | None) -> None:
    """On a node: do one run as this machine would."""
    here = Local(device, workers=1)
    here.threads, here.silence_s = threads, silence_s
    for report in here([job]):
        said = {name: getattr(report, name) for name in ("share", "images", "status", "reason", "killed")}
        write_json(Path(job.workdir) / LAST, said)
