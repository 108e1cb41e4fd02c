"""`ganbench baseline` and `ganbench check` as a shell and a CI system see them."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

RESOURCES = Path(__file__).parents[1] / "resources"

Command = Callable[..., Any]
MadeUp = Callable[..., Path]
Cells = dict[tuple[str, str, str], Sequence[float | None]]

GOOD: Cells = {
    ("ring8", "gan", "fid"): [10.0, 10.4, 9.7, 10.1],
    ("ring8", "gan", "modes"): [8.0, 7.0, 8.0, 8.0],
    ("ring8", "wgan", "fid"): [20.0, 20.6, 19.5, 20.2],
    ("ring8", "wgan", "modes"): [6.0, 6.0, 7.0, 6.0],
}
AGAIN: Cells = {
    name: [v * f for v, f in zip(values, (1.01, 0.99, 1.0, 1.02), strict=True) if v] for name, values in GOOD.items()
}
WORSE: Cells = {**AGAIN, ("ring8", "wgan", "fid"): [60.0, 61.8, 58.5, 60.6]}
HALF: Cells = {name: values for name, values in AGAIN.items() if name[1] == "gan"}


@pytest.fixture
def baseline(ganbench: Command, made_up: MadeUp, tmp_path: Path) -> Path:
    file = tmp_path / "baselines" / "quick.json"
    ran = ganbench("baseline", made_up(GOOD, into="good"), "--out", file, "--reason", "the first")
    assert (ran.code, ran.out) == (0, "") and ran.err.startswith("Written: ")
    return file


# Exit codes


def test_nothing_worse_is_0(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(AGAIN), "--baseline", baseline)
    assert (ran.code, ran.err) == (0, "") and ran.out.startswith("No regression in quick.")


def test_worse_is_1_and_the_row_is_named(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(WORSE), "--baseline", baseline)
    told = " ".join(ran.out.split())
    assert ran.code == 1 and told.startswith("2 regressions in quick: wgan on ring8 and every variant on ring8.")
    assert "regression: wgan on ring8: fid went from 20.1 to 60.2, by +200 % [+188 %, +212 %]" in told


def test_half_the_speed_is_1(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(AGAIN, speeds=[50.0, 50.2, 49.9]), "--baseline", baseline)
    assert ran.code == 1 and "images_per_second" in ran.out


def test_what_did_not_run_is_2(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(HALF), "--baseline", baseline)
    assert ran.code == 2 and "missing: wgan on ring8: fid, 20.1 in the baseline (it did not run)" in " ".join(
        ran.out.split()
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [({"key": "other"}, "its key is other, in the baseline k"), ({"budget_amount": 50.0}, "trained for 50 images")],
)
def test_other_conditions_are_2(
    ganbench: Command, made_up: MadeUp, baseline: Path, change: dict[str, Any], said: str
) -> None:
    ran = ganbench("check", made_up(GOOD, **change), "--baseline", baseline)
    assert ran.code == 2 and "not comparable: " in ran.out and said in " ".join(ran.out.split())
    assert "No regression" not in ran.out


def test_one_seed_is_2_and_said(ganbench: Command, made_up: MadeUp, tmp_path: Path) -> None:
    once, now = ({("ring8", "gan", "fid"): [value]} for value in (10.0, 99.0))
    assert ganbench("baseline", made_up(once, into="once"), "--out", tmp_path / "b.json").code == 0
    ran = ganbench("check", made_up(now), "--baseline", tmp_path / "b.json", "--markdown", "-")
    assert ran.code == 2 and "no row could be tested, so none could have failed" in ran.out
    assert "undecided" in ran.out and "1 seed(s) in the baseline, 1 now" in ran.out


def test_a_variant_that_only_diverges_is_1(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    """Scores that are no number are no values."""
    lost: Cells = {name: [None] * 4 if name[1] == "wgan" else values for name, values in AGAIN.items()}
    ran = ganbench("check", made_up(lost), "--baseline", baseline)
    assert ran.code == 1 and "no value from 4 run(s), 4 of which failed" in " ".join(ran.out.split())


def test_a_score_that_is_no_number_any_more_is_1(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    odd: Cells = {**AGAIN, ("ring8", "gan", "fid"): [10.0, 10.4, 9.7, float("nan")]}
    ran = ganbench("check", made_up(odd), "--baseline", baseline)
    told = " ".join(ran.out.split())
    assert ran.code == 1 and "seed 3 gave a number in the baseline, and none now" in told


# Manipulations: each is told, and none passes


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    found = json.loads(file.read_text())
    change(found)
    file.write_text(json.dumps(found))


def rename(folder: Path) -> None:
    edit(folder / "suite.json", lambda it: [run.update(label="wgan2") for run in it["runs"] if run["label"] == "wgan"])


def delete_a_run(folder: Path) -> None:
    shutil.rmtree(folder / "ring8-gan-2")


def forget_a_run(folder: Path) -> None:
    edit(folder / "suite.json", lambda it: it["runs"].pop(1))


def call_it_diverged(folder: Path) -> None:
    edit(folder / "ring8-gan-2" / "run.json", lambda it: it.update(status="diverged", reason="G.loss became nan"))


def call_it_a_control(folder: Path) -> None:
    for seed in range(4):
        edit(folder / f"ring8-gan-{seed}" / "run.json", lambda it: it["summary"].update(control=True))


def other_seeds(folder: Path) -> None:
    edit(folder / "suite.json", lambda it: [run.update(seed=run["seed"] + 10) for run in it["runs"]])


def another_variant(folder: Path) -> None:
    for seed in range(4):
        edit(folder / f"ring8-gan-{seed}" / "run.json", lambda it: it["summary"].update(variant="dcgan"))


def no_speed(folder: Path) -> None:
    for file in folder.glob("*/run.json"):
        edit(file, lambda it: it["ledger"].pop("images_per_second"))


def change_scores(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame], runs: str = "ring8-gan-*") -> None:
    for file in folder.glob(f"{runs}/scores.parquet"):
        change(pd.read_parquet(file)).to_parquet(file)


MANIPULATIONS: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "a renamed variant": (rename, 2, "wgan on ring8: fid, 20.1 in the baseline (it did not run)"),
    "a deleted run": (delete_a_run, 2, "no record of seed 2"),
    "a run that the suite no longer names": (forget_a_run, 2, "no record of seed 1"),
    "a run that is called diverged": (call_it_diverged, 1, "seed 2 ended in the baseline: diverged: G.loss became nan"),
    "a variant that is called a control": (call_it_a_control, 2, "gan on ring8: fid, 10.0 in the baseline"),
    "changed seeds": (other_seeds, 2, "no record of seeds 0, 1, 2, 3"),
    "another variant under the name": (another_variant, 2, "the variant is dcgan, in the baseline gan"),
    "speeds that are gone": (no_speed, 2, "the results lack this metric"),
    "a dropped metric": (
        lambda it: change_scores(it, lambda x: x[x["metric"] != "fid"]), 2, "the results lack this metric",
    ),
    "a metric that one run lacks": (
        lambda it: change_scores(it, lambda x: x[x["metric"] != "fid"], "ring8-gan-3"), 2, "no score of seed 3",
    ),
    "emptied scores": (lambda it: change_scores(it, lambda x: x[:0]), 2, "the results lack this metric"),
    "a run without scores": (lambda it: change_scores(it, lambda x: x[:0], "ring8-gan-1"), 2, "no score of seed 1"),
    "another key": (lambda it: change_scores(it, lambda x: x.assign(key="z")), 2, "its key is z, in the baseline k"),
    "another direction": (
        lambda it: change_scores(it, lambda x: x.assign(direction="higher")), 2,
        "its direction is 'higher', in the baseline 'lower'",
    ),
    "no direction": (
        lambda it: change_scores(it, lambda x: x.assign(direction="none")), 2, "the results lack this metric",
    ),
    "values that are infinite": (
        lambda it: change_scores(it, lambda x: x.assign(value=float("inf")), "ring8-gan-1"), 1,
        "seed 1 gave a number in the baseline, and none now",
    ),
    "another checkpoint": (
        lambda it: change_scores(it, lambda x: x.assign(checkpoint="selected")), 2, "the results lack this metric",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_a_manipulation_does_not_pass(ganbench: Command, made_up: MadeUp, baseline: Path, name: str) -> None:
    folder = made_up(AGAIN)
    manipulate, code, said = MANIPULATIONS[name]
    manipulate(folder)
    ran = ganbench("check", folder, "--baseline", baseline)
    assert ran.code == code and said in " ".join(ran.out.split()), ran.out


def test_rules_that_the_candidate_has_changed_do_not_hold(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(WORSE, gate="[gate.metrics.fid]\nweight = 0"), "--baseline", baseline)
    told = " ".join(ran.out.split())
    assert ran.code == 1 and "regression: wgan on ring8: fid went from 20.1 to 60.2" in told
    assert "whose rules hold: metrics.fid.weight = 0 (here: by default)" in told


def test_an_update_accepts_the_suites_rules_and_says_so(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    folder = made_up(AGAIN, gate="[gate]\nfailures = 0.25")
    assert ganbench("check", folder, "--baseline", baseline, "--update", "--reason", "one of four").code == 0
    found = json.loads(baseline.read_text())
    assert found["gate"]["failures"] == 0.25 and "gate.failures = 0.25 (here: 0)" in found["history"][1]["accepted"]
    lost: Cells = {n: [None, *values[1:]] if n[1] == "gan" else values for n, values in AGAIN.items()}
    ran = ganbench("check", made_up(lost, gate="[gate]\nfailures = 0.25", into="lost"), "--baseline", baseline)
    assert ran.code == 0 and "1 of 4 runs now without a value" in " ".join(ran.out.split()), ran.out


# Bad input is 2, without a traceback


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", "variant,fid\ngan,3", '{"benchmarks": []}'])
def test_a_foreign_baseline(ganbench: Command, made_up: MadeUp, tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    ran = ganbench("check", made_up(GOOD), "--baseline", tmp_path / "b.json")
    assert (ran.code, ran.out) == (2, "") and "no baseline" in ran.err and "Traceback" not in ran.err


def test_an_empty_baseline_and_one_with_a_row_twice(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    folder, found = made_up(GOOD), json.loads(baseline.read_text())
    for scores, said in (([], "an empty baseline"), (found["scores"] + found["scores"][:1], "two rows are called")):
        baseline.write_text(json.dumps({**found, "scores": scores}))
        ran = ganbench("check", folder, "--baseline", baseline)
        assert (ran.code, ran.out) == (2, "") and said in ran.err


def test_the_baseline_of_another_suite(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(GOOD, name="quick@0.1"), "--baseline", baseline)
    assert (ran.code, ran.out) == (2, "") and "suite 'quick', the results are of 'quick@0.1'" in ran.err


def test_a_run_that_counts_twice(ganbench: Command, made_up: MadeUp, tmp_path: Path) -> None:
    folder = made_up(GOOD)
    manifest = json.loads((folder / "suite.json").read_text())
    manifest["runs"][1]["seed"] = manifest["runs"][0]["seed"]
    (folder / "suite.json").write_text(json.dumps(manifest))
    ran = ganbench("baseline", folder, "--out", tmp_path / "b.json")
    assert ran.code == 2 and "two runs of gan on ring8 with seed 0" in ran.err


def test_runs_of_several_scales(ganbench: Command, made_up: MadeUp, tmp_path: Path) -> None:
    folder = made_up(GOOD)
    record = json.loads((folder / "ring8-gan-0" / "run.json").read_text())
    record["conditions"]["budget_amount"] = 7.0
    (folder / "ring8-gan-0" / "run.json").write_text(json.dumps(record))
    ran = ganbench("baseline", folder, "--out", tmp_path / "b.json")
    assert ran.code == 2 and "different budgets, 100 images and 7 images" in ran.err


@pytest.mark.parametrize("given", ["much", "-0.1", "fid=", "nan", "fid=inf"])
def test_a_tolerance_that_is_no_share(ganbench: Command, made_up: MadeUp, baseline: Path, given: str) -> None:
    ran = ganbench("check", made_up(GOOD), "--baseline", baseline, "--tolerance", given)
    assert (ran.code, ran.out) == (2, "") and "it needs a share from 0 on" in ran.err


def test_a_file_that_cannot_be_written(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(AGAIN), "--baseline", baseline, "--junit", baseline.parent)
    assert ran.code == 2 and "cannot be written" in ran.err


# Options


def test_tolerances_of_the_suite_and_of_the_command_line(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    lax = "[gate.metrics.fid]\ntolerance = 5.0"
    ran = ganbench("baseline", made_up(GOOD, into="lax", gate=lax), "--out", baseline.with_name("lax.json"))
    assert ran.code == 0
    folder = made_up(WORSE, gate=lax)
    assert ganbench("check", folder, "--baseline", baseline.with_name("lax.json")).code == 0
    assert ganbench("check", folder, "--baseline", baseline).code == 1
    assert ganbench("check", folder, "--baseline", baseline, "--tolerance", "fid=0.1").code == 1
    assert ganbench("check", folder, "--baseline", baseline, "--tolerance", "2.5", "--error", "1e-6").code == 0


def test_json_has_all_verdicts(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    ran = ganbench("check", made_up(WORSE), "--baseline", baseline, "--json")
    found = json.loads(ran.out)
    assert ran.code == found["exit_code"] == 1 and found["answer"].startswith("2 regressions in quick")
    assert found["gate"]["failures"] == 0 and found["remarks"] == []
    (worse,) = [row for row in found["rows"] if (row["variant"], row["metric"]) == ("wgan", "fid")]
    assert worse["verdict"] == "regression" and worse["change"] == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize(("better", "code", "word"), [(1e6, 1, "confirmed"), (1.0, 0, "No regression")])
def test_alarmed_rows_are_trained_again(
    ganbench: Command, results_copy: Path, tmp_path: Path, better: float, code: int, word: str
) -> None:
    """Held against a baseline that nothing can reach, the alarm stands; without one nothing is trained."""
    file = tmp_path / "tiny.json"
    assert ganbench("baseline", results_copy, "--out", file).code == 0

    def improve(found: dict[str, Any]) -> None:
        for row in found["scores"]:
            if row["metric"] == "reverse_kl":
                row["values"] = {seed: value / better for seed, value in row["values"].items()}
                row["noise"] = 0.0

    edit(file, improve)
    suite = RESOURCES / "tiny.toml"
    ran = ganbench("check", results_copy, "--baseline", file, "--confirm", "--suite", suite, "--fresh", 3)
    assert ran.code == code and word in ran.out, ran.out + ran.err
    assert (results_copy / "fresh").exists() == (code == 1)


def test_one_check_writes_for_all_readers(ganbench: Command, made_up: MadeUp, baseline: Path, tmp_path: Path) -> None:
    files = ["--markdown", tmp_path / "comment.md", "--junit", tmp_path / "junit.xml", "--github"]
    ran = ganbench("check", made_up(WORSE), "--baseline", baseline, *files)
    assert ran.code == 1
    assert (tmp_path / "comment.md").read_text().startswith("<!-- ganbench check quick -->")
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suite.get("failures") == "2"
    assert ran.out.splitlines()[-2].startswith("::error title=regression::wgan on ring8: fid went from 20.1")


def test_a_self_test_passes_on_steady_results_and_fails_a_gate_that_cannot(
    ganbench: Command, made_up: MadeUp, baseline: Path
) -> None:
    folder = made_up(AGAIN)
    ran = ganbench("check", folder, "--baseline", baseline, "--self-test")
    assert ran.code == 0 and ran.out.count("caught") == 3
    ran = ganbench("check", folder, "--baseline", baseline, "--self-test", "--tolerance", "9")
    assert ran.code == 1 and "NOT caught" in ran.out


# Baselines


def test_a_baseline_is_not_overwritten(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    text = baseline.read_text()
    ran = ganbench("baseline", made_up(WORSE), "--out", baseline)
    assert ran.code == 2 and "--update --reason WHY" in ran.err and baseline.read_text() == text


def test_an_update_keeps_the_reasons_and_what_was_accepted(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    folder = made_up(WORSE, commit="4567def")
    ran = ganbench("check", folder, "--baseline", baseline, "--update", "--reason", "a smaller network")
    assert ran.code == 0 and "Written: " in ran.err
    first, second = json.loads(baseline.read_text())["history"]
    assert (first["reason"], first["commit"], "accepted" in first) == ("the first", "0123abc", False)
    assert (second["reason"], second["commit"]) == ("a smaller network", "4567def")
    assert len(second["accepted"]) == 2 and second["accepted"][0].startswith(
        "wgan on ring8: fid went from 20.1 to 60.2"
    )
    assert ganbench("check", folder, "--baseline", baseline).code == 0


def test_an_update_counts_what_is_no_longer_compared(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    assert ganbench("check", made_up(HALF), "--baseline", baseline, "--update", "--reason", "without wgan").code == 0
    assert json.loads(baseline.read_text())["history"][1]["accepted"] == ["4 row(s) missing"]


def test_an_update_needs_a_reason(ganbench: Command, made_up: MadeUp, baseline: Path) -> None:
    text = baseline.read_text()
    ran = ganbench("check", made_up(WORSE), "--baseline", baseline, "--update", "--reason", " ")
    assert ran.code == 2 and "--update without --reason" in ran.err and baseline.read_text() == text
