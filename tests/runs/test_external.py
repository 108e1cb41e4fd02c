from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data.mixtures import Ring8
from ganbench.data.mnist import Mnist5k
from ganbench.errors import BadResults, UnknownName
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget
from ganbench.runs.external import add_to_results, fitting, judge_external, score_table, spec_for, spec_from_results
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


def test_a_run_is_judged_as_it_judged_itself(results):
    (run_folder,) = {file.parent for file in results.glob("*/run.json")}
    own = read(results).scores
    own = own[own["checkpoint"] == "selected"].set_index("metric")["value"]
    assert scores([str(run_folder)], spec_from_results(results, "ring")) == own.to_dict()


def test_images_are_taken_in_any_layout_and_padded_as_the_datasets_own():
    digits = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    expected = fitting(digits, DIGITS, "here")
    assert expected.shape == (5, 1, 16, 16)
    assert fitting(digits[:, None], DIGITS, "here").equal(expected)
    assert fitting(digits[..., None], DIGITS, "here").equal(expected)
    torch.testing.assert_close(fitting(digits.astype(np.float32) / 127.5 - 1, DIGITS, "here"), expected)
    as_they_are = np.zeros((5, 16, 16), np.uint8)
    assert fitting(as_they_are, DIGITS, "here").equal(torch.full((5, 1, 16, 16), -1.0))


def test_a_folder_is_read_by_name_and_what_is_corrupt_is_named_and_counted(tmp_path):
    for i in range(12):
        Image.fromarray(np.full((16, 16, 3), 20 * i, np.uint8)).save(tmp_path / f"{i:02}.png")
    like = spec_for("mnist5k:16", 12)
    assert like.build_dataset().spec.side == 16
    like = RunSpec.from_dict({**like.to_dict(), "metrics": ["confidence"]})
    ((_, _, _, x),) = judge_external([str(tmp_path)], "mine", like, CPU)
    assert torch.equal(((x[:, 0, 0, 0] + 1) * 127.5).round().sort().values, 20 * torch.arange(12.0))
    (tmp_path / "05.png").write_bytes(b"no picture")
    with pytest.raises(BadResults, match=r"1 of 12 images .* cannot be read: 05\.png\..*--skip-corrupt"):
        judge_external([str(tmp_path)], "mine", like, CPU)
    ((_, _, _, x),) = judge_external([str(tmp_path)], "mine", like, CPU, skip_corrupt=True)
    assert len(x) == 11
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "05.png")
    with pytest.raises(BadResults, match=r"images of 2 sizes: 16 x 16 \(00\.png\), 8 x 8 \(05\.png\)"):
        judge_external([str(tmp_path)], "mine", like, CPU)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((5, 3), np.float32), r"shape \(5, 3\).*points are \(n, 2\) floats"),
        (np.zeros((5, 2), np.int64), "numbers of type int64"),
        (np.array([[0, 0], [np.nan, 1]], np.float32), "1 of 2 samples with numbers that are not finite"),
        (np.zeros((0, 2), np.float32), "no samples at all"),
    ],
)
def test_what_are_no_points_is_refused(ring, samples, message):
    with pytest.raises(BadResults, match=message):
        fitting(samples, ring, "here")


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((5, 3, 16, 16), np.float32), r"\(n, 1, side, side\)"),
        (np.zeros((5, 16, 12), np.uint8), r"shape \(5, 16, 12\)"),
        (np.full((5, 16, 16), 255.0), "pixels from 255 to 255"),
        (np.zeros((5, 20, 20), np.uint8), r"\(1, 20, 20\)"),
    ],
)
def test_what_are_no_images_of_this_dataset_is_refused(samples, message):
    with pytest.raises(BadResults, match=message):
        fitting(samples, DIGITS, "here")


def test_other_sources_are_refused_with_words(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    np.savez(tmp_path / "two.npz", a=np.zeros((3, 2)), b=np.zeros((3, 2)))
    (tmp_path / "list.py").write_text("def draw(n):\n    return [1, 2]\n")
    for source, message in [
        ("nowhere", "is no folder, no .npy"),
        (f"{tmp_path}/empty", "holds 0 images"),
        (f"{tmp_path}/bad.npy", "cannot be read"),
        (f"{tmp_path}/two.npz", "holds a, b"),
        (f"{tmp_path}/list.py:draw", "returned a list"),
        ("no_such_module:draw", "ModuleNotFoundError"),
    ]:
        with pytest.raises(BadResults, match=message):
            judge_external([source], "mine", RING, CPU)


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
    keys = found.scores.groupby(["metric", "split"])["key"].nunique()
    assert (keys == 1).all()  # it is ranked with the run
    assert list(found.scores.columns) == SCORE_COLUMNS
    with pytest.raises(UnknownName, match="'ring'"):
        spec_from_results(results, "rnig")
    with pytest.raises(BadResults, match="no finished run"):
        spec_from_results(tmp_path, "ring")
