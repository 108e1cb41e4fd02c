"""What trackers are told: points as they are saved with a run's state, and the rest from its record.

Training pays nothing for it: a state is saved at each evaluation anyway. A tracker that fails is told no more, and the
runs go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from ganbench import plugins
from ganbench.errors import said
from ganbench.executors import JobReport
from ganbench.runs.spec import RunSpec
from ganbench.store.files import read_array
from ganbench.store.layout import STATE
from ganbench.suite.progress import read_state
from ganbench.trackers import About, TrackedRun, Tracker, plain

Row = Mapping[Any, Any]  # of a table
Points = dict[int, dict[str, float]]  # real images -> numbers by name


def choose_trackers(names: Sequence[str], suite: str, folder: Path) -> dict[str, Tracker]:
    """Those of these names. Raises UnknownName, or BenchError if a package is missing."""
    return {name: plugins.load("trackers", name)(suite, folder) for name in dict.fromkeys(names)}


@dataclass
class Followed:
    """A run under way, as trackers know it."""

    told: dict[str, TrackedRun]
    seen: int = 0  # when the last state was written that they know
    losses: int = 0  # rows that they know
    scores: int = 0


@dataclass
class Tracking:
    """Tells trackers what executors report."""

    trackers: dict[str, Tracker]
    folder: Path  # the suite's
    console: Console
    followed: dict[str, Followed] = field(default_factory=dict)  # by run

    def hear(self, report: JobReport) -> None:
        """Pass on what a sign of life brings."""
        if not self.trackers:
            return
        try:
            self._hear(report)
        except Exception as error:  # a record that a full disk has cut
            self.console.print(f"No tracker is told of {report.job.spec}: {said(error)}.", markup=False)

    def _hear(self, report: JobReport) -> None:
        spec = report.job.spec
        one = self.followed.get(spec.id) or self._begin(spec)
        if not report.status:
            self._look(one, report.job.workdir / STATE)
        elif report.status != "again":
            self._end(self.followed.pop(spec.id), report)

    def close(self) -> None:
        """Say of the runs that were stopped that they were."""
        for one in self.followed.values():
            self._each(one, lambda told: told.end("stopped", 0, {}, None))

    def _begin(self, spec: RunSpec) -> Followed:
        about = About(spec.id, spec.identity.title, _settings(spec, self.folder.name))
        self.followed[spec.id] = one = Followed({})
        for name, tracker in [*self.trackers.items()]:
            self._tell(name, partial(_begin, one, name, tracker, about))
        return one

    def _look(self, one: Followed, state: Path) -> None:
        written = state.stat().st_mtime_ns if state.exists() else 0
        if written > one.seen:
            found = read_state(state)
            one.seen = written
            self._log(one, found["losses"], found["scores"])

    def _log(self, one: Followed, losses: Sequence[Row], scores: Sequence[Row]) -> None:
        points: Points = {}
        for row in losses[one.losses :]:
            points.setdefault(int(row["images"]), {})[row["curve"]] = row["value"]
        for row in scores[one.scores :]:
            points.setdefault(int(row["images"]), {})[f"{row['split']}/{row['metric']}"] = row["value"]
        one.losses, one.scores = max(one.losses, len(losses)), max(one.scores, len(scores))
        for images, values in sorted(points.items()):
            self._each(one, partial(_log, images, _finite(values)))

    def _end(self, one: Followed, report: JobReport) -> None:
        folder, status = self.folder / report.job.spec.id, report.status
        final: dict[str, float] = {}
        images, samples = report.images, None
        if status != "lost":
            losses, scores = (pd.read_parquet(folder / f"{name}.parquet") for name in ("losses", "scores"))
            curve = scores["checkpoint"] == "curve"
            self._log(one, losses.to_dict("records"), scores[curve].to_dict("records"))
            images = int(losses["images"].max()) if len(losses) else images
            ends = scores[~curve]
            final = _finite(dict(zip(ends["checkpoint"] + "/" + ends["metric"], ends["value"], strict=True)))
            samples = picture(folder)
        self._each(one, lambda told: told.end(status, images, final, samples))

    def _each(self, one: Followed, tell: Callable[[TrackedRun], None]) -> None:
        for name, told in one.told.items():
            if name in self.trackers:
                self._tell(name, partial(tell, told))

    def _tell(self, name: str, tell: Callable[[], None]) -> None:
        """Raises nothing: what is shown elsewhere shall end no night."""
        try:
            tell()
        except Exception as error:
            del self.trackers[name]
            self.console.print(f"{name} is told no more of these runs: {said(error)}.", markup=False)


def _begin(one: Followed, name: str, tracker: Tracker, about: About) -> None:
    one.told[name] = tracker.begin(about)


def _log(images: int, values: dict[str, float], told: TrackedRun) -> None:
    told.log(images, values)


def _settings(spec: RunSpec, suite: str) -> dict[str, str | float]:
    return plain({
        "suite": suite, "label": spec.label, "variant": spec.variant.name, "dataset": spec.dataset_label,
        "seed": spec.seed, "judge": spec.judge, "precision": spec.precision,
        "budget": f"{spec.budget.amount:g} {spec.budget.unit}", **spec.variant.options,
    })  # fmt: skip


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value is not None and isfinite(value)}


def picture(run: Path) -> NDArray[np.uint8] | None:
    """The samples that a run's record keeps, as one picture (h, w, 3); None if it keeps none."""
    from matplotlib.figure import Figure
    from PIL import Image

    if (run / "grid.png").exists():
        return np.asarray(Image.open(run / "grid.png", formats=["png"]).convert("RGB"))
    if not (run / "samples.npy").exists():
        return None
    figure = Figure(figsize=(4, 4), dpi=100)
    x, y = read_array(run / "samples.npy").T
    figure.add_subplot(aspect="equal").scatter(x, y, s=2)
    file = BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file, formats=["png"]).convert("RGB"))
