"""How a suite stands: what is done, what runs and for how long yet, what failed and how, what is missing."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from ganbench.errors import printable
from ganbench.store import read, suite_folder
from ganbench.store.columns import MISSING, run_title
from ganbench.suite.progress import RunProgress, SuiteProgress, read_progress
from ganbench.suite.terminal import spoken_left


@dataclass(frozen=True)
class SuiteStatus:
    """A suite's runs, sorted by what became of them so far; samples from elsewhere are none of its runs."""

    suite: str
    done: int
    failed: dict[str, list[tuple[str, str]]]  # kind of end -> which runs, and why
    missing: list[str]  # which runs
    progress: SuiteProgress | None  # None: no driver is at work
    damaged: list[str]

    @property
    def running(self) -> list[RunProgress]:
        return list(self.progress.running.values()) if self.progress else []

    @property
    def runs(self) -> int:
        return self.done + sum(map(len, self.failed.values())) + len(self.missing)


def status_of(results: Path) -> SuiteStatus:
    """Raises BadResults if the folder holds no results, or those of several suites."""
    folder = suite_folder(results)
    found = read(folder, or_none=True, forgiving=True, trials=True)
    progress = read_progress(folder)
    busy = progress.running if progress else {}
    done, failed, missing = 0, dict[str, list[tuple[str, str]]](), list[str]()
    for run in found.runs.to_dict("records"):
        title = run_title(run["label"], run["dataset"], run["seed"])
        if "/" in run["run"]:
            continue
        if run["status"] == "done":
            done += 1
        elif run["status"] != MISSING:
            failed.setdefault(run["status"], []).append((title, run["reason"]))
        elif run["run"] not in busy:
            missing.append(title)
    return SuiteStatus(found.suite, done, failed, missing, progress, found.damaged)


def as_json(status: SuiteStatus) -> dict[str, Any]:
    """Plain values; a number that nobody knows is null."""
    return {
        "suite": status.suite,
        "runs": status.runs + len(status.running),
        "done": status.done,
        "running": [
            {"run": one.run, "title": one.title, "share": one.share, "images": one.images,
             "images_per_second": _known(one.rate), "seconds_left": _known(one.left)}
            for one in status.running
        ],
        "failed": {
            kind: [{"title": title, "reason": why} for title, why in ends] for kind, ends in status.failed.items()
        },
        "missing": status.missing,
        "driver": status.progress.driver if status.progress else None,
        "seconds_left": _known(status.progress.left) if status.progress else None,
        "damaged": status.damaged,
    }  # fmt: skip


def as_lines(status: SuiteStatus) -> list[str]:
    """A sentence, and a line for each run that is under way or failed."""
    plain = as_json(status)
    counts = [f"{status.done} of {plain['runs']} runs done"]
    counts += [f"{len(ends)} {kind}" for kind, ends in status.failed.items()]
    counts += [f"{n} {word}" for n, word in ((len(status.running), "running"), (len(status.missing), "missing")) if n]
    left = spoken_left(status.progress.left, ", about ") if status.progress else "; no driver is at work"
    lines = [f"{status.suite}: {', '.join(counts)}{left}."]
    for one in status.running:
        rate = f", {one.rate:,.0f} images/s" if isfinite(one.rate) else ""
        lines.append(f"  running   {one.title}: {one.share:.0%}{rate}{spoken_left(one.left, ', ')}")
    for kind, ends in status.failed.items():
        lines += [f"  {kind:9} {title}: {why}" for title, why in ends]
    return [printable(line) for line in lines]


def _known(number: float) -> float | None:
    return number if isfinite(number) else None
