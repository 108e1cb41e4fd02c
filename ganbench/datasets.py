"""Datasets by name, as suites take them: `ganbench.datasets.load("ring8").train().x`."""

from typing import TYPE_CHECKING, Any

from ganbench import plugins

if TYPE_CHECKING:
    from ganbench.data import Dataset


def names() -> list[str]:
    """All that are installed."""
    return plugins.names("datasets")


def load(name: str, **options: Any) -> "Dataset":
    """A dataset with the options of a suite; `name` may carry the first one, as in "folder:PATH".

    `train()`, `fresh(split, n)` and `reference(split)` give batches of float32 tensors on the CPU: points (n, 2), or
    images (n, c, h, w) in [-1, 1]. Raises UnknownName or BadSuite for what there is not, DataMissing where its files
    are absent.
    """
    from ganbench.plugins.spec import PluginSpec, build

    found: Dataset = build("datasets", PluginSpec(name, options, beside="."))
    return found
