import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, diversity
from ganbench.metrics.diversity import class_kl, classes, classes_seen, confidence, entropy

ALL = [classes, classes_seen, class_kl, confidence, entropy]
quick = settings(max_examples=25, deadline=None)
counted = st.lists(st.integers(0, 300), min_size=2, max_size=12).filter(lambda counts: sum(counts) > 1)


def seen(counts: list[int], prior: list[float] | None = None, sureness: float = 1000.0) -> Evidence:
    """As many samples of each class as `counts` says, by a judge who is sure of it."""
    logits = sureness * torch.eye(len(counts)).repeat_interleave(torch.tensor(counts), 0)
    return judged(logits, torch.tensor(prior) if prior else torch.full((len(counts),), 1 / len(counts)))


def judged(logits: Tensor, prior: Tensor) -> Evidence:
    return Evidence(Judged(logits, logits), Judged(logits, logits), prior)


def draw(seed: int, n: int = 500, prior: Tensor | None = None) -> Evidence:
    """Samples of five classes, drawn by `prior`, and half sure."""
    even = torch.full((5,), 0.2)
    generator = Generator().manual_seed(seed)
    y = (even if prior is None else prior).multinomial(n, replacement=True, generator=generator)
    return judged(3 * torch.eye(5)[y] + torch.randn(n, 5, generator=generator), even)


def test_a_perfect_histogram_has_all_classes_and_no_divergence():
    evidence = seen([200] * 10)
    assert classes(evidence).value == classes_seen(evidence).value == 10
    assert class_kl(evidence).value == pytest.approx(0, abs=1e-9)
    assert confidence(evidence).value == pytest.approx(1)
    assert entropy(evidence).value == pytest.approx(math.log(10))


def test_uneven_classes_are_measured_against_their_prior():
    evidence = seen([300, 100], prior=[0.75, 0.25])
    assert class_kl(evidence).value == pytest.approx(0, abs=1e-9)
    assert class_kl(seen([200, 200], prior=[0.75, 0.25])).value == pytest.approx(0.5 * math.log(0.25 / 0.1875))


def test_half_of_the_classes_missing_costs_ln_2():
    evidence = seen([200] * 5 + [0] * 5)
    assert classes(evidence).value == 5
    assert class_kl(evidence).value == pytest.approx(math.log(2))
    assert entropy(evidence).value == pytest.approx(math.log(5))


def test_everything_in_one_class_is_the_worst_for_even_classes():
    evidence = seen([0, 0, 500, 0])
    assert classes(evidence).value == 1
    assert class_kl(evidence).value == pytest.approx(math.log(4))
    assert entropy(evidence).value == pytest.approx(0, abs=1e-9)
    assert entropy(evidence).stderr == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("strays", "expected"), [(1, 9), (19, 9), (20, 10)])
def test_a_class_needs_a_tenth_of_its_expected_count(strays, expected):
    """Of 2,000 samples each of ten classes expects 200: one stray digit does not fill the tenth class."""
    assert classes(seen([220] * 8 + [240 - strays, strays])).value == expected


def test_a_single_sample_is_enough_for_a_class_to_be_seen():
    assert classes_seen(seen([1997, 1, 2, 0])).value == 3
    assert classes_seen(seen([50, 45, 5], prior=[0.5, 0.5, 0.0])).value == 2


@pytest.mark.parametrize(("n", "expected"), [(26_000, 1000), (2_000, 865)])
def test_of_a_thousand_classes_perfect_samples_reach_as_many_as_stated(n, expected):
    y = torch.randint(1000, (n,), generator=Generator().manual_seed(0))
    logits = torch.nn.functional.one_hot(y, 1000).float()
    found = classes_seen(judged(logits, torch.full((1000,), 0.001)))
    assert found.value == pytest.approx(expected, abs=3 * max(found.stderr, 1))


def test_with_few_samples_a_class_still_needs_one():
    assert classes(seen([1, 1, 0, 0])).value == 2


def test_a_class_that_does_not_exist_is_not_captured_and_infinitely_wrong():
    evidence = seen([50, 45, 5], prior=[0.5, 0.5, 0.0])
    assert classes(evidence).value == 2
    assert class_kl(evidence).value == math.inf
    assert class_kl(seen([50, 50, 0], prior=[0.5, 0.5, 0.0])).value == pytest.approx(0, abs=1e-9)


def test_an_undecided_judge_is_neither_confident_nor_out_of_balance():
    """The blindness of entropy: samples between all classes score like samples of each."""
    evidence = judged(torch.zeros(100, 4), torch.full((4,), 0.25))
    assert confidence(evidence).value == pytest.approx(0.25)
    assert entropy(evidence).value == pytest.approx(math.log(4))


def test_even_perfect_samples_diverge_by_the_stated_floor():
    values = torch.tensor([class_kl(draw(seed)).value for seed in range(200)])
    assert values.mean().item() == pytest.approx(4 / (2 * 500), abs=3 * values.std().item() / 200**0.5)


@quick
@given(counted)
def test_the_divergence_is_bounded_by_that_of_one_class(counts):
    divergence = class_kl(seen(counts)).value
    assert -1e-9 <= divergence <= math.log(len(counts)) + 1e-9
    # What the histogram lacks in divergence it has in entropy, where classes are even and the judge is sure.
    assert entropy(seen(counts)).value == pytest.approx(math.log(len(counts)) - divergence, abs=1e-6)


@pytest.mark.parametrize("metric", [class_kl, confidence, entropy], ids=lambda metric: metric.name)
@pytest.mark.parametrize("even", [True, False], ids=["even", "uneven"])
def test_stated_errors_are_those_of_redrawn_samples(metric, even):
    prior = None if even else torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])
    estimates = torch.tensor([metric(draw(seed, prior=prior)) for seed in range(200)], dtype=torch.float64)
    actual, stated = estimates[:, 0].std(), estimates[:, 1].mean()
    assert 0.8 * actual < stated < 2 * actual  # too wide for a divergence that is nothing but its own noise


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_the_order_of_samples_and_classes_changes_nothing(metric):
    evidence = draw(0)
    logits = evidence.samples.logits
    rows, columns = torch.randperm(len(logits), generator=Generator().manual_seed(0)), torch.tensor([3, 0, 4, 1, 2])
    shuffled = judged(logits[rows][:, columns], evidence.prior[columns])
    assert metric(shuffled).value == pytest.approx(metric(evidence).value, rel=1e-6)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_logits_of_certainty_are_no_trouble(metric):
    """An exact density gives its modes log-probabilities that no exponential survives."""
    logits = torch.tensor([[0.0, -20000.0, -math.inf], [-20000.0, 0.0, -math.inf]]).repeat(50, 1)
    estimate = metric(judged(logits, torch.full((3,), 1 / 3)))
    assert all(math.isfinite(number) for number in estimate)


@pytest.mark.parametrize("metric", [classes, classes_seen, class_kl], ids=lambda metric: metric.name)
def test_a_judge_of_other_classes_is_refused(metric):
    with pytest.raises(BenchError, match=r"a judge of 1,008 classes, but the dataset has 10\. .*judge"):
        metric(judged(torch.zeros(5, 1008), torch.full((10,), 0.1)))


@pytest.mark.parametrize("metric", [confidence, entropy], ids=lambda metric: metric.name)
def test_a_judge_without_classes_is_refused(metric):
    """Softmax makes its one logit a certainty."""
    with pytest.raises(BenchError, match="knows 1 classes, but this metric needs at least 2"):
        metric(judged(torch.zeros(5, 1), torch.ones(1)))


@pytest.mark.parametrize("rare", [1.0, 0.1], ids=["even", "uneven"])
def test_the_stated_error_of_classes_seen_is_roughly_that_of_redrawn_samples(rare, monkeypatch):
    monkeypatch.setattr(diversity, "RESAMPLES", 100)
    p = torch.where(torch.arange(200) < 20, 1.0, rare)
    draws = [p.multinomial(400, replacement=True, generator=Generator().manual_seed(seed)) for seed in range(80)]
    logits = torch.eye(200)
    estimates = [classes_seen(judged(logits[y], torch.full((200,), 0.005))) for y in draws]
    actual, stated = torch.tensor(estimates, dtype=torch.float64).unbind(1)
    assert stated.mean().item() == pytest.approx(actual.std().item(), rel=0.4)
