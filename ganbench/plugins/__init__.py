"""Variants, datasets, judges and all other parts by name: from entry points, or from a file that a suite names.

A package adds a variant with one line in its `pyproject.toml`, by the same door as our own:

    [project.entry-points."ganbench.variants"]
    mine = "my_package.mine:MyGAN"

After adding an entry point, install the package again: that is when entry points are written down.
A suite may also say `name = "mine.py:MyGAN"`, a file beside the suite and a name in it. Such a file may import its
neighbours in that folder.
"""

import importlib.util
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoints, entry_points
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from ganbench.errors import BadSuite, UnknownName, said

LIBRARY = sysconfig.get_path("stdlib")  # Python's own
KINDS = ("variants", "datasets", "judges", "metrics", "losses", "penalties", "remedies", "executors", "trackers")


@cache
def _installed(kind: str) -> EntryPoints:
    return entry_points(group=f"ganbench.{kind}")


def names(kind: str) -> list[str]:
    """All installed names of a kind, sorted; imports none of them."""
    return sorted(_installed(kind).names)


def locate(kind: str, name: str) -> str:
    """The module that holds an installed plugin, as `module:object`; does not import it."""
    found = _installed(kind)
    if name not in found.names:
        raise UnknownName(kind, name, found.names)
    return found[name].value


def distribution(kind: str, name: str) -> str:
    """Name and version of what an installed plugin was installed with; "" of ganbench's own, and of what is not
    installed.
    """
    name = name.partition(":")[0]
    found = _installed(kind)[name].dist if name in _installed(kind).names else None
    return f"{found.name} {found.version}" if found and found.name != "ganbench" else ""


def load(kind: str, name: str, beside: Path | None = None) -> Any:
    """Import a plugin: an installed name, or `file.py:object` with the file relative to `beside`.

    Raises UnknownName with the nearest name, or BadSuite if the plugin cannot be imported.
    """
    file, _, attribute = name.rpartition(":")
    if file.endswith(".py"):
        return _from_file((beside or Path()) / file, attribute)
    found = _installed(kind)
    if name not in found.names:
        raise UnknownName(kind, name, found.names)
    try:
        return found[name].load()
    except (Exception, SystemExit) as error:
        raise BadSuite(f"{name!r} of the {kind} cannot be imported: {what_and_where(error)}.") from error


def _from_file(path: Path, attribute: str) -> Any:
    path = path.resolve()
    if not path.is_file():
        raise BadSuite(f"No file {path}. A plugin's file is looked for beside the suite.")
    try:
        with redirect_stdout(sys.stderr):  # what it prints is talk, and no answer
            module = _import_file(path)
    except (Exception, SystemExit) as error:
        raise BadSuite(f"{path} cannot be imported: {what_and_where(error)}.") from error
    if not hasattr(module, attribute):
        known = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        raise UnknownName(f"names in {path}", attribute, known)
    return getattr(module, attribute)


def _import_file(path: Path) -> ModuleType:
    # One module per file and process, so that two runs of one suite share its classes.
    module_name = f"ganbench_file_{sha256(str(path).encode()).hexdigest()[:16]}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            with _beside(path.parent):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[module_name]
            raise
    return sys.modules[module_name]


_folders: list[str] = []  # of plugins that this process has imported


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Let a plugin import its neighbours, before all that is installed; afterwards they are found last."""
    place = str(folder)
    for name in [name for name in sys.modules if _is_of_another(name, folder)]:
        del sys.modules[name]
    if place in sys.path:
        sys.path.remove(place)
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)
        sys.path.append(place)
        if place not in _folders:
            _folders.append(place)


def _is_of_another(name: str, folder: Path) -> bool:
    """Whether a module is the neighbour of another folder's plugin, while this folder has one of that name."""
    top = name.partition(".")[0]
    if top == "ganbench" or not ((folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()):
        return False
    file = Path(str(vars(sys.modules.get(top, inspect)).get("__file__")))
    home = file.parent.parent if file.name == "__init__.py" else file.parent
    return home != folder and str(home) in _folders


def what_and_where(error: Exception | SystemExit) -> str:
    """An error of a plugin's own, and the line that raised it: all that its author needs."""
    what = said(error)
    if isinstance(error, SyntaxError):
        return what  # which names its line
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    own = [
        frame for frame in frames if not Path(frame.filename).is_relative_to(OURS) and not _is_library(frame.filename)
    ]
    at = (own or frames)[-1]
    return f"{what} ({Path(at.filename).name}, line {at.lineno})"


OURS = Path(__file__).parent.parent


def _is_library(file: str) -> bool:
    """Whether a file is torch's or Python's own: what it raises, a line of somebody else's has asked for."""
    path = Path(file)
    return "torch" in path.parts or (path.is_relative_to(LIBRARY) and "site-packages" not in path.parts)


def shipped_suites() -> dict[str, Path]:
    """The suites that come with ganbench, by name."""
    return {path.stem: path for path in Path(str(files("ganbench.suites"))).glob("*.toml")}


def options(plugin: Any) -> dict[str, inspect.Parameter]:
    """What a suite may set on a plugin: its keyword-only arguments."""
    return {p.name: p for p in inspect.signature(plugin).parameters.values() if p.kind is p.KEYWORD_ONLY}
