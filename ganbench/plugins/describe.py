"""What a plugin is, read from its own file: docstrings, options, defaults and their trailing comments.

The file is parsed, not imported, so that listing and showing need no torch.
"""

import ast
import io
import re
import sys
import tokenize
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from ganbench import plugins
from ganbench.errors import BadSuite, UnknownName


@dataclass(frozen=True)
class Option:
    """One keyword-only argument of a plugin."""

    name: str
    type: str
    range: str  # "at least 1"; empty: all of its type
    default: str
    comment: str  # unit, meaning of odd values


def reflowed(text: str) -> str:
    """Each paragraph on one line, for a terminal of any width; indented lines and lists stay as they are."""
    return re.sub(r"(?<!\n)\n(?![\n -])", " ", text)


@dataclass(frozen=True)
class Description:
    """A plugin in the words of its file."""

    name: str
    summary: str  # one line
    text: str  # the docstrings in full
    options: list[Option]


class Source(NamedTuple):
    """A Python file that is parsed and not imported."""

    tree: ast.Module
    comments: dict[int, str]  # by line
    package: str  # what relative imports begin at; "" where there is none


def describe(kind: str, name: str, beside: Path | None = None) -> Description:
    """Describe an installed plugin, or `file.py:Name` relative to `beside`."""
    module, _, attribute = (name if ".py:" in name else plugins.locate(kind, name)).rpartition(":")
    source = _parse((beside or Path()) / module) if module.endswith(".py") else _installed_source(module)
    node = next((node for node in source.tree.body if _defines(node, attribute)), None)
    if node is None:
        raise BadSuite(f"{name!r}: its file defines no {attribute!r}.")
    own = _own_words(node, source.tree)
    module_text = ast.get_docstring(source.tree) or ""
    # A file that holds one plugin introduces it at its top; in a file of many each has words of its own.
    text = f"{module_text}\n\n{own}".strip() if kind in ("variants", "judges") else own or module_text
    summary = next(iter((own or module_text).splitlines()), "")
    text = "\n\n".join(filter(None, [text, _cited(node, source)]))
    return Description(name, summary, text, _options(node, source))


# Files


@cache
def _installed_source(module: str) -> Source:
    """An installed module, whose file does not change while we run."""
    file = _module_file(module)
    return _parse(file, module if file.stem == "__init__" else module.rpartition(".")[0])


def _parse(file: Path, package: str = "") -> Source:
    try:
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text, str(file))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise BadSuite(f"{file} cannot be read: {error}.") from error
    return Source(tree, _comments(text), package)


def _module_file(module: str) -> Path:
    """The file of a module, found without importing it or any package above it."""
    spec, folders = None, None
    for dotted in accumulate(module.split("."), "{}.{}".format):
        spec = next((found for finder in sys.meta_path if (found := finder.find_spec(dotted, folders))), None)
        if spec is None or spec.origin is None:
            raise BadSuite(f"No file of {dotted!r}, which an installed plugin names. Install its package again.")
        folders = spec.submodule_search_locations
    return Path(str(spec and spec.origin))


def _comments(text: str) -> dict[int, str]:
    """Trailing comments by line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


# Definitions


def _defines(node: ast.stmt, name: str) -> bool:
    match node:
        case ast.ClassDef(name=found) | ast.FunctionDef(name=found):
            return found == name
        case ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found)):
            return found == name
    return False


def _cited(node: ast.stmt, source: Source) -> str:
    """Whom a decorator names as the source: `@metric(..., source="Heusel et al., ...")`; "" where none does."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    calls = (decorator for decorator in decorators if isinstance(decorator, ast.Call))
    for value in (word.value for call in calls for word in call.keywords if word.arg == "source"):
        found = _follow(value, source)
        if found and isinstance(found[0], ast.Assign | ast.AnnAssign):
            value = found[0].value or value
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
    return ""


def _follow(name: ast.expr, source: Source) -> tuple[ast.stmt, Source] | None:
    """Where a plain name is defined: in its file, or in one that it is imported from; None: out of our sight."""
    if not isinstance(name, ast.Name):
        return None
    for node in source.tree.body:
        if _defines(node, name.id):
            return node, source
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name.id:
                    return _imported(node, alias.name, source)
    return None


def _imported(statement: ast.ImportFrom, name: str, source: Source) -> tuple[ast.stmt, Source] | None:
    parents = source.package.split(".") if source.package else []
    within = parents[: len(parents) + 1 - statement.level] if statement.level else []
    module = ".".join([*within, *([statement.module] if statement.module else [])])
    if module.partition(".")[0] not in {source.package.partition(".")[0], "ganbench"}:
        return None  # the rest of the world is large, and compiled in part
    try:
        return _follow(ast.Name(name), _installed_source(module))
    except BadSuite:
        return None


def _own_words(node: ast.stmt, tree: ast.Module) -> str:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return ast.get_docstring(node) or ""
    # A value such as `hinge = Formulation(..., source="...")` may have its words after it, and names its source.
    after = next(iter(tree.body[tree.body.index(node) + 1 :]), None)
    words = _text(after.value, tree) if isinstance(after, ast.Expr) else ""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return f"{words}\n\n{_source(value, tree) or _source(_made(value, tree), tree)}".strip()


def _source(call: ast.expr | None, tree: ast.Module) -> str:
    """The text that a call is given as `source`."""
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return "".join(_text(keyword.value, tree) for keyword in keywords if keyword.arg == "source")


def _made(call: ast.expr | None, tree: ast.Module) -> ast.expr | None:
    """What a call returns, if it is of a function in this file."""
    name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
    helpers = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    returned = [node.value for helper in helpers for node in ast.walk(helper) if isinstance(node, ast.Return)]
    return next(iter(returned), None)


def _text(value: ast.expr, tree: ast.Module) -> str:
    """A string, or that of a constant in this file."""
    if isinstance(value, ast.Name):
        named = [node.value for node in tree.body if isinstance(node, ast.Assign) and _defines(node, value.id)]
        value = next(iter(named), value)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


# Options


def _options(node: ast.stmt, source: Source) -> list[Option]:
    """Keyword-only arguments of a function or of a class's `__init__`, or fields of a dataclass; inherited ones too."""
    if isinstance(node, ast.FunctionDef):
        pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        return [_option(each, each.arg, each.annotation, default, source) for each, default in pairs]
    if not isinstance(node, ast.ClassDef):
        return []
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            return _options(function, source)
    inherited = [_options(*found) for base in node.bases if (found := _follow(base, source))]
    if not any(ast.unparse(decorator).split("(")[0].endswith("dataclass") for decorator in node.decorator_list):
        return next((options for options in inherited if options), [])
    fields = [
        _option(each, each.target.id, each.annotation, each.value, source)
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        if not ast.unparse(each.annotation).removeprefix("typing.").startswith("ClassVar")
    ]
    options = [option for parent in reversed(inherited) for option in parent] + fields
    return [*{option.name: option for option in options}.values()]


def _option(
    at: ast.arg | ast.AnnAssign, name: str, annotation: ast.expr | None, default: ast.expr | None, source: Source
) -> Option:
    return Option(
        name,
        ast.unparse(_plain_type(annotation, source)) if annotation else "",
        ", ".join(_bounds(annotation, source)) if annotation else "",
        ast.unparse(default) if default else "",
        source.comments.get(at.lineno, ""),
    )


def _written_out(annotation: ast.expr, source: Source) -> ast.expr:
    """An annotation as it is written; where that is a name for some words, these words."""
    match _follow(annotation, source):
        case ast.Assign(value=ast.Subscript() as words), _:
            return words
    return annotation


def _plain_type(annotation: ast.expr, source: Source) -> ast.expr:
    """An annotation in full, without ranges: `tuple[float, float]` of `tuple[Decay, Decay]`."""
    match _written_out(annotation, source):
        case ast.Subscript(value=ast.Name("Annotated"), slice=ast.Tuple(elts=[plain, *_])):
            return _plain_type(plain, source)
        case ast.Subscript(value=ast.Name("tuple") as whole, slice=ast.Tuple(elts=parts)):
            return ast.Subscript(whole, ast.Tuple([_plain_type(part, source) for part in parts]))
        case words:
            return words


BOUNDS = {"Ge": "at least", "Gt": "above", "Le": "at most", "Lt": "below"}


def _bounds(annotation: ast.expr, source: Source) -> list[str]:
    """The range that an annotation says, of all its parts, each bound once."""
    found = []
    for node in ast.walk(_written_out(annotation, source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BOUNDS:
            found.append(f"{BOUNDS[node.func.id]} {ast.unparse(node.args[0])}")
        elif isinstance(node, ast.Name) and node is not annotation:
            found += _bounds(node, source)
    return [*dict.fromkeys(found)]


# All of a kind


def catalogue(kind: str) -> dict[str, str]:
    """All installed names of a kind, "suites" included, with a line about each."""
    if kind == "suites":
        return {name: _first_comment(path) for name, path in sorted(plugins.shipped_suites().items())}
    return {name: describe(kind, name).summary for name in plugins.names(kind)}


def describe_all(name: str) -> list[tuple[str, Description]]:
    """Everything that has this name, with its kind: `mnist` is a dataset and a judge."""
    if ".py:" in name:
        return [("variants", describe("variants", name))]
    found = [(kind, describe(kind, name)) for kind in plugins.KINDS if name in plugins.names(kind)]
    if not found:
        raise UnknownName("plugins", name, {known for kind in plugins.KINDS for known in plugins.names(kind)})
    return found


def _first_comment(path: Path) -> str:
    """The first comment that is meant for people: `#:schema` is the editor's."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("# ")), "")
