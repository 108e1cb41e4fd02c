"""Plant the faults of `faults.toml`, one at a time, in a copy of the project, and see whether its tests notice.

    python tests/faults/plant.py                    all hundred
    python tests/faults/plant.py zoo statistics     those in files whose path holds one of these words

A line for each fault: caught by which test, or escaped. The exit code is 0 if all were caught. Tests run in children of
this process, which has paid for the imports of torch and its like; nothing of ganbench is imported here.
"""

import importlib
import os
import shutil
import signal
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("faults.toml")
COPIED = ("ganbench", "zoo", "reports", "suites", "tests", "baselines", "docs")
INSIDE = ("zoo", "reports", "suites")  # packages that are parts of ganbench, and lie beside it
DEAR = ("torch", "torchvision", "torch_fidelity", "pandas", "pyarrow", "scipy.stats", "sklearn.cluster", "plotly.io")
FAILED = 1  # pytest's exit code: tests ran, and some failed
PATIENCE_S = 300  # with the tests of one fault: what trains for ever is noticed too


class Fault(NamedTuple):
    """A text that stands once in a file, and what takes its place."""

    path: str
    old: str
    new: str
    tests: tuple[str, ...]  # files, of which one should fail

    def __str__(self) -> str:
        return f"{self.path}: {self.old.strip()!r} -> {self.new.strip()!r}"


def faults(file: Path = LIST) -> Iterator[Fault]:
    for entry in tomllib.loads(file.read_text(encoding="utf-8"))["file"]:
        for fault in entry["faults"]:
            yield Fault(entry["path"], fault["old"], fault["new"], tuple(entry["tests"]))


def planted(fault: Fault, text: str) -> str:
    """The file's text with the fault in it. Raises ValueError unless the old text stands there once."""
    if (n := text.count(fault.old)) != 1:
        raise ValueError(f"{fault.path} has {fault.old!r} {n} times, but a fault needs one place. Write it anew.")
    return text.replace(fault.old, fault.new)


def copy(root: Path, to: Path) -> None:
    """What tests need of the project, as a folder from which `ganbench` can be imported."""
    for name in (*COPIED, "pyproject.toml", "README.md"):
        if (root / name).is_dir():
            shutil.copytree(root / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
        elif (root / name).exists():
            shutil.copy(root / name, to)
    for name in INSIDE:
        if not (to / "ganbench" / name).exists():
            (to / "ganbench" / name).symlink_to(to / name)


def run(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """pytest's exit code for some files in a copy, and what it printed; in a child that imports ganbench from there."""
    said = folder / "said.txt"
    child = os.fork()
    if not child:
        os.setsid()  # so that its workers can be ended with it
        os.chdir(folder)
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.path.insert(0, str(folder))
        os.environ["PYTHONPATH"] = str(folder)
        os._exit(pytest.main(["-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", *tests]))
    end = monotonic() + PATIENCE_S
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and monotonic() < end:
        sleep(0.1)
    if ended == (0, 0):
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return FAILED, f"FAILED tests that do not end within {PATIENCE_S} s"
    return os.waitstatus_to_exitcode(ended[1]), said.read_text(encoding="utf-8", errors="replace")


def outcome(code: int, said: str) -> str:
    """What became of a fault, in words: which test noticed, or what pytest printed where something else went wrong."""
    if code == FAILED:
        failed = next((line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))), said)
        return "caught by " + failed.removeprefix("FAILED ").partition(" - ")[0]
    return "ESCAPED" if code == 0 else f"ESCAPED, exit code {code}:\n{said}"


def main(words: list[str], root: Path = ROOT, file: Path = LIST) -> int:
    """How many faults escaped."""
    sys.dont_write_bytecode = True  # a file that changes twice in a second has but one date
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    chosen = [fault for fault in faults(file) if not words or any(word in fault.path for word in words)]
    for fault in chosen:
        planted(fault, (root / fault.path).read_text(encoding="utf-8"))
    for module in DEAR:
        importlib.import_module(module)
    escaped = 0
    with TemporaryDirectory(prefix="faults-") as temporary:
        folder = Path(temporary).resolve()
        copy(root, folder)
        for fault in chosen:
            text = (folder / fault.path).read_text(encoding="utf-8")
            (folder / fault.path).write_text(planted(fault, text), encoding="utf-8")
            code, said = run(folder, fault.tests)
            (folder / fault.path).write_text(text, encoding="utf-8")
            escaped += code != FAILED
            print(f"{fault}: {outcome(code, said)}", flush=True)
    print(f"{len(chosen) - escaped} of {len(chosen)} caught")
    return escaped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
