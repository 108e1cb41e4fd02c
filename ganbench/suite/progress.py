"""How far the runs are: the driver keeps it in a file, whoever looks on reads that.

    <results>/<suite>/.unfinished/drivers/<driver>.json     as that driver last knew it; gone when it ends

Training pays nothing for it: log intervals are reported anyway, scores along the way are in the state that a run saves
anyway, and the file is the driver's work, once a second at most.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from math import nan
from pathlib import Path
from socket import gethostname
from time import time
from types import NoneType
from typing import Any

import pandas as pd

from ganbench.errors import BadResults
from ganbench.executors import JobReport
from ganbench.store import Results, read, suite_folder
from ganbench.store.columns import IDENTITY, LOSS_COLUMNS, SCORE_COLUMNS, Identity
from ganbench.store.drivers import DRIVERS, living
from ganbench.store.files import Types, check_file, fields, read_json
from ganbench.store.layout import RUN, STATE, SUITE, UNFINISHED, holds_run
from ganbench.store.records import external_records
from ganbench.store.whole import write_json

NOTE_S = 1.0  # between two writings of the file
NUMBER = (int, float)
# What stands in the file, which may come from anybody.
WRITTEN: Types = {
    **dict.fromkeys(("total", "done", "elsewhere"), int), **dict.fromkeys(("began", "updated"), NUMBER),
    "driver": str, "running": dict, "failed": list,
}  # fmt: skip
IDENTITY_FIELDS: Types = {**dict.fromkeys(IDENTITY, str), "seed": int}
RUNNING: Types = {"judge": str, "share": NUMBER, "images": int, "updated": NUMBER, "first": (list, NoneType)}


@dataclass
class RunProgress(Identity):
    """A run under way."""

    judge: str
    share: float = 0.0  # of its budget
    images: int = 0
    updated: float = 0.0  # when, in seconds since the epoch
    first: tuple[float, float] | None = None  # share and time of the first report: a resumed run begins in the middle

    @property
    def pace(self) -> float:
        """Shares of the budget a second, judgements included; NaN before the second report."""
        if self.first is None or self.updated <= self.first[1]:
            return nan
        return (self.share - self.first[0]) / (self.updated - self.first[1])

    @property
    def rate(self) -> float:
        """Images a second; NaN if nobody can know."""
        return self.pace * self.images / self.share if self.share else nan

    @property
    def left(self) -> float:
        """Seconds to the end of the budget; NaN if nobody can know."""
        return (1 - self.share) / self.pace if self.pace else nan


@dataclass
class SuiteProgress:
    """What a driver has been told to do, and how far it is."""

    total: int  # runs, but for those that other drivers do
    began: float = field(default_factory=lambda: time())
    updated: float = field(default_factory=lambda: time())
    driver: str = field(default_factory=lambda: f"process {os.getpid()} on {gethostname()}")
    running: dict[str, RunProgress] = field(default_factory=dict)  # by id
    done: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)  # which run, and why
    elsewhere: int = 0  # runs that other drivers do

    @property
    def ended(self) -> int:
        return self.done + len(self.failed)

    @property
    def left(self) -> float:
        """Seconds until all is done, if what is to come is like what has been; NaN at the beginning."""
        did = self.ended + sum(one.share for one in list(self.running.values()))
        return (self.updated - self.began) * (self.total - did) / did if did else nan

    def leave(self, runs: int) -> None:
        """Take into account how many runs other drivers do."""
        self.total, self.elsewhere = self.total + self.elsewhere - runs, runs

    def update(self, report: JobReport) -> None:
        """Take a sign of life into account."""
        spec, self.updated = report.job.spec, time()
        begun = RunProgress(**asdict(spec.identity), judge=spec.judge, updated=self.updated)
        one = self.running.setdefault(spec.id, begun)
        if report.status:
            del self.running[spec.id]
            if report.status == "done":
                self.done += 1
            elif report.status != "again":
                self.failed.append((one.title, f"{report.status}: {report.reason}"))
        elif report.share:
            one.share, one.images, one.updated = report.share, report.images, self.updated
            one.first = one.first or (report.share, self.updated)


@contextmanager
def progress_file(progress: SuiteProgress, file: Path) -> Iterator[Any]:
    """Keep a driver's file while it works; call what this yields after each sign of life."""
    last = 0.0

    def note() -> None:
        nonlocal last
        if progress.updated - last >= NOTE_S:
            last = progress.updated
            with suppress(OSError):  # a full disk shall end no suite because of its progress
                write_json(file, asdict(progress))

    note()
    try:
        yield note
    finally:
        file.unlink(missing_ok=True)


def read_progress(folder: Path) -> SuiteProgress | None:
    """What a suite's drivers last wrote, as if it were one; None if none is at work, or if nothing can be read."""
    unfinished = folder / UNFINISHED
    found = [one for driver in living(unfinished) if (one := _read(unfinished / DRIVERS / f"{driver}.json"))]
    if len(found) < 2:
        return next(iter(found), None)
    return SuiteProgress(
        total=max(one.total + one.elsewhere for one in found),
        began=min(one.began for one in found),
        updated=max(one.updated for one in found),
        driver=", ".join(one.driver for one in found),
        running={run: state for one in found for run, state in one.running.items()},
        done=sum(one.done for one in found),
        failed=[run for one in found for run in one.failed],
    )


def _read(file: Path) -> SuiteProgress | None:
    """What a driver last wrote; None if it is not there yet, or is not what a driver writes."""
    try:
        found = fields(read_json(file), WRITTEN, file)
        running = {run: RunProgress(**_running(one, file)) for run, one in found.pop("running").items()}
        failed = [(str(run), str(why)) for run, why in found.pop("failed")]
        return SuiteProgress(**found, running=running, failed=failed)
    except (BadResults, ValueError, TypeError):
        return None


def _running(found: Any, file: Path) -> dict[str, Any]:
    one = fields(found, {**IDENTITY_FIELDS, **RUNNING}, file)
    if one["first"] is not None:
        share, time = map(float, one["first"])
        one["first"] = share, time
    return one


def stamp(folder: Path) -> str:
    """Changes whenever there is something new to see in a suite's results."""
    files = [folder / SUITE, *folder.glob(f"*/{RUN}"), *external_records(folder)]
    files += folder.glob(f"{UNFINISHED}/*/{STATE}") if read_progress(folder) else ()
    seen = []
    for file in sorted(files):
        with suppress(OSError):  # published a moment ago
            seen.append((str(file), file.stat().st_mtime_ns))
    return sha256(repr(seen).encode()).hexdigest()[:16]


def results_so_far(path: Path) -> Results:
    """As `store.read`, with the scores and losses of the runs that are under way, and also before any has ended.

    Raises BadResults if the folder holds no results, or results that are damaged.
    """
    folder = suite_folder(path)
    found = read(folder, or_none=True, forgiving=True)
    if (progress := read_progress(folder)) is None:
        return found
    apart = set() if found.search is None else set(found.search.runs["run"])
    running = [one for one in progress.running.values() if one.run not in apart and not holds_run(folder / one.run)]
    scores, losses = [], []
    for one in running:
        own = {name: getattr(one, name) for name in IDENTITY}
        state = read_state(folder / UNFINISHED / one.run / STATE)
        # The points that there are, are whole: any other status would read as a run that failed after them.
        scores += [{**row, **own, "judge": one.judge, "status": "done"} for row in state["scores"]]
        losses += [{**row, **own} for row in state["losses"]]
    return replace(
        found,
        scores=_extended(found.scores, scores, SCORE_COLUMNS),
        losses=_extended(found.losses, losses, LOSS_COLUMNS),
    )


def read_state(file: Path) -> dict[str, Any]:
    """The `scores` and `losses` that a run has saved so far; its weights are mapped, and not read."""
    import torch

    try:
        check_file(file)  # opening a pipe may take for ever
        saved = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
        return {name: list(saved["state"][name]) for name in ("scores", "losses")}
    except Exception:  # not there yet, gone since, or damaged; torch names no error of its own for the last
        return {"scores": [], "losses": []}


def _extended(frame: pd.DataFrame, rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    if not rows:
        return frame
    more = pd.DataFrame(rows, columns=columns)
    return pd.concat([frame, more], ignore_index=True) if len(frame) else more
