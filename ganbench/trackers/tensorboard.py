"""TensorBoard's event files, in `<results>/<suite>/tensorboard`: `tensorboard --logdir` shows them.

https://www.tensorflow.org/tensorboard, written by torch's own writer. The horizontal axis is real images.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy import uint8
from numpy.typing import NDArray

from ganbench.trackers import About, TrackedRun, Tracker, missing


class TensorBoard(Tracker):
    """TensorBoard's event files beside the results, a folder for each run."""

    def __init__(self, suite: str, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise missing("tensorboard", "tensorboard", error) from error
        self.writer, self.folder = SummaryWriter, folder / "tensorboard"

    def begin(self, run: About) -> TrackedRun:
        folder = self.folder / run.id
        shutil.rmtree(folder, ignore_errors=True)  # what it held of the same run is told again
        return _Run(self.writer(str(folder)), run)


class _Run(TrackedRun):
    def __init__(self, writer: Any, run: About):
        self.writer = writer
        lines = [f"    {name} = {value}" for name, value in run.settings.items()]
        writer.add_text("run", "\n".join([run.title, "", *lines]), 0)

    def log(self, images: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, images)

    def end(self, status: str, images: int, scores: Mapping[str, float], samples: NDArray[uint8] | None) -> None:
        self.log(images, scores)
        self.writer.add_text("status", status, images)
        if samples is not None:
            self.writer.add_image("samples", samples, images, dataformats="HWC")
        self.writer.close()
