"""What every GAN of the zoo must do, installed by us or by anybody."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from ganbench import plugins, zoo
from ganbench.plugins.spec import Choice, choose
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.twoplayers import TwoPlayers
from ganbench.variant import Batch, DataSpec, Variant

RESOURCES = Path(__file__).parent.parent / "resources"
ZOO = [name for name in plugins.names("variants") if plugins.load("variants", name).kind != "control"]
STRANGER = "plugin_package/small_gans.py:LQG"  # somebody else's, as a suite beside the file would name it
SPECS = {
    "points": DataSpec((2,), 8),
    "side 8": DataSpec((1, 8, 8), 10),
    "side 16": DataSpec((1, 16, 16), 10),
    "side 32": DataSpec((1, 32, 32), 10),
    "colour": DataSpec((3, 16, 16), 10),
}
PATCHED = {"cyclegan"}  # whose D scores the patches of an image
SMALL = {"width": 8, "batch": 8, "standing": 3}  # where a variant has such options

every_variant = pytest.mark.parametrize("name", [*ZOO, STRANGER])
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def build(name: str, spec: DataSpec, seed: int = 0) -> Variant:
    plugin = plugins.load("variants", name, RESOURCES)
    torch.manual_seed(seed)
    return plugin(spec, **{option: value for option, value in SMALL.items() if option in plugins.options(plugin)})


def batch_of(spec: DataSpec, n: int) -> Batch:
    x = torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(x, torch.arange(n) % spec.classes, x.flip(0).mul(-1))


def train_three_rounds(variant: Variant, spec: DataSpec) -> dict[str, float]:
    data, ledger = batch_of(spec, 40), Ledger()
    variant.prepare(data)
    rounds = sum(player.repeats for player in variant.players if player.name == "G") * 3
    (curves,) = train(variant, data, Budget("updates", rounds), ledger, intervals=1)
    assert ledger.rounds == 3
    return curves


def draw(variant: Variant, spec: DataSpec, n: int = 6, seed: int = 5) -> Tensor:
    variant.eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        return variant.sample(batch_of(spec, n))


@every_variant
@every_spec
def test_a_sample_is_finite_and_of_the_datas_shape_and_an_image_keeps_to_its_range(name, spec):
    variant = build(name, spec)
    for drawn in (variant.sample(batch_of(spec, 7)), draw(variant, spec, 7)):
        assert (drawn.shape, drawn.dtype) == ((7, *spec.shape), torch.float32)
        assert drawn.isfinite().all()
        if spec.is_image:
            assert drawn.min() >= -1 and drawn.max() <= 1


@every_variant
@every_spec
def test_three_rounds_give_finite_losses_and_move_every_player(name, spec):
    variant = build(name, spec)
    before = {player.name: [w.detach().clone() for w in player.weights.parameters()] for player in variant.players}
    curves = train_three_rounds(variant, spec)
    for player in variant.players:
        assert f"{player.name}.loss" in curves
        moved = [not w.equal(b) for w, b in zip(player.weights.parameters(), before[player.name], strict=True)]
        assert any(moved)
        assert curves[f"{player.name}.gradient_norm"] > 0
    assert torch.tensor([*curves.values()]).isfinite().all()
    assert all(tensor.isfinite().all() for tensor in variant.state_dict().values())


@every_variant
@every_spec
def test_a_saved_and_reloaded_variant_draws_the_same_samples_from_the_same_seed(tmp_path, name, spec):
    variant, other = build(name, spec), build(name, spec, seed=1)
    train_three_rounds(variant, spec)
    other.prepare(batch_of(spec, 40))
    save_model(variant, str(tmp_path / "weights.safetensors"))
    assert not draw(other, spec).equal(draw(variant, spec))
    load_model(other, str(tmp_path / "weights.safetensors"))
    assert draw(other, spec).equal(draw(variant, spec))


@every_variant
def test_the_state_dict_holds_all_that_training_goes_on_from(name):
    spec = SPECS["side 8"]
    one, other = build(name, spec), build(name, spec, seed=1)
    train_three_rounds(one, spec)
    other.load_state_dict(one.state_dict())
    for mine, theirs in zip(one.players, other.players, strict=True):
        theirs.optimizer.load_state_dict(deepcopy(mine.optimizer.state_dict()))
    for variant in (one, other):
        torch.manual_seed(2)
        train_three_rounds(variant, spec)
    assert one.state_dict().keys() == other.state_dict().keys()
    assert all(tensor.equal(other.state_dict()[key]) for key, tensor in one.state_dict().items())


@every_variant
@every_spec
def test_samples_depend_on_the_seed_alone_and_not_on_gradients(name, spec):
    variant = build(name, spec)
    train_three_rounds(variant, spec)
    first = draw(variant, spec)
    assert draw(variant, spec).equal(first)
    translates = variant.domains > 1 and variant.pair(batch_of(spec, 6)).returned is not None
    assert draw(variant, spec, seed=6).equal(first) == translates, "what is translated owes nothing to chance"
    assert not first.requires_grad
    before = {key: tensor.clone() for key, tensor in variant.state_dict().items()}
    draw(variant, spec)
    assert all(tensor.equal(before[key]) for key, tensor in variant.state_dict().items())


@every_variant
def test_no_two_samples_of_a_batch_are_the_same(name):
    drawn = draw(build(name, SPECS["side 8"]), SPECS["side 8"], 20)
    assert len(drawn.flatten(1).unique(dim=0)) == 20


@every_variant
def test_there_is_one_d_and_one_g_and_each_optimises_its_own_weights(name):
    variant = build(name, SPECS["side 16"])
    names = [player.name for player in variant.players]
    assert names.count("D") == names.count("G") == 1
    for player in variant.players:
        held = {id(weight) for group in player.optimizer.param_groups for weight in group["params"]}
        assert held == {id(weight) for weight in player.weights.parameters()}


@every_variant
def test_d_gives_one_score_for_each_sample_or_for_each_patch(name):
    for spec in SPECS.values():
        variant, batch = build(name, spec), batch_of(spec, 7)
        (d,) = (player.weights for player in variant.players if player.name == "D")
        scores = variant.score(variant.real(batch), batch) if isinstance(variant, TwoPlayers) else d(batch.x)
        patches = len(scores) // (7 * variant.domains)
        assert scores.shape == (7 * variant.domains * patches,)
        assert patches == 1 or (name in PATCHED and spec.is_image)


@every_variant
def test_options_are_keyword_only_and_default_to_what_a_suite_could_write(name):
    options = plugins.options(plugins.load("variants", name, RESOURCES))
    assert "loss" in options and "batch" in options
    for option in options.values():
        assert option.default is not option.empty, option.name
        if not isinstance(option.default, Choice) and option.default != ():
            json.dumps(option.default)


CHOICES = [(kind, name) for kind in ("losses", "penalties", "remedies") for name in plugins.names(kind)]
OPTION_OF = {"losses": "loss", "penalties": "penalty", "remedies": "remedies"}
# What has no place there, and the reason that the error gives.
REFUSED = {
    **{(name, "ebgan"): "a class or a level" for name in ("cgan", "sagan", "biggan", "progan", "stylegan")},
    **{(name, "packing"): "packing.*without labels" for name in ("cgan", "sagan", "biggan")},
    **{(name, "spectral"): "normalised already" for name in ("sagan", "biggan")},
    **{(name, "spectral"): "without plain dense" for name in ("progan", "stylegan")},
    **{("cyclegan", remedy): "replaces G's loss" for remedy in ("feature_matching", "unrolling")},
    **{("cyclegan", remedy): "scores patches" for remedy in ("minibatch_discrimination", "minibatch_stddev")},
    ("cyclegan", "ebgan"): "or scores parts",
    ("wgan", "ebgan"): "forbids",
    ("wgan", "unrolling"): "RMSprop",
    ("progan", "ebgan"): "forbids",
}


@every_variant
@pytest.mark.parametrize(("kind", "choice"), CHOICES, ids=[choice for _, choice in CHOICES])
def test_every_formulation_penalty_and_remedy_fits_or_is_refused_with_the_cure(name, kind, choice):
    plugin, spec = plugins.load("variants", name, RESOURCES), SPECS["points"]
    if OPTION_OF[kind] not in plugins.options(plugin):
        pytest.skip(f"has no option {OPTION_OF[kind]!r}")
    options = {option: value for option, value in SMALL.items() if option in plugins.options(plugin)}
    value = choose(kind, choice)
    options[OPTION_OF[kind]] = (value,) if kind == "remedies" else value
    if kind == "penalties" and "d_norm" in plugins.options(plugin):
        options["d_norm"] = "layer"
    if (name, choice) in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[name, choice]):
            plugin(spec, **options)
        return
    torch.manual_seed(0)
    variant = plugin(spec, **options)
    before = [weight.detach().clone() for weight in variant.parameters()]
    assert torch.tensor([*train_three_rounds(variant, spec).values()]).isfinite().all()
    assert not all(old.equal(new) for old, new in zip(before, variant.parameters(), strict=True))
    assert draw(variant, spec).isfinite().all()


def test_every_file_of_the_zoo_is_installed_and_cites_its_paper():
    folder = Path(zoo.__file__).parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__", "parts", "growing", "residual"}
    modules = {plugins.locate("variants", name).partition(":")[0] for name in plugins.names("variants")}
    assert files == {module.removeprefix("ganbench.zoo.") for module in modules if module.startswith("ganbench.zoo.")}
    for file in files:
        assert "https://" in (folder / f"{file}.py").read_text().split('"""')[1], f"{file}.py cites no link"


@pytest.mark.parametrize("side", [4, 12, 28, 256])
def test_a_side_that_cannot_be_halved_down_to_4_is_refused_with_the_sides_that_can(side):
    with pytest.raises(ValueError, match=f"side {side}.*8, 16, 32, 64 or 128"):
        build("dcgan", DataSpec((1, side, side)))
