"""The command line: parses, calls, prints. Results go to stdout, talk goes to stderr.

Nothing here imports torch before a command needs it, so that `--help` and `list` answer at once.
"""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ganbench import __version__
from ganbench.errors import BadResults, BenchError

DONE, REGRESSION, USER_ERROR, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    help="Train GANs under one budget, judge them alike, and see whether the difference is real.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Where datasets lie, and how to get them.", no_args_is_help=True)
judge_app = typer.Typer(help="Train the judges that come with ganbench.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(judge_app, name="judge")
# Talk is not wrapped: a path that is broken in two is no use. `:x:` in a name is no emoji.
out, err = Console(emoji=False), Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Format(StrEnum):
    html = "html"
    csv = "csv"
    md = "md"
    latex = "latex"


class Checkpoint(StrEnum):
    selected = "selected"
    last = "last"


class Kind(StrEnum):
    variants = "variants"
    datasets = "datasets"
    judges = "judges"
    metrics = "metrics"
    losses = "losses"
    penalties = "penalties"
    remedies = "remedies"
    suites = "suites"


DataDir = Annotated[Path | None, typer.Option(help="The folder that holds MNIST/raw; also $GANBENCH_DATA.")]
ResultsArgument = Annotated[Path, typer.Argument(help="<results>/<suite>, or <results> if it holds a single suite.")]


def main() -> None:
    """Run the command line; what the user can mend is a message and exit code 2."""
    try:
        app(prog_name="ganbench")
    except BenchError as error:
        err.print(f"[red]Error:[/red] {escape(str(error))}")
        sys.exit(USER_ERROR)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    pass


@app.command()
def run(
    suite: Annotated[Path, typer.Argument(help="A TOML file, or the name of a suite that comes with ganbench.")],
    results: Annotated[Path, typer.Option(help="Where results go.")] = Path("results"),
    device: Annotated[Device, typer.Option(help="auto: CUDA where there is one.")] = Device.auto,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; default: one per core or GPU.")] = None,
    only: Annotated[str, typer.Option(metavar="GLOB", help="Only runs like 'gan*', '*/ring8', 'gan/ring8/0'.")] = "*",
    scale: Annotated[float, typer.Option(min=1e-6, help="Multiply every budget; the results say so.")] = 1.0,
    retry: Annotated[bool, typer.Option(help="Also do again what did not end well.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would be run and how long it would take.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Train and judge everything a suite names; run again, it does only what is missing."""
    from ganbench import driver
    from ganbench.store import read
    from ganbench.suite import load
    from reports import page, terminal

    _use_data_dir(data_dir)
    plan = driver.plan(
        load(suite, scale), results, device, workers, only, retry, shlex.join(["ganbench", *sys.argv[1:]])
    )
    if dry_run or (plan.suite.meant_for == "cuda" and plan.device == "cpu"):
        driver.announce(plan, err)
    if dry_run:
        return
    try:
        failed = plan.failed + driver.carry_out(plan, err)
    except KeyboardInterrupt:
        err.print("\nStopped. What is finished is kept; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    found = read(plan.store.path)
    report_file = plan.store.path / "report.html"
    with _writing(report_file):
        page.write(found, report_file, "html")
    out.print(terminal.board(found))
    err.print(f"The whole report: {report_file}")
    if failed:
        err.print(f"{failed} run(s) failed; the report says why, and --retry does them again.")
        raise typer.Exit(SOME_FAILED)


@app.command()
def report(
    results: ResultsArgument,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Default: stdout; for html, report.html in the results.")
    ] = None,
    format: Annotated[Format, typer.Option(help="csv is tidy: one row per score.")] = Format.html,
) -> None:
    """Write the report of a suite's results: a page that travels as one file, or tables."""
    from ganbench.store import read
    from reports import page

    found = read(results)
    if out_file is None and format is not Format.html:
        sys.stdout.write(page.text(found, format.value))
        return
    out_file = out_file or found.path / "report.html"
    with _writing(out_file):
        page.write(found, out_file, format.value)
    err.print(f"Written: {out_file}")


@app.command("list")
def list_(
    kind: Annotated[Kind, typer.Argument()],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what is installed, a line each."""
    from ganbench.describe import catalogue

    found = catalogue(kind.value)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, summary in found.items():
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(summary))
    out.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Of a variant, dataset, judge, metric, loss, penalty or remedy.")],
) -> None:
    """Show what something is, from its own file: paper, mechanisms, options and their defaults."""
    from ganbench.describe import find, reflowed

    for kind, found in find(name):
        out.print(f"[bold]{escape(found.name)}[/bold] [dim]({kind})[/dim]\n", highlight=False)
        out.print(escape(reflowed(found.text)) + "\n", highlight=False)
        if found.options:
            table = Table("option", "type", "default", "meaning", box=None, pad_edge=False)
            for option in found.options:
                table.add_row(*(escape(part) for part in (option.name, option.type, option.default, option.comment)))
            out.print(table)
            out.print()


@app.command()
def sample(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="<results>/<suite>/<run id>")],
    out_path: Annotated[Path, typer.Option("--out", help="A folder for single images, or FILE.npz, or FILE.png.")],
    count: Annotated[int, typer.Option(min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Of the latents.")] = 0,
    label: Annotated[int | None, typer.Option(help="Ask for one class.")] = None,
    checkpoint: Annotated[Checkpoint, typer.Option()] = Checkpoint.selected,
    device: Annotated[Device, typer.Option()] = Device.auto,
    data_dir: DataDir = None,
) -> None:
    """Draw samples from a run's saved weights."""
    from ganbench.driver import choose_device
    from ganbench.sampling import sample_run, write_samples

    _use_data_dir(data_dir)
    drawn = sample_run(run_folder, checkpoint.value, count, seed, label, choose_device(device))
    with _writing(out_path):
        write_samples(drawn, out_path)
    err.print(f"Written: {out_path}")


@app.command()
def doctor() -> None:
    """Say what works here, and what to do about the rest."""
    from ganbench.doctor import findings

    table = Table(box=None, show_header=False, pad_edge=False)
    for good, what, remark in findings():
        table.add_row("[green]ok[/green]" if good else "[yellow]--[/yellow]", escape(what), escape(remark))
    out.print(table)


@data_app.command("where")
def data_where(data_dir: DataDir = None) -> None:
    """List the folders where datasets are looked for, and what each holds."""
    from ganbench.data.mnist import data_roots, holds_mnist

    for root in data_roots(data_dir):
        out.print(f"{root}: {'MNIST' if holds_mnist(root) else 'nothing'}", highlight=False, soft_wrap=True)


@data_app.command("fetch")
def data_fetch(dataset: Annotated[str, typer.Argument()] = "mnist") -> None:
    """Download a dataset into the user cache, checked against its checksums."""
    from ganbench.data.mnist import fetch_mnist
    from ganbench.errors import UnknownName

    if dataset != "mnist":
        raise UnknownName("datasets to download", dataset, ["mnist"])
    err.print(f"MNIST is in {fetch_mnist()}")


@data_app.command("import")
def data_import(folder: Annotated[Path, typer.Argument(help="Holds the four IDX files, plain or gzipped.")]) -> None:
    """Copy MNIST's files, once you have them, into the user cache."""
    from ganbench.data.mnist import import_mnist

    err.print(f"MNIST is in {import_mnist(folder)}")


@judge_app.command("train")
def judge_train(
    judge: Annotated[str, typer.Argument(help="Only `mnist` so far.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Weights, reference features and model card go here.")],
    seed: int = 0,
    data_dir: DataDir = None,
) -> None:
    """Train a judge from nothing, as the shipped one was."""
    from ganbench.errors import UnknownName
    from ganbench.judges import mnist_training

    if judge != "mnist":
        raise UnknownName("judges to train", judge, ["mnist"])
    _use_data_dir(data_dir)
    mnist_training.train(out=out_dir, seed=seed, progress=err.print)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadResults(f"{path} cannot be written: {error.strerror}. Choose another place with --out.") from error


def _use_data_dir(data_dir: Path | None) -> None:
    # Through the environment, because workers must see it too.
    if data_dir is not None:
        os.environ["GANBENCH_DATA"] = str(data_dir.resolve())
