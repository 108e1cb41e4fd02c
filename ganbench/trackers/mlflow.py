"""MLflow: a suite is an experiment, and each of its runs a run of it. https://mlflow.org

They go to the server that `MLFLOW_TRACKING_URI` names, or else to `<results>/<suite>/mlflow.db`, a file of SQLite.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from time import time
from typing import Any

from numpy import uint8
from numpy.typing import NDArray

from ganbench.trackers import About, TrackedRun, Tracker, missing

AT_A_TIME = 500  # numbers in one request; a server takes 1,000 at most
ENDS = {"done": "FINISHED", "lost": "KILLED"}  # anything else has failed


class MLflow(Tracker):
    """Runs of an experiment in MLflow."""

    def __init__(self, suite: str, folder: Path):
        self.server = os.environ.get("MLFLOW_TRACKING_URI")
        try:
            from mlflow import MlflowClient

            if not self.server:
                import alembic  # noqa: F401
                import sqlalchemy  # noqa: F401
        except ImportError as error:
            raise missing("mlflow", "mlflow-skinny sqlalchemy alembic", error) from error
        self.client_of, self.suite, self.folder = MlflowClient, suite, folder.resolve()
        self.client: Any = None

    def begin(self, run: About) -> TrackedRun:
        if self.client is None:
            self.client = self.client_of(self.server or f"sqlite:///{self.folder}/mlflow.db")
            known = self.client.get_experiment_by_name(self.suite)
            self.experiment = known.experiment_id if known else self._new_experiment()
        begun = self.client.create_run(self.experiment, run_name=run.title, tags={"ganbench.run": run.id})
        for name, value in run.settings.items():
            self.client.log_param(begun.info.run_id, name, value)
        return _Run(self.client, begun.info.run_id)

    def _new_experiment(self) -> Any:
        own = None if self.server else (self.folder / "mlflow").as_uri()
        return self.client.create_experiment(self.suite, artifact_location=own)


class _Run(TrackedRun):
    def __init__(self, client: Any, run: str):
        self.client, self.run = client, run

    def log(self, images: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time())
        found = [Metric(name, value, now, images) for name, value in values.items()]
        for first in range(0, len(found), AT_A_TIME):
            self.client.log_batch(self.run, metrics=found[first : first + AT_A_TIME])

    def end(self, status: str, images: int, scores: Mapping[str, float], samples: NDArray[uint8] | None) -> None:
        self.log(images, scores)
        self.client.set_tag(self.run, "ganbench.status", status)
        if samples is not None:
            self.client.log_image(self.run, samples, artifact_file="samples.png")
        self.client.set_terminated(self.run, ENDS.get(status, "FAILED"))
