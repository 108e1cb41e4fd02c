from math import erf, exp, pi, sqrt

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ganbench.losses import hinge
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.biggan import BigGAN, SkipNorm, coherence
from ganbench.zoo.residual import Attention

SPECS = {"points": DataSpec((2,), 4), "images": DataSpec((1, 16, 16), 4)}
SMALL = {"width": 8, "batch": 8, "z_chunk": 3, "embedding": 5, "standing": 2}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def build(spec: DataSpec, seed: int = 0, **options: object) -> BigGAN:
    torch.manual_seed(seed)
    return BigGAN(spec, **{**SMALL, **options})


def batch_of(spec: DataSpec, n: int = 6) -> Batch:
    return Batch(torch.rand(n, *spec.shape) * 2 - 1, torch.arange(n) % spec.classes)


def finish(variant: BigGAN, spec: DataSpec, rounds: int, ledger: Ledger | None = None) -> None:
    for _ in train(variant, batch_of(spec, 40), Budget("updates", rounds), ledger or Ledger(), intervals=1):
        pass


def drawn(variant: BigGAN, spec: DataSpec, seed: int = 3) -> Tensor:
    torch.manual_seed(seed)
    with torch.no_grad():
        return variant.sample(batch_of(spec))


def norms(network: nn.Module) -> list[SkipNorm]:
    return [module for module in network.modules() if isinstance(module, SkipNorm)]


@every_spec
def test_each_block_sees_the_shared_embedding_and_a_chunk_of_z_of_its_own(spec):
    variant = build(spec)
    blocks = len(variant.G.network.blocks)
    assert blocks == 2 and len(norms(variant.G)) == 2 * blocks
    assert [*variant.G.embedding.weight.shape] == [4, 5]
    assert sum(isinstance(module, nn.Embedding) for module in variant.G.modules()) == 1
    z, y = torch.arange(6 * 9.0).reshape(6, 9), torch.arange(6) % 4
    start, seen = [], []
    variant.G.network.start.register_forward_pre_hook(lambda _, given: start.append(given[0]))
    for norm in norms(variant.G):
        norm.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    variant.G(z, y)
    assert start[0].equal(z[:, :3])
    for i, condition in enumerate(seen):
        block = i // 2
        assert condition[:, :5].equal(variant.G.embedding(y))
        assert condition[:, 5:].equal(z[:, 3 * (block + 1) : 3 * (block + 2)])


@pytest.mark.parametrize(("side", "z_dim"), [(8, 40), (32, 80), (128, 120)])
def test_chunks_of_20_make_the_papers_120_latents_at_128_pixels(side, z_dim):
    assert BigGAN(DataSpec((3, side, side), 2), width=1).G.z_dim == z_dim


@every_spec
def test_gain_is_one_plus_and_bias_is_a_normed_linear_of_the_condition_without_a_bias_of_its_own(spec):
    norm = norms(build(spec).G)[0].eval()
    x, h = torch.randn(6, norm.norm.num_features, *[4, 4][: 2 * spec.is_image]), torch.randn(6, 8)
    assert not norm.norm.affine
    for linear in (norm.gain, norm.bias):
        assert linear.bias is None and is_parametrized(linear, "weight")
    shape = (6, -1, *[1] * (x.dim() - 2))
    gain, bias = (h @ linear.weight.mT for linear in (norm.gain, norm.bias))
    torch.testing.assert_close(norm(x, h), (1 + gain).reshape(shape) * norm.norm(x) + bias.reshape(shape))


@every_spec
def test_every_weight_of_both_networks_is_normed_but_for_gs_embedding(spec):
    variant = build(spec)
    for layer in variant.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            assert is_parametrized(layer, "weight")
    assert is_parametrized(variant.D.embedding, "weight")
    assert not is_parametrized(variant.G.embedding)
    assert all(sum(isinstance(m, Attention) for m in network.modules()) == 1 for network in (variant.G, variant.D))


@every_spec
def test_weights_begin_orthogonal_and_so_do_not_feel_the_regularisation(spec):
    variant = build(spec)
    for name, weight in [*variant.G.named_parameters(), *variant.D.named_parameters()]:
        if weight.dim() > 1:
            rows = weight.flatten(1)
            rows = rows if len(rows) <= rows.shape[1] else rows.mT
            torch.testing.assert_close(rows @ rows.mT, torch.eye(len(rows)), atol=1e-5, rtol=0, msg=name)
    assert coherence(variant.G) < 1e-8


def test_the_regularisation_counts_overlaps_of_filters_but_not_their_lengths():
    layer = nn.Linear(3, 2)
    layer.weight = nn.Parameter(torch.tensor([[5.0, 0.0, 0.0], [0.0, 0.1, 0.0]]))
    assert coherence(layer) == 0
    layer.weight = nn.Parameter(torch.tensor([[1.0, 2.0, 0.0], [3.0, 1.0, 0.0]]))
    assert coherence(layer) == 2 * (1 * 3 + 2 * 1) ** 2
    tall = nn.Linear(2, 3)
    tall.weight = nn.Parameter(layer.weight.mT.contiguous())
    assert coherence(tall) == coherence(layer)


@every_spec
def test_gs_loss_holds_the_regularisation_with_its_weight_and_descends_it(spec):
    variant, batch = build(spec, orthogonal=0.5), batch_of(spec)
    with torch.no_grad():
        for weight in variant.G.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    terms = variant.g_loss(batch)
    torch.testing.assert_close(terms["orthogonal"], 0.5 * coherence(variant.G))
    assert terms["orthogonal"] > 0.01 and terms["orthogonal"].requires_grad
    assert set(build(spec, orthogonal=0.0).g_loss(batch)) == {"loss"}
    variant.G.embedding.weight.grad = None
    terms["orthogonal"].backward()
    assert variant.G.embedding.weight.grad is None


def test_two_d_steps_hinge_and_the_constants_of_the_paper():
    variant = BigGAN(SPECS["points"])
    d, g = variant.players
    (d_group,), (g_group,) = d.optimizer.param_groups, g.optimizer.param_groups
    assert (d_group["lr"], g_group["lr"]) == (2e-4, 5e-5)
    assert d_group["betas"] == g_group["betas"] == (0.0, 0.999)
    assert (d.repeats, g.repeats, variant.batch, variant.loss) == (2, 1, 2048, hinge)
    assert (variant.orthogonal, variant.ema, variant.ema_start) == (1e-4, 0.9999, 20_000)
    assert (variant.truncation, variant.G.embedding.embedding_dim) == (0.0, 128)


@every_spec
def test_d_projects_the_embedding_of_the_label(spec):
    variant, batch = build(spec).eval(), batch_of(spec)
    seen = []
    variant.D.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    scores = variant.D(batch.x, batch.y)
    torch.testing.assert_close(scores - variant.D(batch.x), (variant.D.embedding(batch.y) * seen[0]).sum(1))


def weights(network: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def test_the_average_copies_g_until_its_start_and_follows_it_slowly_from_then_on():
    spec = SPECS["points"]
    variant, ledger = build(spec, ema=0.9, ema_start=3, lr_g=1e-2), Ledger()
    finish(variant, spec, 3, ledger)
    copied = weights(variant.G_average)
    assert copied.equal(weights(variant.G))
    finish(variant, spec, 4, ledger)
    assert ledger.rounds == 4 and variant.stage == 1
    torch.testing.assert_close(weights(variant.G_average), 0.9 * copied + 0.1 * weights(variant.G))


@every_spec
def test_samples_come_from_the_average_and_training_from_g(spec):
    variant = build(spec)
    finish(variant, spec, 2)
    variant.eval()
    before = drawn(variant, spec)
    with torch.no_grad():
        for weight in variant.G.parameters():
            weight.zero_()
    assert drawn(variant.eval(), spec).equal(before)
    variant.train()
    assert not drawn(variant, spec).equal(before)


def test_latents_are_normal_and_truncated_ones_are_as_if_those_beyond_were_drawn_again():
    variant, uniform = build(SPECS["points"]), torch.rand(200_000)
    z = variant.truncated(uniform)
    torch.testing.assert_close(torch.stack([z.mean(), z.std()]), torch.tensor([0.0, 1.0]), atol=0.01, rtol=0)
    assert z.abs().max() > 3.5
    variant.truncation = 0.5
    z = variant.truncated(uniform)
    assert z.abs().max() <= 0.5 + 1e-5
    variance = 1 - 2 * 0.5 * exp(-(0.5**2) / 2) / sqrt(2 * pi) / erf(0.5 / sqrt(2))  # of the truncated normal
    assert z.var().item() == pytest.approx(variance, rel=0.01)
    edges = variant.truncated(torch.tensor([0.0, 1 - 2**-24]))
    assert edges.isfinite().all()


def test_truncation_is_for_samples_and_not_for_training():
    spec, seen = SPECS["points"], []
    variant = build(spec, truncation=0.1)
    for network in (variant.G, variant.G_average.network):
        network.register_forward_pre_hook(lambda _, given: seen.append(given[0].abs().max().item()))
    variant.d_loss(batch_of(spec, 50))
    variant.eval().sample(batch_of(spec, 50))
    assert seen[0] > 1
    assert len(seen) > 1 and max(seen[1:]) <= 0.1 + 1e-5


@every_spec
def test_standing_statistics_are_those_of_the_average_and_of_truncated_latents(spec):
    variant = build(spec, standing=50, batch=64, truncation=0.3)
    finish(variant, spec, 2)
    network = variant.eval().settled()
    last, inputs = network.network.norm, []
    generator = torch.Generator().manual_seed(9)
    z = variant.truncated(torch.rand(4000, variant.G.z_dim, generator=generator))
    y = torch.randint(4, (4000,), generator=generator)
    last.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    with torch.no_grad():
        network(z, y)
    channels = inputs[0].transpose(0, 1).flatten(1)
    scale = channels.std(1)
    assert ((last.running_mean - channels.mean(1)).abs() < 0.25 * scale + 1e-4).all()
    assert ((last.running_var.sqrt() / scale - 1).abs() < 0.25).all()
    trained = variant.G_average.network.network.norm
    assert not trained.running_mean.equal(last.running_mean)


def test_without_standing_statistics_the_running_averages_of_training_are_used():
    spec = SPECS["points"]
    variant = build(spec, standing=0)
    finish(variant, spec, 2)
    settled, average = variant.eval().settled(), variant.G_average.network
    assert all(settled.state_dict()[key].equal(value) for key, value in average.state_dict().items())


@every_spec
def test_settling_leaves_weights_buffers_and_random_numbers_alone_and_follows_new_weights(spec):
    variant, other = build(spec), build(spec, seed=1)
    finish(variant, spec, 2)
    before = {key: value.clone() for key, value in variant.state_dict().items()}
    state = torch.get_rng_state()
    variant.eval().settled()
    assert torch.get_rng_state().equal(state)
    assert variant.state_dict().keys() == before.keys()
    assert all(value.equal(before[key]) for key, value in variant.state_dict().items())
    first = drawn(variant, spec)
    assert drawn(variant, spec).equal(first), "the second draw from the same statistics"
    variant.load_state_dict(other.state_dict())
    assert drawn(variant.eval(), spec).equal(drawn(other.eval(), spec))


def test_statistics_are_found_once_for_each_state_of_the_weights_and_each_truncation():
    spec = SPECS["points"]
    variant = build(spec)
    finish(variant, spec, 2)
    first = variant.eval().settled()
    drawn(variant, spec)
    assert variant.train().eval().settled() is first
    variant.truncation = 0.5
    truncated = variant.settled()
    assert truncated is not first
    variant.G_average.update(variant.G, 0.5)
    assert variant.settled() is not truncated


@every_spec
def test_a_sample_is_of_its_label_and_not_of_its_neighbours(spec):
    variant = build(spec)
    finish(variant, spec, 2)
    variant.eval()
    draws = []
    for y in ([0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 0, 2]):
        torch.manual_seed(3)
        with torch.no_grad():
            draws.append(variant.sample(Batch(torch.empty(6, *spec.shape), torch.tensor(y))))
    first, changed = draws
    torch.testing.assert_close(changed[:5], first[:5])
    assert not torch.allclose(changed[5], first[5])


@every_spec
def test_saved_weights_and_the_average_come_back(tmp_path, spec):
    variant, other = build(spec, ema=0.5, ema_start=0), build(spec, seed=1)
    finish(variant, spec, 2)
    save_model(variant, str(tmp_path / "weights.safetensors"))
    load_model(other, str(tmp_path / "weights.safetensors"))
    assert all(value.equal(other.state_dict()[key]) for key, value in variant.state_dict().items())
    assert drawn(other.eval(), spec).equal(drawn(variant.eval(), spec))


def test_data_without_labels_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"without labels.*BigGAN.*Choose a labelled dataset"):
        BigGAN(DataSpec((2,)))
