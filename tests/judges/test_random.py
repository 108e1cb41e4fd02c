"""Random filters see what is spoilt in images of any kind, and are the same everywhere."""

from types import SimpleNamespace

import pytest
import torch

from ganbench.audit.disturbances import IMAGES, RealData
from ganbench.data import Dataset
from ganbench.data.mnist import Mnist5k
from ganbench.data.textures import Textures
from ganbench.errors import BadSuite
from ganbench.judges import Judged, inception
from ganbench.judges.choosing import default_judge
from ganbench.judges.random import SHA256, RandomJudge
from ganbench.judges.random_network import RandomNetwork, draw_weights
from ganbench.metrics import Evidence
from ganbench.metrics.fidelity import fid
from ganbench.variant import Batch, DataSpec


class Few:
    """A dataset of few images of another."""

    def __init__(self, whole: Dataset, n: int):
        self.spec, self.judge = whole.spec, whole.judge
        self.fingerprint, self.preprocessing = whole.fingerprint, f"{whole.preprocessing}, {n} of them"
        order = torch.randperm(5 * n, generator=torch.Generator().manual_seed(0))
        drawn = whole.fresh("test", 5 * n)
        x, self.prior = drawn.x[order], whole.prior
        self.parts = {"train": x[: 2 * n], "test": x[2 * n : 4 * n], "fresh": x[4 * n :]}

    def train(self) -> Batch:
        return Batch(self.parts["train"])

    def reference(self, split: str) -> Batch:
        return Batch(self.parts["test"])


def test_the_first_weights_are_those_of_the_recipe() -> None:
    """By hand: the first number of RandomState(2) is 0.4359949..., of a bound of (6 / 9)^(1/2)."""
    first = draw_weights(2, 3, [1, 4])[0]
    assert first.shape == (4, 1, 3, 3)
    assert first[0, 0, 0, 0].item() == pytest.approx((2 * 0.43599490214200376 - 1) * (6 / 9) ** 0.5)


def test_the_network_answers_with_logarithms_of_means_and_maxima() -> None:
    net = RandomNetwork(1, 8, seed=2)
    flat = net(torch.full((1, 1, 8, 8), 0.0))
    assert flat.shape == (1, net.width) == (1, 2 * (32 + 64))
    torch.testing.assert_close(flat, torch.full_like(flat, 0.03).log())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 20, 64, 256])
def test_images_of_any_size_are_judged(channels: int, side: int) -> None:
    x = torch.rand((5, channels, side, side), generator=torch.Generator().manual_seed(0)) * 2 - 1
    data = SimpleNamespace(
        spec=DataSpec((channels, side, side), 0), judge="random", fingerprint=f"{side}", preprocessing=f"{channels}",
        train=lambda: Batch(x), reference=lambda split: Batch(x),
    )  # fmt: skip
    judge = RandomJudge(data)
    found = judge(x)
    assert (found.features.shape, found.logits.shape) == ((5, 64), (5, 1))
    assert found.features.isfinite().all()
    torch.testing.assert_close(found.features, judge.reference("test").features)


@pytest.mark.parametrize("shape", [(2,), (2, 32, 32), (1, 4, 4), (3, 512, 512)])
def test_what_it_cannot_judge_is_refused_with_a_cure(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadSuite, match=r"'random' found samples of shape .* needs images of 1 or 3 channels"):
        RandomJudge(SimpleNamespace(spec=DataSpec(shape, 0), judge="truth"))


def test_weights_that_are_not_the_recipes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHA256, (3, 4), "0" * 64)
    with pytest.raises(BadSuite, match="numpy draws weights of sha256"):
        RandomJudge(Textures(images=100))


@pytest.mark.parametrize("data", [Textures(images=100), Mnist5k(size=28)], ids=["textures", "digits"])
@pytest.mark.parametrize("spoiler", ["noise", "blur", "contrast", "salt_and_pepper", "rectangles"])
def test_spoilt_images_are_farther_from_real_ones_at_every_further_strength(data: Dataset, spoiler: str) -> None:
    few = Few(data, 400)
    judge = RandomJudge(few)
    real = RealData(400, Batch(few.parts["fresh"]), Batch(few.parts["train"]))
    values = [score(judge, few, IMAGES[spoiler](real, strength).x) for strength in (0, 2, 3, 5)]
    assert values == sorted(values) and values[1] > 1.1 * values[0], values


def score(judge: RandomJudge, few: Few, x: torch.Tensor) -> float:
    return fid(Evidence(judge(x), judge.reference("test"), few.prior)).value


def test_a_folder_asks_for_it_where_inceptions_weights_are_not_at_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    folder = SimpleNamespace(judge="inception", stand_in="random")
    monkeypatch.delenv(inception.VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert default_judge(folder) == "random"
    weights = tmp_path / "weights.pth"
    weights.touch()
    monkeypatch.setenv(inception.VARIABLE, str(weights))
    assert default_judge(folder) == "inception"


def test_answers_do_not_depend_on_the_batch() -> None:
    data = Textures(size=16, images=200)
    judge, x = RandomJudge(data), data.fresh("test", 130).x
    parts = [judge(part) for part in x.split(7)]
    joined = Judged(*(torch.cat(kind) for kind in zip(*parts, strict=True)))
    torch.testing.assert_close(judge(x).features, joined.features, atol=1e-3, rtol=1e-3)
