"""The command line: parses, calls, prints. Here commands get their names; the files beside this one say what they do.

Nothing here imports torch before a command needs it, so that `--help` and `list` answer at once.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from ganbench import __version__
from ganbench.cli import data, gate, installed, judging, rating, reading, running, starting
from ganbench.cli.console import ended, out, print_anywhere
from ganbench.cli.help import EXTEND, READ, RUN, Command, Group

app = typer.Typer(
    cls=Group,
    help="Train GANs under one budget, judge them alike, and see whether the difference is real.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(cls=Group, help="Where datasets lie, and how to get them.", no_args_is_help=True)
judge_app = typer.Typer(cls=Group, help="Train the judges that come with ganbench.", no_args_is_help=True)

# `--help` shows them in this order.
COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    RUN: {
        "run": running.run, "status": reading.status, "merge": running.merge, "sample": running.sample,
        "export": running.export, "evaluate": judging.evaluate,
    },
    READ: {
        "report": reading.report, "rank": reading.rank, "compare": reading.compare, "baseline": gate.baseline,
        "check": gate.check, "history": reading.history, "rate": rating.rate,
    },
    EXTEND: {
        "list": installed.list_, "show": installed.show, "init": starting.init, "doctor": installed.doctor,
        "audit": judging.audit,
    },
}  # fmt: skip
for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        app.command(name, cls=Command, rich_help_panel=panel)(command)
INNER: dict[str, tuple[typer.Typer, dict[str, Callable[..., None]]]] = {
    "data": (data_app, {"where": data.where, "fetch": data.fetch, "import": data.import_}),
    "judge": (judge_app, {"train": judging.train}),
}
for name, (group, commands) in INNER.items():
    app.add_typer(group, name=name, rich_help_panel=EXTEND)
    for inner, command in commands.items():
        group.command(inner, cls=Command)(command)


def main() -> None:
    """Run the command line; what the user can mend is a message and exit code 2, what nobody can a traceback and 70."""
    # Threads that wait by spinning take the processors from all others: on a busy machine a run is 2 to 4 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    print_anywhere()
    sys.exit(ended(lambda: app(prog_name="ganbench")))


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
