"""A stranger's function judges like any other, or is told what is wrong with it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganbench.data import Dataset
from ganbench.data.mixtures import Ring8
from ganbench.errors import BadSuite
from ganbench.judges.own import OwnJudge
from ganbench.plugins.code import code_hash


def judge_by(function: Callable[[Tensor], Any], dataset: Dataset, file: Path) -> OwnJudge:
    return OwnJudge(dataset, function, "mine.py:embed", file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text("def embed(x): ...")
    return path


def quarters(x: Tensor) -> Tensor:
    return nn.functional.avg_pool2d(x, 4).flatten(1)


def test_a_function_of_images_gives_features(squares: Dataset, file: Path) -> None:
    judge = judge_by(quarters, squares, file)
    x = squares.train().x
    assert judge(x).features.equal(quarters(x))
    assert judge.metrics == (
        *("fid", "kid", "precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage"),
    )
    assert judge.select == "fid"
    assert judge.reference("test").features.equal(quarters(squares.reference("test").x))


def test_a_function_of_points_gives_features(file: Path) -> None:
    ring = Ring8(points=10)
    judge = judge_by(lambda x: x.square(), ring, file)
    assert judge(ring.train().x).features.equal(ring.train().x ** 2)


def test_without_logits_there_is_one_class(squares: Dataset, file: Path) -> None:
    said = judge_by(quarters, squares, file)(squares.train().x[:3])
    assert said.logits.equal(torch.zeros(3, 1))


def test_logits_make_it_a_judge_of_classes_too(squares: Dataset, file: Path) -> None:
    judge = judge_by(lambda x: (quarters(x), 10 * quarters(x)), squares, file)
    batch = squares.train()
    assert judge(batch.x).logits.argmax(1).equal(batch.y)
    assert judge.metrics[0] == "is"


def test_the_key_is_the_code_and_the_functions_name(squares: Dataset, file: Path) -> None:
    before = judge_by(quarters, squares, file).key
    assert before.startswith(f"{code_hash(file)} embed; answers ")
    file.write_text("def embed(x): ...  # changed")
    assert judge_by(quarters, squares, file).key == before
    file.write_text("def embed(x): return x")
    assert judge_by(quarters, squares, file).key != before


def test_other_weights_are_another_judge_and_another_processor_is_not(squares: Dataset, file: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16))
    before = judge_by(net, squares, file)
    rounding = 1 + 1e-7 * torch.randn(16)
    assert judge_by(lambda x: net(x) * rounding, squares, file).key == before.key
    with torch.no_grad():
        net[1].weight *= 1 + 0.1 * torch.randn(16, 64)
    after = judge_by(net, squares, file)
    assert after.key != before.key and after.answers != before.answers


def test_a_longer_answer_is_another_judge(squares: Dataset, file: Path) -> None:
    assert judge_by(quarters, squares, file).key != judge_by(lambda x: 2 * quarters(x), squares, file).key


def test_real_data_are_judged_once_in_a_run_and_never_kept(squares: Dataset, file: Path, cache: Path) -> None:
    asked = []

    def embed(x: Tensor) -> Tensor:
        asked.append(len(x))
        return quarters(x)

    judge = judge_by(embed, squares, file)
    for split in ("test", "validation", "test"):
        judge.reference(split)  # type: ignore[arg-type]
    assert asked == [2, 100, 100, 100, len(squares.reference("validation").x) - 100]
    assert not judge.lasting
    assert not cache.exists()


def test_a_module_is_put_into_eval_mode(squares: Dataset, file: Path) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5))
    judge = judge_by(net, squares, file)
    x = squares.train().x
    assert judge(x).features.equal(x.flatten(1))


WRONG: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "nothing": (lambda x: None, "features of type NoneType"),
    "numpy": (lambda x: np.zeros((len(x), 3)), "features of type ndarray"),
    "a list": (lambda x: [quarters(x), quarters(x)], "features of type list"),
    "three things": (lambda x: (quarters(x),) * 3, "a tuple of 3"),
    "an empty tuple": (lambda x: (), "a tuple of 0"),
    "maps": (lambda x: x, "features of shape (2, 1, 8, 8)"),
    "one number each": (lambda x: x.mean((1, 2, 3)), "features of shape (2,)"),
    "too few": (lambda x: quarters(x)[:1], "features of shape (1, 4)"),
    "no width": (lambda x: quarters(x)[:, :0], "features of shape (2, 0)"),
    "integers": (lambda x: quarters(x).long(), "features of torch.int64"),
    "not a number": (lambda x: quarters(x) / 0 * 0, "features that are not all finite"),
    "logits of type": (lambda x: (quarters(x), None), "logits of type NoneType"),
    "logits of shape": (lambda x: (quarters(x), x), "logits of shape (2, 1, 8, 8)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_features_is_refused_before_anything_is_trained(case: str, squares: Dataset, file: Path) -> None:
    function, found = WRONG[case]
    expected = (
        f"mine.py:embed was given samples (2, 1, 8, 8) and returned {found}. It needs to return features, a tensor"
    )
    with pytest.raises(BadSuite, match=re.escape(expected)):
        judge_by(function, squares, file)


def test_a_width_that_changes_is_named(squares: Dataset, file: Path) -> None:
    judge = judge_by(lambda x: x.flatten(1)[:, : len(x)], squares, file)
    with pytest.raises(BadSuite, match=re.escape("returned widths [64], after [2] for other samples")):
        judge(squares.train().x[:100])


def test_logits_must_always_come_or_never(squares: Dataset, file: Path) -> None:
    judge = judge_by(lambda x: quarters(x) if len(x) < 5 else (quarters(x), quarters(x)), squares, file)
    with pytest.raises(BadSuite, match=re.escape("returned widths [4, 4], after [4]")):
        judge(squares.train().x)
