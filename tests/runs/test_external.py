from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data.mixtures import Ring8
from ganbench.data.mnist import Mnist5k
from ganbench.errors import BadResults, BadSuite, UnknownName
from ganbench.plugins.spec import PluginSpec
from ganbench.runs import external
from ganbench.runs.budget import Budget
from ganbench.runs.external import add_to_results, judge_external, score_table, spec_for, spec_from_results
from ganbench.runs.run import run
from ganbench.runs.spec import RunSpec
from ganbench.store import read
from ganbench.store.columns import SCORE_COLUMNS
from ganbench.store.folder import Store

CPU = torch.device("cpu")
RING = spec_for("ring8", 500)
DIGITS = Mnist5k(size=16)


@pytest.fixture(scope="module")
def ring() -> Ring8:
    return Ring8()


def points(ring: Ring8, n: int = 500) -> np.ndarray:
    return ring.fresh("test", n).x.numpy()


def scores(sources: list[str], like: RunSpec = RING) -> dict[str, float]:
    found = score_table(judge_external(sources, "mine", like, CPU))
    return dict(zip(found["metric"], found["value"], strict=True))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A suite of one short run, published."""
    spec = RunSpec(
        "tiny", "gan", PluginSpec("gan", {"width": 8, "batch": 8}), "ring", PluginSpec("ring8"), "truth",
        ("modes", "reverse_kl"), 0, Budget("updates", 3), 1, 300, "float32",
    )  # fmt: skip
    store = Store(tmp_path, "tiny")
    entry = {"run": spec.id, "label": "gan", "dataset": "ring", "seed": 0}
    store.open("", [entry], "ganbench run tiny", "")
    assert run(spec, store.workdir(spec.id), CPU)[0] == "done"
    store.publish(spec.id)
    return tmp_path / "tiny"


# Sources


def test_real_points_from_a_file_score_as_real_data(tmp_path, ring):
    np.save(tmp_path / "real.npy", points(ring))
    np.savez(tmp_path / "real.npz", samples=points(ring), labels=np.zeros(3))
    found = scores([str(tmp_path / "real.npy")])
    assert found["modes"] == 8 and found["high_quality"] > 0.97
    assert scores([str(tmp_path / "real.npz")]) == found


def test_a_callable_is_asked_for_as_many_as_are_needed(tmp_path, monkeypatch):
    text = "import torch\ndef draw(n):\n    assert n == 500\n    return torch.zeros(n, 2)\n"
    (tmp_path / "mine.py").write_text(text)
    assert scores([f"{tmp_path}/mine.py:draw"])["modes"] == 0
    (tmp_path / "my_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert scores(["my_module:draw"])["modes"] == 0


def test_samples_say_what_their_maker_was_given(tmp_path, ring):
    np.save(tmp_path / "real.npy", points(ring))
    for told in ("", "labels", "real images"):
        (judged,) = judge_external([str(tmp_path / "real.npy")], "mine", spec_for("ring8", 500), CPU, given=told)
        assert judged.state.given == told
    with pytest.raises(BadSuite, match="Found 'real image' as what was given"):
        judge_external([str(tmp_path / "real.npy")], "mine", spec_for("ring8", 500), CPU, given="real image")


def test_a_run_is_judged_as_it_judged_itself(results):
    (run_folder,) = {file.parent for file in results.glob("*/run.json")}
    own = read(results).scores
    own = own[own["checkpoint"] == "selected"].set_index("metric")["value"]
    assert scores([str(run_folder)], spec_from_results(results, "ring")) == own.to_dict()


# On the board


def test_external_samples_stand_on_the_board_of_the_suite_with_its_budget_unverified(results, tmp_path, ring):
    np.save(tmp_path / "real.npy", points(ring, 300))
    for _ in range(2):  # a second time takes the place of the first
        add_to_results(
            results, judge_external([str(tmp_path / "real.npy")] * 2, "mine", spec_from_results(results, "ring"), CPU)
        )
    found = read(results)
    rows = found.runs[found.runs["label"] == "mine"]
    assert list(rows["seed"]) == [0, 1] and rows["guest"].all() and not rows["control"].any()
    assert found.samples(rows["run"].iloc[0]).shape == (300, 2)
    assert rows["images"].isna().all() and rows["flops"].isna().all(), "nobody knows"
    assert (found.runs[found.runs["label"] == "gan"]["images"] > 0).all()
    keys = found.scores.groupby(["metric", "split"])["key"].nunique()
    assert (keys == 1).all()  # it is ranked with the run
    assert list(found.scores.columns) == SCORE_COLUMNS
    with pytest.raises(UnknownName, match="'ring'"):
        spec_from_results(results, "rnig")
    with pytest.raises(BadResults, match="no finished run"):
        spec_from_results(tmp_path, "ring")


def judged(results: Path, sources: list[Path], label: str = "mine", n: int = 300):
    like = spec_from_results(results, "ring")
    return judge_external([str(source) for source in sources], label, replace(like, samples=n), CPU)


def test_judging_again_replaces_the_row_whole(results, tmp_path, ring):
    np.save(tmp_path / "real.npy", points(ring, 300))
    add_to_results(results, judged(results, [tmp_path / "real.npy"] * 3))
    where = add_to_results(results, judged(results, [tmp_path / "real.npy"], n=200))
    rows = read(results).runs.query("label == 'mine'")
    assert list(rows["seed"]) == [0] and list(rows["samples"]) == [200]
    assert where.parent == results / "external" and [file.name for file in where.iterdir()] == ["0"]
    assert [*where.parent.iterdir()] == [where]


def test_the_old_row_stays_until_the_new_one_is_whole(results, tmp_path, ring, monkeypatch):
    np.save(tmp_path / "real.npy", points(ring, 300))
    add_to_results(results, judged(results, [tmp_path / "real.npy"] * 3))
    again, written = judged(results, [tmp_path / "real.npy"] * 2, n=200), external.write_record

    def late(spec: RunSpec, *more, **others) -> None:
        if spec.seed == 1:
            raise OSError("the disk is full")
        written(spec, *more, **others)

    monkeypatch.setattr(external, "write_record", late)
    with pytest.raises(OSError, match="full"):
        add_to_results(results, again)
    rows = read(results).runs.query("label == 'mine'")
    assert list(rows["seed"]) == [0, 1, 2] and list(rows["samples"]) == [300] * 3


def test_a_row_that_an_earlier_version_kept_seed_by_seed_is_replaced_too(results, tmp_path, ring):
    np.save(tmp_path / "real.npy", points(ring, 300))
    where = add_to_results(results, judged(results, [tmp_path / "real.npy"] * 3))
    for place in ("external", "guests", "external"):
        (results / place).mkdir(exist_ok=True)
        seed = next(iter(where.iterdir()))
        seed.rename(results / place / f"old{seed.name}")
    where.rmdir()
    assert list(read(results).runs.query("label == 'mine'")["seed"]) != [0]
    add_to_results(results, judged(results, [tmp_path / "real.npy"]))
    assert list(read(results).runs.query("label == 'mine'")["seed"]) == [0]


def test_a_label_that_a_trained_row_has_is_refused(results, tmp_path, ring, ganbench):
    np.save(tmp_path / "real.npy", points(ring, 300))
    with pytest.raises(BadResults, match="has a row 'gan' that was trained there"):
        add_to_results(results, judged(results, [tmp_path / "real.npy"], "gan"))
    ran = ganbench("evaluate", tmp_path / "real.npy", "--dataset", "ring", "--results", results, "--label", "gan")
    assert ran.code == 2 and "--label" in ran.err
    assert set(read(results).runs["label"]) == {"gan"}


def test_evaluate_says_what_it_wrote_and_the_page_says_that_the_cost_is_unknown(results, tmp_path, ring, ganbench):
    np.save(tmp_path / "real.npy", points(ring, 300))
    ran = ganbench("evaluate", tmp_path / "real.npy", "--dataset", "ring", "--results", results, "--label", "mine")
    assert f"Written: the row 'mine' on ring, 300 samples, in {results}/external/" in ran.err
    assert f"{results}/report.html" in ran.err
    report = ganbench("report", results, "--format", "md")
    assert "unknown" in report.out or "unknown" in (results / "report.md").read_text()
    alone = ganbench("evaluate", tmp_path / "real.npy", "--dataset", "ring8", "--count", 300)
    assert "Judged 300 samples; nothing is written." in alone.err


def test_metrics_that_nobody_asked_for_and_that_lack_samples_are_left_out(tmp_path, ganbench):
    for i in range(20):
        Image.fromarray(np.full((16, 16), 12 * i, np.uint8)).save(tmp_path / f"{i}.png")
    ran = ganbench("evaluate", tmp_path, "--dataset", "mnist5k:16", "--csv")
    assert ran.code == 0, ran.err
    assert "Too few samples for fid" in ran.err and ",fid," not in ran.out and ",confidence," in ran.out
