"""What a plugin is, read from its own file: docstrings, options, defaults and their trailing comments.

The file is parsed, not imported, so that listing and showing need no torch.
"""

import ast
import importlib.util
import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

from ganbench import plugins
from ganbench.errors import BadSuite, UnknownName


@dataclass(frozen=True)
class Option:
    name: str
    type: str
    default: str
    comment: str  # unit, meaning of odd values


@dataclass(frozen=True)
class Description:
    name: str
    summary: str  # one line
    text: str  # the docstrings in full
    options: list[Option]


def describe(kind: str, name: str, beside: Path | None = None) -> Description:
    """Describe an installed plugin, or `file.py:Name` relative to `beside`."""
    module, _, attribute = (name if ".py:" in name else plugins.locate(kind, name)).rpartition(":")
    file = (beside or Path()) / module if module.endswith(".py") else _file(module)
    try:
        source = file.read_text(encoding="utf-8")
        tree = ast.parse(source, str(file))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise BadSuite(f"{file} cannot be read: {error}.") from error
    node = _definition(tree, attribute, name)
    own = _own_words(node)
    module_text = ast.get_docstring(tree) or ""
    # A file that holds one plugin introduces it at its top; in a file of many each has words of its own.
    text = f"{module_text}\n\n{own}".strip() if kind in ("variants", "judges") else own or module_text
    summary = next(iter((own or module_text).splitlines()), "")
    return Description(name, summary, text, _options(node, _comments(source)))


def _file(module: str) -> Path:
    """The file of a module, found without importing more than its top-level package."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise BadSuite(f"The package {top!r} of an installed plugin is gone. Install it again.")
    if not rest:
        return Path(str(spec.origin))
    for folder in spec.submodule_search_locations or []:
        path = Path(folder, *rest)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists():
                return file
    raise BadSuite(f"No file of the module {module!r}, which an installed plugin names. Install its package again.")


def _definition(tree: ast.Module, attribute: str, name: str) -> ast.stmt:
    for node in tree.body:
        match node:
            case ast.ClassDef(name=found) | ast.FunctionDef(name=found) if found == attribute:
                return node
            case ast.Assign(targets=[ast.Name(id=found)]) if found == attribute:
                return node
            case ast.AnnAssign(target=ast.Name(id=found)) if found == attribute:
                return node
    raise BadSuite(f"{name!r}: its file defines no {attribute!r}.")


def _own_words(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return ast.get_docstring(node) or ""
    # A value such as `hinge = Formulation(..., source="...")` names its source.
    call = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return "".join(str(ast.literal_eval(k.value)) for k in keywords if k.arg == "source")


def _options(node: ast.stmt, comments: dict[int, str]) -> list[Option]:
    functions = node.body if isinstance(node, ast.ClassDef) else [node]
    for function in functions:
        if isinstance(function, ast.FunctionDef) and (function is node or function.name == "__init__"):
            return [
                Option(
                    argument.arg,
                    ast.unparse(argument.annotation) if argument.annotation else "",
                    ast.unparse(default) if default else "",
                    comments.get(argument.lineno, ""),
                )
                for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
            ]
    return []


def _comments(source: str) -> dict[int, str]:
    """Trailing comments by line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def catalogue(kind: str) -> dict[str, str]:
    """All installed names of a kind, "suites" included, with a line about each."""
    if kind == "suites":
        return {name: _first_comment(path) for name, path in sorted(plugins.shipped_suites().items())}
    return {name: describe(kind, name).summary for name in plugins.names(kind)}


def find(name: str) -> list[tuple[str, Description]]:
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
