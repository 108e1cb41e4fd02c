"""The command line in this process, the suites of `tests/resources`, and the results of the smallest."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pandas as pd
import pytest
import torch

from ganbench.store.columns import LOSS_COLUMNS, SCORE_COLUMNS

RESOURCES = Path(__file__).parent / "resources"


class Ran(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """What a test draws of torch's own generator does not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def resources() -> Path:
    return RESOURCES


@pytest.fixture(scope="session")
def ganbench() -> Command:
    """`ganbench("run", suite)` as the shell would do it, without the seconds that a new process takes to import."""
    from ganbench.cli import main

    def run(*arguments: object) -> Ran:
        out, err, threads = StringIO(), StringIO(), torch.get_num_threads()
        with (
            patch.object(sys, "argv", ["ganbench", *map(str, arguments)]),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        torch.set_num_threads(threads)
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def suite_file(tmp_path: Path) -> Callable[..., Path]:
    """`suite_file(("seeds = 2", "seeds = 3"))`: a copy of a suite, changed, with the toys beside it."""

    def write(*changes: tuple[str, str], of: str = "tiny") -> Path:
        text = (RESOURCES / f"{of}.toml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        shutil.copy(RESOURCES / "toys.py", tmp_path)
        path = tmp_path / f"{of}.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def first_run(ganbench: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """Where the smallest suite's results lie, and what the command said when it made them."""
    results = tmp_path_factory.mktemp("first") / "results"
    return results, ganbench("run", RESOURCES / "tiny.toml", "--results", results)


@pytest.fixture(scope="session")
def finished(first_run: tuple[Path, Ran]) -> Path:
    """The smallest suite's results, for reading."""
    results, ran = first_run
    assert ran.code == 0, ran.err
    return results / "tiny"


@pytest.fixture
def results_copy(finished: Path, tmp_path: Path) -> Path:
    """The same, for changing."""
    return Path(shutil.copytree(finished, tmp_path / "results" / "tiny"))


Cells = Mapping[tuple[str, str, str], Sequence[float | None]]
SENSES = {"modes": ("higher", "modes"), "label_accuracy": ("higher", "")}


@pytest.fixture
def made_up(tmp_path: Path) -> Callable[..., Path]:
    """`made_up({("d", "gan", "fid"): [9.1, 9.5]})`: a folder of results that nobody trained, with those scores.

    By dataset, variant and metric, a value for each seed; None: the run diverged. Runs of a variant take a second each.
    """

    def write(cells: Cells, name: str = "quick", gate: str = "", **changes: Any) -> Path:
        folder = tmp_path / str(changes.pop("into", "results")) / name
        key, commit, speeds = changes.pop("key", "k"), changes.pop("commit", "0123abc"), changes.pop("speeds", [100.0])
        rows = list(dict.fromkeys(cell[:2] for cell in cells))
        entries = []
        for dataset, label in rows:
            own = {metric: values for (*row, metric), values in cells.items() if tuple(row) == (dataset, label)}
            for seed in range(max(map(len, own.values()))):
                values = {metric: values[seed] for metric, values in own.items() if seed < len(values)}
                status = "diverged" if None in values.values() else "done"
                run = f"{dataset}-{label}-{seed}"
                entries.append({"run": run, "label": label, "dataset": dataset, "seed": seed, "scale": 1.0})
                about = {"run": run, "label": label, "variant": label, "dataset": dataset, "seed": seed, "suite": name}
                record = {
                    "status": status,
                    "reason": "" if status == "done" else "D.loss became nan",
                    "summary": {**about, "control": False, "scale": 1.0},
                    "ledger": {"images": 100, "seconds": 1.0, "images_per_second": speeds[seed % len(speeds)]},
                    "conditions": {
                        **{"budget_unit": "images", "budget_amount": 100.0, "device": "CPU, 2 cores", "threads": 1},
                        **{"precision": "float32", "select": next(iter(own)), "torch": "2", **changes},
                    },
                }
                scores = [
                    {
                        **{**dict.fromkeys(SCORE_COLUMNS), **about, "metric": metric, "checkpoint": "last"},
                        **{"direction": SENSES.get(metric, ("lower", ""))[0], "unit": SENSES.get(metric, ("", ""))[1]},
                        **{"value": value, "stderr": 0.0, "key": key if value is not None else "", "status": status},
                    }
                    for metric, value in values.items()
                ]
                (folder / run).mkdir(parents=True)
                (folder / run / "run.json").write_text(json.dumps(record))
                frame = pd.DataFrame(scores, columns=SCORE_COLUMNS).astype({"value": float, "stderr": float})
                frame.to_parquet(folder / run / "scores.parquet")
                pd.DataFrame(columns=LOSS_COLUMNS).to_parquet(folder / run / "losses.parquet")
        manifest = {"format": 1, "command": "ganbench run", "commit": commit, "runs": entries, "text": gate}
        (folder / "suite.json").write_text(json.dumps(manifest))
        return folder

    return write
