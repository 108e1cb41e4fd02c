import math

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from ganbench import losses, plugins
from ganbench.errors import BenchError
from ganbench.losses import Formulation, ebgan, hinge, jensen_shannon, minimax, nonsaturating, pulling_away
from ganbench.plugins.spec import choose

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
    "relativistic": (
        mean([-math.log(probability(r - f)) for r, f in zip(REAL, FAKE, strict=True)]),
        mean([-math.log(probability(f - r)) for r, f in zip(REAL, FAKE, strict=True)]),
    ),
    # A score is minus the energy, and the margin 0.8.
    "ebgan": (mean([-s for s in REAL]) + mean([max(0, 0.8 - -s) for s in FAKE]), mean([-s for s in FAKE])),
    # f-GAN: f*(T) of fake minus T of real, and G's minus T.
    "kl": (mean([math.exp(s - 1) for s in FAKE]) - mean(REAL), -mean(FAKE)),
    "reverse_kl": (
        mean([s - 1 for s in FAKE]) + mean([math.exp(-s) for s in REAL]),
        mean([math.exp(-s) for s in FAKE]),
    ),
    "pearson": (mean([s**2 / 4 + s for s in FAKE]) - mean(REAL), -mean(FAKE)),
    "squared_hellinger": (
        mean([math.exp(s) - 1 for s in FAKE]) - mean([1 - math.exp(-s) for s in REAL]),
        -mean([1 - math.exp(-s) for s in FAKE]),
    ),
    "jensen_shannon": (
        -mean([math.log(2 * probability(-s)) for s in FAKE]) - mean([math.log(2 * probability(s)) for s in REAL]),
        -mean([math.log(2 * probability(s)) for s in FAKE]),
    ),
}

INSTALLED = plugins.names("losses")


def scores(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def seen_by_g(loss: Formulation, real: Tensor) -> Tensor | None:
    """What G's loss is given beside the scores of fakes."""
    return real.detach() if loss.compares else None


def test_a_formulation_cites_its_paper():
    assert [name for name in INSTALLED if "https://" not in choose("losses", name).source] == []


def test_every_formulation_here_has_its_formula_and_is_installed():
    values = {value.name for value in vars(losses).values() if isinstance(value, Formulation)}
    assert values | {"ebgan"} == set(FORMULAS)
    assert set(FORMULAS) <= set(INSTALLED)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formulation_is_its_papers_formula(name):
    loss, (d, g) = choose("losses", name), FORMULAS[name]
    assert loss.d(scores(REAL), scores(FAKE)).item() == pytest.approx(d, rel=1e-14)
    assert loss.g(seen_by_g(loss, scores(REAL)), scores(FAKE)).item() == pytest.approx(g, rel=1e-14)


@pytest.mark.parametrize("name", INSTALLED)
def test_d_pulls_real_up_and_fake_down_and_g_pulls_fake_up(name):
    loss = choose("losses", name)
    # Between the targets of all formulations, where none is content yet.
    real, fake = scores([0.1, 0.4, 0.8]), scores([0.2, 0.5, 0.9])
    loss.d(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake = scores([0.2, 0.5, 0.9])
    loss.g(seen_by_g(loss, real), fake).backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("name", INSTALLED)
def test_extreme_scores_give_finite_losses_and_gradients(name):
    loss = choose("losses", name)
    real = torch.tensor([-1e4, 1e4], requires_grad=True)
    fake = torch.tensor([1e4, -1e4], requires_grad=True)
    values = loss.d(real, fake), loss.g(seen_by_g(loss, real), fake)
    sum(values).backward()
    assert all(value.isfinite() for value in values)
    assert real.grad.isfinite().all() and fake.grad.isfinite().all()
    if loss.belief is not None:
        beliefs = loss.belief(torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4]))
        assert ((beliefs >= 0) & (beliefs <= 1)).all()
        assert (beliefs.diff() >= 0).all(), "a higher score means more real"


def test_only_minimax_starves_a_generator_whose_samples_are_seen_through():
    slopes = {}
    for loss in (minimax, nonsaturating):
        fake = scores([-10.0])
        loss.g(None, fake).backward()
        slopes[loss.name] = -fake.grad.item()
    assert slopes["minimax"] < 1e-4
    assert slopes["nonsaturating"] > 0.999


def test_a_formulation_whose_functions_do_not_take_both_scores_is_refused_when_it_is_made():
    message = r"'mine' with a `g` that cannot be called with two arguments.*lambda real, fake: \.\.\."
    with pytest.raises(ValueError, match=message):
        Formulation("mine", d=hinge.d, g=lambda fake: -fake.mean(), source="")
    with pytest.raises(ValueError, match="with a `d` that cannot"):
        Formulation("mine", d=lambda real, fake, weight: real.mean(), g=hinge.g, source="")
    Formulation("mine", d=torch.dot, g=lambda *scores: -scores[1].mean(), source="")  # one does not say, one takes any


def test_a_relativistic_game_is_of_differences_alone():
    loss, real, fake = choose("losses", "relativistic"), scores(REAL), scores(FAKE)
    torch.testing.assert_close(loss.d(real + 7, fake + 7), loss.d(real, fake))
    torch.testing.assert_close(loss.g(real, fake), loss.d(fake, real))
    assert loss.compares and loss.belief is None


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


# f-divergences of p and q, which fall on three points with these tenths

P, Q = torch.tensor([5, 3, 2]), torch.tensor([2, 4, 4])
p, q = P.double() / 10, Q.double() / 10
u, m = p / q, (p + q) / 2


def kullback(a: Tensor, b: Tensor) -> Tensor:
    return (a * (a / b).log()).sum()


DIVERGENCES = {  # the scores at which the bound is tight, and the divergence in closed form
    "kl": (1 + u.log(), kullback(p, q)),
    "reverse_kl": (u.log(), kullback(q, p)),
    "pearson": (2 * (u - 1), ((p - q).square() / q).sum()),
    "squared_hellinger": (u.log() / 2, (p.sqrt() - q.sqrt()).square().sum()),
    "jensen_shannon": (u.log(), kullback(p, m) + kullback(q, m)),
}
every_divergence = pytest.mark.parametrize("name", DIVERGENCES)


def bound(loss: Formulation, v: Tensor) -> Tensor:
    """What D maximises, for ten samples of p and ten of q whose points have the scores `v`."""
    return -loss.d(v.repeat_interleave(P), v.repeat_interleave(Q))


@every_divergence
def test_at_the_optimal_scores_the_bound_of_an_f_divergence_is_the_divergence(name):
    optimal, divergence = DIVERGENCES[name]
    torch.testing.assert_close(bound(choose("losses", name), optimal), divergence)


@every_divergence
def test_all_other_scores_bound_an_f_divergence_from_below(name):
    loss, (optimal, divergence) = choose("losses", name), DIVERGENCES[name]
    v = optimal.clone().requires_grad_()
    bound(loss, v).backward()
    torch.testing.assert_close(v.grad, torch.zeros(3, dtype=torch.float64))
    generator = torch.Generator().manual_seed(0)
    for size in (0.1, 1.0, 20.0):
        for _ in range(20):
            other = optimal + size * torch.randn(3, dtype=torch.float64, generator=generator)
            assert bound(loss, other) < divergence


@every_divergence
def test_the_belief_at_the_optimal_scores_of_an_f_divergence_is_the_share_of_real(name):
    optimal, _ = DIVERGENCES[name]
    torch.testing.assert_close(choose("losses", name).belief(optimal), p / (p + q))


@pytest.mark.parametrize(
    ("name", "optimal"), [("minimax", u.log()), ("nonsaturating", u.log()), ("lsgan", p / (p + q))]
)
def test_other_formulations_with_an_optimum_have_a_belief_too(name, optimal):
    loss, v = choose("losses", name), optimal.clone().requires_grad_()
    bound(loss, v).backward()
    torch.testing.assert_close(v.grad, torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(loss.belief(optimal), p / (p + q))


@pytest.mark.parametrize("name", ["wasserstein", "hinge", "relativistic", "ebgan"])
def test_where_the_optimal_score_is_not_of_the_ratio_there_is_no_belief(name):
    assert choose("losses", name).belief is None


def test_ds_jensen_shannon_is_the_original_game_moved_by_log_4():
    real, fake = scores(REAL), scores(FAKE)
    torch.testing.assert_close(jensen_shannon.d(real, fake), minimax.d(real, fake) - math.log(4))


def test_exponentials_go_on_as_their_tangents_where_they_would_overflow():
    v = torch.tensor([9.0, 10.0, 11.0, 500.0], dtype=torch.float64, requires_grad=True)
    found = losses._exp(v)
    e10 = math.exp(10)
    torch.testing.assert_close(
        found, torch.tensor([math.exp(9), e10, 2 * e10, 491 * e10], dtype=torch.float64), rtol=1e-12, atol=0
    )
    found.sum().backward()
    torch.testing.assert_close(
        v.grad[[0, 2, 3]], torch.tensor([math.exp(9), e10, e10], dtype=torch.float64), rtol=1e-12, atol=0
    )


# Energies


def test_ebgan_pushes_the_energy_of_fakes_up_to_the_margin_and_no_further():
    loss = ebgan(margin=2.0)
    real, fake = scores([-0.5, -0.1]), scores([-0.5, -1.5, -3.0])  # energies 0.5, 0.1 and 0.5, 1.5, 3
    assert loss.d(real, fake).item() == pytest.approx(0.3 + (1.5 + 0.5 + 0) / 3)
    assert loss.g(None, fake).item() == pytest.approx(5 / 3)
    loss.d(real, fake).backward()
    assert fake.grad.tolist() == pytest.approx([1 / 3, 1 / 3, 0])


def test_ebgans_options_are_its_codes_and_its_repelling_and_it_bears_no_lipschitz_penalty():
    loss = choose("losses", {"name": "ebgan", "codes": 7, "repelling": 0.25, "margin": 3})
    assert (loss.codes, loss.repelling) == (7, 0.25)
    assert loss.d(scores([0.0]), scores([-1.0])).item() == 2
    assert set(loss.forbids) >= {"clip", "gradient", "dragan"}
    assert all(other.codes == 0 and not other.forbids for other in (minimax, hinge, jensen_shannon))


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([[1, 0], [0, 2]], 0.0),
        ([[1, 1], [3, 3]], 1.0),
        ([[1, 0], [-5, 0]], 1.0),
        ([[1, 0], [1, 1], [0, 1]], (0.5 + 0 + 0.5) / 3),
        ([[3, 4], [4, 3]], (24 / 25) ** 2),
    ],
)
def test_pulling_away_is_the_mean_squared_cosine_of_different_codes(codes, expected):
    assert pulling_away(torch.tensor(codes, dtype=torch.float64)).item() == pytest.approx(expected, abs=1e-12)
