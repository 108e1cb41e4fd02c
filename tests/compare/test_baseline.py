"""A baseline keeps what a gate needs, reads like a table, and says what is wrong with it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pandas import DataFrame

from ganbench.compare.baseline import Baseline, accepted, measure
from ganbench.compare.baseline_file import read_baseline, write_baseline
from ganbench.compare.gate import SPEED, Gate
from ganbench.errors import BadResults
from ganbench.store import read as read_results

Command = Callable[..., Any]


def run(label: str = "gan", seed: int = 0, **changes: Any) -> dict[str, Any]:
    about = {
        "run": f"{label}{seed}", "dataset": "ring8", "label": label, "variant": "plugin", "seed": seed, "scale": 1.0,
        "status": "done", "control": False, "commit": "0123abc", "budget_unit": "images", "budget_amount": 2000.0,
        "device": "CPU, 2 cores", "threads": 1, "precision": "float32", "select": "fid", "torch": "2.15.0",
        "images": 2048, "flops": 3.1e9, "seconds": 2.0, SPEED: 1000.0 + seed,
    }  # fmt: skip
    return about | changes


def score(label: str = "gan", seed: int = 0, value: float = 12.3456789, **changes: Any) -> dict[str, Any]:
    about = {
        "run": f"{label}{seed}", "dataset": "ring8", "label": label, "seed": seed, "checkpoint": "last",
        "metric": "fid", "value": value, "stderr": 0.1, "direction": "lower", "unit": "", "key": "abc",
        "title": "FID", "lower_bound": 0.0,
    }  # fmt: skip
    return about | changes


def results(runs: list[dict[str, Any]], scores: list[dict[str, Any]]) -> Any:
    return SimpleNamespace(suite="quick", path=Path("results/quick"), runs=DataFrame(runs), scores=DataFrame(scores))


def two_seeds(**changes: Any) -> Baseline:
    return measure(results([run(seed=0), run(seed=1)], [score(seed=0), score(seed=1, **changes)]))


FID, RUN = ("ring8", "gan", "fid"), ("ring8", "gan")


# What is measured


def test_a_row_has_every_seeds_value_to_six_digits_and_the_noise_and_conditions() -> None:
    found = two_seeds(value=0.00123456789, stderr=0.3).scores[FID]
    assert found.values == {0: 12.3457, 1: 0.00123457}
    assert found.noise == pytest.approx(math.sqrt((0.1**2 + 0.3**2) / 2), rel=0.01)
    assert (found.direction, found.unit, found.key) == ("lower", "", "abc")
    assert (found.title, found.lower_bound) == ("FID", 0)


def test_what_is_unbounded_has_no_bound_in_the_file() -> None:
    assert two_seeds(lower_bound=-math.inf).scores[FID].lower_bound == 0, "the first row says it"
    alone = measure(results([run()], [score(lower_bound=-math.inf)])).scores[FID]
    assert alone.lower_bound is None


def test_speed_is_a_score_whose_conditions_are_the_machine() -> None:
    found = two_seeds().scores["ring8", "gan", SPEED]
    assert (found.values, found.direction, found.unit) == ({0: 1000, 1: 1001}, "higher", "images/s")
    assert found.key == "CPU, 2 cores, 1 thread(s), float32"


def test_speeds_of_two_machines_are_comparable_with_nothing() -> None:
    runs = [run(seed=0), run(seed=1, device="CPU, 64 cores")]
    assert measure(results(runs, [score()])).scores["ring8", "gan", SPEED].key == ""


def test_the_ledger_and_the_environment_are_kept() -> None:
    found = two_seeds()
    assert found.runs[RUN].ledger == {"images": 2048, "flops": 3.1e9, "seconds": 2}
    assert (found.runs[RUN].budget, found.runs[RUN].seeds, found.runs[RUN].failures) == ("2000 images", [0, 1], {})
    assert found.environment == {"device": "CPU, 2 cores", "threads": "1", "torch": "2.15.0"}


def test_what_is_no_result_of_training_is_left_out() -> None:
    """Controls, samples from elsewhere, missing runs, other checkpoints, metrics without a better direction."""
    runs = [run(), run("real", control=True), run("mine", guest=True), run("late", status="missing")]
    scores = [
        score(), score("real"), score("mine"), score("late"), score(metric="is", direction="none"),
        score(metric="kid", checkpoint="selected"),
    ]  # fmt: skip
    found = measure(results(runs, scores))
    assert sorted(found.scores) == [FID, ("ring8", "gan", SPEED)] and list(found.runs) == [RUN]


def test_a_control_that_crashed_before_it_could_say_so_is_one() -> None:
    runs = [run(), run("noise", control=True), run("noise", 1, control=math.nan, status="crashed")]
    assert list(measure(results(runs, [score()])).runs) == [RUN]


def test_a_run_that_failed_has_no_value_and_no_speed_and_is_counted() -> None:
    runs = [run(), run(seed=1, status="diverged")]
    found = measure(results(runs, [score(), score(seed=1, value=math.nan)]))
    assert found.scores[FID].values == {0: 12.3457, 1: None}
    assert found.scores["ring8", "gan", SPEED].values == {0: 1000, 1: None}
    assert found.runs[RUN].failures == {1: "diverged"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_value(value: float) -> None:
    assert two_seeds(value=value).scores[FID].values[1] is None


def test_real_results_are_measured_without_their_controls(finished: Path) -> None:
    found = measure(read_results(finished))
    assert list(found.runs) == [RUN] and found.runs[RUN].budget == "20 updates"
    assert {name[2] for name in found.scores} >= {"modes", "reverse_kl", SPEED}
    assert all(len(row.values) == 2 for row in found.scores.values())


# What is refused


def test_a_seed_that_ran_twice_is_refused() -> None:
    with pytest.raises(BadResults, match="two runs of gan on ring8 with seed 0"):
        measure(results([run(), run()], [score()]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scale": 0.1}, "different budgets, 2000 images and 2000 images, scale 0.1"),
        ({"budget_amount": 100.0}, "different budgets, 100 images and 2000 images"),
    ],
)
def test_runs_of_several_lengths_are_no_row(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadResults, match=said):
        measure(results([run(), run(seed=1, **change)], [score(), score(seed=1)]))


def test_scores_of_several_judges_are_no_row() -> None:
    with pytest.raises(BadResults, match="fid of gan on ring8 have different comparability keys, abc and xyz"):
        two_seeds(key="xyz")


def test_results_without_a_variant_are_refused() -> None:
    with pytest.raises(BadResults, match="no run of a variant that has ended"):
        measure(results([run("real", control=True), run(status="missing")], [score("real")]))


# The file


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = accepted(two_seeds(value=math.nan), Gate(failures=0.5), "because")
    write_baseline(found, tmp_path / "baselines" / "quick.json")
    assert read_baseline(tmp_path / "baselines" / "quick.json") == found


def test_each_row_is_a_line_and_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    found = two_seeds()
    write_baseline(found, tmp_path / "a.json")
    write_baseline(found, tmp_path / "b.json")
    text = (tmp_path / "a.json").read_text()
    assert text == (tmp_path / "b.json").read_text()
    assert json.loads(text)["scores"][0]["values"] == {"0": 12.3457, "1": 12.3457}
    assert sum('"metric"' in line for line in text.splitlines()) == len(found.scores) == 2
    assert max(map(len, text.splitlines())) < 400


def test_reasons_pile_up_and_say_what_was_accepted(tmp_path: Path) -> None:
    first = accepted(two_seeds(), Gate(), "first")
    second = accepted(two_seeds(), Gate(), "a better penalty", first, ["gan got slower"])
    assert [entry["reason"] for entry in second.history] == ["first", "a better penalty"]
    assert second.history[1]["accepted"] == ["gan got slower"] and "accepted" not in second.history[0]
    write_baseline(second, tmp_path / "b.json")
    assert read_baseline(tmp_path / "b.json").history == second.history


def broken(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    path = tmp_path / "b.json"
    write_baseline(two_seeds(), path)
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["scores"].clear(), "empty baseline"),
        (lambda found: found.pop("scores"), "no baseline of ganbench: it lacks"),
        (lambda found: found.update(format=99), "format 99, this ganbench reads up to format 2"),
        (lambda found: found["scores"].append(found["scores"][0]), "damaged baseline: two rows are called ring8, gan"),
        (lambda found: found["runs"].append(found["runs"][0]), "damaged baseline: two rows are called ring8, gan"),
        (lambda found: found["scores"][0].pop("key"), "damaged baseline.*key"),
        (lambda found: found["scores"][0].update(values=[1, 2]), "damaged baseline"),
        (lambda found: found["scores"][0].update(values={"0": "good"}), "damaged baseline"),
        (lambda found: found["scores"][0].update(noise="loud"), "damaged baseline"),
        (lambda found: found["scores"][0].update(noise=-1), "damaged baseline: .* the noise -1"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, change: Any, said: str) -> None:
    path = broken(tmp_path, change)
    with pytest.raises(BadResults, match=said) as raised:
        read_baseline(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "GAN,FID\n1,2", '{"benchmarks": []}', "\x00\x01"])
def test_a_foreign_file_is_no_baseline(tmp_path: Path, text: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(BadResults, match=r"no baseline.*Make one: ganbench baseline"):
        read_baseline(path)


def test_an_absent_file_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadResults, match=r"no baseline at .*Make one"):
        read_baseline(tmp_path / "b.json")


def test_a_value_beyond_the_metrics_bounds_is_none() -> None:
    found = two_seeds(value=-3.0).scores[FID]
    assert found.values == {0: 12.3457, 1: None}
    assert two_seeds(value=-1e-9).scores[FID].values[1] == -1e-09, "by rounding"
    assert two_seeds(value=3.0, upper_bound=1.0).scores[FID].values == {0: 12.3457, 1: None}


def test_two_scores_of_one_run_are_refused() -> None:
    twice = [score(seed=0), score(seed=0, value=1.0), score(seed=1)]
    with pytest.raises(BadResults, match="has two scores of fid of gan on ring8 with seed 0"):
        measure(results([run(seed=0), run(seed=1)], twice))
