"""The command line: parses, calls, prints. Here commands get their names; the files beside this one say what they do.

Nothing here imports torch before a command needs it, so that `--help` and `list` answer at once.
"""

import os
import sys
from typing import Annotated

import typer

from ganbench import __version__
from ganbench.cli import data, gate, installed, judging, rating, reading, running
from ganbench.cli.console import ended, out, print_anywhere

app = typer.Typer(
    help="Train GANs under one budget, judge them alike, and see whether the difference is real.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Where datasets lie, and how to get them.", no_args_is_help=True)
judge_app = typer.Typer(help="Train the judges that come with ganbench.", no_args_is_help=True)

# `--help` shows them in this order.
app.command("run")(running.run)
app.command("status")(reading.status)
app.command("merge")(running.merge)
app.command("report")(reading.report)
app.command("rank")(reading.rank)
app.command("compare")(reading.compare)
app.command("list")(installed.list_)
app.command("show")(installed.show)
app.command("sample")(running.sample)
app.command("evaluate")(judging.evaluate)
app.command("audit")(judging.audit)
app.command("baseline")(gate.baseline)
app.command("check")(gate.check)
app.command("history")(reading.history)
app.command("rate")(rating.rate)
app.command("doctor")(installed.doctor)
app.add_typer(data_app, name="data")
data_app.command("where")(data.where)
data_app.command("fetch")(data.fetch)
data_app.command("import")(data.import_)
app.add_typer(judge_app, name="judge")
judge_app.command("train")(judging.train)


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
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    pass
