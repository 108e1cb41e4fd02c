"""Several drivers in one folder: each takes, one by one, the runs that no other has."""

from collections.abc import Iterator, Sequence

from ganbench.executors import Job
from ganbench.runs.spec import RunSpec
from ganbench.store.drivers import Driver
from ganbench.store.folder import Store
from ganbench.suite.progress import SuiteProgress


class Share:
    """The runs that are to do, as far as they fall to this driver."""

    def __init__(self, runs: Sequence[RunSpec], store: Store, us: Driver, progress: SuiteProgress):
        self.left = list(runs)  # those that others had when they were last asked for
        self.store, self.us, self.progress = store, us, progress
        self.began = {run.id: store.published_at(run.id) for run in runs}
        self.done_elsewhere = 0

    def jobs(self) -> Iterator[Job]:
        """Claim what is left, run by run, as an executor asks for it."""
        others = list[RunSpec]()
        for run in self.left:
            if not self.us.claim(run.id):
                others.append(run)
            elif self.store.published_at(run.id) != self.began[run.id]:
                self.us.release(run.id)
                self.done_elsewhere += 1
            else:
                yield Job(run, self.store.workdir(run.id))
            self.progress.leave(self.done_elsewhere + len(others))
        self.left = others

    def rounds(self) -> Iterator[Iterator[Job]]:
        """All jobs; then, as long as there are any, those whose drivers have died since."""
        before = len(self.left) + 1
        while 0 < len(self.left) < before:
            before = len(self.left)
            yield self.jobs()
