"""What executors report becomes records of the store. One fault costs one run: what goes wrong here is that run's end.

A run that something outside of it ended, as a kill or a lack of memory, is done once more when all others have ended,
from the last state that it saved.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import cast

from ganbench.errors import said
from ganbench.executors import Executor, Job, JobReport
from ganbench.executors.apart import apart
from ganbench.store.folder import Store
from ganbench.suite import OnFailure

Reports = Generator[JobReport, None, None]


def published(executor: Executor, jobs: Iterable[Job], store: Store, on_failure: OnFailure) -> Iterator[JobReport]:
    """Do all jobs, publish the record of each that has ended, and pass on what is reported.

    `on_failure`: "record" makes every end a record; "retry" first gives those another try that something outside ended;
    "stop" ends everything with the first run that did not end well. Closing the iterator stops what is running.
    """
    again: list[Job] = []
    with closing(cast(Reports, executor(jobs))) as reports:
        for report in reports:
            if on_failure == "retry" and ended_from_outside(report):
                again.append(report.job)
                yield replace(report, status="again")
                continue
            ended = publish(report, store)
            if ended.status and store.driver:
                store.driver.release(ended.job.spec.id)
            yield ended
            if on_failure == "stop" and ended.status not in ("", "done"):
                return
    if again:
        yield from published(executor, again, store, "record")


def ended_from_outside(report: JobReport) -> bool:
    """Tell whether a second try may end otherwise: memory is shared with whatever else the machine does."""
    return report.killed or report.status == "out_of_memory"


def publish(report: JobReport, store: Store) -> JobReport:
    """Publish a run's record, if it has ended; a run without one is reported as lost."""
    if report.status in ("", "lost"):
        return report
    try:
        if report.status == "crashed":
            apart(write_crash, report)
        store.publish(report.job.spec.id)
    except Exception as error:  # a full disk, a workdir that is gone, a number that no table holds
        return replace(report, status="lost", reason=f"its record cannot be written: {said(error)}")
    return report


def write_crash(report: JobReport) -> None:
    """Write the record that a run left to the driver; that takes torch."""
    from ganbench.runs.budget import Ledger
    from ganbench.runs.record import State, write_record

    state = State(ledger=Ledger(images=report.images))
    write_record(report.job.spec, report.job.workdir, "crashed", report.reason, state, None)
