"""`--help` in groups and without noise; `--json` wherever there is an answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from ganbench.cli import COMMANDS, app

ANSWERING = [
    "status", "evaluate", "report", "rank", "compare", "check", "history", "rate", "list", "show", "doctor", "audit",
    "data where", "run",
]  # fmt: skip
Command = Callable[..., Any]


def every(command: Any, name: str = "") -> dict[str, Any]:
    """All commands by name, groups entered."""
    if not isinstance(command, TyperGroup):
        return {name: command}
    return {k: v for own, one in command.commands.items() for k, v in every(one, f"{name} {own}".strip()).items()}


def test_commands_stand_in_three_groups(ganbench: Command) -> None:
    said = ganbench("--help").out
    at = [said.index(panel) for panel in COMMANDS]
    assert at == sorted(at) and len(at) == 3
    assert at[0] < said.index(" sample ") < at[1] < said.index(" check ") < at[2] < said.index(" doctor ")
    assert "─ Commands ─" not in said


@pytest.mark.parametrize("command", ["", *every(get_command(app))])
def test_a_flag_has_no_type(ganbench: Command, command: str) -> None:
    ran = ganbench(*command.split(), "--help")
    assert ran.code == 0 and "bool" not in ran.out and "--no-" not in ran.out
    assert "-h" in ran.out


@pytest.mark.parametrize("command", ANSWERING)
def test_what_answers_has_json(command: str) -> None:
    options = {option for parameter in every(get_command(app))[command].params for option in parameter.opts}
    assert "--json" in options


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["show", "wgan"], {"kind", "name", "summary", "text", "options"}),
        (["list", "judges"], {"truth"}),
        (["data", "where"], set()),
        (["doctor"], {"works", "what", "remark"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_installed_as_json(ganbench: Command, words: list[str], keys: set[str]) -> None:
    found = json.loads(ganbench(*words, "--json").out)
    assert keys <= {*(found[0] if isinstance(found, list) else found)}


def test_results_as_json(ganbench: Command, finished: Path) -> None:
    assert json.loads(ganbench("report", finished, "--json").out) == json.loads(
        ganbench("report", finished, "--format", "json").out
    )


def test_scores_ranked_as_json(ganbench: Command, tmp_path: Path) -> None:
    rows = [f"{label},{seed},{value + seed / 100}" for label, value in (("a", 1), ("b", 9)) for seed in range(5)]
    (tmp_path / "scores.csv").write_text("\n".join(["label,seed,value", *rows]))
    found = json.loads(ganbench("rank", tmp_path / "scores.csv", "--direction", "lower", "--json").out)
    assert found["tiers"] == [{"dataset": "", "metric": "", "tiers": [["a"], ["b"]]}]


def test_a_history_and_a_self_test_as_json(ganbench: Command, made_up: Callable[..., Path], tmp_path: Path) -> None:
    cells = {("d", "gan", "fid"): [10.0, 10.1, 10.2]}
    folders = [made_up(cells, into=f"r{i}", commit=f"{i}123abc") for i in range(3)]
    assert json.loads(ganbench("history", *folders, "--json").out)["lines"] == 2  # FID and speed
    ganbench("baseline", folders[0], "--out", tmp_path / "b.json")
    trials = json.loads(ganbench("check", folders[1], "--baseline", tmp_path / "b.json", "--self-test", "--json").out)
    assert [trial["name"] for trial in trials] == ["noise", "modes dropped", "half speed"]


def test_samples_judged_as_json(ganbench: Command, finished: Path) -> None:
    run = next(iter(finished.glob("*/last.safetensors"))).parent
    rows = json.loads(ganbench("evaluate", run, "--dataset", "ring8", "--count", 300, "--json").out)
    assert {"modes", "high_quality"} <= {row["metric"] for row in rows} and all(row["samples"] <= 300 for row in rows)
