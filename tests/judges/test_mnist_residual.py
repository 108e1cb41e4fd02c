"""The second digit judge: as good as its card says, and another one than the first."""

import re
from hashlib import sha256
from types import SimpleNamespace

import pytest
import torch

from ganbench.data.mnist import packaged_references
from ganbench.errors import BadSuite
from ganbench.judges.digit_reader import to_picture
from ganbench.judges.mnist import ASSETS, Judged, MnistJudge
from ganbench.judges.mnist_residual import Block, MnistResidualJudge
from ganbench.judges.training.digit_pictures import TAUGHT
from ganbench.variant import DataSpec


def dataset(*shape: int) -> SimpleNamespace:
    return SimpleNamespace(spec=DataSpec(shape, 10), judge="mnist")


@pytest.fixture(scope="module")
def judge() -> MnistResidualJudge:
    return MnistResidualJudge(dataset(1, 28, 28))


@pytest.fixture(scope="module")
def real() -> tuple[torch.Tensor, torch.Tensor]:
    """Every fifth digit of the test split, and their classes."""
    pictures, labels = packaged_references("test")
    return to_picture(pictures[::5]), labels[::5]


def test_the_weights_stay_under_a_megabyte_and_card_and_key_name_them(judge: MnistResidualJudge) -> None:
    raw = (ASSETS / "mnist_residual.safetensors").read_bytes()
    projections = (ASSETS / "mnist_residual-likeness.safetensors").read_bytes()
    assert len(raw) + len(projections) < 1_000_000
    card = (ASSETS / "mnist_residual.md").read_text()
    for digest in (sha256(raw).hexdigest(), sha256(projections).hexdigest(), judge.likeness.random.sha256):
        assert digest in judge.key and digest in card


def test_it_reads_993_of_a_thousand_test_digits_and_errs_on_others_than_the_first(judge, real) -> None:
    """Two judges that err alike would be one."""
    x, labels = real
    wrong, wrong_too = (one(x).logits.argmax(1) != labels for one in (judge, MnistJudge(dataset(1, 28, 28))))
    assert wrong.float().mean() <= 0.007
    assert (wrong & wrong_too).sum() < 0.8 * torch.maximum(wrong.sum(), wrong_too.sum())
    told = re.search(r"\| test \| ([\d.]+)% \|", (ASSETS / "mnist_residual.md").read_text())
    assert told is not None and float(told[1]) >= 99.3


@pytest.mark.parametrize("kind", ["uniform noise", "blank, any grey"])
def test_noise_and_blanks_are_no_digits(judge: MnistResidualJudge, kind: str) -> None:
    x = TAUGHT[kind](torch.full((300, 1, 28, 28), -1.0), torch.Generator().manual_seed(2))
    assert judge(x).logits.softmax(1).amax(1).mean() < 0.3


def test_batches_of_any_size_and_rims_of_ground_give_the_same_judgement(judge: MnistResidualJudge) -> None:
    x = TAUGHT["stripes"](torch.full((130, 1, 28, 28), -1.0), torch.Generator().manual_seed(1))
    whole = judge(torch.nn.functional.pad(x, (2, 2, 2, 2), value=-1.0))
    joined = Judged(*(torch.cat(part) for part in zip(*(judge(part) for part in x.split(7)), strict=True)))
    torch.testing.assert_close(whole.features, joined.features, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole.logits, joined.logits, atol=1e-5, rtol=1e-5)


def test_what_is_no_grey_image_is_refused_by_its_own_name() -> None:
    with pytest.raises(BadSuite, match="'mnist_residual' found samples of shape"):
        MnistResidualJudge(dataset(2))


@pytest.mark.parametrize(("n_in", "stride"), [(4, 1), (3, 1), (4, 2)])
def test_a_block_adds_to_what_passes_by_it(n_in: int, stride: int) -> None:
    block = Block(n_in, 4, stride).eval()
    torch.nn.init.zeros_(block.two.weight)
    x = torch.rand(2, n_in, 6, 6)
    torch.testing.assert_close(block(x), block.past(x).relu())
    assert block(x).shape == (2, 4, 6 // stride, 6 // stride)
