"""What the terminal says while a suite runs: a bar for each run, the best rows so far, failures as they happen.

Without a terminal, as in the log of a CI, it is a line for each run that ended, and a word of life in long silence.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from math import isfinite, isnan
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganbench.errors import BenchError, printable
from ganbench.executors import JobReport
from ganbench.statistics import mean_interval
from ganbench.store.columns import REAL_IMAGES
from ganbench.store.records import read_run
from ganbench.suite.progress import RunProgress, SuiteProgress

REFRESHES = 1  # a second; each takes about ten milliseconds of a processor that trains
MOST_BEST = 3  # rows of a dataset
SILENCE_S = 240  # after which a log hears what is going on: some CI systems stop what says nothing for ten minutes

Listener = Callable[[JobReport], None]
Best = dict[tuple[str, str, str], dict[str, list[float]]]  # (dataset, metric, direction) -> label -> a value per seed


@contextmanager
def display(progress: SuiteProgress, folder: Path, ended: Sequence[str], console: Console) -> Iterator[Listener]:
    """Show how `progress` goes on; call what this yields after each sign of life, and after a record is published.

    `folder` holds the suite's results, `ended` are the ids of the runs in it that count as well.
    """
    if not _redraws(console):
        yield _lines(progress, console)
        return
    best: Best = defaultdict(lambda: defaultdict(list))
    for run in ended:
        _add(best, folder / run)

    def show(report: JobReport) -> None:
        if report.status == "done":
            _add(best, folder / report.job.spec.id)
        elif report.status:
            console.print(_failure(report))

    with Live(
        get_renderable=lambda: board(progress, best), console=console, transient=True, refresh_per_second=REFRESHES
    ):
        yield show


def _redraws(console: Console) -> bool:
    """Whether it shows what changes in one place: a terminal does, and a notebook that has widgets."""
    if console.is_jupyter:
        return find_spec("ipywidgets") is not None
    return console.is_terminal and not console.is_dumb_terminal


def _lines(progress: SuiteProgress, console: Console) -> Listener:
    started: dict[str, float] = {}
    last = monotonic()

    def show(report: JobReport) -> None:
        nonlocal last
        now = monotonic()
        since = started.setdefault(report.job.spec.id, now)
        if report.status:
            text = f"{report.job.spec}: {_ending(report)} in {now - since:.0f} s {report.reason}".rstrip()
            console.print(f"{progress.ended}/{progress.total} {escape(printable(text))}")
        elif now - last > SILENCE_S:
            going = (f"{c.title}: {c.share:.0%}{spoken_left(c.left, ', ')}" for c in progress.running.values())
            console.print(f"{progress.ended}/{progress.total} ended; {escape(printable('; '.join(going)))}")
        else:
            return
        last = now

    return show


def board(progress: SuiteProgress, best: Best) -> RenderableType:
    """All that is shown at one moment."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="ellipsis", no_wrap=True, ratio=2)
    table.add_column(ratio=1, min_width=10)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    failed = f", {len(progress.failed)} failed" if progress.failed else ""
    shares = progress.ended + sum(one.share for one in list(progress.running.values()))
    total = max(1, progress.total)
    head = Text(f"{progress.ended} of {progress.total} runs{failed}", style="bold")
    table.add_row(head, ProgressBar(total, shares), f"{shares / total:.0%}", "", spoken_left(progress.left))
    for one in list(progress.running.values()):
        table.add_row(Text(printable(one.title)), ProgressBar(1, one.share), *_share_and_rate(one))
    return Group(table, *_leaders(best))


def _share_and_rate(one: RunProgress) -> tuple[str, str, str]:
    """Share, rate and time left of a run."""
    if one.share >= 1:
        return "100%", "", "judging"
    rate = "" if isnan(one.rate) else f"{one.rate:,.0f} images/s"
    return f"{one.share:.0%}", rate, spoken_left(one.left)


def spoken_left(seconds: float, before: str = "") -> str:
    """`3 min 2 s left`, with words before; nothing, if nobody knows."""
    if not isfinite(seconds):
        return ""
    minutes, rest = divmod(round(max(0, seconds)), 60)
    hours = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
    return f"{before}{hours if minutes else f'{rest} s'} left"


def _failure(report: JobReport) -> Text:
    return Text.assemble((printable(f"{report.job.spec}: {_ending(report)}."), "red"), " ", printable(report.reason))


def _ending(report: JobReport) -> str:
    return "to be done again, ended" if report.status == "again" else report.status


def _add(best: Best, folder: Path) -> None:
    """Count in the score of a finished run by which its dataset's board is ordered; of a damaged one there is none."""
    with suppress(BenchError, OSError, ValueError, KeyError, TypeError):
        run = read_run(folder)
        about = run["summary"]
        if run["status"] != "done" or about["control"] or about.get("given") == REAL_IMAGES:
            return
        scores = pd.read_parquet(folder / "scores.parquet")
        decides = run["conditions"].get("primary_when_run") or run["conditions"]["select"]
        rows = scores[(scores["checkpoint"] == "last") & (scores["metric"] == decides)]
        for row in rows.dropna(subset="value").to_dict("records"):
            best[about["dataset"], row["metric"], row["direction"]][about["label"]].append(row["value"])


def _leaders(best: Best) -> Iterator[RenderableType]:
    """Per dataset the best rows so far, as means with their 95 % interval."""
    for (dataset, metric, direction), labels in list(best.items()):
        sign = -1 if direction == "higher" else 1
        rows = sorted(labels.items(), key=lambda row: sign * float(np.mean(row[1])))[:MOST_BEST]
        head = printable(f"Best so far on {dataset}, {metric}: ")
        scores = printable(";  ".join(f"{label} {_score(values)}" for label, values in rows))
        yield Text.assemble("\n", (head, "dim"), scores, overflow="fold")


def _score(values: list[float]) -> str:
    found: Any = mean_interval(values)
    interval = "" if isnan(found.low) else f" [{found.low:.3g}, {found.high:.3g}]"
    return f"{found.mean:.3g}{interval}, {len(values)} seed{'s' if len(values) > 1 else ''}"
