"""The shipped digit judge, by what its card says of it."""

import re
from hashlib import sha256
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import pad

from ganbench.data.mnist import digits
from ganbench.errors import BadSuite, DataMissing
from ganbench.judges.digit_reader import to_picture
from ganbench.judges.mnist import ASSETS, Judged, MnistJudge
from ganbench.judges.training import digits as training
from ganbench.judges.training.digit_pictures import TAUGHT, UNTAUGHT, augment
from ganbench.variant import Batch, DataSpec


def dataset(*shape: int, judge: str = "mnist", x: Tensor | None = None) -> SimpleNamespace:
    return SimpleNamespace(spec=DataSpec(shape, 10), judge=judge, reference=lambda split: Batch(x))


@pytest.fixture(scope="module")
def judge() -> MnistJudge:
    return MnistJudge(dataset(1, 28, 28))


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
    assert (ASSETS / "mnist.safetensors").stat().st_size < 1_000_000


def test_the_card_and_the_key_name_the_weights_by_their_hash(judge: MnistJudge) -> None:
    digest = sha256((ASSETS / "mnist.safetensors").read_bytes()).hexdigest()
    assert digest in (ASSETS / "mnist.md").read_text()
    assert digest in judge.key


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("side", [8, 16, 28, 32, 64])
def test_a_shipped_reference_holds_ten_thousand_finite_rows(split, side) -> None:
    reference = MnistJudge(dataset(1, side, side)).reference(split)
    assert reference.features.shape == (10_000, 64)
    assert reference.logits.shape == (10_000, 10)
    assert {part.dtype for part in reference} == {torch.float32}
    assert all(part.isfinite().all() for part in reference)


def test_a_dataset_that_asks_for_another_judge_is_compared_with_its_own_samples(judge: MnistJudge, pictures) -> None:
    other = dataset(1, 28, 28, judge="another", x=pictures)
    assert_same(MnistJudge(other).reference("test"), judge(pictures))


def test_the_judge_reads_994_of_a_thousand_test_digits(judge: MnistJudge) -> None:
    labels = load_file(ASSETS / "mnist-test.safetensors")["labels"]
    assert (judge.reference("test").logits.argmax(1) == labels).float().mean() >= 0.994


def test_the_card_tells_the_accuracy_that_the_shipped_reference_has(judge: MnistJudge) -> None:
    labels = load_file(ASSETS / "mnist-test.safetensors")["labels"]
    share = (judge.reference("test").logits.argmax(1) == labels).float().mean().item()
    told = re.search(r"\| test \| ([\d.]+)% \|", (ASSETS / "mnist.md").read_text())
    assert told is not None
    # The reference is rounded to 16 bits, which may tip one close call.
    assert float(told[1]) / 100 == pytest.approx(share, abs=2e-4)


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


def test_a_shipped_reference_is_what_the_judge_says_of_the_digits(judge: MnistJudge) -> None:
    try:
        pictures, labels = digits("test", download=False)
    except DataMissing:
        pytest.skip("MNIST is not on this machine")
    assert torch.equal(load_file(ASSETS / "mnist-test.safetensors")["labels"].long(), labels)
    found, kept = judge(to_picture(pictures[:1000])), judge.reference("test")
    # float16 keeps eleven bits.
    torch.testing.assert_close(kept.features[:1000], found.features, rtol=2**-11, atol=1e-4)
    torch.testing.assert_close(kept.logits[:1000], found.logits, rtol=2**-11, atol=1e-4)


@pytest.mark.parametrize("kind", [augment, *TAUGHT.values(), *UNTAUGHT.values()], ids=lambda kind: kind.__name__)
def test_every_training_picture_is_in_range_and_repeatable(kind) -> None:
    x = torch.rand(5, 1, 28, 28) * 2 - 1
    once, again = (kind(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert once.shape == x.shape
    assert once.abs().max() <= 1 + 1e-5
    assert torch.equal(once, again)


def test_training_writes_weights_references_and_card(tmp_path, monkeypatch) -> None:
    """One epoch on 256 made-up digits; twice the same seed gives twice the same weights."""

    def made_up(split, data_dir=None):
        g = torch.Generator().manual_seed(len(split))
        n = 256 if split == "train" else 40
        return torch.randint(0, 256, (n, 28, 28), dtype=torch.uint8, generator=g), torch.arange(n) % 10

    monkeypatch.setattr(training, "digits", made_up)
    said: list[str] = []
    first = training.train_digit_reader(None, tmp_path / "a", seed=5, epochs=1, progress=said.append)
    again = training.train_digit_reader(None, tmp_path / "b", seed=5, epochs=1, progress=said.append)
    files = {"mnist.safetensors", "mnist-validation.safetensors", "mnist-test.safetensors", "mnist.md"}
    assert {file.name for file in (tmp_path / "a").iterdir()} == files
    assert first["sha256"] == again["sha256"]
    assert first["sha256"] in (tmp_path / "a" / "mnist.md").read_text()
    assert len(said) == 2 * (1 + training.GATE_EPOCHS)
    assert "epoch 1/1" in said[0]
