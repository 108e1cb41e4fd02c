"""What the documents show in blocks does here what it says, in a folder with the results of a tiny suite.

Commands are cut into words by a shell, and read by the command line with all their options; those that take seconds are
carried out, in the order of their page. The pages docs/my-*.md are followed whole by `nox -s stories`.
"""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from pydantic import TypeAdapter
from typer.core import TyperGroup
from typer.main import get_command

from ganbench import plugins
from ganbench.cli import app
from ganbench.compare.gate import Gate
from ganbench.suite.language import DatasetTable, PublishedTable, VariantTable

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLLOWED = [page for page in DOCUMENTS if not page.name.startswith("my-")]
document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
TINY = """
budget = { updates = 4 }
seeds = 2
samples = 200
evaluations = 1
controls = ["real"]
[[dataset]]
name = "mnist5k"
options = { size = 16 }
[[variant]]
name = "dcgan"
options = { width = 4, batch = 16 }
[[variant]]
name = "wgan"
options = { width = 4, batch = 16 }
"""
POINTS = TINY.replace("mnist5k", "ring8").replace("{ size = 16 }", "{ points = 1000 }")
LONG = {  # the beginning of a command -> why it is read, and not carried out
    "report results/quick --serve": "serves until it is stopped",
    "report results/my --serve": "serves until it is stopped",
    "rate": "serves until it is stopped",
    "run my.toml --track": "needs a tracker's package, see tests/trackers",
    "run my.toml --executor ray": "needs a cluster, see tests/executors",
    "run my.toml --results /shared/results": "needs a cluster, see tests/executors",
    "status /shared/results/my": "needs a cluster, see tests/executors",
    "run suites/standard": "trains for hours",
    "run quick": "trains for minutes, see `nox -s wheel`",
    "report results/quick@0.05": "is of those minutes; docs/use.md has the same of other results",
    "run my.toml --shard 1/3": "docs/use.md has the same with two parts",
    "merge part1": "docs/use.md has the same with two parts",
    "report results/families": "is of a suite that trains for hours",
    "run suites/pacgan-2d.toml": "trains for minutes",
    "run suites/stacked.toml": "trains for minutes",
    "export": "takes seconds where ONNX is installed, see tests/runs/test_export.py",
    "audit": "judges for minutes, see tests/audit",
    "data fetch": "needs a network",
}
BEFORE = {  # what else has to be there, made by somebody on another machine
    "check results/quick": ["baseline results/quick --out baselines/quick.json"],
    "merge one/my": ["run my.toml --shard 2/2 --results two"],
}


def blocks(document: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S)


def commands(script: str, folder: Path) -> Iterator[list[str]]:
    """The words of each `ganbench ...` in a script, as a shell finds them in a folder."""
    for line in script.replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|\|\|", line):
            if part.strip().startswith(("ganbench ", "nohup ganbench ")):
                told = part.strip().removeprefix("nohup ").partition(" > ")[0]
                said = subprocess.run(["bash", "-c", f'ganbench() {{ printf "%s\\0" "$@"; }}\n{told}'],
                    cwd=folder, capture_output=True, text=True, check=True)  # fmt: skip
                yield said.stdout.split("\0")[:-1]


def read(words: list[str]) -> None:
    """Let the command line read the words, to the last option. Raises UsageError."""
    command, context, rest = get_command(app), typer.Context(get_command(app)), words
    while isinstance(command, TyperGroup):
        inner = command.get_command(context, rest[0])
        assert inner is not None, f"no command {rest[0]}"
        command, rest = inner, rest[1:]
    command.make_context("ganbench", [*rest])


@document
def test_every_command_is_read_to_its_last_option(document: Path, tmp_path: Path) -> None:
    for script in blocks(document, "sh"):
        for words in commands(script, tmp_path):
            read(words)


def test_an_option_without_its_value_and_one_that_is_not_there_are_noticed(tmp_path: Path) -> None:
    for wrong in ("ganbench run a.toml --scale", "ganbench run a.toml --scal 1", "ganbench run --scale little a.toml"):
        (words,) = commands(f"{wrong}  # a comment", tmp_path)
        with pytest.raises(Exception, match=r"[Oo]ption|--scal|valid number"):
            read(words)


@pytest.fixture(scope="module")
def finished_quick(ganbench: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages take to be there: results, a baseline, samples, a suite of one's own."""
    home = tmp_path_factory.mktemp("home")
    (home / "suites").mkdir()
    (home / "suites/quick.toml").write_text(TINY)
    (home / "my.toml").write_text(POINTS)
    ran = ganbench("run", home / "suites/quick.toml", "--results", home / "results")
    assert ran.code == 0, ran.err
    shutil.copytree(home / "results", home / "before")
    for night in ("monday", "tuesday"):
        shutil.copytree(home / "before/quick", home / "results" / night / "quick")
    ganbench("report", home / "results/quick", "--format", "csv", "--out", home / "families.csv")
    np.savez(home / "mine.npz", np.random.default_rng(0).uniform(-1, 1, (200, 1, 16, 16)).astype(np.float32))
    scores = "\n".join(f"{label},{seed},{value + seed}" for label, value in (("a", 1), ("b", 5)) for seed in (0, 1))
    (home / "scores.csv").write_text(f"label,seed,value\n{scores}\n")
    shutil.copy(ROOT / "LICENSE", home)
    return home


@pytest.fixture
def home(finished_quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, where one works; the suites that come with ganbench are as tiny as those in it."""
    home = shutil.copytree(finished_quick, tmp_path / "home")
    monkeypatch.chdir(home)
    monkeypatch.setattr(plugins, "shipped_suites", lambda: {p.stem: p for p in (home / "suites").glob("*.toml")})
    return home


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda path: path.name)
def test_commands_do_what_the_page_says(ganbench: Callable[..., Any], page: Path, home: Path) -> None:
    for script in blocks(page, "sh"):
        for words in commands(script, home):
            line = " ".join(words)
            if any(line.startswith(begin) for begin in LONG):
                continue
            for other in [other for begin, others in BEFORE.items() if line.startswith(begin) for other in others]:
                assert ganbench(*other.split()).code == 0
            ran = ganbench(*words)
            assert ran.code == 0, f"ganbench {line}: {ran.out}{ran.err}"


def test_what_is_not_carried_out_stands_on_a_page() -> None:
    shown = "\n".join(script for page in DOCUMENTS for script in blocks(page, "sh"))
    assert [begin for begin in (*LONG, *BEFORE) if f"ganbench {begin}" not in shown] == []


@pytest.mark.parametrize("page", [page for page in FOLLOWED if blocks(page, "python")], ids=lambda path: path.name)
def test_python_does_what_the_page_says(page: Path, home: Path) -> None:
    import pandas as pd
    from torch import nn

    mine = nn.Sequential(nn.Linear(100, 1024), nn.Tanh(), nn.Unflatten(1, (1, 32, 32)))
    known = {"G": mine, "frame": pd.read_csv(home / "scores.csv")}
    for block in blocks(page, "python"):
        exec(compile(block.replace("z_dim=100", "z_dim=100, count=200"), page.name, "exec"), known)


@document
def test_tables_of_suites_fit_the_language(document: Path) -> None:
    models: dict[str, Any] = {"variant": list[VariantTable], "dataset": list[DatasetTable], "gate": Gate}
    models["published"] = list[PublishedTable]
    for block in blocks(document, "toml"):
        for name, table in tomllib.loads(block).items():
            if name in models:
                TypeAdapter(models[name]).validate_json(json.dumps(table))
