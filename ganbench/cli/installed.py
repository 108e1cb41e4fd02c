"""What is installed, and whether it works here: `list`, `show` and `doctor`."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ganbench.cli.console import out, print_json
from ganbench.cli.options import Json


class Kind(StrEnum):
    """What `list` can list."""

    variants = "variants"
    datasets = "datasets"
    judges = "judges"
    metrics = "metrics"
    losses = "losses"
    penalties = "penalties"
    remedies = "remedies"
    executors = "executors"
    suites = "suites"


def list_(
    kind: Annotated[Kind, typer.Argument()],
    as_json: Json = False,
) -> None:
    """List what is installed, a line each."""
    from ganbench.plugins.describe import catalogue

    found = catalogue(kind.value)
    if as_json:
        print_json(found)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, summary in found.items():
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(summary))
    out.print(table)


def show(
    name: Annotated[
        str, typer.Argument(help="Of a variant, dataset, judge, metric, loss, penalty, remedy or executor.")
    ],
    as_json: Json = False,
) -> None:
    """Show what something is, from its own file: paper, mechanisms, options and their defaults."""
    from ganbench.plugins.describe import describe_all, reflowed

    if as_json:
        return print_json([{"kind": kind, **asdict(found)} for kind, found in describe_all(name)])
    for kind, found in describe_all(name):
        out.print(f"[bold]{escape(found.name)}[/bold] [dim]({kind})[/dim]\n", highlight=False)
        out.print(escape(reflowed(found.text)) + "\n", highlight=False)
        if found.options:
            table = Table("option", "type", "range", "default", "meaning", box=None, pad_edge=False)
            for option in found.options:
                cells = option.name, option.type, option.range, option.default, option.comment
                table.add_row(*map(escape, cells))
            out.print(table)
            out.print()


def doctor(as_json: Json = False) -> None:
    """Say what works here, and what to do about the rest."""
    from ganbench.doctor import findings

    if as_json:
        return print_json([dict(zip(("works", "what", "remark"), found, strict=True)) for found in findings()])
    table = Table(box=None, show_header=False, pad_edge=False)
    for good, what, remark in findings():
        table.add_row("[green]ok[/green]" if good else "[yellow]--[/yellow]", escape(what), escape(remark))
    out.print(table)
