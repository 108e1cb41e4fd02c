"""The judge of stacked digits says of each channel what `mnist` says of it."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from ganbench.data.idx import SIDE
from ganbench.data.mnist import find_mnist
from ganbench.data.stacked_mnist import StackedMnist
from ganbench.errors import BadSuite
from ganbench.judges.mnist import MnistJudge
from ganbench.judges.stacked import StackedMnistJudge, together
from ganbench.judges.training.digit_pictures import TAUGHT
from ganbench.metrics import Evidence
from ganbench.metrics.diversity import class_kl, classes
from ganbench.plugins import load
from ganbench.variant import DataSpec

needs_mnist = pytest.mark.skipif(
    find_mnist("train") is None or find_mnist("t10k") is None,
    reason="needs MNIST: set GANBENCH_DATA to the folder that holds MNIST/raw",
)


@pytest.fixture(scope="module")
def data() -> StackedMnist:
    return StackedMnist(size=28, stacks=100)


@pytest.fixture(scope="module")
def judge(data: StackedMnist) -> StackedMnistJudge:
    return StackedMnistJudge(data)


def pictures(n: int) -> Tensor:
    g = torch.Generator().manual_seed(1)
    return TAUGHT["stripes"](torch.full((3 * n, 1, SIDE, SIDE), -1.0), g).view(n, 3, SIDE, SIDE)


@needs_mnist
def test_features_lie_side_by_side_and_probabilities_are_products(judge: StackedMnistJudge) -> None:
    x = pictures(40)
    found = judge(x)
    single = [judge.each(x[:, [channel]]) for channel in range(3)]
    assert (found.features.shape, found.logits.shape) == ((40, 192), (40, 1000))
    torch.testing.assert_close(found.features, torch.cat([one.features for one in single], 1), atol=1e-5, rtol=1e-5)
    p, q, r = (one.logits.double().softmax(1) for one in single)
    for stack, mode in [(0, 0), (3, 123), (17, 907), (39, 999)]:
        product = p[stack, mode // 100] * q[stack, mode // 10 % 10] * r[stack, mode % 10]
        assert float(found.logits.double().softmax(1)[stack, mode]) == pytest.approx(float(product), rel=1e-4)


def test_the_surest_class_has_the_surest_figures() -> None:
    logits = torch.full((1, 3, 10), -5.0)
    logits[0, 0, 7], logits[0, 1, 0], logits[0, 2, 4] = 5.0, 5.0, 5.0
    features = torch.arange(6.0).view(1, 3, 2)
    found = together(features, logits)
    assert found.logits.argmax(1).tolist() == [704]
    assert found.logits.exp().sum().item() == pytest.approx(1)
    assert found.features.tolist() == [[0, 1, 2, 3, 4, 5]]


@needs_mnist
def test_no_images_give_no_judgement(judge: StackedMnistJudge) -> None:
    features, logits = judge(torch.empty(0, 3, 28, 28))
    assert (features.shape, logits.shape) == ((0, 192), (0, 1000))


@needs_mnist
@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_reference_is_what_it_says_of_the_datasets_own(judge: StackedMnistJudge, data: StackedMnist, split) -> None:
    """Put together from what `mnist` ships, in 16 bits."""
    real, kept = data.reference(split), judge.reference(split)
    found = judge(real.x[:100])
    assert (kept.features.shape, kept.logits.shape) == ((10_000, 192), (10_000, 1000))
    torch.testing.assert_close(kept.features[:100], found.features, rtol=2**-11, atol=1e-4)
    torch.testing.assert_close(kept.logits[:100], found.logits, rtol=2**-9, atol=2e-2)
    # Three digits of which 99.4 % each are read right.
    assert (kept.logits.argmax(1) == real.y).float().mean() > 0.98


@needs_mnist
def test_real_stacks_fill_all_modes(judge: StackedMnistJudge, data: StackedMnist) -> None:
    """Of 10,000 perfect samples the divergence is (K - 1) / 2n = 0.05 on average."""
    reference = judge.reference("test")
    evidence = Evidence(reference, reference, data.prior)
    assert classes(evidence).value == 1000
    assert class_kl(evidence).value == pytest.approx(0.05, abs=0.01)


@needs_mnist
def test_its_metrics_are_installed_and_its_key_is_its_own(judge: StackedMnistJudge, data: StackedMnist) -> None:
    assert all(load("metrics", name) for name in judge.metrics)
    assert judge.select in judge.metrics
    assert judge.key != MnistJudge(data.digits).key


def test_other_data_are_refused_with_a_cure() -> None:
    photographs = SimpleNamespace(spec=DataSpec((3, 32, 32), 10), judge="trained")
    with pytest.raises(BadSuite, match=r"found SimpleNamespace, .* shape \(3, 32, 32\).*'trained'.*stacked_mnist"):
        StackedMnistJudge(photographs)
