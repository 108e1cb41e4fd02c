"""Weights & Biases: each run is a run of a group that has the suite's name. https://docs.wandb.ai

The project is `WANDB_PROJECT`, or else `ganbench`. With `WANDB_MODE=offline` all stays in `<results>/<suite>/wandb`,
and `wandb sync` sends it later.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy import uint8
from numpy.typing import NDArray

from ganbench.trackers import About, TrackedRun, Tracker, missing

AXIS = "images"  # the horizontal one


class Wandb(Tracker):
    """Runs in Weights & Biases, a group for each suite."""

    def __init__(self, suite: str, folder: Path):
        try:
            import wandb
        except ImportError as error:
            raise missing("wandb", "wandb", error) from error
        self.wandb, self.suite, self.folder = wandb, suite, folder

    def begin(self, run: About) -> TrackedRun:
        begun = self.wandb.init(
            project=os.environ.get("WANDB_PROJECT", "ganbench"), group=self.suite, name=run.title,
            config={"run": run.id, **run.settings}, dir=str(self.folder), reinit="create_new",
            settings=self.wandb.Settings(console="off", silent=True),
        )  # fmt: skip
        begun.define_metric("*", step_metric=AXIS)
        return _Run(self.wandb, begun)


class _Run(TrackedRun):
    def __init__(self, wandb: Any, run: Any):
        self.wandb, self.run = wandb, run

    def log(self, images: int, values: Mapping[str, float]) -> None:
        self.run.log({AXIS: images, **values})

    def end(self, status: str, images: int, scores: Mapping[str, float], samples: NDArray[uint8] | None) -> None:
        self.run.summary.update({**scores, "status": status})
        if samples is not None:
            self.run.log({AXIS: images, "samples": self.wandb.Image(samples)})
        self.run.finish(exit_code=0 if status == "done" else 1)
