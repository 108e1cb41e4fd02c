"""A trained judge is taken for the data that it was trained on, and for no others."""

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.data.mixtures import Ring8
from ganbench.data.mnist import Mnist5k
from ganbench.errors import BadSuite, DataMissing
from ganbench.judges.image_classifier import (
    ABOUT,
    MADE_BY,
    Classifier,
    build_classifier,
    dataset_title,
    describe_dataset,
    read_weights,
    weights_file,
)
from ganbench.judges.mnist import ASSETS, MnistJudge
from ganbench.judges.trained import TrainedJudge
from ganbench.judges.training.images import train_image_classifier
from ganbench.variant import DataSpec

SQUARES = str(Path(__file__).with_name("squares.py")) + ":Squares"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    train_image_classifier(SQUARES, folder, epochs=8, width=4, progress=lambda _: None)
    return folder / "Squares.safetensors"


@pytest.fixture
def there(weights: Path) -> Path:
    """The weights, where the judge looks for them."""
    path = weights_file("Squares")
    path.parent.mkdir(parents=True)
    shutil.copy(weights, path)
    return path


def squares_of(**options: int) -> Dataset:
    dataset: Dataset = plugins.load("datasets", SQUARES)(**options)
    return dataset


@pytest.mark.parametrize(("channels", "side", "classes"), [(1, 4, 2), (3, 28, 10), (1, 32, 10), (3, 50, 3), (3, 64, 4)])
def test_the_network_takes_images_of_any_side(channels: int, side: int, classes: int) -> None:
    net = Classifier(DataSpec((channels, side, side), classes), width=2).eval()
    features, logits = net(torch.zeros(2, channels, side, side))
    assert (features.shape, logits.shape) == ((2, 64), (2, classes))
    assert features.min() >= 0


def test_it_finds_its_weights_and_reads_the_classes(there: Path, squares: Dataset) -> None:
    judge = TrainedJudge(squares)
    batch = squares.reference("test")
    said = judge(batch.x)
    assert (said.logits.argmax(1) == batch.y).float().mean() > 0.95
    assert (said.features.shape, said.logits.shape) == ((200, 64), (200, 4))
    assert judge.metrics == MnistJudge.metrics
    assert judge.key == f"{sha256(there.read_bytes()).hexdigest()}; images of [1, 8, 8] as they are"


def test_real_data_are_judged_once(there: Path, squares: Dataset, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    judge = TrainedJudge(squares)
    first = judge.reference("test")
    assert first.features.equal(judge(squares.reference("test").x).features)
    monkeypatch.setattr(judge, "net", None)
    assert judge.reference("test").features.equal(first.features)
    assert len([*(cache / "features").iterdir()]) == 1


def test_without_weights_it_says_how_to_make_them(squares: Dataset, cache: Path) -> None:
    place = re.escape(str(cache / "judges" / "Squares.safetensors"))
    with pytest.raises(DataMissing, match=f"No trained judge at {place}. Run `ganbench judge train FILE.py:Squares`"):
        TrainedJudge(squares)
    with pytest.raises(DataMissing, match="Run `ganbench judge train mnist5k`"):
        TrainedJudge(Mnist5k())


def test_where_training_would_make_another_judge_that_one_is_recommended(
    squares: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganbench.judges.trained.dataset_title", lambda dataset: "mnist")
    with pytest.raises(DataMissing, match="Name the judge 'mnist' instead, which is made for this dataset"):
        TrainedJudge(squares)


def test_weights_for_other_data_are_refused(there: Path) -> None:
    with pytest.raises(BadSuite, match=r"was trained on images of shape \[1, 8, 8\], but this dataset has \[3, 8, 8\]"):
        TrainedJudge(squares_of(channels=3))
    with pytest.raises(BadSuite, match="of shape"):
        TrainedJudge(squares_of(size=16))
    other = squares_of()
    other.fingerprint = "others"
    with pytest.raises(BadSuite, match=r"of fingerprint squares of 8, but this dataset has others\. Run `ganbench"):
        TrainedJudge(other)


def test_weights_that_are_named_need_images_of_their_shape_only(weights: Path) -> None:
    other = squares_of()
    other.fingerprint = "others"
    assert TrainedJudge(other, weights)(other.train().x).logits.shape == (600, 4)
    with pytest.raises(BadSuite, match="of shape"):
        TrainedJudge(squares_of(size=16), weights)


@pytest.mark.parametrize(
    "damage", ["cut short", "empty", "a folder", "another judge", "no metadata", "other metadata", "an older network"]
)
def test_files_that_are_no_such_weights_are_refused(
    damage: str, weights: Path, squares: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    match damage:
        case "cut short":
            path.write_bytes(weights.read_bytes()[:-10])
        case "empty":
            path.touch()
        case "another judge":
            shutil.copy(ASSETS / "mnist.safetensors", path)
        case "no metadata":
            save_file(read_weights(weights)[1], path)
        case "other metadata":
            save_file(read_weights(weights)[1], path, {ABOUT: "{"})
        case "an older network":
            save_file(
                read_weights(weights)[1], path, {ABOUT: json.dumps(read_weights(weights)[0] | {"made by": "somebody"})}
            )
        case "a folder":
            path.mkdir()
    with pytest.raises((BadSuite, DataMissing), match=r"w\.safetensors"):
        TrainedJudge(squares, path)


def test_weights_that_do_not_fit_their_own_description_are_refused(
    weights: Path, squares: Dataset, tmp_path: Path
) -> None:
    about, tensors = read_weights(weights)
    for changed in ({**about, "width": "8"}, {**about, "classes": "5"}):
        save_file(tensors, tmp_path / "w.safetensors", {ABOUT: json.dumps(changed)})
        with pytest.raises(BadSuite, match="holds the weights of another network than it says"):
            TrainedJudge(squares, tmp_path / "w.safetensors")


def test_points_are_refused_with_a_cure(weights: Path) -> None:
    for file in (weights, None):
        with pytest.raises(BadSuite, match=r"samples of shape \(2,\), but needs images\. Name the judge 'truth'"):
            TrainedJudge(Ring8(points=9), file)


def test_datasets_are_known_by_the_name_they_are_installed_under(squares: Dataset) -> None:
    assert dataset_title(Mnist5k()) == "mnist5k"
    assert dataset_title(squares) == "Squares"


def test_what_weights_tell_builds_the_network_that_fits_them(weights: Path, squares: Dataset) -> None:
    about, tensors = read_weights(weights)
    assert about == {**describe_dataset(squares), "width": "4", "dataset": SQUARES, "made by": MADE_BY}
    build_classifier(about).load_state_dict(tensors)
