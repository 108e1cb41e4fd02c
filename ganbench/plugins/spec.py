"""A plugin and the options it is made with: what a suite writes, checked against names and annotations.

An option's annotation also says its range: `width: Count = 64`, or `Annotated[float, Ge(-1)]` where no name here fits.
"""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AllowInfNan, Field, TypeAdapter, ValidationError, ValidationInfo
from pydantic_core import core_schema

from ganbench import plugins
from ganbench.errors import BadSuite, UnknownName, shortened

Count = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0), AllowInfNan(False)]
NotNegative = Annotated[float, Ge(0), AllowInfNan(False)]
Share = Annotated[float, Ge(0), Le(1)]
Decay = Annotated[float, Ge(0), Lt(1)]  # of a moving average
Rate = Annotated[float, Gt(0), Le(1)]  # of learning
# What only a slip of the finger exceeds is a `Field`, which `ganbench show` passes over.
Length = Annotated[float, Gt(0), Field(ge=1e-6, le=1e6)]  # whose square float32 still holds
Size = Annotated[int, Ge(1), Field(le=65_536)]  # of a layer, a vector, a batch
Samples = Annotated[int, Ge(1), Field(le=10_000_000)]
Few = Annotated[int, Ge(1), Field(le=1_000)]
Several = Annotated[int, Ge(0), Field(le=10_000)]
Depth = Annotated[int, Ge(1), Field(le=100)]  # of layers, blocks, steps in a round
Side = Annotated[int, Ge(1), Field(le=1_024)]  # of an image or a kernel, in pixels
LARGEST = 1e9  # number of any option, whatever its annotation: more is a slip, or would take all memory


@dataclass(frozen=True)
class PluginSpec:
    """A plugin's name and the options it is made with; `file.py:Name` is looked for in `beside`.

    Behind an installed plugin's name may stand a colon and its first option: `folder:~/faces`, `mnist:28`.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    beside: str = ""

    def load(self, kind: str) -> Any:
        return plugins.load(kind, self.written_out(kind).name, Path(self.beside))

    def written_out(self, kind: str) -> "PluginSpec":
        """The same, with what stands behind a colon among the options. Raises BadSuite if there is no place for it."""
        name, colon, text = self.name.partition(":")
        if not colon or name not in plugins.names(kind):
            return self
        plugin = plugins.load(kind, name)
        first = next(iter(plugins.options(plugin) if callable(plugin) else ()), None)
        if first is None:
            raise BadSuite(f"Found {self.name!r}, but {name} has no option that {text!r} could be. Write {name!r}.")
        if not text:
            raise BadSuite(f"Found {self.name!r} without an option behind the colon. Give {first}, or write {name!r}.")
        if first in self.options:
            raise BadSuite(
                f"Found {self.name!r} and {first} = {self.options[first]!r} in its options, but the one is the other. "
                "Leave one of them out."
            )
        return replace(
            self, name=name, options={first: _as_written(text, _hints(plugin).get(first, Any)), **self.options}
        )


class Choice:
    """A base of small values that are plugins themselves: formulations, penalties, remedies.

    Where a plugin's option has such a type, a suite gives a name, or a table of a name and options:
    `penalty = "r1"`, `penalty = { name = "r1", gamma = 1 }`. Of a kind that `joins` it may give a list of these:
    `penalty = ["r1", "r2"]`.
    """

    kind: ClassVar[str]
    joins: ClassVar[bool] = False  # several values can be one

    @classmethod
    def join(cls, several: Sequence[Any]) -> Any:
        """One value for several, at least one; of kinds that join."""
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        def choose_this(given: Any, info: ValidationInfo) -> Any:
            beside = (info.context or {}).get("beside", "")
            if isinstance(given, list):
                return cls.join([choose(cls.kind, one, beside) for one in given])
            return choose(cls.kind, given, beside)

        name, table = core_schema.str_schema(), core_schema.dict_schema(core_schema.str_schema())
        several = core_schema.list_schema(core_schema.union_schema([name, table]), min_length=1)
        written = core_schema.union_schema(
            [name, table, several] if cls.joins else [name, table],
            custom_error_type="choice",
            custom_error_message="It must be a name, or a table of a name and options"
            + (", or a list of these" if cls.joins else ""),
        )
        return core_schema.with_info_after_validator_function(choose_this, written)


def choose(kind: str, given: str | dict[str, Any], beside: str = "") -> Any:
    """The plugin of that name, made with the other entries of the table. Raises BadSuite or UnknownName."""
    table = {"name": given} if isinstance(given, str) else dict(given)
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise BadSuite(f"Found {given!r} among the {kind}, but it needs a `name`: {', '.join(plugins.names(kind))}.")
    spec = PluginSpec(name, table, beside).written_out(kind)
    plugin = spec.load(kind)
    if callable(plugin):
        return build(kind, spec)
    if table:
        raise BadSuite(f"Found options {table} of {name!r}, but it has none. Leave them out.")
    return plugin


def build(kind: str, spec: PluginSpec, *positional: Any) -> Any:
    """Make a plugin with its options. Raises BadSuite or UnknownName if they do not fit."""
    spec = spec.written_out(kind)
    plugin = spec.load(kind)
    values = configure(plugin, spec, TABLES.get(kind, ""))
    try:
        inspect.signature(plugin).bind(*positional, **values)
    except TypeError as error:
        first = FIRST_ARGUMENTS.get(kind, "")
        raise BadSuite(
            f"{spec.name} cannot be made: {error}. Begin it as `def __init__(self, {first}*, ...)`: options stand "
            "behind the star."
        ) from error
    try:
        return plugin(*positional, **values)
    except (ValueError, RuntimeError) as error:  # as torch says that it cannot build something
        options = shortened(str(spec.options))
        raise BadSuite(f"{spec.name} cannot be made with the options {options}: {shortened(str(error))}") from error


FIRST_ARGUMENTS = {"variants": "spec, ", "judges": "dataset, "}  # by kind: what stands before the options
TABLES = {"datasets": "dataset", "variants": "variant"}  # of a suite, by kind


def configure(plugin: Any, spec: PluginSpec, table: str = "") -> dict[str, Any]:
    """Options as a suite writes them -> as the plugin's annotations want them; a path begins at `beside`.

    `table` is that of the suite in which they stand.
    """
    known, hints = plugins.options(plugin), _hints(plugin)
    values = {}
    for name, value in spec.options.items():
        if name not in known and name in inspect.signature(plugin).parameters:
            raise BadSuite(
                f"{name!r} of {spec.name} is no option, because it stands before the star. Write "
                f"`def __init__(self, spec, *, {name}=...)`."
            )
        if name not in known:
            raise UnknownName(f"options of {spec.name}", name, known)
        if any(not abs(number) <= LARGEST for number in _numbers(value)):
            raise BadSuite(
                f"Option {name!r} of {spec.name}: found {shortened(repr(value), 100)}. Numbers must lie between "
                f"-{LARGEST:g} and {LARGEST:g}; the default is {_default_text(known[name].default)}."
            )
        adapter: TypeAdapter[Any] = TypeAdapter(hints.get(name, Any))
        try:
            values[name] = adapter.validate_json(json.dumps(value), strict=True, context={"beside": spec.beside})
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            default = known[name].default
            found = f"Option {name!r} of {spec.name}: found {shortened(repr(value), 100)}."
            raise BadSuite(f"{found} {reason}; the default is {_default_text(default)}.") from error
        if isinstance(values[name], Path):
            values[name] = Path(spec.beside) / values[name].expanduser()
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in values:
            hint = f", or by --set {table}.{name}=VALUE" if table else ""
            raise BadSuite(f"Found no option {name!r}, which {spec.name} needs. Give it in `options`{hint}.")
    return values


def _numbers(value: Any) -> Iterator[float]:
    """All numbers in an option's value; one that no float holds is infinite."""
    match value:
        case int() | float():
            yield value if isinstance(value, float) or value.bit_length() < 1_000 else inf
        case dict():
            for part in value.values():
                yield from _numbers(part)
        case list() | tuple():
            for part in value:
                yield from _numbers(part)


def _hints(plugin: Any) -> dict[str, Any]:
    # Functions have an `__init__` too, which says nothing of their arguments.
    made_by = plugin.__init__ if inspect.isclass(plugin) else plugin
    return get_type_hints(inspect.unwrap(made_by), include_extras=True)


def as_written(plugin: Any, options: Mapping[str, str]) -> dict[str, Any]:
    """Options whose values are texts, as of a command line -> as a suite would write them."""
    hints = _hints(plugin)
    return {name: _as_written(text, hints.get(name, Any)) for name, text in options.items()}


def _as_written(text: str, hint: Any) -> Any:
    """A text as a suite would write it for an option of that type: `28` is a number, where no text is wanted."""
    for written in (json.dumps(text), text):
        try:
            TypeAdapter(hint).validate_json(written, strict=True)
        except ValidationError:
            continue
        return json.loads(written)
    return text  # `configure` says what is wrong with it


def _default_text(default: Any) -> str:
    return repr(getattr(default, "name", default))
