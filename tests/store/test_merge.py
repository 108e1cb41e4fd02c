"""Parts of a suite from several machines become one folder, if they are parts of one suite."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ganbench.store import read
from ganbench.store.records import read_run
from ganbench.suite import loading
from ganbench.suite.sharding import Shard

Command = Callable[..., Any]
Change = Callable[[Path], None]


@pytest.fixture
def parts(results_copy: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The smallest suite's results, and a copy."""
    return results_copy, Path(shutil.copytree(results_copy, tmp_path / "elsewhere/tiny"))


def rewrite(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def record_of(results: Path, label: str = "gan") -> Path:
    runs = read(results).runs
    return results / str(runs.loc[runs["label"] == label, "run"].iloc[0])


# Shards


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 6, 7])
def test_shards_share_the_runs_and_each_row_evenly(suite_file: Command, parts: int) -> None:
    runs = loading.load(suite_file(("seeds = 2", "seeds = 7"))).runs
    shares = [Shard(part, parts).of(runs) for part in range(1, parts + 1)]
    assert sorted(run.id for share in shares for run in share) == sorted(run.id for run in runs)
    for count in ([len(share) for share in shares], *([sum(run.label == label for run in share) for share in shares]
                                                      for label in ("gan", "real", "noise"))):  # fmt: skip
        assert max(count) - min(count) <= 1
    assert all(share == [run for run in runs if run in share] for share in shares), "in the suite's order"


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0", "1/2/3", ""])
def test_what_is_no_shard_is_an_error(ganbench: Command, suite_file: Command, text: str) -> None:
    ran = ganbench("run", suite_file(), f"--shard={text}")
    assert ran.code == 2 and f"Found --shard {text!r}" in ran.err


def test_an_empty_shard_is_an_error(ganbench: Command, suite_file: Command) -> None:
    ran = ganbench("run", suite_file(), "--shard", "7/7")
    assert ran.code == 2 and "--shard 7/7 is an empty part of 6 runs." in ran.err


@pytest.mark.parametrize("option", ["--shard=1/2", "--join"])
def test_seeds_until_decided_are_one_drivers_affair(ganbench: Command, suite_file: Command, option: str) -> None:
    ran = ganbench("run", suite_file(("seeds = 2", "seeds = { first = 2, most = 4 }")), option)
    assert ran.code == 2 and f"Run it without {option[:7].rstrip('=')}" in ran.err


def test_shards_that_are_merged_are_the_whole_suite_to_the_bit(
    ganbench: Command, suite_file: Command, finished: Path, tmp_path: Path
) -> None:
    suite = suite_file()
    for part in (1, 2):
        assert ganbench("run", suite, "--shard", f"{part}/2", "--results", tmp_path / str(part)).code == 0
    for part in (1, 2):
        assert (read(tmp_path / str(part)).runs["status"] == "done").sum() == 3
    ran = ganbench("merge", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "all")
    assert ran.code == 0, ran.err
    assert "Joined 6 runs" in ran.err
    joined, whole = read(tmp_path / "all"), read(finished)
    pd.testing.assert_frame_equal(joined.scores, whole.scores, check_exact=True)
    pd.testing.assert_frame_equal(joined.losses, whole.losses, check_exact=True)
    for run in whole.runs["run"]:
        for name in ("last.safetensors", "selected.safetensors", "samples.npy"):
            assert (joined.path / run / name).read_bytes() == (whole.path / run / name).read_bytes()
    before = {file: file.stat().st_mtime_ns for file in joined.path.glob("*/run.json")}
    assert ganbench("run", suite, "--results", tmp_path / "all").code == 0, "the same command goes on from there"
    assert {file: file.stat().st_mtime_ns for file in joined.path.glob("*/run.json")} == before


# What cannot be compared


def other_budget(part: Path) -> None:
    rewrite(part / "suite.json", lambda suite: suite.update(text=suite["text"].replace("updates = 20", "updates = 40")))


def other_run(part: Path) -> None:
    record_of(part).rename(part / "0123456789ab")
    rewrite(part / "suite.json", lambda suite: suite["runs"][0].update(run="0123456789ab"))


def other_commit(part: Path) -> None:
    rewrite(part / "suite.json", lambda suite: suite.update(commit="fedcba9"))


def condition(**conditions: str) -> Change:
    def change(part: Path) -> None:
        for file in part.glob("*/run.json"):
            rewrite(file, lambda record: record["conditions"].update(conditions))

    return change


def other_keys(part: Path) -> None:
    for file in part.glob("*/scores.parquet"):
        pd.read_parquet(file).assign(board_key="0123456789ab").to_parquet(file)


def other_scores(part: Path) -> None:
    file = record_of(part) / "scores.parquet"
    scores = pd.read_parquet(file)
    scores.assign(value=scores["value"] + 1e-9).to_parquet(file)


def other_end(part: Path) -> None:
    rewrite(record_of(part) / "run.json", lambda record: record.update(status="diverged"))


REFUSED: dict[str, tuple[Change, str]] = {
    "a budget": (other_budget, "their suites differ: budget, updates is 20 in the one and 40 in the other"),
    "a run": (other_run, "gan on ring8, seed 0, is not the same run in both"),
    "a commit": (other_commit, "their code differs: commit"),
    "a version": (condition(torch="1.0"), "their code differs: torch"),
    "a key": (other_keys, "judge or data are others"),
    "scores of a run": (other_scores, "gan on ring8, seed 0, is in both, with other scores"),
    "the end of a run": (other_end, "gan on ring8, seed 0, ended as done and as diverged"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_compared_is_refused_and_named(
    ganbench: Command, parts: tuple[Path, Path], tmp_path: Path, what: str
) -> None:
    change, words = REFUSED[what]
    for part in parts:  # where no repository is, no commit is known
        rewrite(part / "suite.json", lambda suite: suite.update(commit="0123abc"))
    change(parts[1])
    ran = ganbench("merge", *parts, "--out", tmp_path / "all")
    assert ran.code == 2
    assert f"{parts[0]} and {parts[1]} cannot be merged: " in ran.err and words in ran.err
    assert not (tmp_path / "all").exists()


def test_seconds_are_compared_on_equal_machines_only(
    ganbench: Command, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    condition(device="another")(parts[1])
    assert ganbench("merge", *parts, "--out", tmp_path / "updates").code == 0
    for part in parts:
        condition(budget_unit="seconds")(part)
    ran = ganbench("merge", *parts, "--out", tmp_path / "seconds")
    assert ran.code == 2 and "seconds are their budget, on other machines: CPU" in ran.err


def test_results_of_another_suite_are_refused(ganbench: Command, parts: tuple[Path, Path], tmp_path: Path) -> None:
    other = parts[1].rename(parts[1].with_name("small"))
    ran = ganbench("merge", parts[0], other, "--out", tmp_path / "all")
    assert ran.code == 2 and "the one is of the suite tiny, the other of small" in ran.err


# What can


def test_a_run_that_ended_from_outside_is_taken_from_where_it_did_not(
    ganbench: Command, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    rewrite(record_of(parts[0]) / "run.json", lambda record: record.update(status="crashed"))
    rewrite(record_of(parts[1], "real") / "run.json", lambda record: record.update(status="out_of_memory"))
    assert ganbench("merge", *parts, "--out", tmp_path / "all").code == 0
    assert {*read(tmp_path / "all").runs["status"]} == {"done"}


def test_missing_runs_stay_missing_and_are_counted(ganbench: Command, parts: tuple[Path, Path], tmp_path: Path) -> None:
    for part in parts:
        shutil.rmtree(record_of(part))
    ran = ganbench("merge", *parts, "--out", tmp_path / "all")
    assert ran.code == 0 and "Joined 5 runs" in ran.err and "1 are missing" in ran.err
    assert read(tmp_path / "all").runs["status"].tolist().count("missing") == 1


def test_external_samples_and_answers_of_people_come_along(
    ganbench: Command, parts: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(record_of(parts[1]), parts[1] / "external/0123456789ab")
    (parts[1] / "people").mkdir()
    (parts[1] / "people/answers.jsonl").write_text("{}")
    assert ganbench("merge", *parts, "--out", tmp_path / "all").code == 0
    assert read_run(tmp_path / "all/tiny/external/0123456789ab")["status"] == "done"
    assert (tmp_path / "all/tiny/people/answers.jsonl").read_text() == "{}"
    (parts[0] / "people").mkdir()
    ran = ganbench("merge", *parts, "--out", tmp_path / "again")
    assert ran.code == 2 and "both hold answers of people" in ran.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_what_cannot_be_copied_is_named(ganbench: Command, parts: tuple[Path, Path], tmp_path: Path) -> None:
    pipe = record_of(parts[0]) / "pipe"
    os.mkfifo(pipe)
    ran = ganbench("merge", *parts, "--out", tmp_path / "whole")
    assert ran.code == 2 and f"{pipe} cannot be copied to" in ran.err and "is a named pipe" in ran.err
    assert not [*(tmp_path / "whole").iterdir()]


def test_nothing_is_written_over(ganbench: Command, parts: tuple[Path, Path], tmp_path: Path) -> None:
    ran = ganbench("merge", *parts, "--out", parts[0].parent)
    assert ran.code == 2 and f"{parts[0]} exists already." in ran.err
