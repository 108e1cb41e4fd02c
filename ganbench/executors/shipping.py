"""What another machine needs to do a run as this one would: ganbench as it is here, and the files that a run names."""

import os
import shutil
from dataclasses import replace
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ganbench.runs.spec import RunSpec

BESIDE = ("reports", "suites", "zoo")  # packages that lie elsewhere in the repository
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def stage_code(folder: Path) -> None:
    """Put ganbench, with its entry points, into a folder from which it can be imported."""
    for name in ("ganbench", *(f"ganbench.{name}" for name in BESIDE)):
        spec = find_spec(name)
        assert spec and spec.submodule_search_locations, f"{name} is a package"
        source = Path(next(iter(spec.submodule_search_locations)))
        shutil.copytree(source, folder / name.replace(".", "/"), ignore=LEFT_OUT, dirs_exist_ok=True)
    installed = distribution("ganbench")
    about = folder / f"ganbench-{installed.version}.dist-info"
    about.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (about / name).write_text(installed.read_text(name) or "", encoding="utf-8")


class Parcel(NamedTuple):
    """A run, and the text of all files beside its suite that it names."""

    spec: RunSpec
    files: dict[str, bytes]  # by path below one folder
    beside: str  # the suite's place below that folder

    def unpack(self, folder: Path) -> RunSpec:
        """Write the files -> the same run, whose files lie there."""
        for name, content in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        beside = folder / self.beside
        beside.mkdir(parents=True, exist_ok=True)
        moved = {kind: replace(getattr(self.spec, kind), beside=str(beside)) for kind in ("variant", "dataset")}
        return replace(self.spec, **moved)


def pack(spec: RunSpec) -> Parcel:
    """A run as it can be sent."""
    beside = Path(spec.dataset.beside).resolve()
    files = [file.resolve() for file in spec.files() if file.is_file()]
    root = Path(os.path.commonpath([beside, *files]))
    return Parcel(
        spec,
        {file.relative_to(root).as_posix(): file.read_bytes() for file in files},
        beside.relative_to(root).as_posix(),
    )
