"""A suite's results folder as the driver sees it: who works in it, where runs write, and how records are published."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ganbench.errors import BadResults
from ganbench.store.columns import Status
from ganbench.store.drivers import Driver, at_work
from ganbench.store.format import EXTERNAL, FORMAT
from ganbench.store.layout import RUN, STATE, SUITE, UNFINISHED, holds_run, holds_suite
from ganbench.store.records import external_records, read_manifest, read_run
from ganbench.store.whole import write_json


def remove_state(workdir: Path) -> None:
    """Remove what a run saves to go on from, and what one that was killed has half written."""
    for file in (workdir / STATE, *workdir.glob(".*.draft")):
        file.unlink(missing_ok=True)


class Store:
    """The results folder of one suite, as the driver sees it."""

    def __init__(self, results: Path, suite: str):
        """Writes nothing. Raises BadResults if another version wrote what is there."""
        self.path = results / suite
        self.unfinished = self.path / UNFINISHED
        self.driver: Driver | None = None  # since it was claimed
        if holds_suite(self.path):
            read_manifest(self.path)

    def open(
        self, text: str, runs: list[dict[str, Any]], command: str, commit: str, published: Sequence[Any] = ()
    ) -> None:
        """Write down what should be here: each run's id, label, dataset, seed; and what papers have `published`.

        Raises BadResults if the folder cannot be written.
        """
        manifest = {
            "format": FORMAT, "command": command, "commit": commit, "runs": runs, "published": published, "text": text,
        }  # fmt: skip
        with self._writing():
            self.unfinished.mkdir(parents=True, exist_ok=True)
            write_json(self.path / SUITE, manifest)

    @contextmanager
    def claim(self, join: bool = False) -> Iterator[Driver]:
        """Be a driver of the suite, the only one unless it may `join` others; to the end of the block, or the process.

        Raises BadResults if another driver is at work, or if the folder cannot be written.
        """
        with self._writing():
            self.unfinished.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with self._writing():
                self.driver = stack.enter_context(at_work(self.unfinished, join))
            yield self.driver

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BadResults(
                f"{self.path} cannot be written: {error.strerror}. Choose another folder with --results."
            ) from error

    def published_at(self, run: str) -> int:
        """Nanoseconds at which a run's record was written; 0 if there is none."""
        file = self.path / run / RUN
        return file.stat().st_mtime_ns if file.exists() else 0

    def workdir(self, run: str) -> Path:
        """Where a run may write until it is published."""
        path = self.unfinished / run
        with self._writing():
            path.mkdir(exist_ok=True)
        return path

    def status(self, run: str) -> Status | None:
        """How a published run ended; None if it is still to do."""
        if not holds_run(self.path / run):
            return None
        ended: Status = read_run(self.path / run)["status"]
        return ended

    def publish(self, run: str) -> None:
        """Make a finished workdir part of the results; a kill on the way leaves the old record, the new one or none.

        Raises BadResults if another driver has taken the run over, as from one that was thought dead.
        """
        if self.driver and not self.driver.holds(run):
            raise BadResults(f"another driver has taken the run {run} over")
        self._publish(self.unfinished / run, self.path / run)

    def _publish(self, workdir: Path, target: Path) -> None:
        remove_state(workdir)
        old = self.unfinished / f"{target.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            os.replace(target, old)
        os.replace(workdir, target)
        shutil.rmtree(old, ignore_errors=True)

    def external_workdir(self) -> Path:
        """Where the records of a row of external samples may be written until they are published. Raises BadResults."""
        with self._writing():
            self.unfinished.mkdir(parents=True, exist_ok=True)
            return Path(mkdtemp(prefix="external-", dir=self.unfinished))

    def publish_external(self, workdir: Path, label: str, dataset: str) -> Path:
        """Make a row of external samples, a folder for each seed, part of the results, in place of all earlier ones of
        that label on that dataset; returns where it is.
        """
        row = self.path / EXTERNAL / sha256(f"{label}\n{dataset}".encode()).hexdigest()[:12]
        row.parent.mkdir(exist_ok=True)
        self._publish(workdir, row)
        for file in external_records(self.path):
            with suppress(BadResults):
                about = read_run(file.parent)["summary"]
                if row not in file.parents and (about["label"], about["dataset"]) == (label, dataset):
                    shutil.rmtree(file.parent, ignore_errors=True)  # of a version that kept each seed by itself
        return row
