import math

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from ganbench import plugins
from ganbench.errors import BenchError
from ganbench.losses import Formulation, hinge, lsgan, minimax, nonsaturating, wasserstein

REAL, FAKE = [-2.0, -0.5, 0.3, 0.9, 4.0], [-3.0, -1.0, 0.1, 0.7, 2.0]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def probability(score: float) -> float:
    return 1 / (1 + math.exp(-score))


CROSS_ENTROPY = -mean([math.log(probability(s)) for s in REAL]) - mean([math.log(1 - probability(s)) for s in FAKE])
FORMULAS = {  # what D minimises, what G minimises, as the papers write them
    "minimax": (CROSS_ENTROPY, mean([math.log(1 - probability(s)) for s in FAKE])),
    "nonsaturating": (CROSS_ENTROPY, -mean([math.log(probability(s)) for s in FAKE])),
    "lsgan": (
        mean([(s - 1) ** 2 for s in REAL]) / 2 + mean([s**2 for s in FAKE]) / 2,
        mean([(s - 1) ** 2 for s in FAKE]) / 2,
    ),
    "wasserstein": (mean(FAKE) - mean(REAL), -mean(FAKE)),
    "hinge": (mean([max(0, 1 - s) for s in REAL]) + mean([max(0, 1 + s) for s in FAKE]), -mean(FAKE)),
}

INSTALLED = plugins.names("losses")


def scores(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("name", INSTALLED)
def test_an_entry_point_is_a_formulation_of_that_name_and_cites_its_paper(name):
    loss = plugins.load("losses", name)
    assert isinstance(loss, Formulation)
    assert loss.name == name
    assert "https://" in loss.source


def test_every_formulation_here_has_its_formula_and_is_installed():
    assert {loss.name for loss in (minimax, nonsaturating, lsgan, wasserstein, hinge)} == set(FORMULAS)
    assert set(FORMULAS) <= set(INSTALLED)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formulation_is_its_papers_formula(name):
    loss, (d, g) = plugins.load("losses", name), FORMULAS[name]
    assert loss.d(scores(REAL), scores(FAKE)).item() == pytest.approx(d, rel=1e-14)
    assert loss.g(scores(FAKE)).item() == pytest.approx(g, rel=1e-14)


@pytest.mark.parametrize("name", INSTALLED)
def test_d_pulls_real_up_and_fake_down_and_g_pulls_fake_up(name):
    loss = plugins.load("losses", name)
    # Between the targets of all formulations, where none is content yet.
    real, fake = scores([0.1, 0.4, 0.8]), scores([0.2, 0.5, 0.9])
    loss.d(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake = scores([0.2, 0.5, 0.9])
    loss.g(fake).backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("name", INSTALLED)
def test_extreme_scores_give_finite_losses_and_gradients(name):
    loss = plugins.load("losses", name)
    real = torch.tensor([-1e4, 1e4], requires_grad=True)
    fake = torch.tensor([1e4, -1e4], requires_grad=True)
    (loss.d(real, fake) + loss.g(fake)).backward()
    assert real.grad.isfinite().all() and fake.grad.isfinite().all()


def test_only_minimax_starves_a_generator_whose_samples_are_seen_through():
    slopes = {}
    for loss in (minimax, nonsaturating):
        fake = scores([-10.0])
        loss.g(fake).backward()
        slopes[loss.name] = -fake.grad.item()
    assert slopes["minimax"] < 1e-4
    assert slopes["nonsaturating"] > 0.999


def test_the_terms_of_d_are_its_loss_and_its_mean_scores_without_gradients():
    real, fake = scores(REAL), scores(FAKE)
    terms = hinge.d_terms(real, fake)
    assert terms["loss"].requires_grad and not terms["real"].requires_grad and not terms["fake"].requires_grad
    assert terms["real"].item() == pytest.approx(mean(REAL))
    assert terms["fake"].item() == pytest.approx(mean(FAKE))
    assert list(terms) == ["loss", "real", "fake"]


def test_a_suite_names_a_formulation_and_a_wrong_name_is_refused():
    adapter = TypeAdapter(Formulation)
    assert adapter.validate_json('"hinge"') is hinge
    with pytest.raises(BenchError, match="hinge"):
        adapter.validate_json('"hing"')
