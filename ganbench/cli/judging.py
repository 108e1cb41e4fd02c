"""Judging samples from elsewhere, and the judges themselves: `evaluate`, `audit` and `judge train`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ganbench.cli.console import command_line, err, out, print_json, writing
from ganbench.cli.options import AllowPlugins, DataDir, Json, use_data_dir
from ganbench.errors import BenchError
from ganbench.executors.devices import Device, choose_device


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
    span: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW..HIGH", help="Black and white, where the numbers leave it open: 0..1."),
    ] = None,
    given: Annotated[
        str, typer.Option(help="What their maker got beside samples to learn from: nothing, labels, real images, ...")
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Tidy: one row per score.")] = False,
    as_json: Json = False,
    allow_plugins: AllowPlugins = False,
    device: Annotated[Device, typer.Option()] = "auto",
    data_dir: DataDir = None,
) -> None:
    """Judge samples from elsewhere as a run's own are, and set them on its board."""
    from ganbench import interface
    from ganbench.reports.formats import terminal
    from ganbench.runs.sources import Range
    from ganbench.store import csv
    from ganbench.store.whole import json_rows

    use_data_dir(data_dir)
    scores = interface.evaluate(
        samples, dataset, results=results, label=label, count=count, span=Range.read(span) if span else None,
        given=given, device=device, skip_corrupt=skip_corrupt, allow_plugins=allow_plugins,
        say=lambda found: err.print(escape(found)),
    )  # fmt: skip
    if as_json:
        print_json(json_rows(scores))
    elif as_csv:
        sys.stdout.write(csv.to_csv(scores))
    else:
        out.print(terminal.score_table(scores))


def audit(
    judge: Annotated[str, typer.Argument(help="By which judge metrics look at the data.")] = "",
    dataset: Annotated[str | None, typer.Option(help="Whose real data are disturbed; default: the judge's.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="In each disturbed set.")] = 2_000,
    against: Annotated[str | None, typer.Option(help="A second judge: how far do the two agree?")] = None,
    results: Annotated[
        Path | None, typer.Option(help="With --against: a suite's results; do they agree on its runs?")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="audit.csv, audit.json, audit.html and figures/ go here.")
    ] = None,
    allow_plugins: AllowPlugins = False,
    cards: Annotated[
        Path | None,
        typer.Option(
            help="JUDGE-audit.md, which ships with the judge, goes here; JUDGE-audit-DATASET.md with --dataset."
        ),
    ] = None,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="No judge: published sanity checks of metrics, pass or fail.")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Disturb real data in known ways, and see which metric sees which disturbance."""
    if certificate:
        return _certify(cards, as_json)
    if not judge:
        raise BenchError("Found no judge to audit. Name one, such as mnist, or ask for --certificate of the metrics.")
    from ganbench.audit import audit as audits
    from ganbench.reports.formats import audit as shown
    from ganbench.reports.formats.audit_figures import write_figures
    from ganbench.reports.html.audit import write_audit_page
    from ganbench.store import read

    use_data_dir(data_dir)
    judges = [judge, *([against] if against else [])]
    if results and not against:
        raise BenchError("Found --results without --against, but agreement is between two judges. Name the second.")
    runs = read(results) if results else None  # before the hard work, just in case it fails
    found = audits.audit(judges, audits.choose_dataset(judge, dataset), samples, err.print)
    if runs:
        found = audits.add_runs(found, runs, err.print, allow_plugins)
    if as_json:
        print_json(audits.to_plain(found))
    else:
        out.print(shown.terminal(found))
    if out_dir:
        with writing(out_dir):
            audits.write_audit(found, out_dir)
            write_audit_page(found, out_dir / "audit.html")
            write_figures(found, out_dir / "figures")
        err.print(f"Written: {out_dir}")
    if cards:
        with writing(cards):
            written = shown.write_cards(found, cards, dataset)
        err.print(f"Written: {', '.join(map(str, written))}")


def _certify(cards: Path | None, as_json: bool) -> None:
    from ganbench.audit.certificate import certify
    from ganbench.reports.formats import certificate as shown

    found = certify(err.print)
    if as_json:
        print_json(shown.to_plain(found))
    else:
        out.print(shown.terminal(found))
    if cards:
        with writing(cards):
            written = shown.write_certificate(found, cards)
        err.print(f"Written: {written}")


def train(
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
    from ganbench.judges.training import train_by_name

    use_data_dir(data_dir)
    asked = {
        "out": out_dir, "seed": seed, "epochs": epochs, "width": width, "flips": flips or None,
        "options": dict(map(_option, option or [])) or None, "device": device and choose_device(device),
    }  # fmt: skip
    given = {key: value for key, value in asked.items() if value is not None}
    with writing(out_dir or Path("The judge")):
        train_by_name(name, given, command_line(), lambda said: err.print(escape(said)))


def _option(text: str) -> tuple[str, Any]:
    """`size=16` -> its name and value, as TOML has it; a word needs no quotes."""
    from ganbench.suite.settings import value_of

    name, equals, value = text.partition("=")
    if not equals:
        raise BenchError(f"Found --option {text}, but it needs a name and a value: --option size=16.")
    return name.strip(), value_of(value.strip())
