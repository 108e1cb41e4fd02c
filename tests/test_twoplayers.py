"""One generator against one discriminator: passes, energies, beliefs, and what does not go together."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.modules.batchnorm import _BatchNorm

from ganbench import plugins
from ganbench.autoencoder import Energy, image_decoder
from ganbench.losses import Formulation, ebgan, hinge, minimax, nonsaturating, pulling_away, reverse_kl, wasserstein
from ganbench.penalties import R1, Clip, Dragan, Gradient, Orthogonal, Penalty, Spectral
from ganbench.remedies import FeatureMatching, MinibatchStddev, Packing, Unrolling
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.cgan import CGAN
from ganbench.zoo.cogan import CoGAN
from ganbench.zoo.cyclegan import CycleGAN
from ganbench.zoo.dcgan import DCGAN
from ganbench.zoo.gan import GAN
from ganbench.zoo.progan import ProGAN
from ganbench.zoo.sagan import SAGAN
from ganbench.zoo.stylegan import StyleGAN
from ganbench.zoo.wgan import WGAN

POINTS, LABELLED, IMAGES = DataSpec((2,)), DataSpec((2,), 4), DataSpec((1, 16, 16))
BATCH = Batch(torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 3, 1, 2, 2, 0]))


def passes(network: nn.Module) -> list[Tensor]:
    """What it is given, from now on."""
    inputs: list[Tensor] = []
    network.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    return inputs


def small(plugin: type, spec: DataSpec, **options: object):
    torch.manual_seed(0)
    return plugin(spec, width=8, **options)


# Passes


@pytest.mark.parametrize(
    ("plugin", "options"),
    [(GAN, {}), (CGAN, {}), (SAGAN, {}), (DCGAN, {"d_norm": "layer"})],
    ids=lambda given: str(given),
)
def test_where_nothing_mixes_rows_real_and_fake_are_scored_in_one_pass_as_in_two(plugin, options):
    spec = LABELLED if plugin in (CGAN, SAGAN) else POINTS
    variant, fake = small(plugin, spec, **options).eval(), torch.randn(6, 2)
    expected = variant.score(BATCH.x, BATCH), variant.score(fake, BATCH)
    seen = passes(variant.D)
    found = variant.score_both(BATCH.x, fake, BATCH)
    assert not variant.D.mixes_rows and len(seen) == 1
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize(("plugin", "options"), [(DCGAN, {}), (GAN, {"remedies": (MinibatchStddev(),)}), (ProGAN, {})])
def test_where_something_mixes_rows_real_and_fake_are_scored_apart(plugin, options):
    variant, fake = small(plugin, POINTS, **options), torch.randn(6, 2)
    expected = variant.score(BATCH.x, BATCH), variant.score(fake, BATCH)
    seen = passes(variant.D)
    found = variant.score_both(BATCH.x, fake, BATCH)
    assert variant.D.mixes_rows and len(seen) == 2
    assert seen[0].equal(BATCH.x) and seen[1].equal(fake)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_ds_loss_is_the_formulations_and_the_penaltys_and_gs_the_formulations():
    variant, fake = small(GAN, POINTS, penalty=R1(gamma=3)), torch.randn(6, 2)
    variant.sample = lambda like: fake
    terms = variant.d_loss(BATCH)
    assert [*terms] == ["loss", "real", "fake", "belief_real", "belief_fake", "r1"]
    torch.testing.assert_close(terms["belief_fake"], variant.D(fake).sigmoid().mean())
    assert not terms["belief_real"].requires_grad
    torch.testing.assert_close(terms["loss"], nonsaturating.d(variant.D(BATCH.x), variant.D(fake)))
    torch.testing.assert_close(terms["r1"], R1(gamma=3).term(variant.D, variant.D, BATCH.x, fake))
    torch.testing.assert_close(variant.g_loss(BATCH)["loss"], nonsaturating.g(None, variant.D(fake)))


# Formulations that compare

RELATIVISTIC = Formulation(
    "relativistic",
    d=lambda real, fake: softplus(fake - real).mean(),
    g=lambda real, fake: softplus(real - fake).mean(),
    source="Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734",
    compares=True,
)


def test_a_formulation_that_compares_gives_g_the_scores_of_real_samples_too():
    variant, fake = small(GAN, POINTS, loss=RELATIVISTIC), torch.randn(6, 2, requires_grad=True)
    variant.requires_grad_(False).sample = lambda like: fake
    loss = variant.g_loss(BATCH)["loss"]
    torch.testing.assert_close(loss, softplus(variant.D(BATCH.x) - variant.D(fake)).mean())
    loss.backward()
    assert fake.grad.any()


def test_g_looks_at_no_real_sample_for_a_formulation_that_does_not_compare():
    for plugin in (GAN, DCGAN, CGAN):
        variant = small(plugin, LABELLED)
        shown = passes(variant.D)
        variant.g_loss(BATCH)
        (scored,) = shown
        assert len(scored) == 6 and not scored.equal(BATCH.x)


DOMAINS = Batch(BATCH.x, BATCH.y, -BATCH.x)


@pytest.mark.parametrize("plugin", [GAN, DCGAN, CGAN, WGAN, SAGAN, ProGAN, StyleGAN, CoGAN, CycleGAN])
def test_every_kind_of_game_can_be_played_with_a_formulation_that_compares(plugin):
    variant, ledger = small(plugin, LABELLED, loss=RELATIVISTIC, batch=4), Ledger()
    (curves,) = train(variant, DOMAINS, Budget("updates", 2), ledger, intervals=1)
    assert torch.tensor([*curves.values()]).isfinite().all()
    assert ledger.images_g == 2 * 4 * variant.domains


@pytest.mark.parametrize(
    ("plugin", "options", "looks"),
    [
        (GAN, {}, 0),
        (GAN, {"remedies": (MinibatchStddev(),)}, 0),
        (GAN, {"remedies": (FeatureMatching(),)}, 1),
        (GAN, {"remedies": (Unrolling(steps=2),)}, 1),
        (GAN, {"remedies": (FeatureMatching(), Unrolling(steps=1))}, 1),
        (CoGAN, {}, 0),
        (CycleGAN, {}, 2),
    ],
    ids=str,
)
def test_the_ledger_counts_the_real_samples_that_gs_losses_look_at(plugin, options, looks):
    ledger = Ledger()
    next(train(small(plugin, POINTS, batch=4, **options), DOMAINS, Budget("updates", 3), ledger, intervals=1))
    assert ledger.images_g == looks * 3 * 4


# D as an autoencoder


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8), (3, 16, 16), (1, 32, 32), (1, 64, 64)])
def test_an_energy_is_the_mean_squared_error_of_decoding(shape):
    energy, h, x = Energy(DataSpec(shape), 5, codes=7), torch.randn(3, 5), torch.randn(3, *shape)
    codes = energy.encode(h)
    assert codes.shape == (3, 7)
    decoded = energy.decode(codes)
    assert decoded.shape == x.shape
    torch.testing.assert_close(
        energy(h, x), torch.stack([((d - r) ** 2).mean() for d, r in zip(decoded, x, strict=True)])
    )


@pytest.mark.parametrize("spec", [POINTS, IMAGES], ids=["points", "images"])
def test_an_energy_of_1_is_that_of_the_best_constant(spec: DataSpec) -> None:
    variant = small(GAN, spec, loss=ebgan())
    data = 5 * torch.randn(100, *spec.shape) * torch.linspace(0.1, 1, spec.shape[-1]) + 3
    variant.prepare(Batch(data))
    variant.D.energy.decode.forward = lambda codes: data.mean(0).expand_as(data)
    torch.testing.assert_close(variant.D(data).mean(), torch.tensor(-1.0))


def test_data_that_are_all_the_same_give_energies_no_unit():
    variant = small(GAN, POINTS, loss=ebgan())
    variant.prepare(Batch(torch.ones(10, 2)))
    assert variant.D.energy.unit == 1


def test_the_unit_of_an_energy_is_measured_and_not_stored():
    """Weights that were stored before there was one can be read."""
    assert "D.energy.unit" not in small(GAN, POINTS, loss=ebgan()).state_dict()


@pytest.mark.parametrize("side", [1, 4, 12, 28])
def test_a_side_that_the_decoder_does_not_reach_is_refused_with_those_it_does(side):
    with pytest.raises(ValueError, match=f"side {side}.*set a size of 8, 16, 32, 64 or 128"):
        image_decoder(DataSpec((1, side, side)), 4)


@pytest.mark.parametrize(
    ("plugin", "spec"), [(GAN, POINTS), (GAN, IMAGES), (DCGAN, POINTS), (DCGAN, IMAGES), (WGAN, IMAGES)]
)
def test_with_energies_a_score_is_minus_the_error_of_ds_own_features(plugin, spec):
    options = {"penalty": Penalty()} if plugin is WGAN else {}
    variant = small(plugin, spec, loss=ebgan(codes=5), **options).eval()
    x = torch.randn(3, *spec.shape)
    scores = variant.D(x)
    assert scores.shape == (3,) and (scores <= 0).all()
    torch.testing.assert_close(scores, -variant.D.energy(variant.D.features(x), x))
    assert isinstance(variant.D.head, nn.Identity), "no weights that nothing trains"
    assert variant.D.energy.encode.out_features == 5
    (group,) = variant.players[0].optimizer.param_groups
    assert {id(weight) for weight in group["params"]} == {id(weight) for weight in variant.D.parameters()}


def test_with_energies_g_is_also_pulled_away_from_fakes_of_one_kind():
    variant, fake = small(GAN, POINTS, loss=ebgan(repelling=0.5, codes=3)), torch.randn(6, 2, requires_grad=True)
    variant.sample = lambda like: fake
    terms = variant.g_loss(BATCH)
    codes = variant.D.energy.encode(variant.D.features(fake))
    torch.testing.assert_close(terms["repelling"], 0.5 * pulling_away(codes))
    torch.testing.assert_close(terms["loss"], -variant.D(fake).mean())
    terms["repelling"].backward()
    assert fake.grad.any()
    assert "repelling" not in small(GAN, POINTS, loss=ebgan(repelling=0)).g_loss(BATCH)


def test_a_packed_d_with_energies_decodes_whole_packs():
    variant = small(GAN, POINTS, loss=ebgan(), remedies=(Packing(samples=2),))
    assert variant.D(BATCH.x).shape == (3,)
    assert {"loss", "repelling"} == set(variant.g_loss(BATCH))


# Beliefs


@pytest.mark.parametrize("loss", [nonsaturating, minimax, reverse_kl], ids=lambda loss: loss.name)
def test_a_belief_is_that_of_the_formulation_at_ds_scores(loss: Formulation):
    variant = small(GAN, POINTS, loss=loss)
    torch.testing.assert_close(variant.belief(BATCH.x), torch.sigmoid(variant.D(BATCH.x)))


def test_a_growing_d_believes_what_it_sees_of_the_samples():
    variant, x = small(StyleGAN, IMAGES, z_dim=4, mapping=1), torch.randn(4, 1, 16, 16)
    variant.advance(0.0, 0)
    scores = variant.D(variant.real(Batch(x)), variant.level, variant.alpha)
    assert variant.real(Batch(x)).shape == (4, 1, 8, 8)
    torch.testing.assert_close(variant.belief(x), torch.sigmoid(scores))


@pytest.mark.parametrize(
    ("plugin", "spec", "options"),
    [
        (GAN, POINTS, {"loss": hinge}),
        (GAN, POINTS, {"loss": wasserstein}),
        (GAN, POINTS, {"loss": ebgan()}),
        (GAN, POINTS, {"remedies": (Packing(),)}),
        (CGAN, LABELLED, {}),
        (SAGAN, LABELLED, {"loss": nonsaturating}),
    ],
    ids=["hinge", "wasserstein", "ebgan", "packed", "cgan", "sagan"],
)
def test_there_is_no_belief_where_scores_are_no_ratio_or_of_more_than_a_sample(plugin, spec, options):
    assert small(plugin, spec, **options).belief(BATCH.x) is None


# What does not go together


@pytest.mark.parametrize("penalty", [Gradient(), Dragan(), R1()], ids=lambda penalty: penalty.name)
@pytest.mark.parametrize("spec", [POINTS, IMAGES], ids=["points", "images"])
def test_a_penalty_on_slopes_is_refused_where_d_has_batch_norm(spec, penalty):
    with pytest.raises(ValueError, match=rf"penalty '{penalty.name}'.*batch norm in D.*`d_norm` to 'layer' or 'none'"):
        small(DCGAN, spec, penalty=penalty)
    for norm in ("layer", "none"):
        variant = small(DCGAN, spec, penalty=penalty, d_norm=norm)
        assert penalty.name in variant.d_loss(Batch(torch.randn(4, *spec.shape)))


@pytest.mark.parametrize("penalty", [Clip(), Spectral(), Orthogonal()], ids=lambda penalty: penalty.name)
def test_a_penalty_on_weights_bears_batch_norm(penalty):
    variant = small(DCGAN, POINTS, penalty=penalty)
    assert any(isinstance(module, _BatchNorm) for module in variant.D.modules())
    assert variant.d_loss(BATCH)["loss"].isfinite()


@pytest.mark.parametrize("penalty", [Clip(), Gradient(), Dragan()], ids=lambda penalty: penalty.name)
def test_energies_bear_no_lipschitz_penalty(penalty):
    message = rf"penalty '{penalty.name}' with the formulation 'ebgan', which forbids it.*clip, gradient, dragan"
    with pytest.raises(ValueError, match=message):
        small(GAN, POINTS, loss=ebgan(), penalty=penalty)


@pytest.mark.parametrize("loss", plugins.names("losses"))
@pytest.mark.parametrize("samples", [1, 2])
def test_every_penalty_plays_with_every_formulation_of_whole_packs_unless_it_is_refused(loss, samples):
    """On images, with three channels: D's autoencoder has other layers there."""
    spec, loaded = DataSpec((3, 8, 8)), plugins.load("losses", loss)
    game = loaded if isinstance(loaded, Formulation) else loaded()
    batch = Batch(torch.randn(4 * samples, *spec.shape))
    for names in (*([name] for name in plugins.names("penalties")), ["r1", "r2"], ["spectral", "gradient"]):
        penalty = Penalty.join([plugins.load("penalties", name)() for name in names])
        if {part.name for part in penalty.parts} & {*game.forbids}:
            continue
        variant = DCGAN(
            spec, loss=game, penalty=penalty, remedies=(Packing(samples=samples),), width=4, z_dim=4, batch=4,
            d_norm="none",
        )  # fmt: skip
        variant.prepare(batch)
        for player in variant.players:
            total = sum(term for term in player.loss(batch).values() if term.requires_grad)
            total.backward()
            assert total.isfinite(), names
            assert any(w.grad is not None and w.grad.abs().sum() > 0 for w in player.weights.parameters()), names


@pytest.mark.parametrize("plugin", [CGAN, SAGAN, ProGAN])
def test_energies_need_a_d_that_sees_whole_samples_and_nothing_else(plugin):
    with pytest.raises(ValueError, match=r"'ebgan'.*autoencoder of whole samples.*Use another formulation or variant"):
        small(plugin, LABELLED, loss=ebgan(), penalty=Penalty())
