"""Malformed suites, made from the schema of suites and from the options of what is installed: each with one fault."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from math import inf, nan
from typing import Any, NamedTuple

from ganbench import plugins
from ganbench.suite.language import schema

HUGE = [2**63, -(2**63) - 1, 2**70, 16**5_000 - 1]
BASE: dict[str, Any] = {
    "name": "malformed",
    "description": "A suite with one fault.",
    "seeds": 1,
    "samples": 200,
    "evaluations": 2,
    "precision": "float32",
    "controls": ["real"],
    "budget": {"updates": 20},
    "gate": {"error": 0.05, "metrics": {"modes": {"weight": 1.0}}},
    "dataset": [{"name": "ring8", "label": "ring8", "options": {"points": 1000}, "budget": {"updates": 10}}],
    "variant": [{"name": "gan", "label": "gan", "options": {"width": 8, "z_dim": 2}}],
    "published": [{"source": "x", "dataset": "ring8", "variant": "gan", "trials": 5, "scores": {"modes": [8.0, 0.1]}}],
}
TEXTS = {
    "an integer of 5,000 digits": ("seeds = " + 5_000 * "9", "seeds"),
    "an integer of 5,000 hexadecimal digits": ("seeds = 0x" + 5_000 * "f", "seeds"),
    "brackets in brackets": ("seeds = " + 100_000 * "[", "seeds"),
    "brackets in brackets that close": ("seeds = " + 20_000 * "[" + 20_000 * "]", "seeds"),
    "tables in tables": ("seeds = " + 20_000 * "{a=" + "1" + 20_000 * "}", ""),
    "a key of many parts": (20_000 * "a." + "a = 1", "key"),
    "a text that does not end": ('name = "x', "TOML"),
    "a key without a value": ("seeds", "TOML"),
    "a key that is there twice": ("seeds = 1\nseeds = 2", "TOML"),
    "a control character": ("name = 'a\0b'", "TOML"),
    "too much text": ("# " + 1_100_000 * "x", "bytes"),
    "half a character": (b"name = '\xff'", "UTF-8"),
    "another encoding": ("name = 'x'".encode("utf-16"), "UTF-8"),
    "a surrogate": ('name = "\\ud800"', "TOML"),
}


class Malformed(NamedTuple):
    """A suite's text, what is wrong with it, and a word that the message must have."""

    text: bytes
    fault: str
    key: str


def all_malformed() -> list[Malformed]:
    """Every fault in every place, in an order that a seed has shuffled."""
    found = [Malformed(t if isinstance(t, bytes) else t.encode(), what, key) for what, (t, key) in TEXTS.items()]
    rest = [*_in_the_language(), *_in_options()]
    random.Random(0).shuffle(rest)
    return found + rest


def _in_the_language() -> Iterator[Malformed]:
    whole = schema()
    for path, setting in _settings(whole, whole["$defs"], ()):
        for value in _unfit(setting):
            yield _with(path, value)
    for path in ((), ("budget",), ("gate",), ("dataset", 0), ("variant", 0), ("published", 0)):
        for name in ("sedes", "=", "a b", "", "\x1b[31m", "x" * 10_000):
            yield _with((*path, name), 1)
    for twice in ("metrics", "controls"):
        place = ("dataset", 0, twice) if twice == "metrics" else (twice,)
        yield _with(place, ["modes", "modes"] if twice == "metrics" else ["real", "real"])


def _settings(table: Any, tables: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """All settings with their places and schemas, also those in tables."""
    for name, setting in table["properties"].items():
        setting = _plain(setting, tables)
        yield (*path, name), setting
        inner = _plain(setting.get("items", setting), tables)
        if "properties" in inner:
            yield from _settings(inner, tables, (*path, name, *([0] if "items" in setting else [])))


def _plain(setting: Any, tables: Any) -> Any:
    """A setting's schema without references, and without `null`, which TOML does not have."""
    options = [one for one in setting.get("anyOf", setting.get("allOf", [])) if one.get("type") != "null"]
    if len(options) == 1:
        return _plain(options[0], tables)
    return tables[setting["$ref"].rpartition("/")[2]] if "$ref" in setting else setting


def _unfit(setting: Any) -> Iterator[Any]:
    """Values that do not fit a setting."""
    kind = setting.get("type")
    others = {"string": "x", "integer": 1.5, "number": "y", "array": {}, "object": [], "boolean": 0}
    if kind is not None:
        # {} and [] are a table and a list of nothing, and a number may be 0 or 1.5.
        alike = {("array", "object"), ("object", "array"), *((one, "number") for one in ("integer", "boolean"))}
        alike |= {("boolean", "integer"), ("number", "string")}  # "y" is a text
        yield from (value for other, value in others.items() if other != kind and (other, kind) not in alike)
    if kind in ("integer", "number"):
        yield from (True, nan, inf, -inf, *HUGE, 10**15 if "maximum" in setting else -1e300)
        yield from (setting[end] + step for end, step in (("minimum", -1), ("maximum", 1)) if end in setting)
        yield from (setting[end] for end in ("exclusiveMinimum", "exclusiveMaximum") if end in setting)
    if kind == "string" and "enum" not in setting and "const" not in setting:
        yield from ("x" * 20_000, *(["a\0b", "\x1b[2J"] if "pattern" in setting else []))
    if "enum" in setting:
        yield from ("", "x", "x" * 100_000)


def _in_options() -> Iterator[Malformed]:
    """Numbers of options of the installed variants and of data without files, far out of their ranges."""
    data = {"ring8", "grid25", "random", "blobs"}
    for kind, names in (("variant", set(plugins.names("variants"))), ("dataset", data)):
        for name in sorted(names):
            for option, parameter in plugins.options(plugins.load(f"{kind}s", name)).items():
                if isinstance(parameter.default, int | float) and not isinstance(parameter.default, bool):
                    for value in (-1, nan, inf, 1e12, -1e-300, *HUGE[:3], "x", [], {}, True):
                        yield _with((kind, 0), {"name": name, "label": f"{name}", "options": {option: value}}, option)


def _with(path: tuple[Any, ...], value: Any, key: str = "") -> Malformed:
    suite = deepcopy(BASE)
    *tables, last = path
    table: Any = suite
    for part in tables:
        table = table[part] if isinstance(part, int) else table.setdefault(part, {})
    table[last] = value
    if path[0] != "published":
        suite["published"] = []
    if value == HUGE[-1]:  # TOML's reader says the line, on which all of a table is here
        key = path[0]
    key = key or next(part for part in reversed(path) if isinstance(part, str))
    return Malformed(as_toml(suite).encode(), f"{path} = {repr(value)[:80] if value not in HUGE else 'huge'}", key)


def as_toml(table: dict[str, Any]) -> str:
    """A text of TOML, a line for each setting."""
    return "".join(f"{json.dumps(name)} = {_value(value)}\n" for name, value in table.items())


def _value(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(name)} = {_value(one)}" for name, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case int() if not isinstance(value, bool) and value.bit_length() > 10_000:
            return hex(value)
    return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")
