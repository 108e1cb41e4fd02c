"""What other systems lack is not needed to import ganbench, nor to run a suite: stand-ins for Windows and macOS."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from ganbench.data import pictures
from ganbench.errors import BadSuite
from ganbench.executors import apart, local
from ganbench.plugins.spec import PluginSpec
from ganbench.runs import budget
from ganbench.store import read

# Modules and names of POSIX alone, by the documentation of Python's library.
WINDOWS = """
import multiprocessing, os, select, signal, sys

for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
    sys.modules[name] = None
for module, names in {
    os: ("killpg", "setsid", "getuid", "geteuid", "sched_getaffinity", "getpgid"),
    signal: ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGQUIT", "SIGALRM", "pthread_sigmask"),
    select: ("poll",),
}.items():
    for name in names:
        delattr(module, name)
"""
IMPORT_ALL = """
import importlib, pkgutil, ganbench

broken = {}
for module in pkgutil.walk_packages(ganbench.__path__, "ganbench."):
    if module.name == "ganbench.__main__":
        continue
    try:
        importlib.import_module(module.name)
    except Exception as error:
        broken[module.name] = repr(error)
print(broken)
"""


def test_every_module_is_imported_where_posix_is_not() -> None:
    ran = subprocess.run([sys.executable, "-c", WINDOWS + IMPORT_ALL], capture_output=True, text=True)
    assert ran.stdout.strip() == "{}", ran.stderr


def test_memory_is_unknown_where_the_system_does_not_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert budget.peak_memory() > 10_000_000
    monkeypatch.setitem(sys.modules, "resource", None)
    assert budget.peak_memory() == 0


def test_a_suite_runs_where_processes_are_spawned(
    ganbench: Callable[..., Any], resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    monkeypatch.delattr(local.os, "killpg")
    assert apart.context().get_start_method() == "spawn"
    ran = ganbench("run", resources / "tiny.toml", "--results", tmp_path, "--only", "gan/ring8/0")
    assert ran.code == 0, ran.err
    assert read(tmp_path / "tiny").runs.query("status == 'done'")["label"].tolist() == ["gan"]


@pytest.mark.parametrize("path", [r"C:\faces\train", r"\\server\share", "D:/faces"])
def test_a_path_of_windows_stays_whole_behind_a_name(path: str) -> None:
    assert PluginSpec(f"folder:{path}").written_out("datasets").options == {"path": path}


def test_a_plugin_on_a_drive_is_told_from_its_class() -> None:
    name = str(PureWindowsPath("C:/mine/gan.py")) + ":MyGAN"
    with pytest.raises(BadSuite, match=r"No file .*gan\.py"):
        PluginSpec(name, beside=".").load("variants")


class Here(PureWindowsPath):
    """A path of Windows that says that it is there."""

    def is_dir(self) -> bool:
        return True

    def is_symlink(self) -> bool:
        return False


def test_places_of_pictures_have_slashes_where_paths_have_backslashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are hashed to deal pictures out, and cut at slashes into splits and classes."""
    walked = [(r"C:\faces", ["train"], []), (r"C:\faces\train", ["cats"], []), (r"C:\faces\train\cats", [], ["a.PNG"])]
    monkeypatch.setattr(pictures, "Path", Here)
    monkeypatch.setattr(pictures.os, "walk", lambda folder, onerror: walked)
    assert pictures.list_pictures(Here(r"C:\faces")).names == ["train/cats/a.PNG"]  # type: ignore[arg-type]
