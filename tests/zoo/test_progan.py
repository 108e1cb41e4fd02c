"""ProGAN's mechanisms, one by one; what is of `ganbench.zoo.growing` holds for StyleGAN too."""

from dataclasses import replace
from itertools import pairwise
from math import sqrt

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, load_model, save_model
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench.losses import wasserstein
from ganbench.penalties import Gradient
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.run import run
from ganbench.runs.spec import PluginSpec, RunSpec
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.growing import EqualConv2d, EqualLinear, MinibatchStd, PixelNorm, level_widths
from ganbench.zoo.progan import ProGAN

IMAGES, POINTS = DataSpec((3, 32, 32), 10), DataSpec((2,), 8)
KINDS = pytest.mark.parametrize("spec", [IMAGES, POINTS], ids=["images", "points"])


def build(spec: DataSpec, **options: object) -> ProGAN:
    torch.manual_seed(0)
    return ProGAN(spec, **{"width": 8, "z_dim": 6, "batch": 8, **options})


def batch_of(spec: DataSpec, n: int = 8) -> Batch:
    return Batch(torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1)


def at(variant: ProGAN, stage: int, alpha: float) -> ProGAN:
    """The variant at that point of its growth."""
    variant.level = stage
    variant.alpha.fill_(alpha)
    return variant


# Growth


def test_it_grows_from_4_by_4_to_the_image_and_each_level_doubles_the_side():
    variant, seen = build(IMAGES), []
    for step in range(1001):
        variant.advance(step / 1000, step)
        seen.append((variant.level, round(variant.alpha.item(), 6)))
    sides = [variant.fake(batch_of(IMAGES, 2)).shape[-1] for stage in range(4) if at(variant, stage, 1.0)]
    assert sides == [4, 8, 16, 32]
    assert seen[0] == (0, 1.0) and seen[-1] == (3, 1.0)
    assert [stage for stage, _ in seen] == sorted(stage for stage, _ in seen)


def test_a_level_is_trained_for_as_long_as_the_next_one_fades_in():
    variant = build(IMAGES, growing=0.6)  # three fades: six periods of a tenth of the budget
    schedule = [
        (0.0, 0, 1),
        (0.099, 0, 1),
        (0.1001, 1, 0),
        (0.15, 1, 0.5),
        (0.1999, 1, 1),
        (0.25, 1, 1),
        (0.35, 2, 0.5),
    ]
    for progress, stage, alpha in [*schedule, (0.45, 2, 1), (0.55, 3, 0.5), (0.6, 3, 1), (1.0, 3, 1)]:
        variant.advance(progress, 0)
        assert variant.level == stage
        assert variant.alpha.item() == pytest.approx(alpha, abs=0.01)


def test_without_growth_all_levels_are_there_from_the_first_round():
    variant = build(IMAGES, growing=0.0)
    variant.advance(0.0, 0)
    assert (variant.level, variant.alpha.item()) == (3, 1.0)


@KINDS
def test_a_new_level_is_fully_faded_in_before_the_next_begins(spec):
    variant, last = build(spec), {}
    for step in range(2000):
        variant.advance(step / 2000, step)
        last[variant.level] = variant.alpha.item()
    assert [*last] == [*range(variant.levels + 1)]
    assert set(last.values()) == {1.0}


@KINDS
def test_outputs_fade_from_the_enlarged_old_level_to_the_new_one(spec):
    variant, z = build(spec), torch.randn(3, 6)
    for stage in range(1, variant.levels + 1):
        old = variant.enlarge(variant.G(z, stage - 1))
        new = variant.G(z, stage)
        assert not torch.allclose(old, new, atol=1e-3)
        for alpha in (0.0, 0.25, 1.0):
            torch.testing.assert_close(variant.G(z, stage, torch.tensor(alpha)), torch.lerp(old, new, alpha))


@KINDS
def test_inputs_fade_from_the_old_entry_to_the_new_one(spec):
    variant = build(spec)
    for stage in range(1, variant.levels + 1):
        x = variant.G(torch.randn(4, 6), stage).detach()
        old, new = variant.D(variant.halve(x), stage - 1, None), variant.D(x, stage, None)
        assert not torch.allclose(old, new, atol=1e-3)
        torch.testing.assert_close(variant.D(x, stage, torch.tensor(0.0)), old)
        torch.testing.assert_close(variant.D(x, stage, torch.tensor(1.0)), new)
        between = variant.D(x, stage, torch.tensor(0.5))
        assert not torch.allclose(between, old, atol=1e-4) and not torch.allclose(between, new, atol=1e-4)


def test_real_images_are_shrunk_to_the_level_and_fade_as_the_outputs_do():
    variant, x = build(IMAGES), batch_of(IMAGES).x
    for stage in range(variant.levels + 1):
        small = F.adaptive_avg_pool2d(x, 4 * 2**stage)
        torch.testing.assert_close(at(variant, stage, 1.0).real(Batch(x)), small)
        if stage:
            blurred = F.interpolate(F.avg_pool2d(small, 2), scale_factor=2)
            torch.testing.assert_close(at(variant, stage, 0.0).real(Batch(x)), blurred)
            torch.testing.assert_close(at(variant, stage, 0.5).real(Batch(x)), (small + blurred) / 2)


def test_real_points_are_never_changed():
    x = batch_of(POINTS).x
    assert all(at(build(POINTS), stage, 0.3).real(Batch(x)).equal(x) for stage in range(3))


@KINDS
def test_d_is_shown_reals_and_fakes_of_the_current_level_alone(spec):
    variant, seen = build(spec), []
    variant.D.register_forward_pre_hook(lambda module, given: seen.append(given))
    for stage in range(variant.levels + 1):
        seen.clear()
        at(variant, stage, 0.5).d_loss(batch_of(spec))
        variant.g_loss(batch_of(spec))
        side = (4 * 2**stage,) * 2 if spec.is_image else ()
        assert len(seen) == 4  # real, fake, between them, G's
        assert all(x.shape == (8, spec.shape[0], *side) and (s, a) == (stage, 0.5) for x, s, a in seen)


@KINDS
def test_all_levels_are_built_at_the_start(spec):
    variant = build(spec)
    weights, keys = [*variant.parameters()], [*variant.state_dict()]
    for progress in (0.0, 0.3, 0.6, 1.0):
        variant.advance(progress, 0)
        variant.d_loss(batch_of(spec))
    assert all(a is b for a, b in zip(weights, variant.parameters(), strict=True))
    assert keys == [*variant.state_dict()]


@KINDS
def test_weights_of_later_levels_wait_for_their_level(spec):
    variant = build(spec)
    before = {name: tensor.clone() for name, tensor in variant.state_dict().items()}
    ledger = Ledger()
    for _ in train(at(variant, 0, 1.0), batch_of(spec), Budget("updates", 1), ledger, intervals=1):
        pass
    moved = {name for name, tensor in variant.state_dict().items() if not tensor.equal(before[name])}
    assert any(name.startswith("G.first") for name in moved) and any(name.startswith("D.last") for name in moved)
    assert not any("blocks" in name or "heads.1" in name or "entries.1" in name for name in moved)


def test_a_round_is_counted_anew_when_the_networks_grow():
    variant, ledger, flops = build(IMAGES), Ledger(), []
    for _ in train(variant, batch_of(IMAGES), Budget("updates", 20), ledger, intervals=20):
        flops.append(ledger.flops - sum(flops))
    assert len(set(flops)) == 4 and flops == sorted(flops)


@KINDS
def test_samples_have_the_datas_shape_at_every_level(spec):
    variant = build(spec).eval()
    for stage in range(variant.levels + 1):
        x = at(variant, stage, 0.5).sample(batch_of(spec))
        assert x.shape == (8, *spec.shape)
        if spec.is_image:
            torch.testing.assert_close(x, F.interpolate(F.adaptive_avg_pool2d(x, 4 * 2**stage), spec.side))


# Equalised rates


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (EqualLinear(300, 50), torch.randn(64, 300)),
        (EqualLinear(300, 50, lr_mul=0.01), torch.randn(64, 300)),
        (EqualConv2d(40, 50), torch.randn(8, 40, 9, 9)),
        (EqualConv2d(40, 50, kernel=1), torch.randn(8, 40, 9, 9)),
    ],
)
def test_an_equalised_layer_has_weights_of_one_scale_and_he_scaled_outputs(layer, x):
    assert layer.weight.std().item() * getattr(layer, "lr_mul", 1) == pytest.approx(1, rel=0.1)
    assert not layer.bias.any()
    inside = layer(x)[..., 1:-1, 1:-1] if x.dim() == 4 else layer(x)
    assert inside.std().item() == pytest.approx(sqrt(2), rel=0.1)


def test_a_step_of_adam_moves_wide_and_narrow_layers_by_the_same_share():
    """A plain layer's weights shrink with its width, and an equal step is a larger share of them."""
    shares = []
    for n in (10, 1000):
        torch.manual_seed(0)
        layer, x = EqualLinear(n, 200), torch.randn(32, n)
        before = layer.weight.detach().clone()
        optimizer = torch.optim.Adam(layer.parameters(), 1e-3)
        layer(x).square().mean().backward()
        optimizer.step()
        shares.append(((layer.weight - before).norm() / before.norm()).item())
    assert shares == pytest.approx([1e-3, 1e-3], rel=0.1)


def test_lr_mul_slows_a_layer_down():
    torch.manual_seed(0)
    x, changes = torch.randn(32, 20), []
    for lr_mul in (1.0, 0.01):
        layer = EqualLinear(20, 30, lr_mul=lr_mul)
        before = layer(x).detach()
        optimizer = torch.optim.Adam(layer.parameters(), 1e-3)
        layer(x).square().mean().backward()
        optimizer.step()
        changes.append((layer(x) - before).std().item())
    assert changes[0] / changes[1] == pytest.approx(100, rel=0.3)


@KINDS
def test_every_layer_is_equalised_and_nothing_else_has_weights(spec):
    owners = {type(module) for module in build(spec).modules() if any(True for _ in module.parameters(recurse=False))}
    assert owners == ({EqualLinear, EqualConv2d} if spec.is_image else {EqualLinear})


def test_the_gains_are_the_authors():
    variant = build(IMAGES, z_dim=7)
    assert variant.G.first[1].scale == pytest.approx(sqrt(2) / 4 / sqrt(7))
    assert all(head.scale == pytest.approx(1 / sqrt(8)) for head in variant.G.exits.heads)
    *_, dense, _ = variant.D.last
    assert dense.scale == pytest.approx(sqrt(2) / sqrt(8 * 16)) and variant.D.head.scale == pytest.approx(1 / sqrt(8))


def test_channels_are_those_of_table_2():
    found = ProGAN(DataSpec((3, 128, 128)), width=32, z_dim=6)
    assert [head.weight.shape[1] for head in found.G.exits.heads] == [32, 32, 32, 32, 16, 8]
    assert level_widths(DataSpec((3, 128, 128)), 512, 32) == [512, 512, 512, 512, 256, 128]
    assert level_widths(DataSpec((3, 16, 16)), 32, 4) == [32, 16, 8]
    assert level_widths(POINTS, 64, 32) == [64, 64, 64]


# Norms


@pytest.mark.parametrize("shape", [(5, 12), (5, 12, 4, 4)])
def test_pixel_norm_gives_each_pixel_a_mean_square_of_1(shape):
    x = torch.randn(shape) * (1 + 9 * torch.rand(5, 1, *shape[2:]))
    torch.testing.assert_close(PixelNorm()(x).square().mean(1), torch.ones(5, *shape[2:]))
    torch.testing.assert_close(F.cosine_similarity(PixelNorm()(x), x), torch.ones(5, *shape[2:]))


@KINDS
def test_in_g_a_pixel_norm_follows_every_layer_but_the_output_and_d_has_none(spec):
    variant = build(spec)
    for part in (variant.G.first, *variant.G.blocks):
        layers = [m for m in part if not isinstance(m, nn.Unflatten | nn.Upsample | nn.Identity)]
        if part is variant.G.first:
            assert isinstance(layers.pop(0), PixelNorm), "the latents are normalised too"
        equal, act, norm = layers[::3], layers[1::3], layers[2::3]
        assert all(isinstance(m, EqualConv2d | EqualLinear) for m in equal) and len(equal) == 2
        assert all(isinstance(m, nn.LeakyReLU) and m.negative_slope == 0.2 for m in act)
        assert all(isinstance(m, PixelNorm) for m in norm)
    assert not any(isinstance(m, PixelNorm | nn.BatchNorm2d | nn.BatchNorm1d) for m in variant.D.modules())


@KINDS
def test_the_length_of_the_latents_does_not_matter(spec):
    variant, z = build(spec), torch.randn(3, 6)
    torch.testing.assert_close(variant.G(z), variant.G(5 * z), atol=1e-4, rtol=1e-4)


# Minibatch standard deviation


@pytest.mark.parametrize("shape", [(3,), (3, 2, 2)], ids=["vectors", "maps"])
def test_minibatch_std_appends_one_feature_the_mean_deviation_in_groups_of_4(shape):
    x = torch.randn(8, *shape)
    found = MinibatchStd()(x)
    assert found.shape == (8, 4, *shape[1:])
    assert found[:, :3].equal(x)
    for group in (slice(0, None, 2), slice(1, None, 2)):  # interleaved, as the authors'
        expected = x[group].std(0, correction=0).mean()
        torch.testing.assert_close(found[group, 3], expected.expand(4, *shape[1:]))


def test_minibatch_std_of_copies_is_nothing():
    copies = torch.randn(1, 3).expand(8, -1)
    assert MinibatchStd()(copies)[:, 3].abs().max() < 2e-4


def test_minibatch_std_takes_batches_of_any_length():
    for n in range(1, 10):
        assert MinibatchStd()(torch.randn(n, 3, 2, 2)).shape == (n, 4, 2, 2)


@KINDS
def test_d_sees_that_the_samples_of_a_batch_are_all_alike(spec):
    """In doubles, where rounding is of the order of 1e-16."""
    variant, x = build(spec).double(), batch_of(spec).x.double()
    alike = x[:1].expand(8, *spec.shape)
    assert not torch.allclose(variant.D(x)[:1], variant.D(alike)[:1], atol=1e-6)
    assert sum(isinstance(m, MinibatchStd) for m in variant.D.modules()) == 1


# Loss and optimisers


@KINDS
def test_the_loss_is_wgan_gp_with_weight_10_and_a_drift_of_a_thousandth(spec):
    variant, batch = build(spec).double(), Batch(batch_of(spec).x.double())
    fake = torch.randn(8, *spec.shape).double()
    variant.fake = lambda batch: fake
    variant.advance(1.0, 0)
    torch.manual_seed(3)
    terms = variant.d_loss(batch)
    torch.manual_seed(3)
    share = torch.rand(8, *[1] * len(spec.shape), dtype=torch.float64)
    between = (batch.x + share * (fake - batch.x)).requires_grad_()
    (slope,) = torch.autograd.grad(variant.D(between).sum(), between)
    penalty = (slope.flatten(1).square().sum(1).sqrt() - 1).square().mean()
    real = variant.D(batch.x)
    torch.testing.assert_close(terms["loss"], variant.D(fake).mean() - real.mean())
    torch.testing.assert_close(terms["gradient"], 10 * penalty, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(terms["drift"], real.square().mean() / 1000)
    assert terms["gradient"].requires_grad and terms["drift"].requires_grad
    torch.testing.assert_close(variant.g_loss(batch)["loss"], -variant.D(fake).mean())


def test_the_constants_are_the_authors():
    variant = ProGAN(POINTS)
    assert variant.loss is wasserstein
    assert variant.penalty == Gradient(weight=10, target=1, one_sided=False)
    assert (variant.batch, variant.ema, variant.growing) == (16, 0.999, 0.8)
    assert [player.name for player in variant.players] == ["D", "G"]
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.Adam)
        assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (1e-3, (0.0, 0.99), 1e-8, 0)
        assert player.repeats == 1


@KINDS
def test_optimisers_forget_when_a_level_begins_to_fade_in_and_when_it_stands(spec):
    variant, laps = build(spec), []
    data, ledger = batch_of(spec), Ledger()
    for _ in train(variant, data, Budget("updates", 20), ledger, intervals=20):
        steps = {int(state["step"]) for p in variant.players for state in p.optimizer.state.values()}
        laps.append((variant.level, variant.alpha.item() < 1, max(steps)))
    for (*period, step), (*next_period, next_step) in pairwise(laps):
        assert next_step == (step + 1 if next_period == period else 1)
    standing, fading = ({level for level, fades, _ in laps if fades == wanted} for wanted in (False, True))
    assert standing == {*range(variant.levels + 1)} and fading == standing - {0}


@pytest.mark.parametrize("batch", [1, 5, 7])
def test_a_batch_without_groups_to_compare_is_refused(batch):
    with pytest.raises(ValueError, match=f"batch of {batch}, which falls into no groups of 4, 3 or 2.*multiple of 4"):
        build(POINTS, batch=batch)


def test_in_ds_blocks_the_activation_comes_before_halving_as_in_table_2():
    kinds = [type(layer).__name__ for layer in build(IMAGES).D.blocks[0]]
    assert kinds == ["EqualConv2d", "LeakyReLU", "EqualConv2d", "LeakyReLU", "Halve"]


def test_samples_come_from_a_moving_average_of_g():
    variant = build(POINTS, ema=0.9)
    start = [w.detach().clone() for w in variant.average.parameters()]
    assert all(a.equal(w) for a, w in zip(start, variant.G.parameters(), strict=True))
    for _ in train(variant, batch_of(POINTS), Budget("updates", 1), Ledger(), intervals=1):
        pass
    for was, average, weight in zip(start, variant.average.parameters(), variant.G.parameters(), strict=True):
        torch.testing.assert_close(average, 0.9 * was + 0.1 * weight)
    like = batch_of(POINTS)
    torch.manual_seed(0)
    drawn = variant.sample(like)
    torch.manual_seed(0)
    assert drawn.equal(variant.average(torch.randn(8, 6), variant.level, variant.alpha))


def test_the_average_does_not_move_with_d():
    variant = build(POINTS)
    before = [w.detach().clone() for w in variant.average.parameters()]
    variant.players[0].after_step()
    assert all(a.equal(b) for a, b in zip(before, variant.average.parameters(), strict=True))


# State


@KINDS
def test_weights_on_disk_remember_how_far_they_had_grown(spec, tmp_path):
    variant = build(spec).eval()
    variant.advance(0.5, 0)
    save_model(variant, str(tmp_path / "weights.safetensors"))
    other = ProGAN(spec, width=8, z_dim=6)
    assert other.level != variant.level
    load_model(other, str(tmp_path / "weights.safetensors"))
    assert (other.level, other.alpha) == (variant.level, variant.alpha)
    torch.manual_seed(0)
    drawn = variant.sample(batch_of(spec))
    torch.manual_seed(0)
    assert other.sample(batch_of(spec)).equal(drawn)


class Stop(BaseException):
    """As a kill would."""


def spec_of(variant: str, dataset: PluginSpec, judge: str, metrics: tuple[str, ...], **options: object) -> RunSpec:
    made = PluginSpec(variant, {"width": 8, "z_dim": 4, "batch": 8, **options})
    return RunSpec(
        suite="tests",
        label=variant,
        variant=made,
        dataset_label="data",
        dataset=dataset,
        judge=judge,
        metrics=metrics,
        seed=3,
        budget=Budget("images", 8 * 24),
        evaluations=6,
        samples=50,
        precision="float32",
    )


RING = PluginSpec("ring8", {"points": 300, "sigma": 0.1})


@pytest.mark.parametrize("name", ["progan", "stylegan"])
def test_a_run_stopped_anywhere_in_its_growth_ends_as_one_never_stopped(tmp_path, name):
    """24 rounds: levels begin, and optimisers forget, between and at the places where it stops."""
    spec = spec_of(name, RING, "truth", ("modes", "reverse_kl"), growing=0.9)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
    assert run(spec, whole, torch.device("cpu")) == ("done", "")
    for stop in range(1, 6):  # all in one run, which goes on from each place to the next

        def listen(share: float, images: int, stop: int = stop) -> None:
            if share >= stop / 6:
                raise Stop

        with pytest.raises(Stop):
            run(spec, stopped, torch.device("cpu"), listen)
        torch.rand(7)
    assert run(spec, stopped, torch.device("cpu")) == ("done", "")
    for file in ("last", "selected"):
        one, other = (load_file(folder / f"{file}.safetensors") for folder in (whole, stopped))
        assert all(one[key].equal(other[key]) for key in one | other)
    for table in ("losses", "scores"):
        one, other = (pd.read_parquet(folder / f"{table}.parquet") for folder in (whole, stopped))
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_another_share_of_growth_is_another_run():
    spec = spec_of("progan", RING, "truth", ("modes",))
    assert spec.id != replace(spec, variant=PluginSpec("progan", {"growing": 0.5})).id


@KINDS
def test_a_loss_never_asks_the_device_for_a_number(spec):
    """Fake tensors have no values: `.item()` or a branch on one raises."""
    variant = build(spec)
    variant.advance(0.6, 0)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake: Tensor = mode.from_tensor(batch_of(spec).x)
        for loss in (variant.d_loss(Batch(fake)), variant.g_loss(Batch(fake))):
            sum([*loss.values()] if isinstance(loss, dict) else [loss]).backward()


@pytest.mark.parametrize("side", [4, 12, 28, 256])
def test_a_side_it_cannot_double_up_to_is_refused_with_the_sides_it_can(side):
    with pytest.raises(ValueError, match=f"side {side}.*8, 16, 32, 64 or 128"):
        ProGAN(DataSpec((1, side, side)), width=2)
