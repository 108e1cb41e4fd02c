"""Doing runs, joining them, and what they trained put to use: `run`, `merge`, `sample` and `export`."""

from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.markup import escape

from ganbench.cli.console import (
    INTERRUPTED,
    SOME_FAILED,
    command_line,
    err,
    out,
    say_what_is_left_out,
    signals_as_ctrl_c,
    writing,
)
from ganbench.cli.options import (
    AllowPlugins,
    DataDir,
    FinalCheckpoint,
    RunArgument,
    executor_options,
    use_data_dir,
)
from ganbench.executors.devices import Device, choose_device
from ganbench.suite import OnFailure


@signals_as_ctrl_c()
def run(
    suite: Annotated[Path, typer.Argument(help="A TOML file, or the name of a suite that comes with ganbench.")],
    results: Annotated[Path, typer.Option(help="Where results go.")] = Path("results"),
    device: Annotated[
        Device, typer.Option(help="auto: CUDA where there is one. mps and xpu train eagerly and are not measured.")
    ] = "auto",
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; default: one per core or GPU.")] = None,
    executor: Annotated[str, typer.Option(help="Who does the runs; see `ganbench list executors`.")] = "local",
    executor_option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="See `ganbench show` EXECUTOR. Several times.")
    ] = None,
    address: Annotated[str | None, typer.Option(help="The cluster's, as an option of the executor.")] = None,
    checkpoints: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the executor keeps states of runs: a folder, s3://, gs://.")
    ] = None,
    only: Annotated[str, typer.Option(metavar="GLOB", help="Only runs like 'gan*', '*/ring8', 'gan/ring8/0'.")] = "*",
    shard: Annotated[
        str | None, typer.Option(metavar="K/N", help="Only the K-th of N parts; `ganbench merge` joins them.")
    ] = None,
    join: Annotated[
        bool, typer.Option("--join", help="Share the runs with others at work in the same folder.")
    ] = False,
    until_decided: Annotated[
        bool,
        typer.Option("--until-decided", help="Add seeds, up to three times the suite's, where nobody surely leads."),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Of the suite: seeds=5, dataset.path=~/faces, name=faces."),
    ] = None,
    scale: Annotated[float, typer.Option(min=1e-6, help="Shorten all runs and judgements; the results say so.")] = 1.0,
    retry: Annotated[bool, typer.Option("--retry", help="Also do again what did not end well.")] = False,
    on_failure: Annotated[
        OnFailure | None,
        typer.Option(
            help="retry: what was killed is tried once more; stop: at the first failure. Default: the suite's."
        ),
    ] = None,
    silence: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Minutes after which a run without a word is ended; 0: never. Default: 30, at a terminal 0.",
        ),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(metavar="TRACKER", help="Show runs there too: tensorboard, mlflow, wandb. Several times."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be run and how long it would take.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each pair's time, estimated and taken.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Train and judge everything a suite names; run again, it does only what is missing."""
    from ganbench.executors.apart import apart, warm_up

    use_data_dir(data_dir)
    warm_up()  # while this process imports the rest

    from ganbench import interface
    from ganbench.suite import timing

    with err.status(f"Reading {escape(suite.stem)}", spinner="line"):  # and trying all that it names
        plan = interface.planned(
            suite, results=results, device=device, workers=workers, executor=executor, only=only, scale=scale,
            retry=retry, until_decided=until_decided, on_failure=on_failure,
            silence=(0 if err.is_terminal else interface.SILENCE) if silence is None else silence,
            shard=shard, join=join, settings=settings or (), track=track or (),
            options=executor_options(executor_option or [], address=address, checkpoints=checkpoints),
            command=command_line(), say=lambda found: err.print(escape(found), highlight=False),
        )  # fmt: skip
    elsewhere = plan.suite.meant_for == "cuda" and plan.executor.device == "cpu"
    if elsewhere:
        err.print(f"{escape(suite.stem)} is meant for CUDA, and this is a CPU: first an estimate of its time here.")
    tried = timing.forecast(plan, err) if dry_run or plan.suite.meant_for == "cuda" else None
    if tried:
        timing.announce(plan, tried, err)
    if dry_run:
        if plan.suite.searched:
            err.print(f"{len(plan.suite.searched)} more runs follow, with the options that the search chooses.")
        if plan.suite.later:
            err.print(f"At most {len(plan.suite.later)} more runs follow, for rows that can still lead then.")
        if as_json:
            out.print_json(data=timing.as_json(plan, tried, None))
        return
    if done := plan.asked - len(plan.runs):
        err.print(f"{done:,} of {plan.asked:,} already done.")
    started = monotonic()
    try:
        failed, plan = interface.carried_out(plan, err)
    except KeyboardInterrupt:
        err.print("\nStopped. What is finished is kept; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    took_s = monotonic() - started
    with writing(plan.store.path / "report.html"):
        shown = apart(interface.shown, plan.store.path)
    if as_json:
        out.print_json(data=timing.as_json(plan, tried, took_s))
    else:
        out.print(shown.boards)
    if plan.runs:
        timing.say_outcome(plan, tried, took_s, err)
    err.print(f"The whole report: {shown.page}")
    say_what_is_left_out(shown.damaged)
    if failed:
        err.print(f"{failed} run(s) failed; the report says why, and --retry does them again.")
        raise typer.Exit(SOME_FAILED)


def merge(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Of one suite, as `report` takes them.")],
    out_path: Annotated[Path, typer.Option("--out", help="A folder for results, as of `run --results`.")],
) -> None:
    """Join the results of one suite from several machines, if they can be compared."""
    from ganbench.store.merge import merge as joined

    found = joined(results, out_path, command_line())
    missing = f"; {found.missing} are missing, and `ganbench run` with --results {out_path} does them"
    err.print(f"Joined {found.runs} runs in {escape(str(found.path))}{escape(missing) if found.missing else ''}.")


def sample(
    run_name: RunArgument,
    out_path: Annotated[Path, typer.Option("--out", help="A folder for single images, or FILE.npz, or FILE.png.")],
    count: Annotated[int, typer.Option(min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Of the latents.")] = 0,
    label: Annotated[int | None, typer.Option(help="Ask for one class.")] = None,
    checkpoint: Annotated[FinalCheckpoint, typer.Option()] = "selected",
    allow_plugins: AllowPlugins = False,
    device: Annotated[Device, typer.Option()] = "auto",
    results: Annotated[Path, typer.Option(help="Where a run's name is looked for.")] = Path("results"),
    data_dir: DataDir = None,
) -> None:
    """Draw samples from a run's saved weights."""
    from ganbench.runs.sampling import sample_run, write_samples
    from ganbench.store.naming import find_run

    use_data_dir(data_dir)
    folder = find_run(run_name, results)
    drawn = sample_run(folder, checkpoint, count, seed, label, choose_device(device), allow_plugins)
    with writing(out_path):
        write_samples(drawn, out_path)
    err.print(f"Written: {out_path}")


def export(
    run_name: RunArgument,
    to: Annotated[Path, typer.Option(help="A new folder.")],
    checkpoint: Annotated[FinalCheckpoint, typer.Option()] = "selected",
    allow_plugins: AllowPlugins = False,
    results: Annotated[Path, typer.Option(help="Where a run's name is looked for.")] = Path("results"),
    data_dir: DataDir = None,
) -> None:
    """Write a run's generator as a model of the Hugging Face Hub, and as ONNX; `sample` and `evaluate` read it back."""
    from ganbench.runs.export import export_run
    from ganbench.store.naming import find_run

    use_data_dir(data_dir)
    folder = find_run(run_name, results)
    with writing(to):
        written = export_run(folder, to, checkpoint, allow_plugins)
    err.print(f"Written: {', '.join(str(written.folder / name) for name in written.files)}")
    err.print(f"ONNX: {written.onnx}")
