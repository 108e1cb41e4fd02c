"""Where datasets lie, and how to get them: `data where`, `data fetch` and `data import`."""

from pathlib import Path
from typing import Annotated

import typer

from ganbench.cli.console import err, out, print_json
from ganbench.cli.options import DataDir, Json


def where(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the folders where datasets are looked for, and what each holds."""
    from ganbench.data.files import data_roots, published

    known = dict.fromkeys(published().values())
    found = {str(root): [files.title for files in known if files.held_by(root)] for root in data_roots(data_dir)}
    if as_json:
        return print_json(found)
    for root, held in found.items():
        out.print(f"{root}: {', '.join(held) or 'nothing'}", highlight=False, soft_wrap=True)


def fetch(dataset: Annotated[str, typer.Argument(help="mnist, fashion_mnist or cifar10.")] = "mnist") -> None:
    """Download a dataset into the user cache, checked against its checksums."""
    from ganbench.data.files import published
    from ganbench.errors import UnknownName

    known = published()
    if dataset not in known:
        raise UnknownName("datasets to download", dataset, known)
    err.print(f"{known[dataset].title} is in {known[dataset].fetch()}")


def import_(folder: Annotated[Path, typer.Argument(help="Holds the four IDX files, plain or gzipped.")]) -> None:
    """Copy MNIST's files, once you have them, into the user cache."""
    from ganbench.data.mnist import import_mnist

    err.print(f"MNIST is in {import_mnist(folder)}")
