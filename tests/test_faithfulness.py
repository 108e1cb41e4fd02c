"""The table of `docs/faithfulness.md` says what the code says, of every constant that a paper gives."""

import ast
import importlib
import tomllib
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ganbench import plugins
from ganbench.losses import Formulation
from ganbench.penalties import Penalty

ROOT = Path(__file__).parent.parent
KINDS = ("variants", "losses", "penalties", "remedies")


class Row(NamedTuple):
    part: str
    constant: str
    source: str
    there: str
    here: str
    why: str


def rows() -> list[Row]:
    lines = (ROOT / "docs" / "faithfulness.md").read_text().splitlines()
    table = [line.strip("|").split("|") for line in lines if line.startswith("| `")]
    return [Row(*(cell.strip(" `") for cell in cells)) for cells in table]


def ours() -> dict[str, Any]:
    """What ganbench itself brings and a paper gives constants for, by name."""
    found = {}
    for kind in KINDS:
        for name in plugins.names(kind):
            plugin = plugins.load(kind, name)
            control = kind == "variants" and plugin.kind == "control"
            if plugins.locate(kind, name).startswith("ganbench.") and callable(plugin) and not control:
                found[name] = plugin
    return found


def room(module: str) -> str:
    """The package that a module is in."""
    rooms = {"zoo": "ganbench.zoo", "zoo/references": "ganbench.zoo.references"}
    return next((package for folder, package in rooms.items() if (ROOT / folder / f"{module}.py").exists()), "ganbench")


def value(row: Row) -> Any:
    """What the code says of a row's constant."""
    suite = ROOT / "suites" / f"{row.part}.toml"
    owner, _, name = row.constant.partition(".")
    if owner == "PacGAN":
        plugin = plugins.load("variants", f"{ROOT / 'suites' / 'pacgan_networks.py'}:PacGAN")
        return plugins.options(plugin)[name].default
    if suite.exists():
        found: Any = tomllib.loads(suite.read_text())
        for key in row.constant.split("."):
            found = found[int(key) if key.isdigit() else key]
        return found
    if name:
        return getattr(importlib.import_module(f"{room(owner)}.{owner}"), name)
    return plugins.options(ours()[row.part])[row.constant].default


def as_written(text: str, like: Any) -> Any:
    """A cell as a value of the kind that `like` is."""
    if isinstance(like, Formulation | Penalty | str):
        return text
    if "sqrt" in text:
        return eval(text, {"sqrt": sqrt})
    return ast.literal_eval(text)


def in_words(found: Any) -> Any:
    """A value as the table writes it: a choice by its name, and the options that a variant's paper sets."""
    if isinstance(found, Formulation):
        return found.name
    if isinstance(found, Penalty):
        numbers = {name: v for name, v in vars(found).items() if not isinstance(v, bool)}
        return ", ".join([found.name, *(f"{name} {v:g}" for name, v in numbers.items())])
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.part} {row.constant}")
def test_the_table_says_what_the_code_says(row: Row) -> None:
    found = value(row)
    assert as_written(row.here, found) == in_words(found)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.part} {row.constant}")
def test_where_a_constant_differs_from_its_source_the_reason_stands_there_and_only_there(row: Row) -> None:
    assert row.source and row.there
    assert bool(row.why) == (row.there != row.here)


def test_every_option_that_a_paper_could_give_has_its_row_and_one_alone() -> None:
    named = [(row.part, row.constant) for row in rows()]
    assert len({*named}) == len(named)
    options = {(name, option) for name, plugin in ours().items() for option in plugins.options(plugin)}
    in_suites = {(part, constant) for part, constant in named if (ROOT / "suites" / f"{part}.toml").exists()}
    of_modules = {(part, constant) for part, constant in named if "." in constant}
    assert options - {(name, "remedies") for name in ours()} == {*named} - in_suites - of_modules


def test_a_table_that_had_drifted_would_be_found() -> None:
    row = next(row for row in rows() if (row.part, row.constant) == ("dcgan", "lr"))
    drifted = row._replace(here="3e-4")
    assert as_written(drifted.here, value(drifted)) != in_words(value(drifted))
