"""Arguments and options that several commands take."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from ganbench.errors import BenchError

DataDir = Annotated[
    Path | None, typer.Option(help="The folder that holds MNIST/raw and the like; also $GANBENCH_DATA.")
]
ResultsArgument = Annotated[Path, typer.Argument(help="<results>/<suite>, or <results> if it holds a single suite.")]


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="<results>/<suite>/<run id>, or LABEL/DATASET/SEED: dcgan/mnist5k/0; or an exported folder."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="The answer for programs, in place of the words.")]
AllowPlugins = Annotated[
    bool, typer.Option("--allow-plugins", help="Run the Python files that the results name, if they are as recorded.")
]
FinalCheckpoint = Literal["selected", "last"]  # which of a run's two generators


def use_data_dir(data_dir: Path | None) -> None:
    """Look for datasets there first."""
    # Through the environment, because workers must see it too.
    if data_dir is not None:
        os.environ["GANBENCH_DATA"] = str(data_dir.resolve())


def executor_options(given: list[str], **named: str | None) -> dict[str, str]:
    """`NAME=VALUE`, and options that have a flag of their own. Raises BenchError."""
    found = {name: value for name, value in named.items() if value is not None}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BenchError(f"Found --executor-option {text!r}, but it needs NAME=VALUE.")
        found[name] = value
    return found
