"""Files to begin with: `init`."""

from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ganbench.cli.console import err, writing
from ganbench.errors import BenchError


class Start(StrEnum):
    """What `init` can begin."""

    variant = "variant"
    two_players = "two-players"
    suite = "suite"
    metric = "metric"
    judge = "judge"


NEXT = {
    Start.variant: "Paste your networks, optimisers and losses; then: ganbench doctor --plugin {file}:MyGAN",
    Start.two_players: "Paste your networks; then: ganbench doctor --plugin {file}:MyGAN",
    Start.suite: "Look what it names; then: ganbench run {file}",
    Start.metric: 'Name it in a suite: metrics = ["fid", "{file}:spread"]',
    Start.judge: 'Name it in a suite: judge = "{file}:embed"',
}


def init(
    what: Annotated[Start, typer.Argument(help="variant: two networks and their losses; two-players: with penalties.")],
    file: Annotated[Path, typer.Argument(help="Where it goes, such as mine.py.")],
) -> None:
    """Write a file to begin with: a variant, suite, metric or judge of your own, which runs as it is."""
    if file.exists():
        raise BenchError(f"{file} is there already. Choose another name.")
    template = files("ganbench.cli").joinpath("templates", f"{what.name}.txt").read_text(encoding="utf-8")
    with writing(file):
        file.write_text(template.replace("FILE", file.name), encoding="utf-8")
    err.print(escape(f"Written: {file}. {NEXT[what].format(file=file.name)}"))
