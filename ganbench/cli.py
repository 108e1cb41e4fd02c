"""The command line: parses, calls, prints. Results go to stdout, talk goes to stderr.

Nothing here imports torch before a command needs it, so that `--help` and `list` answer at once.
"""

import json
import os
import shlex
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

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
    json = "json"
    png = "png"


class Printed(StrEnum):
    text = "text"
    md = "md"
    json = "json"


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


DataDir = Annotated[
    Path | None, typer.Option(help="The folder that holds MNIST/raw and the like; also $GANBENCH_DATA.")
]
ResultsArgument = Annotated[Path, typer.Argument(help="<results>/<suite>, or <results> if it holds a single suite.")]


def main() -> None:
    """Run the command line; what the user can mend is a message and exit code 2."""
    # Threads that wait by spinning take the processors from all others: on a busy machine a run is 2 to 4 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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
    out_path: Annotated[
        Path | None,
        typer.Option("--out", help="Default: stdout; for html, report.html in the results. A folder becomes a site."),
    ] = None,
    format: Annotated[
        Format, typer.Option(help="csv: one row per score; json: all frames; png: a picture of the boards.")
    ] = Format.html,
    served: Annotated[
        bool, typer.Option("--serve", help="Show the page on localhost, up to date while a suite runs.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve; 0: any that is free.")] = 8000,
) -> None:
    """Write the report of a suite's results: a page that travels as one file, a site, tables, or a picture."""
    from ganbench.store import read
    from reports import page, site

    if served:
        if out_path or format is not Format.html:
            raise BenchError("Found --serve with --out or --format, but what is served is the page. Leave them out.")
        _serve(results, port)
        return
    found = read(results)
    if out_path is None and format is not Format.html:
        if format is Format.png and sys.stdout.isatty():
            raise BenchError("A picture is nothing for a terminal. Name a file: --out board.png")
        _print(page.report(found, format.value))
        return
    out_path = out_path or found.path / "report.html"
    folder = out_path.is_dir() or (format is Format.html and not out_path.suffix)
    if folder and format is not Format.html:
        raise BenchError(
            f"{out_path} is a folder, but {format.value} is one file: --out {out_path / 'report'}.{format.value}"
        )
    with _writing(out_path):
        written = site.write(found, out_path) if folder else page.write(found, out_path, format.value)
    err.print(f"Written: {written}")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Results, as `report` takes them.")],
    b: Annotated[Path | None, typer.Argument(metavar="B", help="The results to hold against A; default: A.")] = None,
    variants: Annotated[
        tuple[str, str] | None, typer.Option(help="A row of A and a row of B; default: each row with its namesake.")
    ] = None,
    checkpoint: Annotated[Checkpoint, typer.Option()] = Checkpoint.last,
    metric: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(min=0, max=10, help="Differences below this share of A's mean are none: 0.05.")
    ] = None,
    format: Annotated[Printed, typer.Option()] = Printed.text,
) -> None:
    """Is B better than A? Differences with intervals, verdicts, and the seeds that would decide."""
    from ganbench import comparing
    from ganbench.store import read
    from reports import comparison

    if b is None and (variants is None or variants[0] == variants[1]):
        raise BenchError("Found one row of one results, but a comparison needs two. Name B, or two --variants of A.")
    before = read(a)
    after = before if b is None else read(b)
    found = comparing.compare(before, after, variants, checkpoint.value, metric or [], tolerance)
    if format is Printed.text:
        out.print(comparison.terminal(found), crop=False)
    else:
        sys.stdout.write(comparison.to_markdown(found) if format is Printed.md else comparing.to_json(found))


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
def evaluate(
    samples: Annotated[
        list[str],
        typer.Argument(
            help="A folder of images, a .npy or .npz file, a run's folder or module:callable. Several are seeds."
        ),
    ],
    dataset: Annotated[str, typer.Option(help="What they imitate: a dataset, or its label in --results.")],
    results: Annotated[
        Path | None, typer.Option(help="A suite's results, <results>/<suite>: judged as there, and set on its board.")
    ] = None,
    label: Annotated[str, typer.Option(help="Name of the row.")] = "samples",
    count: Annotated[int | None, typer.Option(min=1, help="Samples; default: as in the results, or 10,000.")] = None,
    skip_corrupt: Annotated[bool, typer.Option("--skip-corrupt", help="Leave out images that cannot be read.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Tidy: one row per score.")] = False,
    device: Annotated[Device, typer.Option()] = Device.auto,
    data_dir: DataDir = None,
) -> None:
    """Judge samples from elsewhere as a run's own are, and set them on its board."""
    from dataclasses import replace

    from ganbench import guests
    from ganbench.driver import choose_device
    from ganbench.store import read
    from reports import page, terminal

    _use_data_dir(data_dir)
    like = guests.as_in(results, dataset) if results else guests.alone(dataset, count)
    judged = guests.judge_guests(
        samples, label, replace(like, samples=count or like.samples), choose_device(device), skip_corrupt
    )
    if results:
        guests.publish(results, judged)
        page.write(read(results), results / "report.html", "html")
    scores = guests.table(judged)
    if as_csv:
        sys.stdout.write(scores.to_csv(index=False))
    else:
        out.print(terminal.scores(scores))


@app.command()
def audit(
    judge: Annotated[str, typer.Argument(help="By which judge metrics look at the data.")],
    dataset: Annotated[str | None, typer.Option(help="Whose real data are disturbed; default: the judge's.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="In each disturbed set.")] = 2_000,
    against: Annotated[str | None, typer.Option(help="A second judge: how far do the two agree?")] = None,
    results: Annotated[
        Path | None, typer.Option(help="With --against: a suite's results; do they agree on its runs?")
    ] = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="audit.csv, audit.json and audit.html go here.")] = None,
    cards: Annotated[Path | None, typer.Option(help="JUDGE-audit.md goes here, which ships with the judge.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Disturb real data in known ways, and see which metric sees which disturbance."""
    from ganbench import audit as audits
    from ganbench.store import read
    from reports import audit as shown

    _use_data_dir(data_dir)
    judges = [judge, *([against] if against else [])]
    if results and not against:
        raise BenchError("Found --results without --against, but agreement is between two judges. Name the second.")
    runs = read(results) if results else None  # before the hard work, just in case it fails
    found = audits.audit(judges, audits.choose_dataset(judge, dataset), samples, err.print)
    if runs:
        found = audits.add_runs(found, runs, err.print)
    out.print(shown.terminal(found))
    if out_dir:
        with _writing(out_dir):
            audits.write(found, out_dir)
            shown.write_page(found, out_dir / "audit.html")
        err.print(f"Written: {out_dir}")
    if cards:
        with _writing(cards):
            written = shown.write_cards(found, cards)
        err.print(f"Written: {', '.join(map(str, written))}")


@app.command()
def baseline(
    results: ResultsArgument,
    out_file: Annotated[Path, typer.Option("--out", help="A file for git, as baselines/quick.json.")],
    reason: Annotated[str, typer.Option(help="Why these results are good, kept in the file.")] = "first baseline",
) -> None:
    """Write down what a suite's results are, for later ones to be held against."""
    from ganbench import baseline as baselines
    from ganbench.store import read

    if out_file.exists():
        raise BadResults(
            f"{out_file} exists. To accept new results in its place and keep its history: "
            f"ganbench check {results} --baseline {out_file} --update --reason WHY"
        )
    found = baselines.accepted(baselines.measure(read(results)), reason)
    with _writing(out_file):
        baselines.write(found, out_file)
    err.print(f"Written: {out_file}")


@app.command()
def check(
    results: ResultsArgument,
    baseline_file: Annotated[Path, typer.Option("--baseline", help="As `ganbench baseline` wrote it.")],
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[METRIC=]SHARE", help="Smaller changes are none: 0.1, or fid=0.15. Default: the suite's."
        ),
    ] = None,
    error: Annotated[
        float | None,
        typer.Option(min=1e-6, max=0.5, help="Of boards on which nothing changed, the share that may raise an alarm."),
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="For a comment on a pull request; - is stdout.")] = None,
    junit: Annotated[Path | None, typer.Option(help="XML for CI systems.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Annotations for GitHub Actions.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Accept these results as the baseline; say why.")] = False,
    reason: Annotated[str, typer.Option(help="With --update: why, kept in the file.")] = "",
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Make a copy of the results worse: does this gate see it?")
    ] = False,
) -> None:
    """Hold results against a baseline. 0: no regression, 1: a regression, 2: something was not measured again."""
    from ganbench import baseline as baselines
    from ganbench import regression, selftest
    from ganbench.store import read
    from reports import gate as shown

    found, before = read(results), baselines.read(baseline_file)
    now = baselines.measure(found)
    gate = regression.Gate.of_results(found.path).changed(error, dict(map(_tolerance, tolerance or [])))
    if self_test:
        trials = selftest.self_test(now, before, gate)
        out.print(shown.trials(trials))
        raise typer.Exit(DONE if selftest.proven(trials) else REGRESSION)
    checked = regression.check(now, before, gate)
    for file, text in ((markdown, shown.markdown), (junit, shown.junit)):
        if file and str(file) != "-":
            with _writing(file):
                file.write_text(text(checked), encoding="utf-8")
    if markdown and str(markdown) == "-":
        sys.stdout.write(shown.markdown(checked))
    else:
        out.print(shown.terminal(checked))
    if github:
        print(*shown.annotations(checked), sep="\n")
    if update:
        _accept(baseline_file, now, before, checked, reason)
        return
    raise typer.Exit(checked.exit_code)


@app.command()
def history(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Of one suite at several commits; baselines will do too.")
    ],
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="history.csv, history.json and history.html go here.")
    ] = None,
) -> None:
    """Follow a suite's scores over many commits: lines with intervals, and where they step."""
    from ganbench import history as histories
    from reports import history as shown

    found = histories.read(results)
    out.print(shown.terminal(found))
    if out_dir:
        with _writing(out_dir):
            histories.write(found, out_dir)
            shown.write_page(found, out_dir / "history.html")
        err.print(f"Written: {out_dir}")


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
    from ganbench.data.files import data_roots, published

    known = dict.fromkeys(published().values())
    for root in data_roots(data_dir):
        held = [files.title for files in known if files.held_by(root)]
        out.print(f"{root}: {', '.join(held) or 'nothing'}", highlight=False, soft_wrap=True)


@data_app.command("fetch")
def data_fetch(dataset: Annotated[str, typer.Argument(help="mnist, fashion_mnist or cifar10.")] = "mnist") -> None:
    """Download a dataset into the user cache, checked against its checksums."""
    from ganbench.data.files import published
    from ganbench.errors import UnknownName

    known = published()
    if dataset not in known:
        raise UnknownName("datasets to download", dataset, known)
    err.print(f"{known[dataset].title} is in {known[dataset].fetch()}")


@data_app.command("import")
def data_import(folder: Annotated[Path, typer.Argument(help="Holds the four IDX files, plain or gzipped.")]) -> None:
    """Copy MNIST's files, once you have them, into the user cache."""
    from ganbench.data.mnist import import_mnist

    err.print(f"MNIST is in {import_mnist(folder)}")


@judge_app.command("train")
def judge_train(
    name: Annotated[
        str, typer.Argument(metavar="DATASET", help="A dataset of labelled images; or a judge of digits: mnist.")
    ],
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Default: the user's cache, where `trained` looks; of `mnist`, ./mnist-judge."),
    ] = None,
    seed: int = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Default: 12.")] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Maps at full size; default: 16.")] = None,
    flips: Annotated[bool, typer.Option("--flips", help="Mirror half of the images: not for digits.")] = False,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the dataset, as a suite writes it: size=16.")
    ] = None,
    device: Annotated[Device | None, typer.Option(help="Default: CUDA where there is one.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Train a judge, and write its weights and its card: how good it is, and what it cannot see."""
    from ganbench.driver import choose_device
    from ganbench.judges.training import train_by_name

    _use_data_dir(data_dir)
    asked = {
        "out": out_dir, "seed": seed, "epochs": epochs, "width": width, "flips": flips or None,
        "options": dict(map(_option, option or [])) or None, "device": device and choose_device(device),
    }  # fmt: skip
    given = {key: value for key, value in asked.items() if value is not None}
    with _writing(out_dir or Path("The judge")):
        train_by_name(name, given, shlex.join(["ganbench", *sys.argv[1:]]), lambda said: err.print(escape(said)))


def _option(text: str) -> tuple[str, Any]:
    """`size=16` -> its name and value, as TOML has it; a word needs no quotes."""
    name, equals, value = text.partition("=")
    if not equals:
        raise BenchError(f"Found --option {text}, but it needs a name and a value: --option size=16.")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()


def _tolerance(text: str) -> tuple[str, float]:
    """`fid=0.15` -> the metric and its tolerance; `0.1` -> the one of all others, under no name."""
    metric, _, share = text.rpartition("=")
    try:
        found = float(share)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise BenchError(f"Found --tolerance {text}, but it needs a share from 0 on: --tolerance 0.1, or fid=0.15.")
    return metric.strip(), found


def _accept(file: Path, now: Any, before: Any, checked: Any, reason: str) -> None:
    """Write a new baseline in an old one's place."""
    from ganbench import baseline as baselines
    from reports import gate as shown

    if not reason.strip():
        raise BenchError("Found --update without --reason. Say why these results are to be the new baseline.")
    worse = [shown.sentence(row) for row in checked.of("regression").itertuples(index=False)]
    worse += [f"{n} row(s) {word}" for word in ("missing", "not comparable") if (n := len(checked.of(word)))]
    with _writing(file):
        baselines.write(baselines.accepted(now, reason, before, worse), file)
    err.print(f"Written: {file}")


def _serve(results: Path, port: int) -> None:
    """Serve the page until Ctrl-C."""
    from functools import partial

    from ganbench import underway
    from reports import serve

    folder = underway.suite_folder(results)
    live = serve.Live(partial(underway.so_far, folder), partial(underway.look, folder), partial(underway.stamp, folder))
    live.page()  # what cannot be read is said here rather than in the browser
    with serve.server(live, port) as server:
        err.print(f"The page: http://localhost:{server.server_port}/  (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            err.print()


def _print(content: bytes) -> None:
    """Write to stdout what may be text or a picture."""
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(content)
    else:  # captured by somebody
        sys.stdout.write(content.decode())


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
