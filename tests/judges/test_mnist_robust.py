"""The digit judge as it was: a classifier's features alone, and what they forgive."""

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from ganbench.data.mnist import packaged_references
from ganbench.judges.digit_reader import to_picture
from ganbench.judges.mnist import ASSETS, MnistJudge
from ganbench.judges.mnist_robust import MnistRobustJudge
from ganbench.variant import Batch, DataSpec

OLD_KEY = "127de51cac8ac3e7477b415045e50e952bdbb98f4f412172629133ff6e4816af; 28 as is; 32 cropped to 28; "


def dataset(side: int, judge: str = "mnist") -> SimpleNamespace:
    return SimpleNamespace(
        spec=DataSpec((1, side, side), 10), judge=judge, reference=lambda split: Batch(torch.zeros(3, 1, side, side))
    )


def test_its_key_is_the_one_under_which_older_scores_of_mnist_are_stored() -> None:
    assert MnistRobustJudge(dataset(28)).key.startswith(OLD_KEY)
    assert not MnistJudge(dataset(28)).key.startswith(OLD_KEY)


@pytest.mark.parametrize("side", [16, 32])
def test_its_shipped_references_are_of_side_28(side: int) -> None:
    judge = MnistRobustJudge(dataset(side))
    pictures, labels = packaged_references("test")
    kept, found = judge.reference("test"), judge(to_picture(pictures[:1000]))
    assert kept.features.shape == (10_000, 64)
    assert torch.equal(load_file(ASSETS / "mnist-test.safetensors")["labels"].long(), labels)
    # float16 keeps eleven bits.
    torch.testing.assert_close(kept.features[:1000], found.features, rtol=2**-11, atol=1e-4)
    torch.testing.assert_close(kept.logits[:1000], found.logits, rtol=2**-11, atol=1e-4)


def test_a_dataset_that_asks_for_another_judge_is_compared_with_its_own_samples() -> None:
    assert len(MnistRobustJudge(dataset(28, "another")).reference("test").features) == 3


def test_both_count_classes_alike() -> None:
    x = to_picture(packaged_references("test")[0][:200])
    robust, judge = MnistRobustJudge(dataset(28)), MnistJudge(dataset(28))
    torch.testing.assert_close(robust(x).logits, judge(x).logits)
    assert not torch.allclose(robust(x).features, judge(x).features)
