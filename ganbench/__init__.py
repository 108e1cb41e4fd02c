"""ganbench: which GAN is better, by how much, on what, and is the difference real?"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# The Python interface: each name and where it is, imported when it is first asked for.
INTERFACE = {"rank": "ganbench.compare.rank"}


def __getattr__(name: str) -> Any:
    if name in INTERFACE:
        return getattr(import_module(INTERFACE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
