"""The driver: which runs are missing, and who does them.

It lives as long as all runs together, and so imports no torch: what needs it is asked of other processes.
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import cast

from rich.console import Console

from ganbench import plugins
from ganbench.errors import BadSuite
from ganbench.executors import Executor
from ganbench.executors.apart import apart
from ganbench.executors.devices import device_type
from ganbench.plugins.spec import PluginSpec, as_written, build
from ganbench.runs.spec import RunSpec
from ganbench.store.drivers import Driver
from ganbench.store.folder import Store
from ganbench.suite import OnFailure
from ganbench.suite.chosen import resolved
from ganbench.suite.plan import Plan, Suite
from ganbench.suite.progress import SuiteProgress, progress_file
from ganbench.suite.publishing import Reports, published
from ganbench.suite.sharding import Shard
from ganbench.suite.sharing import Share
from ganbench.suite.terminal import display
from ganbench.suite.tracking import Tracking


def loaded(
    suite: Path,
    scale: float,
    until_decided: bool,
    settings: Sequence[str],
    results: Path,
    together: bool,
    say: Callable[[str], None],
) -> Suite:
    """A checked suite, as far as its `results` say what a search has chosen; `together` as in `resolved`."""
    return apart(_loaded, suite, scale, until_decided, settings, results, together, hear=say)


def _loaded(
    suite: Path, scale: float, until_decided: bool, settings: Sequence[str], results: Path, together: bool,
    say: Callable[[str], None],
) -> Suite:  # fmt: skip
    from ganbench.suite.loading import load

    found = load(suite, scale, say, until_decided, settings)
    return resolved(found, results / found.name, together)


def plan(
    suite: Suite,
    results: Path,
    executor: Executor,
    only: str,
    retry: bool,
    command: str,
    on_failure: OnFailure | None = None,
    shard: Shard | None = None,
) -> Plan:
    """Find what is missing; writes nothing. Raises BadResults, or BadSuite if `only` and `shard` fit nothing.

    A suite that adds seeds has no parts: whether a row gets more follows from the scores of all.
    """
    store = Store(results, suite.name)
    suite = suite.asking_for(lambda run: store.status(run.id) is not None)  # what later looks did stays in the results
    searched = tuple(run for run in suite.searched if _fits(run, only))
    suite, rows = replace(suite, searched=searched), {(run.label, run.dataset_label) for run in searched}
    chosen = [
        run
        for run in (shard.of(suite.runs) if shard else suite.runs)
        if _fits(run, only) or (run.label, run.dataset_label) in rows
    ]
    if not chosen:
        if shard and any(_fits(run, only) for run in suite.runs):
            raise BadSuite(f"--shard {shard} is an empty part of {len(suite.runs)} runs. Make fewer parts.")
        names = sorted({f"{run.label}/{run.dataset_label}" for run in suite.runs})
        raise BadSuite(f"--only {only!r} fits none of the runs: {', '.join(names)}, each with its /seed.")
    ended = {run.id: store.status(run.id) for run in chosen}
    failed = [run for run in chosen if ended[run.id] not in (None, "done")]
    to_do = tuple(run for run in chosen if ended[run.id] is None or (retry and run in failed))
    return Plan(
        suite, store, executor, to_do, 0 if retry else len(failed), command, on_failure or suite.on_failure,
        len(chosen), only=only, shard=shard,
    )  # fmt: skip


def after_search(before: Plan, console: Console) -> Plan:
    """What follows a search: the runs of the board, as far as it is known which options they have."""
    together = before.shard is not None
    suite = apart(resolved, before.suite, before.store.path, together, hear=console.print)
    if suite.searched:
        console.print(
            f"{len(suite.searched)} runs of the board wait for trials that are missing, or elsewhere. When all have "
            "ended the same command goes on; parts are joined first, by `ganbench merge`."
        )
    results = before.store.path.parent
    found = plan(suite, results, before.executor, before.only, False, before.command, before.on_failure, before.shard)
    return replace(found, failed=0, join=before.join, trackers=before.trackers)


def choose_executor(
    name: str, device: str, workers: int | None = None, options: Mapping[str, str] | None = None
) -> Executor:
    """The executor of that name with its options, on a device that is there.

    Raises UnknownName, NoDevice, or BadSuite if an option does not fit.
    """
    plugin = plugins.load("executors", name)
    spec = PluginSpec(name, as_written(plugin, options or {}))
    executor: Executor = build("executors", spec, device if plugin.elsewhere else apart(device_type, device), workers)
    return executor


def carry_out(plan: Plan, console: Console) -> int:
    """Do what is planned, publishing each record as it is finished; returns how many runs failed.

    Raises BadResults if the store cannot be written, or if another driver is at work in it that is not to be joined.
    """
    with plan.store.claim(plan.join) as us:
        entries = [_entry(run, plan.suite) for run in plan.suite.runs]
        plan.store.open(plan.suite.text, entries, plan.command, _commit(), plan.suite.published)
        return _carry_out(plan, us, console)


def _carry_out(plan: Plan, us: Driver, console: Console) -> int:
    to_do, progress = {run.id for run in plan.runs}, SuiteProgress(len(plan.runs))
    ended = [run.id for run in plan.suite.runs if run.id not in to_do and plan.store.status(run.id)]
    reports = _reports(plan, Share(plan.runs, plan.store, us, progress))
    with (
        closing(Tracking(dict(plan.trackers), plan.store.path, console)) as tracking,
        closing(reports),
        progress_file(progress, us.file) as note,
        display(progress, plan.store.path, ended, console) as show,
    ):
        for report in reports:
            progress.update(report)
            note()
            tracking.hear(report)
            with suppress(OSError):  # a log that cannot be written
                show(report)
    if plan.on_failure == "stop" and progress.failed and progress.ended < progress.total:
        console.print("Stopped at the first failure, as on_failure says. The same command goes on from here.")
    if progress.elsewhere:
        console.print(f"{progress.elsewhere} runs are other drivers' affair; `ganbench status` says how far they are.")
    return len(progress.failed)


def _reports(plan: Plan, share: Share) -> Reports:
    for jobs in share.rounds():
        yield from cast(Reports, published(plan.executor, jobs, plan.store, plan.on_failure))


def _fits(run: RunSpec, only: str) -> bool:
    names = (run.label, f"{run.label}/{run.dataset_label}", f"{run.label}/{run.dataset_label}/{run.seed}", run.id)
    return any(fnmatch(name, only) for name in names)


def _entry(run: RunSpec, suite: Suite) -> dict[str, object]:
    more = {"scale": run.scale, "primary": run.primary, **run.about_look, **run.about_search}
    return {**asdict(run.identity), **more, **suite.kinds[run.label]}


def _commit() -> str:
    """The commit of the working folder; empty where there is none."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()
    return ""
