import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from ganbench.data.mixtures import Ring8
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence
from ganbench.metrics.conditioning import label_accuracy

TEN = torch.full((10,), 0.1)


def evidence(decided: Tensor, asked: Tensor | None, prior: Tensor = TEN) -> Evidence:
    """What a judge that is sure of its classes says of samples that were asked for."""
    logits = 10.0 * one_hot(decided, len(TEN)).float()
    return Evidence(Judged(logits, logits), Judged(logits, logits), prior, asked=asked)


def test_it_is_the_share_of_samples_of_the_class_asked_for():
    asked = torch.arange(10).repeat(10)
    found = label_accuracy(evidence(torch.where(torch.arange(100) < 25, (asked + 1) % 10, asked), asked))
    assert found.value == 0.75
    assert found.stderr == pytest.approx((0.75 * 0.25 / 100) ** 0.5)


def test_a_variant_that_ignores_its_labels_scores_chance():
    asked, drawn = (torch.randint(10, (10_000,), generator=Generator().manual_seed(seed)) for seed in (0, 1))
    assert label_accuracy(evidence(drawn, asked)).value == pytest.approx(0.1, abs=0.01)


def test_on_a_mixture_real_data_are_always_of_their_mode():
    mixture = Ring8().mixture
    real = mixture.sample(1000, Generator().manual_seed(0))
    seen = Judged(real.x, mixture.log_posterior(real.x).float())
    assert label_accuracy(Evidence(seen, seen, mixture.weights, mixture, asked=real.y)) == (1, 0)


def test_only_who_was_asked_has_it():
    classes = torch.arange(10)
    assert label_accuracy.applies(evidence(classes, classes)) and not label_accuracy.applies(evidence(classes, None))
    assert not label_accuracy.of_any_variant


def test_a_judge_of_other_classes_is_refused():
    classes = torch.arange(10)
    with pytest.raises(BenchError, match="Found a judge of 10 classes, but the dataset has 3"):
        label_accuracy(evidence(classes, classes, torch.full((3,), 1 / 3)))


def test_the_stated_error_is_that_of_redrawn_samples():
    asked = torch.zeros(400, dtype=torch.int64)
    draws = [torch.rand(400, generator=Generator().manual_seed(seed)) for seed in range(300)]
    estimates = torch.tensor([label_accuracy(evidence((draw < 0.3).long(), asked)) for draw in draws])
    assert estimates[:, 1].mean().item() == pytest.approx(estimates[:, 0].std().item(), rel=0.15)
