"""What a plugin is made of: its own code, and the code beside it that it imports, all the way down.

A run's scores are those of that code, so its hash is part of the run's id. Counted are the plugin's file, what it
imports from the folder of that file or, if it is installed, from its own distribution, and that distribution's name and
version. Not counted are comments, docstrings and blank lines, other distributions, and whatever is imported by a name
that only running the code would tell.
"""

import ast
import importlib.util
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from ganbench import plugins

# Of ganbench itself what words, files and names come from, and no number: an edit there makes no run another one.
NO_NUMBERS = (
    "ganbench.errors", "ganbench.plugins", "ganbench.store", "ganbench.runs.exhibits", "ganbench.runs.record",
    "ganbench.runs.spec", "ganbench.data.files", "ganbench.judges.cache",
)  # fmt: skip


def code_of_file(name: str, beside: str) -> str:
    """Hash of the code of a plugin `file.py:Name`; "" if there is no such file, or if the name is no file's."""
    file = Path(beside) / name.rpartition(":")[0]
    return _hash(neighbours(file)) if file.suffix == ".py" else ""


@cache
def code_of(kind: str, name: str) -> str:
    """Hash of the code of an installed plugin; "" if there is no such plugin."""
    name = name.partition(":")[0]
    if name not in plugins.names(kind):
        return ""
    module, distribution = plugins.locate(kind, name).partition(":")[0], plugins.distribution(kind, name)
    return sha256(f"{distribution} {code_of_modules(module)}".encode()).hexdigest()


@cache
def code_of_modules(*names: str) -> str:
    """Hash of the code of modules and of all that they import from their own top-level packages."""
    found: dict[str, Path] = {}
    waiting = [*names]
    while waiting:
        module = waiting.pop()
        file = _module_file(module)
        if file is None or module in found or module.startswith(NO_NUMBERS):
            continue
        found[module] = file
        tops = {name.partition(".")[0] for name in names}
        waiting += [name for name in _imported(file, module) if name.partition(".")[0] in tops]
    return _hash(found.values())


def _hash(files: Iterable[Path]) -> str:
    hashes = sorted(code_hash(file) for file in files)
    return sha256("\n".join(hashes).encode()).hexdigest() if hashes else ""


def neighbours(file: Path) -> tuple[Path, ...]:
    """A plugin's file, and the files in its folder that it imports, and so on; the file first, the others by name."""
    folder, found, waiting = file.parent, dict[Path, None](), [file]
    while waiting:
        one = waiting.pop()
        if one in found or not one.is_file():
            continue
        found[one] = None
        waiting += [path for name in _imported(one, _module_in(folder, one)) for path in _files_in(folder, name)]
    return (*[path for path in found if path == file], *sorted(path for path in found if path != file))


def _files_in(folder: Path, module: str) -> Iterator[Path]:
    """The files that importing a module of a folder runs: its packages' and its own."""
    place = folder
    for part in module.split("."):
        place /= part
        yield place / "__init__.py"
    yield place.with_name(f"{place.name}.py")


def _module_in(folder: Path, file: Path) -> str:
    return ".".join(file.relative_to(folder).with_suffix("").parts)


@cache
def _module_file(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, AttributeError, ValueError):  # a name in a module, and no module itself
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imported(file: Path, module: str) -> tuple[str, ...]:
    """All names that a file imports, wherever in its text; `from a import b` may mean the module `a.b`."""
    return _imports(file, module, *_stamp(file))


@cache
def _imports(file: Path, module: str, *_stamp: int) -> tuple[str, ...]:
    names: list[str] = []
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)


def code_hash(file: Path) -> str:
    """Hash of a file's lines without comments, docstrings and blank lines; of what is no Python, of all its bytes."""
    return _code_hash(file, *_stamp(file))


def _stamp(file: Path) -> tuple[int, int]:
    try:
        return (found := file.stat()).st_mtime_ns, found.st_size
    except OSError:
        return 0, 0


@cache
def _code_hash(file: Path, *_stamp: int) -> str:
    try:
        text = file.read_bytes()
        lines = _without_comments(text.decode())
        for words in _docstrings(ast.parse(text)):
            _cut(lines, words)
    except (OSError, ValueError, SyntaxError, tokenize.TokenError):
        return sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    return sha256("\n".join(line.rstrip() for line in lines if line.strip()).encode()).hexdigest()


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError):  # whoever imports it says so
        return ast.Module([], [])


def _without_comments(text: str) -> list[str]:
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return lines


def _docstrings(tree: ast.Module) -> Iterator[ast.Expr]:
    """Each string that stands by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node


def _cut(lines: list[str], words: ast.Expr) -> None:
    """Leave of the lines of a docstring what stands before and behind it; columns count bytes."""
    first, last = words.lineno - 1, (words.end_lineno or words.lineno) - 1
    before, behind = lines[first].encode()[: words.col_offset], lines[last].encode()[words.end_col_offset :]
    lines[first : last + 1] = [(before + behind).decode(), *[""] * (last - first)]
