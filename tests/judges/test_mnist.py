"""The shipped digit judge, by what its card says of it."""

import re
from hashlib import sha256
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from ganbench.data.mnist import Mnist5k, packaged_references
from ganbench.errors import BadSuite
from ganbench.judges.digit_reader import to_picture
from ganbench.judges.mnist import ASSETS, Judged, MnistJudge
from ganbench.judges.training import digits as training
from ganbench.judges.training.digit_pictures import TAUGHT, UNTAUGHT, augment
from ganbench.variant import Batch, DataSpec


def dataset(*shape: int, judge: str = "mnist", x: Tensor | None = None) -> SimpleNamespace:
    return SimpleNamespace(
        spec=DataSpec(shape, 10), judge=judge, reference=lambda split: Batch(x), fingerprint="", preprocessing="none"
    )


@pytest.fixture(scope="module")
def judge() -> MnistJudge:
    return MnistJudge(dataset(1, 28, 28))


@pytest.fixture(scope="module")
def real(judge: MnistJudge) -> tuple[Judged, Tensor]:
    """What it says of every fifth digit of the test split, since the first are neater; and their classes."""
    pictures, labels = packaged_references("test")
    return judge(to_picture(pictures[::5])), labels[::5]


@pytest.fixture
def pictures() -> Tensor:
    """Something with strokes: two hundred pictures of soft stripes and boxes, (200, 1, 28, 28)."""
    g = torch.Generator().manual_seed(1)
    blank = torch.full((100, 1, 28, 28), -1.0)
    return torch.cat([TAUGHT["stripes"](blank, g), TAUGHT["rectangles"](blank, g)])


def assert_same(one: Judged, other: Judged, atol: float = 1e-5) -> None:
    torch.testing.assert_close(one.features, other.features, atol=atol, rtol=1e-5)
    torch.testing.assert_close(one.logits, other.logits, atol=atol, rtol=1e-5)


def test_the_weights_stay_under_a_megabyte() -> None:
    files = ("mnist.safetensors", "mnist-likeness.safetensors")
    assert sum((ASSETS / file).stat().st_size for file in files) < 1_000_000


def test_the_card_and_the_key_name_the_weights_by_their_hash(judge: MnistJudge) -> None:
    card = (ASSETS / "mnist.md").read_text()
    files = ("mnist.safetensors", "mnist-likeness.safetensors")
    hashes = [sha256((ASSETS / file).read_bytes()).hexdigest() for file in files]
    for digest in (*hashes, judge.likeness.random.sha256):
        assert f"`{digest}`" in card
        assert digest in judge.key


@pytest.mark.parametrize("side", [16, 32])
def test_a_reference_is_what_the_judge_says_of_real_digits_of_the_same_side(side: int, monkeypatch) -> None:
    few = Mnist5k(size=side)
    monkeypatch.setattr(few, "reference", lambda split: few.fresh(split, 150))
    judge = MnistJudge(few)
    reference = judge.reference("test")
    assert_same(reference, judge(few.fresh("test", 150).x))
    assert reference is judge.reference("test"), "it is asked once"


def test_the_judge_reads_994_of_a_thousand_test_digits_as_the_card_tells(real: tuple[Judged, Tensor]) -> None:
    share = (real[0].logits.argmax(1) == real[1]).float().mean().item()
    told = re.search(r"\| test \| ([\d.]+)% \|", (ASSETS / "mnist.md").read_text())
    assert told is not None
    assert min(share, float(told[1]) / 100) >= 0.994


def test_a_rim_of_ground_changes_no_judgement(judge: MnistJudge, pictures: Tensor) -> None:
    assert_same(judge(pictures), judge(pad(pictures, (2, 2, 2, 2), value=-1.0)))


@pytest.mark.parametrize("side", [8, 16, 64])
def test_other_sides_are_resized_as_the_card_says(judge: MnistJudge, side: int) -> None:
    small = torch.rand(3, 1, side, side) * 2 - 1
    by_hand = torch.nn.functional.interpolate(small, (32, 32), mode="bilinear", antialias=True)[..., 2:30, 2:30]
    assert_same(judge(small), judge(by_hand))


def test_batches_of_any_size_give_the_same_judgement(judge: MnistJudge, pictures: Tensor) -> None:
    whole = judge(pictures.repeat(3, 1, 1, 1))  # 600: more than one of the judge's own batches
    parts = [judge(part) for part in pictures.split(7)]
    joined = Judged(*(torch.cat(kind) for kind in zip(*parts, strict=True)))
    assert_same(Judged(whole.features[-200:], whole.logits[-200:]), joined)


def test_no_images_give_no_judgement(judge: MnistJudge) -> None:
    features, logits = judge(torch.empty(0, 1, 28, 28))
    assert (features.shape, logits.shape) == ((0, 64), (0, 10))


def test_judging_is_exact_and_leaves_no_trace(judge: MnistJudge, pictures: Tensor) -> None:
    """Neither autocast nor TF32 reaches the judge, and both stay as they were."""
    expected = judge(pictures)
    state = torch.random.get_rng_state()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = judge(pictures)
            assert torch.is_autocast_enabled("cpu")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert_same(found, expected, atol=0)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert found.features.dtype == torch.float32
    assert not found.features.requires_grad


@pytest.mark.parametrize("kind", ["uniform noise", "blank, any grey"])
def test_noise_and_blanks_are_no_digits(judge: MnistJudge, kind: str) -> None:
    x = TAUGHT[kind](torch.full((300, 1, 28, 28), -1.0), torch.Generator().manual_seed(2))
    assert judge(x).logits.softmax(1).amax(1).mean() < 0.3


@pytest.mark.parametrize("shape", [(2,), (3, 32, 32)])
def test_what_is_no_grey_image_is_refused_with_a_cure(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadSuite, match=re.escape(str(shape)) + ".*needs.*'truth'"):
        MnistJudge(dataset(*shape, judge="truth"))


@pytest.mark.parametrize("kind", [augment, *TAUGHT.values(), *UNTAUGHT.values()], ids=lambda kind: kind.__name__)
def test_every_training_picture_is_in_range_and_repeatable(kind) -> None:
    x = torch.rand(5, 1, 28, 28) * 2 - 1
    once, again = (kind(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert once.shape == x.shape
    assert once.abs().max() <= 1 + 1e-5
    assert torch.equal(once, again)


def test_training_writes_weights_projections_and_card(tmp_path, monkeypatch) -> None:
    """One epoch on 256 made-up digits; twice the same seed gives twice the same weights."""

    def made_up(split, data_dir=None):
        g = torch.Generator().manual_seed(len(split))
        n = 256 if split == "train" else 40
        return torch.randint(0, 256, (n, 28, 28), dtype=torch.uint8, generator=g), torch.arange(n) % 10

    monkeypatch.setattr(training, "digits", made_up)
    said: list[str] = []
    first = training.train_digit_reader(None, tmp_path / "a", seed=5, epochs=1, progress=said.append)
    again = training.train_digit_reader(None, tmp_path / "b", seed=5, epochs=1, progress=said.append)
    files = {"mnist.safetensors", "mnist-likeness.safetensors", "mnist.md"}
    assert {file.name for file in (tmp_path / "a").iterdir()} == files
    for what in ("sha256", "sha256 of projections"):
        assert first[what] == again[what]
    assert first["sha256"] in (tmp_path / "a" / "mnist.md").read_text()
    assert len(said) == 2 * (1 + training.GATE_EPOCHS)
    assert "epoch 1/1" in said[0]
