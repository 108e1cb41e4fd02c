"""What `import ganbench` offers: suites run, results read, samples judged. The command line calls the same.

What needs torch imports it when it is called, so that reading results takes no longer than pandas does.
"""

import os
import shlex
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union

import numpy as np
import pandas as pd
from pandas import DataFrame
from rich.console import Console, RenderableType

from ganbench import store
from ganbench.errors import BadResults, BadSuite, UnknownName
from ganbench.executors.devices import Device, choose_device
from ganbench.reports import formats
from ganbench.reports.formats import sentences
from ganbench.reports.frames.board import boards
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.looks import can_lead
from ganbench.store.columns import Checkpoint
from ganbench.suite import OnFailure
from ganbench.suite.talk import Talk

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from ganbench.runs.sources import Source
    from ganbench.runs.spec import RunSpec
    from ganbench.suite.plan import Plan

Samples: TypeAlias = Union[str, Path, np.ndarray[Any, Any], "Tensor", "nn.Module", Callable[[int], Any]]
SILENCE = 30.0  # minutes that a run may be silent where nobody looks on
FIRST = ["dataset", "part", "label", "rank", "tier", "p_best"]  # columns of `Results.board`


class Boards(DataFrame):
    """All numbers of some boards; a notebook shows them as the page does, each with its interval."""

    _metadata = ("shown",)
    shown: tuple[DataFrame, ...] = ()  # a frame of text for each board

    def _repr_html_(self) -> str:
        return "".join(text.to_html(index=False) for text in self.shown)


class Results(store.Results):
    """A suite's results as data frames (`runs`, `scores`, `losses`), and the boards made of them.

    A notebook shows the page's first screen, and the boards.
    """

    def board(self, dataset: str | None = None, checkpoint: Checkpoint = "last") -> Boards:
        """One row per row of the boards, the best first: of one dataset, or of all.

        Columns: dataset, part (from 1; scores that were not measured alike are on different parts), label, rank, tier,
        p_best, what a report says of a row (given, control, done, failed, ...), and for each metric its mean, `_low`,
        `_high` and `_n`: a 95 % interval over so many seeds. NaN: the row has no such number. Raises UnknownName for a
        dataset that the results do not have.
        """
        chapters = {chapter.dataset: chapter for chapter in Report(self).chapters}
        if dataset is not None and dataset not in chapters:
            raise UnknownName("datasets of these results", dataset, chapters)
        wanted = [chapter for name, chapter in chapters.items() if dataset in (None, name)]
        drawn = [board for chapter in wanted for board in boards(chapter, checkpoint)]
        rows = [board.rows.assign(dataset=board.dataset, part=board.part) for board in drawn]
        joined = pd.concat(rows, ignore_index=True) if rows else DataFrame(columns=FIRST)
        found = Boards(joined[[*FIRST, *joined.columns.difference(FIRST, sort=False)]])
        found.shown = tuple(board.cells(narrow=True) for board in drawn)
        return found

    @property
    def answer(self) -> str:
        """A few sentences for each dataset: who leads, and whether that is sure."""
        return "\n".join(map(sentences.answer, Report(self).chapters))

    def report(self, out: str | Path | None = None) -> Path:
        """Write the page, by default `report.html` beside the results; returns its path. Raises OSError."""
        return formats.write_report(self, Path(out) if out else self.path / "report.html")

    def __repr__(self) -> str:
        states = Counter([] if self.runs.empty else self.runs["status"])
        runs = ", ".join(f"{n} {status}" for status, n in states.most_common())
        return f"<Results of {self.suite!r} in {self.path}: {runs or 'no'} runs>"

    def _repr_html_(self) -> str:
        picture = b64encode(formats.report(self, "png")).decode("ascii")
        seen = f'<img alt="{escape(self.answer)}" style="max-width:100%" src="data:image/png;base64,{picture}">'
        return seen + "".join(
            f"<p>{escape(sentences.answer(chapter))}</p>"
            + "".join(board.cells(narrow=True).to_html(index=False) for board in boards(chapter, "last"))
            for chapter in Report(self).chapters
        )


def read(path: str | Path, forgiving: bool = False) -> Results:
    """Read one suite's results: `<results>/<suite>`, or `<results>` if it holds a single suite.

    Raises BadResults if there are none, or if something in them is damaged: `forgiving` leaves that out, and names it
    in `damaged`.
    """
    return Results(**vars(store.read(Path(path), forgiving=forgiving)))


def run(
    suite: str | Path,
    *,
    only: str = "*",
    results: str | Path = "results",
    device: Device = "auto",
    workers: int | None = None,
    executor: str = "local",
    settings: Sequence[str] = (),
    scale: float = 1.0,
    retry: bool = False,
    until_decided: bool = False,
    on_failure: OnFailure | None = None,
    silence: float = SILENCE,
    track: Sequence[str] = (),
    progress: bool = True,
) -> Results:
    """Train and judge what a suite names, as far as it is missing, and write the page -> its results.

    `suite` is a TOML file, or the name of one that comes with ganbench. `only` is a glob of label, dataset and seed:
    "gan*", "*/ring8", "gan/ring8/0". `results` is the folder that gets a folder for the suite. `workers` is the number
    of runs at a time, by default one per core or GPU. `settings` change the suite's own: ["seeds=5",
    "dataset.path=~/faces"]. `scale` shortens all runs and judgements, and the results say so.
    `retry` also does again what did not end well. `until_decided` adds seeds, up to three times the suite's, where it
    is not sure yet who leads. `silence` is in minutes: a run without a word for so long is ended;
    0: none is. `track` names trackers that show the runs elsewhere: "tensorboard", "mlflow", "wandb".
    A run that fails is a row of the results, not an exception. Stopped by Ctrl-C, it goes on from there when it is
    called again. A plain script needs no `if __name__ == "__main__"`.

    Raises BadSuite, UnknownName, DataMissing, NoDevice or BadResults before anything is trained.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin slow a busy machine: the workers inherit it
    options: dict[str, Any] = {
        "only": only, "results": results, "device": device, "workers": workers, "executor": executor, "scale": scale,
        "retry": retry, "until-decided": until_decided, "on-failure": on_failure, "set": settings, "track": track,
    }  # fmt: skip
    console = Talk(stderr=True, emoji=False, quiet=not progress)
    plan = planned(
        Path(suite), results=Path(results), device=device, workers=workers, executor=executor, only=only, scale=scale,
        retry=retry, until_decided=until_decided, on_failure=on_failure, silence=silence, settings=settings,
        track=track, command=_as_command(suite, options), say=lambda found: console.print(found, markup=False),
    )  # fmt: skip
    carried_out(plan, console)
    found = read(plan.store.path, forgiving=True)
    found.report()
    return found


def planned(
    suite: Path, *, results: Path, device: str, workers: int | None, executor: str, only: str, scale: float,
    retry: bool, until_decided: bool, on_failure: OnFailure | None, silence: float, command: str,
    shard: str | None = None, settings: Sequence[str] = (), join: bool = False,
    options: Mapping[str, str] | None = None, track: Sequence[str] = (),
    say: Callable[[str], None] = lambda said: None,
) -> "Plan":  # fmt: skip
    """What `run` would do, checked. `command` is kept in the record. Raises as `run` does."""
    from ganbench.suite import driver
    from ganbench.suite.sharding import Shard
    from ganbench.suite.tracking import choose_trackers

    part = None if shard is None else Shard.parse(shard)
    executes = driver.choose_executor(executor, device, workers, options)
    executes.silence_s = 60 * silence or None
    loaded = driver.loaded(suite, scale, until_decided, settings, results, part is not None, say)
    if any(run.look and run.look.number > 1 for run in (*loaded.later, *loaded.searched)) and (part or join):
        raise BadSuite(
            f"{suite} adds seeds until it is decided who leads, which one driver alone can see. Run it without "
            f"{'--shard' if part else '--join'}, or give it fixed seeds."
        )
    plan = driver.plan(loaded, results, executes, only, retry, command, on_failure, part)
    return replace(plan, join=join, trackers=choose_trackers(track, loaded.name, plan.store.path))


def carried_out(plan: "Plan", console: Console) -> tuple[int, "Plan"]:
    """Do what is planned, the board after its search, and add seeds if the suite says so -> how many of the runs asked
    for have failed, and the plan with all that was done.
    """
    from ganbench.suite import driver, looks

    failed = plan.failed
    done: tuple[RunSpec, ...] = ()
    if plan.suite.searched:
        failed, done = failed + driver.carry_out(plan, console), plan.runs
        if failed and plan.on_failure == "stop":
            return failed, plan
        plan = driver.after_search(plan, console)
    for one in looks.plans(plan, lambda folder, look: can_lead(store.read(folder), look), console):
        failed, done = failed + driver.carry_out(one, console), (*done, *one.runs)
        if failed and one.on_failure == "stop":
            break
    return failed, replace(one, runs=done)


class Shown(NamedTuple):
    """What is shown of results when their runs have ended."""

    boards: RenderableType
    page: Path
    damaged: list[str]  # what is left out


def shown(folder: Path) -> Shown:
    """Write the page of a suite's results, and make the terminal's boards. Raises OSError."""
    from ganbench.reports.formats import terminal

    found = read(folder, forgiving=True)
    return Shown(terminal.summary_boards(found), found.report(), found.damaged)


def evaluate(
    samples: Samples | Sequence[Samples],
    dataset: str,
    *,
    results: str | Path | None = None,
    label: str = "samples",
    count: int | None = None,
    z_dim: int | tuple[int, ...] | None = None,
    span: tuple[float, float] | None = None,
    given: str = "",
    device: Device = "auto",
    skip_corrupt: bool = False,
    allow_plugins: bool = False,
    say: Callable[[str], None] = lambda said: None,
) -> DataFrame:
    """Judge samples from elsewhere as a run's own are -> their scores, a row per seed and metric: SCORE_COLUMNS.

    `samples` are a folder of images, a .npy or .npz file, a run's folder or "module:callable"; or an array or tensor:
    points (n, 2), or images (n, [c,] h, w [, c]) as bytes or floats in [-1, 1]; or a callable that is given a number
    and returns so many; or an `nn.Module` that turns latents (n, *z_dim), standard normal, into samples. It is called
    in eval mode, and left as it was. A list of these are the seeds of one row.

    `dataset` is what they imitate: a dataset's name, or its label in `results`, a suite's folder, where they then stand
    on the board under `label`. `count` is the number of samples, by default as in the results, or 10,000. `span` is
    what black and white are, where the pixels leave it open: (0, 1). `given` is what their maker got beside samples to
    learn from, such as "labels" or "real images", which boards set apart. `say` hears what a folder was found to hold,
    and what is written where. Samples that are judged again under a label replace its row.

    Raises BadResults if they are no samples of that dataset, or if a trained row has the label; UnknownName;
    DataMissing.
    """
    from ganbench.runs import external
    from ganbench.runs.sources import Range

    folder, here = Path(results) if results else None, choose_device(device)
    like = external.spec_from_results(folder, dataset, allow_plugins) if folder else external.spec_for(dataset, count)
    if folder:
        external.refuse_taken(folder, label)
    several = samples if isinstance(samples, list | tuple) else [samples]
    sources = [_source(one, z_dim, like, here) for one in several]
    like = replace(like, samples=count or like.samples)
    known = Range(*span) if span else None
    judged = external.judge_external(sources, label, like, here, skip_corrupt, allow_plugins, known, given)
    if found := judged[0].work.dataset.found():
        say(found)
    counts = ", ".join(f"{one.spec.samples:,}" for one in judged)
    if missing := [name for name in like.metrics if any(name not in one.spec.metrics for one in judged)]:
        say(f"Too few samples for {', '.join(missing)}, which are left out.")
    if folder:
        written = external.add_to_results(folder, judged)
        page = read(folder, forgiving=True).report()
        say(f"Written: the row {label!r} on {dataset}, {counts} samples, in {written}, and {page}")
    else:
        say(f"Judged {counts} samples; nothing is written. With a suite's results they stand on its board.")
    return external.score_table(judged)


def _source(samples: Any, z_dim: int | tuple[int, ...] | None, like: "RunSpec", device: "torch.device") -> "Source":
    """Samples in memory as something that is asked for them."""
    from torch import nn

    from ganbench.runs import sampling
    from ganbench.variant import Variant

    if isinstance(samples, str | Path):
        return str(samples)
    if isinstance(samples, Variant):
        sampler = sampling.Sampler(samples.to(device), like.build_dataset(), device)
        return lambda n: sampler.samples("test", n, seed=0)
    if not isinstance(samples, nn.Module):
        return samples if callable(samples) else lambda n: samples
    size = getattr(samples, "z_dim", None) if z_dim is None else z_dim
    if not isinstance(size, int | tuple):
        raise BadResults(
            f"Found a module {type(samples).__name__}, but not what latents it takes. Say it: z_dim=100, or "
            "z_dim=(100, 1, 1) of latents (n, 100, 1, 1)."
        )
    return sampling.asked_module(samples, (size,) if isinstance(size, int) else size)


def _as_command(suite: str | Path, options: dict[str, Any]) -> str:
    """What one would type for the same: messages name it as what to run again."""
    words = ["ganbench", "run", str(suite)]
    usual = {
        "only": "*", "results": "results", "device": "auto", "executor": "local", "scale": 1.0, "retry": False,
        "until-decided": False,
    }  # fmt: skip
    for name, value in options.items():
        if isinstance(value, list | tuple):
            words += [word for one in value for word in (f"--{name}", str(one))]
        elif value is not None and value != usual.get(name):
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return shlex.join(words)
