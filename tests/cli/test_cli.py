"""The command line from end to end, on suites of seconds."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganbench import __version__
from ganbench.data import mnist
from ganbench.store import read

Command = Callable[..., Any]


# run


def test_a_run_prints_the_board_and_leaves_the_report(first_run: tuple[Path, Any]) -> None:
    results, ran = first_run
    assert ran.code == 0
    assert all(label in ran.out for label in ("gan", "real", "noise", "ring8"))
    report = results / "tiny" / "report.html"
    assert ran.err.splitlines()[-1] == f"The whole report: {report}"
    assert report.read_text().lower().startswith("<!doctype html>")


def test_without_a_terminal_each_run_that_ended_is_a_line(first_run: tuple[Path, Any]) -> None:
    lines = [line for line in first_run[1].err.splitlines() if "/6 " in line]
    assert [line.partition("/")[0] for line in lines] == ["1", "2", "3", "4", "5", "6"]
    assert all(re.fullmatch(r"\d/6 (gan|real|noise) on ring8, seed [01]: done in \d+ s", line) for line in lines)


def test_the_results_hold_the_runs_and_nothing_unfinished(ganbench: Command, resources: Path, tmp_path: Path) -> None:
    assert ganbench("run", resources / "tiny.toml", "--results", tmp_path).code == 0
    finished = tmp_path / "tiny"
    runs = set(read(finished).runs["run"])
    assert {path.name for path in finished.iterdir()} == {*runs, ".unfinished", "report.html", "suite.json"}
    assert [*(finished / ".unfinished").iterdir()] == []


def test_what_is_already_done_is_counted(ganbench: Command, results_copy: Path, resources: Path) -> None:
    ran = ganbench("run", resources / "tiny.toml", "--results", results_copy.parent)
    assert ran.code == 0 and "6 of 6 already done." in ran.err


def test_only_chooses_by_label_dataset_and_seed(ganbench: Command, suite_file: Command, tmp_path: Path) -> None:
    ran = ganbench("run", suite_file(), "--results", tmp_path / "r", "--only", "[gr]*/ring8/1")
    assert ran.code == 0
    runs = read(tmp_path / "r").runs
    assert runs.query("status == 'done'")[["label", "seed"]].to_numpy().tolist() == [["gan", 1], ["real", 1]]
    controls = runs.query("status == 'missing' and control")["label"]
    assert {*controls} == {"real", "noise"}, "what has not run is known as a control too"


def test_a_scaled_suite_has_results_of_its_own_that_say_so(
    ganbench: Command, suite_file: Command, tmp_path: Path
) -> None:
    ran = ganbench("run", suite_file(), "--results", tmp_path / "r", "--scale", "0.5", "--only", "gan/*/0")
    assert ran.code == 0
    found = read(tmp_path / "r" / "tiny@0.5")
    done = found.runs.query("status == 'done'").iloc[0]
    assert (done["scale"], done["budget_amount"], done["g_updates"]) == (0.5, 10, 10)
    assert "--scale 0.5" in found.command
    assert "scale" in ran.out.lower(), "the board says so too"


def test_a_dry_run_says_what_would_be_done_and_how_long_and_writes_nothing(
    ganbench: Command, suite_file: Command, tmp_path: Path
) -> None:
    ran = ganbench("run", suite_file(), "--results", tmp_path / "r", "--dry-run", "--workers", 1, "--device", "cpu")
    assert (ran.code, ran.out) == (0, "")
    for label, budget in [("gan", "20 updates"), ("real", "20 updates"), ("noise", "20 updates")]:
        assert re.search(rf"(?m)^{label} +ring8 +2 +{budget} +[\d.]+", ran.err)
    assert re.search(r"About \d+ (seconds|minutes) on cpu with 1 worker", ran.err)
    assert not (tmp_path / "r").exists()


def test_a_dry_run_of_what_fails_says_that_it_does(ganbench: Command, suite_file: Command, tmp_path: Path) -> None:
    command = ("run", suite_file(of="failing"), "--results", tmp_path / "r", "--dry-run", "--only", "raises")
    ran = ganbench(*command)
    assert ran.code == 0
    assert "fails: KeyError" in ran.err


def test_a_suite_for_cuda_says_on_a_cpu_how_long_it_takes_and_what_to_run_instead(
    ganbench: Command, suite_file: Command, tmp_path: Path
) -> None:
    path = suite_file(("seeds", 'meant_for = "cuda"\nseeds'), ("updates = 20", "updates = 10_000_000"))
    ran = ganbench("run", path, "--results", tmp_path / "r", "--dry-run", "--device", "cpu", "--only", "gan")
    assert re.search(r"About [\d.,]+ hours on cpu", ran.err)
    assert (
        "tiny is meant for CUDA. On this machine rather try `ganbench run quick`, or this suite with `--scale"
        in ran.err
    )


def test_the_estimated_and_the_taken_time_stand_side_by_side(
    ganbench: Command, suite_file: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = suite_file(("seeds", 'meant_for = "cuda"\nseeds'))
    ran = ganbench("run", path, "--results", tmp_path / "r", "--json", "--only", "gan", "--device", "cpu")
    assert ran.code == 0, ran.err
    assert ran.err.startswith("tiny is meant for CUDA, and this is a CPU: first an estimate of its time here.")
    found = json.loads(ran.out)
    (pair,) = found["pairs"]
    assert (pair["variant"], pair["dataset"], pair["runs"]) == ("gan", "ring8", 2)
    for known in ("estimate", "outcome"):
        assert {name for name, seconds in pair[known].items() if seconds > 0} == {"start", "training", "judging"}
        assert found[known] > 0
    assert re.search(r"(?m)^training +[\d.]+ (seconds|minutes) +\d+ seconds$", ran.err)
    record = json.loads(next((tmp_path / "r").glob("*/*/run.json")).read_text())
    assert record["seconds"]["training"] == record["ledger"]["seconds"]


def test_digits_go_all_the_way(ganbench: Command, resources: Path, tmp_path: Path) -> None:
    ran = ganbench("run", resources / "digits.toml", "--results", tmp_path)
    assert ran.code == 0, ran.err
    found = read(tmp_path)
    assert set(found.scores["metric"]) == {"is", "fid", "classes", "class_kl", "confidence", "entropy", "ct"}
    run = found.runs["run"].item()
    samples, grid = found.samples(run), found.grid(run)
    assert samples is not None and samples.shape == (64, 32, 32, 1) and samples.dtype == "uint8"
    assert grid is not None and Image.open(io.BytesIO(grid)).size == (8 * 33 - 1, 8 * 33 - 1)

    folder = found.path / run
    assert ganbench("sample", folder, "--out", tmp_path / "s.png", "--count", 4).code == 0
    assert Image.open(tmp_path / "s.png").size == (4 * 33 - 1, 32)
    assert ganbench("sample", folder, "--out", tmp_path / "one by one", "--count", 3).code == 0
    assert len([*(tmp_path / "one by one").glob("*.png")]) == 3


# report


@pytest.mark.parametrize(
    ("format", "start"), [("csv", "suite,"), ("md", "# ganbench: tiny"), ("latex", "% needs \\usepackage{booktabs}")]
)
def test_tables_go_to_stdout_and_nothing_else_does(ganbench: Command, finished: Path, format: str, start: str) -> None:
    ran = ganbench("report", finished, "--format", format)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(start)
    assert "noise" in ran.out


def test_csv_is_tidy(ganbench: Command, finished: Path) -> None:
    rows = [*csv.DictReader(io.StringIO(ganbench("report", finished, "--format", "csv").out))]
    scores = read(finished).scores
    assert len(rows) == len(scores)
    assert {row["metric"] for row in rows} == set(scores["metric"])
    assert {row["direction"] for row in rows} == {"higher", "lower", "none"}


@pytest.mark.parametrize("format", ["html", "csv", "md", "latex"])
def test_a_report_may_be_written_anywhere(ganbench: Command, finished: Path, tmp_path: Path, format: str) -> None:
    file = tmp_path / "new folder" / f"board.{format}"
    ran = ganbench("report", finished, "--format", format, "--out", file)
    assert (ran.code, ran.out, ran.err) == (0, "", f"Written: {file}\n")
    assert file.stat().st_size > 500


def test_a_report_lies_beside_the_results_unless_told_otherwise(ganbench: Command, results_copy: Path) -> None:
    (results_copy / "report.html").unlink()
    ran = ganbench("report", results_copy.parent)
    assert (ran.code, ran.err) == (0, f"Written: {results_copy / 'report.html'}\n")


# sample


def test_samples_are_the_same_for_a_seed_and_others_for_another(
    ganbench: Command, finished: Path, tmp_path: Path
) -> None:
    runs = read(finished).runs
    folder = finished / runs.loc[runs["label"] == "gan", "run"].iloc[0]
    drawn = []
    for i, seed in enumerate([0, 0, 1]):
        file = tmp_path / f"{i}.npz"
        ran = ganbench("sample", folder, "--out", file, "--count", 5, "--seed", seed, "--checkpoint", "last")
        assert (ran.code, ran.out, ran.err) == (0, "", f"Written: {file}\n")
        drawn.append(np.load(file)["samples"])
    assert drawn[0].shape == (5, 2) and drawn[0].dtype == "float32"
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()


# data, doctor and the rest


def test_data_where_lists_the_places_in_the_order_of_looking(
    ganbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    raw = tmp_path / "mine" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in ("train", "t10k"):
        for what in ("images-idx3", "labels-idx1"):
            (raw / f"{stem}-{what}-ubyte").touch()
    ran = ganbench("data", "where", "--data-dir", tmp_path / "given")
    assert ran.out.splitlines() == [
        f"{tmp_path / 'given'}: nothing",
        f"{tmp_path / 'mine'}: MNIST",
        f"{tmp_path / 'cache' / 'ganbench'}: nothing",
    ]


def test_a_data_dir_holds_for_the_workers_too(
    ganbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suite_file: Command
) -> None:
    monkeypatch.setenv("GANBENCH_DATA", "elsewhere")  # to have it back afterwards
    ganbench("run", suite_file(), "--dry-run", "--only", "real", "--data-dir", tmp_path, "--results", tmp_path / "r")
    assert os.environ["GANBENCH_DATA"] == str(tmp_path)
    assert mnist.data_roots()[0] == tmp_path


def test_the_doctor_says_what_works_here(ganbench: Command) -> None:
    ran = ganbench("doctor")
    assert (ran.code, ran.err) == (0, "")
    for what in ("python", "torch", "cuda", "mnist", "judge mnist"):
        assert re.search(rf"(?m)^(ok|--) +{what} ", ran.out)


def test_the_version_is_printed(ganbench: Command) -> None:
    assert ganbench("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("command", ["", "run", "report", "list", "show", "sample", "doctor", "data", "judge"])
def test_every_command_explains_itself(ganbench: Command, command: str) -> None:
    ran = ganbench(*command.split(), "--help")
    assert ran.code == 0
    assert f"Usage: ganbench {command}".strip() in ran.out


def test_the_installed_command_is_the_same() -> None:
    script = Path(sys.executable).with_name("ganbench")
    if not script.exists():
        pytest.skip("the script is not beside this python")
    ran = subprocess.run([script, "list", "losses"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "hinge" in ran.stdout
