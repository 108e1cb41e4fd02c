"""A judge is trained for what has labels, and its card tells what it is."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from ganbench.errors import BadSuite, UnknownName
from ganbench.judges.digit_reader import PlainReader
from ganbench.judges.image_classifier import build_classifier, weights_file
from ganbench.judges.trained import TrainedJudge
from ganbench.judges.training import digits, images, train_by_name
from ganbench.judges.training.descent import descend, shuffled_batches
from ganbench.judges.training.images import learn, moved, train_image_classifier
from ganbench.variant import Batch

FILE = str(Path(__file__).with_name("squares.py"))
SQUARES = f"{FILE}:Squares"
quickly = partial(train_image_classifier, SQUARES, epochs=1, width=2, progress=lambda _: None)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_is_trained_is_what_the_judge_finds(squares, cache: Path) -> None:
    said: list[str] = []
    figures = train_image_classifier(
        SQUARES, epochs=8, width=4, command="ganbench judge train it", progress=said.append
    )
    assert figures["test"] > 0.95
    assert weights_file("Squares").with_suffix(".md").is_file()
    assert TrainedJudge(squares).key.startswith(figures["sha256"])
    assert re.match(r"epoch 1/8: loss \d\.\d{4}, \d+\.\d\d% of the validation split right", said[0])
    assert len(said) == 10
    assert said[-1] == f"Written: {cache / 'judges' / 'Squares.safetensors'} and Squares.md"


def test_the_card_tells_how_good_it_is(tmp_path: Path) -> None:
    figures = quickly(out=tmp_path / "out", seed=7, command="ganbench judge train it --seed 7")
    card = (tmp_path / "out" / "Squares.md").read_text()
    with safe_open(tmp_path / "out" / "Squares.safetensors", "pt") as file:
        assert json.loads(file.metadata()["about"])["fingerprint"] == "squares of 8"
    for told in (
        "    ganbench judge train it --seed 7", figures["sha256"], "squares of 8", "600 images of shape [1, 8, 8]",
        "1 epochs", "seed 7", f"| all | {figures['validation']:.2%} | {figures['test']:.2%} |", "CPU minutes on",
        f"| 3 | - | {figures['per class']['test'][3]:.2%} |", "## What it cannot see", f"{figures['parameters']:,}",
    ):  # fmt: skip
        assert told in card
    assert all(0.25 <= value <= 1 for value in figures["confidence"].values())
    assert max(map(len, card.replace("| network", "").split("\n"))) < 400


def test_accuracy_in_the_card_is_the_judges_own(tmp_path: Path, squares) -> None:
    figures = quickly(out=tmp_path)
    batch = squares.reference("test")
    said = TrainedJudge(squares, tmp_path / "Squares.safetensors")(batch.x).logits
    right = said.argmax(1) == batch.y
    assert figures["test"] == right.float().mean()
    assert figures["per class"]["test"] == [right[batch.y == k].float().mean() for k in range(4)]
    assert figures["confidence"]["test images"] == pytest.approx(said.softmax(1).amax(1).mean().item())


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    found = [quickly(out=tmp_path, seed=seed)["sha256"] for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]
    assert torch.random.get_rng_state().equal(state)


def test_options_are_the_datasets(tmp_path: Path) -> None:
    assert quickly(out=tmp_path, options={"size": 4, "channels": 3})["shape"] == "[3, 4, 4]"
    with pytest.raises(UnknownName, match=r"No 'sise' among the options of .*Did you mean 'size'"):
        quickly(out=tmp_path, options={"sise": 4})


def test_points_and_unlabelled_images_are_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(BadSuite, match=r"ring8 has points of shape \(2,\), but .*'truth', needs no training"):
        train_image_classifier("ring8", tmp_path)
    with pytest.raises(BadSuite, match="Plain has images of 0 classes, but a judge learns to tell at least 2 apart"):
        train_image_classifier(f"{FILE}:Plain", tmp_path)
    assert [*tmp_path.iterdir()] == []


# By name


def test_a_judge_that_brings_its_own_training_is_trained_by_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    def own(out: Path = tmp_path, seed: int = 0, progress: Any = print, **about: Any) -> None:
        asked.update(out=out, seed=seed, progress=progress, **about)

    monkeypatch.setattr(digits, "train_digit_reader", own)
    train_by_name("mnist", {"seed": 5}, "the command", print)
    about = {"name": "mnist", "reader": PlainReader, "filters": (0, 3)}
    assert asked == {"out": tmp_path, "seed": 5, "progress": print, **about}
    with pytest.raises(BadSuite, match=r"Found --width, but mnist has a training of its own, without that\. Leave it"):
        train_by_name("mnist", {"width": 5}, "", print)


def test_others_are_names_of_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def ours(name: str, width: int = 0, command: str = "") -> None:
        asked.update(name=name, width=width, command=command)

    monkeypatch.setattr(images, "train_image_classifier", ours)
    train_by_name("mnist5k", {"width": 5}, "the command", print)
    assert asked == {"name": "mnist5k", "width": 5, "command": "the command"}
    monkeypatch.undo()
    with pytest.raises(UnknownName, match="No 'truth' among the datasets"):
        train_by_name("truth", {}, "", print)


def test_the_command_line_trains_and_says_so(ganbench, tmp_path: Path) -> None:
    ran = ganbench(
        "judge", "train", SQUARES, "--epochs", 1, "--width", 2, "--option", "size=4", "--out", tmp_path / "o"
    )
    assert (ran.code, ran.out) == (0, "")
    assert f"Written: {tmp_path}/o/Squares.safetensors and Squares.md" in ran.err
    assert f"ganbench judge train {SQUARES} --epochs 1" in (tmp_path / "o" / "Squares.md").read_text()
    ran = ganbench("judge", "train", SQUARES, "--option", "size")
    assert (ran.code, "Found --option size, but it needs a name and a value" in ran.err) == (2, True)
    (tmp_path / "full").touch()
    ran = ganbench("judge", "train", SQUARES, "--epochs", 1, "--width", 2, "--out", tmp_path / "full")
    assert (ran.code, "full cannot be written" in ran.err) == (2, True)


# Learning


@pytest.mark.parametrize("flips", [False, True])
def test_images_are_moved_by_up_to_a_sixteenth(flips: bool) -> None:
    x = torch.rand(50, 2, 32, 32)
    wide = torch.nn.functional.pad(x, (2,) * 4, mode="replicate")
    places = set()
    for image, before in zip(moved(x, flips, generator()), wide, strict=True):
        found = [
            (dy, dx, mirrored)
            for dy in range(5)
            for dx in range(5)
            for mirrored in (False, True)
            if image.equal(torch.flip(before[:, dy : dy + 32, dx : dx + 32], [2] if mirrored else []))
        ]
        assert len(found) == 1
        places.update(found)
    assert {dy for dy, _, _ in places} == {dx for _, dx, _ in places} == set(range(5))
    assert {mirrored for _, _, mirrored in places} == {False, flips}


def test_small_images_stay_where_they_are() -> None:
    x = torch.rand(3, 1, 8, 8)
    assert moved(x, False, generator()).equal(x)


@pytest.mark.parametrize(("n", "batches", "size"), [(600, 4, 128), (128, 1, 128), (7, 1, 7)])
def test_an_epoch_shows_each_image_once(n: int, batches: int, size: int) -> None:
    shown = shuffled_batches(n, generator())
    assert shown.shape == (batches, size)
    assert len(shown.unique()) == batches * size


@pytest.mark.parametrize("n", [2, 128, 640])
def test_few_images_and_one_epoch_are_enough(n: int) -> None:
    """640 make the cycle of five steps in which torch's schedule divides by zero."""
    net = torch.nn.Linear(2, 2)
    losses: list[float] = []
    x, y = torch.randn(n, 2), torch.arange(n) % 2
    descend(
        net.parameters(),
        net,
        lambda chosen: (x[chosen], y[chosen]),
        n,
        1,
        generator(),
        lambda _, loss: losses.append(loss),
    )
    assert len(losses) == 1


def test_learning_leaves_the_net_in_eval_mode() -> None:
    net = build_classifier({"shape": "[1, 8, 8]", "classes": "2", "width": "2"})
    batch = Batch(torch.rand(8, 1, 8, 8), torch.arange(8) % 2)
    learn(net, batch, batch, 1, False, generator(), lambda _: None)
    assert not any(module.training for module in net.modules())
