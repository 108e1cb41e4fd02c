"""What short trials took, remembered for this machine and this code: `trials.json` in the user's cache.

Another processor, another torch or a changed line of ganbench begins it anew. Whoever needs the room may delete it.
"""

import importlib.util
import json
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from ganbench.data.files import data_roots
from ganbench.runs.record import processor_name
from ganbench.store.whole import write_json

FILE = "trials.json"


class Remembered:
    """Trials by what was tried. A file that is damaged, or cannot be written, costs time and nothing else."""

    def __init__(self) -> None:
        self.file = data_roots()[-1] / FILE
        self.trials = _read(self.file)

    def __contains__(self, tried: str) -> bool:
        return _short(tried) in self.trials

    def __call__(self, tried: str, measure: Callable[[], Any]) -> Any:
        """What is remembered of a trial, or what `measure` gives: plain values, which are then remembered."""
        if tried not in self:
            self.trials[_short(tried)] = measure()
        return self.trials[_short(tried)]

    def keep(self) -> None:
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.file, {"of": machine_and_code(), "trials": self.trials})


@cache
def machine_and_code() -> str:
    """Hash of all that decides how long the same work takes."""
    said = [platform.machine(), processor_name(), str(os.cpu_count()), platform.python_version(), torch.__version__]
    if torch.cuda.is_available():
        said.append(torch.cuda.get_device_name())
    digest = sha256("\n".join(said).encode())
    for package in ("ganbench", "ganbench.zoo"):
        found = importlib.util.find_spec(package)
        for folder in (found.submodule_search_locations or []) if found else []:
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _read(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        trials = kept["trials"] if kept["of"] == machine_and_code() else {}
        return trials if isinstance(trials, dict) else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _short(tried: str) -> str:
    return sha256(tried.encode()).hexdigest()[:16]
