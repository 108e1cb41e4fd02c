"""Three hundred colour pictures of 40 x 60 pixels, unlabelled: parts of the two photographs that scikit-learn has."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from ganbench.errors import BadSuite
from ganbench.judges.inception import InceptionJudge
from ganbench.store import read
from ganbench.suite import loading as suite

TEXT = """
budget = {{ images = 64 }}
seeds = 1
samples = 100
evaluations = 1

[[dataset]]
name = "folder:{folder}"
label = "mine"

[[variant]]
name = "dcgan"
options = {{ width = 4, batch = 16 }}
"""


def cut(folder: Path, n: int) -> None:
    """Pieces of 40 x 60 pixels, evenly from both photographs."""
    places = [(photo, 20 * row, 30 * column) for row in range(19) for column in range(19) for photo in (0, 1)]
    photos = load_sample_images().images
    folder.mkdir()
    for i, (photo, top, left) in enumerate(places[:n]):
        Image.fromarray(photos[photo][top : top + 60, left : left + 40]).save(folder / f"{i:03}.png")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("my") / "pictures"
    cut(folder, 300)
    return folder


@pytest.fixture(autouse=True)
def _without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InceptionJudge, "at_hand", lambda: False)


def write(tmp_path: Path, folder: Path, more: str = "") -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(more + TEXT.format(folder=folder.as_posix()))
    return path


def test_judge_metrics_and_controls_are_those_for_which_there_is_enough(tmp_path: Path, pictures: Path) -> None:
    said: list[str] = []
    runs = suite.load(write(tmp_path, pictures), say=said.append).runs
    assert {run.judge for run in runs} == {"random"}
    assert {run.metrics for run in runs} == {("kid", "precision", "recall", "density", "coverage")}
    assert {run.primary for run in runs} == {"kid"}
    assert [run.label for run in runs] == ["dcgan", "real", "memorizer", "noise"]
    assert said[0].startswith(f"{pictures}: 300 images, 40 x 60 pixels. 2") and "No classes." in said[0]
    assert said[1:] == [
        "mine: too few samples for fid, ct, which are left out.",
        "mine: the control mode_dropper does not apply, and is left out.",
    ]


def test_who_asks_for_a_metric_or_a_control_by_name_is_told_what_it_lacks(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(BadSuite, match="mode_dropper drops classes"):
        suite.load(write(tmp_path, pictures, 'controls = ["mode_dropper"]\n'))
    path = write(tmp_path, pictures)
    path.write_text(path.read_text().replace('label = "mine"', 'label = "mine"\nmetrics = ["fid"]'))
    with pytest.raises(BadSuite, match="reference samples, but fid on 64 features needs at least 65"):
        suite.load(path)


def test_a_metric_of_classes_needs_classes(tmp_path: Path, pictures: Path) -> None:
    path = write(tmp_path, pictures)
    path.write_text(path.read_text().replace('label = "mine"', 'label = "mine"\nmetrics = ["kid", "label_accuracy"]'))
    with pytest.raises(BadSuite, match=r"the metric 'label_accuracy' needs classes, which folder lacks"):
        suite.load(path)


def test_memorisation_needs_a_training_split_of_its_own_size(tmp_path: Path) -> None:
    cut(tmp_path / "few", 40)
    said: list[str] = []
    path = write(tmp_path, tmp_path / "few")
    assert "ct" not in suite.load(path, say=said.append).runs[0].metrics
    path.write_text(path.read_text().replace('label = "mine"', 'label = "mine"\nmetrics = ["authenticity"]'))
    with pytest.raises(BadSuite, match=r"Found 3\d training samples, but authenticity needs at least 65"):
        suite.load(path)


def test_a_folder_with_the_defaults_ends_with_a_board(tmp_path: Path, pictures: Path, ganbench) -> None:
    ran = ganbench("run", write(tmp_path, pictures), "--results", tmp_path / "results", "--device", "cpu")
    assert ran.code == 0, ran.err
    assert "300 images, 40 x 60 pixels" in ran.err
    scores = read(tmp_path / "results" / "mine").scores
    last = scores[(scores["checkpoint"] == "last") & (scores["metric"] == "kid")].set_index("label")["value"]
    assert last["real"] < last["noise"] and last["memorizer"] < last["dcgan"]


def test_the_shipped_suite_takes_a_folder_as_its_one_argument(tmp_path: Path, pictures: Path, monkeypatch) -> None:
    monkeypatch.chdir(pictures.parent)
    loaded = suite.load(Path("folder"), settings=["dataset.path=pictures", "dataset.size=16", "variant.width=4"])
    two, one, *controls = (run for run in loaded.runs if run.seed == 0)
    assert two.variant.options == {"g_steps": 2, "batch": 64, "width": 4} and one.label == "dcgan"
    assert two.dataset.options == {"size": 16, "path": str(pictures)}
    assert [run.label for run in controls] == ["real", "memorizer", "noise"]
    with pytest.raises(BadSuite, match=r"--set dataset\.path="):
        suite.load(Path("folder"))


def test_the_shipped_suites_pictures_have_128_pixels_and_two_steps_of_g_for_one_of_d(pictures: Path) -> None:
    run = suite.load(Path("folder"), settings=[f"dataset.path={pictures}"]).runs[0]
    dataset = run.build_dataset()
    players = {player.name: player.repeats for player in run.build_variant(dataset).players}
    assert dataset.spec.shape == (3, 128, 128) and players == {"D": 1, "G": 2}
    assert np.isfinite(dataset.train().x).all()
