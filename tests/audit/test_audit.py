"""An audit of points from end to end, by few metrics; what it needs, and what it writes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ganbench import plugins
from ganbench.audit import audit as audits
from ganbench.audit.disturbances import CLASSES, POINTS, ROWS
from ganbench.audit.verdicts import NONE, VALUES, Audit
from ganbench.data.mixtures import Ring8
from ganbench.errors import BadResults, BadSuite, BenchError
from ganbench.plugins.spec import PluginSpec
from ganbench.reports.formats.audit_figures import draw
from ganbench.store import read

Command = Callable[..., Any]
FEW = ["high_quality", "modes_third", "reverse_kl", "entropy", "label_accuracy", "fid", "pair_chance"]
COARSE = """
from ganbench.judges.truth import TruthJudge

class Coarse(TruthJudge):
    "Sees points to a tenth only."
    def __call__(self, x):
        return super().__call__((x * 10).round() / 10)
"""


@pytest.fixture(scope="module")
def few_metrics() -> Any:
    """Only metrics of milliseconds, one of which has no direction."""
    all_names = plugins.names
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "names", lambda kind: FEW if kind == "metrics" else all_names(kind))
        yield


@pytest.fixture(scope="module")
def found(few_metrics: None) -> Audit:
    return audits.audit(["truth"], PluginSpec("ring8"), 400, lambda _: None)


def test_every_metric_is_measured_at_every_strength_and_on_every_draw(found: Audit) -> None:
    values = found.values
    assert list(values) == VALUES
    assert {*values["metric"]} == {*FEW} - {"pair_chance"}, "what says nothing of better and worse is left out"
    names = [*POINTS, *ROWS, *CLASSES]
    assert list(found.meanings) == names
    assert len(values) == (5 + 5 * len(names)) * 6
    assert values.loc[values["disturbance"] == NONE, "draw"].nunique() == 5
    assert values["value"].notna().all()


@pytest.mark.parametrize(
    ("metric", "disturbance", "word"),
    [
        ("high_quality", "noise", "monotone"),
        ("high_quality", "dropped_classes", "blind"),
        ("modes_third", "dropped_classes", "monotone"),
        ("reverse_kl", "dropped_classes", "monotone"),
        ("reverse_kl", "class_imbalance", "monotone"),
        ("entropy", "class_imbalance", "monotone"),
        ("fid", "dropped_classes", "monotone"),
        *((metric, "memorised", "blind") for metric in FEW[:-1]),
    ],
)
def test_known_blind_spots_are_found(found: Audit, metric: str, disturbance: str, word: str) -> None:
    table = found.verdicts.set_index(["metric", "disturbance"])["verdict"]
    assert table[metric, disturbance] == word


def test_the_conditions_say_what_the_values_depend_on(found: Audit) -> None:
    stored = found.conditions
    assert (stored["dataset"], stored["samples"], stored["draws of real data"]) == ("ring8", 400, 5)
    assert stored["fingerprint"] == Ring8().fingerprint
    assert "exact posterior" in stored["key of truth"]


def test_draws_have_no_sample_in_common() -> None:
    _, draws = audits.take(Ring8(points=100), 200)
    assert len(torch.cat([draw.x for draw in draws]).unique(dim=0)) == 5 * 200


def test_draws_do_not_depend_on_the_order_of_a_file() -> None:
    class Sorted(Ring8):
        def fresh(self, split, n):
            batch = super().fresh(split, n)
            return type(batch)(*(part[batch.y.argsort()] for part in batch[:2]))

    _, draws = audits.take(Sorted(points=100), 400)
    assert all(draw.y.bincount(minlength=8).min() > 20 for draw in draws), "of each mode about 50"


def test_where_fresh_data_are_few_there_are_fewer_draws() -> None:
    class Small(Ring8):
        def fresh(self, split, n):
            batch = super().fresh(split, 500)
            return type(batch)(*(part[torch.arange(n) % 500] for part in batch[:2]))

    real, draws = audits.take(Small(points=100), 200)
    assert len(draws) == 2
    assert len(real.fresh.x) == 1000
    with pytest.raises(BenchError, match=r"Found 300 samples .* 500 fresh .* between 100 and 250"):
        audits.take(Small(points=100), 300)


@pytest.mark.parametrize("samples", [1, 99])
def test_too_few_samples_are_refused(samples: int) -> None:
    with pytest.raises(BenchError, match=f"Found {samples} samples"):
        audits.take(Ring8(points=100), samples)


def test_a_metric_that_needs_more_samples_is_left_out_with_its_reason(few_metrics: None, monkeypatch) -> None:
    names = plugins.names
    monkeypatch.setattr(plugins, "names", lambda kind: ["wide", "modes"] if kind == "metrics" else names(kind))
    fid, load = plugins.load("metrics", "fid"), plugins.load

    def load_or_make(kind, name, beside=None):
        if name == "wide":
            return replace(fid, name="wide", least=10_000)
        return load(kind, name, beside)

    monkeypatch.setattr(plugins, "load", load_or_make)
    found = audits.audit(["truth"], PluginSpec("ring8", {"points": 100}), 100, lambda _: None)
    assert {*found.values["metric"]} == {"modes"}
    assert "Found 100 samples, but wide" in found.left_out["wide"]


def test_a_judge_that_has_no_data_of_its_own_needs_a_dataset() -> None:
    assert audits.choose_dataset("mnist", None).name == "mnist"
    assert audits.choose_dataset("mnist", "mnist5k").name == "mnist5k"
    with pytest.raises(BadSuite, match=r"--dataset: blobs.*ring8"):
        audits.choose_dataset(f"{__file__}:Homeless", None)


class Homeless:
    """A judge without data."""


def test_the_command_prints_the_table_and_writes_the_files(
    few_metrics: None, ganbench: Command, tmp_path: Path
) -> None:
    ran = ganbench(
        *("audit", "truth", "--dataset", "ring8", "--samples", 100),
        *("--out", tmp_path / "out", "--cards", tmp_path / "cards"),
    )
    assert ran.code == 0, ran.err
    assert "high_quality" in ran.out and "blind" in ran.out
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"audit.csv", "audit.json", "audit.html", "figures"}
    assert {file.name for file in (tmp_path / "out" / "figures").iterdir()} == {
        f"truth-{metric}.png" for metric in FEW if metric != "pair_chance"
    }
    assert len(pd.read_csv(tmp_path / "out" / "audit.csv")) == (5 + 5 * 7) * 6
    stored = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert len(stored["verdicts"]) == 6 * 7
    assert stored["disturbances"]["noise"]["amounts"] == list(POINTS["noise"].amounts)
    assert "| `reverse_kl` |" in (tmp_path / "cards" / "truth-audit-ring8.md").read_text()


def test_two_judges_are_compared_on_disturbed_data_and_on_a_suites_runs(
    few_metrics: None, ganbench: Command, finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "coarse.py").write_text(COARSE)
    coarse = f"{tmp_path}/coarse.py:Coarse"
    ran = ganbench(
        *("audit", "truth", "--dataset", "ring8", "--samples", 200, "--against", coarse),
        *("--results", finished, "--out", tmp_path / "out"),
    )
    assert ran.code == 0, ran.err
    assert "gan on ring8, seed 1" in ran.err
    stored = json.loads((tmp_path / "out" / "audit.json").read_text())
    agreement = {row["metric"]: row for row in stored["agreement"]}
    assert agreement["reverse_kl"]["disturbed_rows"] == 5 + 5 * 7
    assert agreement["reverse_kl"]["runs_rows"] == 6
    assert agreement["fid"]["disturbed"] > 0.9
    assert {row["judge"] for row in stored["runs"]} == {"truth", coarse}


def test_runs_that_one_of_the_judges_cannot_judge_are_no_ground_for_agreement(found: Audit, finished: Path) -> None:
    both = replace(found, judges=["truth", "mnist"])
    with pytest.raises(BadResults, match="truth and mnist both judge"):
        audits.add_runs(both, read(finished), lambda _: None)


def test_results_without_a_second_judge_are_refused(ganbench: Command, finished: Path) -> None:
    ran = ganbench("audit", "truth", "--dataset", "ring8", "--results", finished)
    assert ran.code == 2 and "--against" in ran.err


def test_what_is_no_number_is_null_in_json(found: Audit, tmp_path: Path) -> None:
    values = found.values.assign(value=np.where(found.values["metric"] == "fid", np.inf, found.values["value"]))
    audits.write_audit(Audit(found.judges, values, found.conditions, found.meanings), tmp_path)
    assert {row["verdict"] for row in json.loads((tmp_path / "audit.json").read_text())["verdicts"]} >= {"blind"}


def test_a_figure_shows_what_a_disturbance_makes_of_an_image(found: Audit) -> None:
    """A panel per disturbance; below those of images a strip from strength 0 to 5."""
    strip = [np.full((8, 8, 3), shade, np.uint8) for shade in range(6)]
    with_strip = replace(found, examples={"noise": strip})
    values = found.values[found.values["metric"] == "fid"]
    plain, pictured = (draw(one, "truth", "fid", values) for one in (found, with_strip))
    assert len(plain.axes) == len(found.meanings) and len(pictured.axes) == len(plain.axes) + 1
    assert [int(image.get_array()[0, 0, 0]) for image in pictured.axes[1].images] == [*range(6)]
    line = plain.axes[0].lines[0].get_ydata()
    noise = values[values["disturbance"] == "noise"].sort_values("strength")["value"]
    assert list(line[1:]) == list(noise) and len(line) == 6


def test_a_picture_is_in_bytes_and_colours() -> None:
    grey = torch.tensor([[-1.0, 0.0], [1.0, 3.0]])[None]
    assert audits.picture(grey)[..., 1].tolist() == [[0, 128], [255, 255]]
    assert audits.picture(grey.expand(3, -1, -1)).shape == (2, 2, 3)
