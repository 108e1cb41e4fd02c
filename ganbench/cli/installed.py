"""What is installed, and whether it works here: `list`, `show` and `doctor`."""

import os
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ganbench import plugins
from ganbench.cli.console import USER_ERROR, out, print_json
from ganbench.cli.options import Json

# What `list` can list.
Kind = StrEnum("Kind", {kind: kind for kind in (*plugins.KINDS, "suites")})  # type: ignore[misc]


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
        str, typer.Argument(help="Of a variant, dataset, judge, metric, loss, penalty, remedy, executor or tracker.")
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


def doctor(
    plugin: Annotated[
        str | None, typer.Option(metavar="FILE.py:NAME", help="A variant of your own: hold it to its contract instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what works here, and what to do about the rest."""
    from ganbench.doctor import findings

    found: Iterable[tuple[bool, str, str]] = findings()
    if plugin is not None:
        from ganbench.runs.contract import examine

        found = examine(plugin, os.getcwd())
    looked = list(found)
    if as_json:
        print_json([dict(zip(("works", "what", "remark"), one, strict=True)) for one in looked])
    else:
        _print_findings(looked)
    if plugin is not None and not all(good for good, _, _ in looked):
        raise typer.Exit(USER_ERROR)


def _print_findings(found: Iterable[tuple[bool, str, str]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for good, what, remark in found:
        table.add_row("[green]ok[/green]" if good else "[yellow]--[/yellow]", escape(what), escape(remark))
    out.print(table)
