"""Both judges of digits see low-level faults from weak ones on, and neither shapes nor textures drown the other."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from ganbench.audit.disturbances import IMAGES, RealData, pixel_noise
from ganbench.data.mnist import packaged_references
from ganbench.judges.digit_reader import to_picture
from ganbench.judges.mnist import MnistJudge
from ganbench.judges.mnist_residual import MnistResidualJudge
from ganbench.judges.mnist_robust import MnistRobustJudge
from ganbench.judges.training.likeness import frechet
from ganbench.metrics import Evidence
from ganbench.metrics.fidelity import inception_score
from ganbench.variant import Batch, DataSpec

N = 1_000  # of the validation split, against twice as many of the test split


class Digits:
    """What a judge's features say of real digits and of disturbed ones."""

    def __init__(self, judge: type[MnistJudge]):
        self.judge = judge(SimpleNamespace(spec=DataSpec((1, 32, 32), 10), judge="mnist"))
        (test, _), (fresh, labels) = (packaged_references(split) for split in ("test", "validation"))
        self.reference = self.features(bordered(test[::5]))
        self.x, self.y = bordered(fresh[::10]), labels[::10]
        self.real = self.fid(self.x)

    def features(self, x: Tensor) -> Tensor:
        return self.judge(x).features.double()

    def fid(self, x: Tensor) -> float:
        return frechet(self.features(x), self.reference)


def bordered(digits: Tensor) -> Tensor:
    return pad(to_picture(digits), (2, 2, 2, 2), value=-1.0)


@pytest.fixture(scope="module", params=[MnistJudge, MnistResidualJudge], ids=["mnist", "mnist_residual"])
def digits(request: pytest.FixtureRequest) -> Digits:
    return Digits(request.param)


@pytest.mark.parametrize("name", ["noise", "blur", "contrast", "salt_and_pepper", "rectangles", "swirl"])
def test_faults_are_seen_from_the_second_strength_on(digits: Digits, name: str) -> None:
    """At strength 2 the weakest costs half as much again as real digits of which there are so few."""
    real = RealData(N, Batch(digits.x), Batch(digits.x))
    assert digits.fid(IMAGES[name](real, 2).x) > 1.5 * digits.real


def test_noise_and_missing_classes_cost_alike(digits: Digits) -> None:
    g = torch.Generator().manual_seed(0)
    noise = digits.fid(pixel_noise(digits.x, 60 / 127.5, g))
    half = digits.fid(digits.x[digits.y < 5])
    assert 1 / 3 < noise / half < 3
    assert min(noise, half) > 5 * digits.real


def test_ten_thousand_digits_have_the_known_answers() -> None:
    """FID of noise as multiples of fresh real digits', which through the classifier alone are 1, 5 and 79; and IS."""
    judge = MnistJudge(SimpleNamespace(spec=DataSpec((1, 32, 32), 10), judge="mnist"))
    (test, _), (fresh, _) = (packaged_references(split) for split in ("test", "validation"))
    reference, x = judge(bordered(test)).features.double(), bordered(fresh)
    real = judge(x)
    assert len(real.features) == len(reference) == 10_000
    assert inception_score(Evidence(real, real, torch.ones(10) / 10)).value >= 9.5
    floor, g = frechet(real.features.double(), reference), torch.Generator().manual_seed(0)
    for sd, times in ((20, 2), (60, 30), (120, 130)):
        noisy = judge(pixel_noise(x, sd / 127.5, g)).features.double()
        assert frechet(noisy, reference) >= times * floor, sd


def test_the_classifier_alone_hardly_sees_noise() -> None:
    """Why there is more than that: noise that spoils digits costs it a tenth of half of the classes, at most."""
    robust = Digits(MnistRobustJudge)
    noise = robust.fid(pixel_noise(robust.x, 60 / 127.5, torch.Generator().manual_seed(0)))
    assert noise < 0.1 * robust.fid(robust.x[robust.y < 5])
