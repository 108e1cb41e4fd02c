"""What every GAN of the zoo must do, installed by us or by anybody.

Training is paid for once for each variant and kind of data, and shared by all tests that only look at what came of it.
"""

import json
from copy import deepcopy
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

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
ZOO = [name for name in plugins.names("variants") if plugins.load("variants", name).kind == "variant"]
REFERENCES = [name for name in plugins.names("variants") if plugins.load("variants", name).kind == "reference"]
STRANGER = "plugin_package/small_gans.py:LQG"  # somebody else's, as a suite beside the file would name it
VARIANTS = [*ZOO, STRANGER]
SPECS = {
    "points": DataSpec((2,), 8),  # networks of their own
    "grey 8": DataSpec((1, 8, 8), 10),  # the fewest levels, and patches of their own
    "colour 16": DataSpec((3, 16, 16), 10),  # several channels and halvings
    "grey 32": DataSpec((1, 32, 32), 10),  # attention and levels as on larger images: built and asked, not trained
}
TRAINED = ("points", "grey 8", "colour 16")
PATCHED = {"cyclegan"}  # whose D scores the patches of an image
# Where a variant has such options.
SMALL = {"width": 8, "batch": 8, "standing": 3, "levels": 8, "layers": 2, "passes": 3, "chain": 3}

every_variant = pytest.mark.parametrize("name", [*VARIANTS, *REFERENCES])
every_gan = pytest.mark.parametrize("name", VARIANTS)


def build(name: str, spec: DataSpec, seed: int = 0, **options: object) -> Variant:
    plugin = plugins.load("variants", name, RESOURCES)
    small = {option: value for option, value in SMALL.items() if option in plugins.options(plugin)}
    torch.manual_seed(seed)
    return plugin(spec, **{**small, **options})


def batch_of(spec: DataSpec, n: int) -> Batch:
    x = torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(x, torch.arange(n) % spec.classes, x.flip(0).mul(-1))


def train_three_rounds(variant: Variant, spec: DataSpec) -> dict[str, float]:
    data, ledger = batch_of(spec, 40), Ledger()
    variant.prepare(data)
    rounds = sum(player.repeats for player in variant.players if player.makes_samples) * 3
    (curves,) = train(variant, data, Budget("updates", rounds), ledger, intervals=1)
    assert ledger.rounds == 3
    return curves


def draw(variant: Variant, spec: DataSpec, n: int = 6, seed: int = 5) -> Tensor:
    variant.eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        return variant.sample(batch_of(spec, n))


class Trained(NamedTuple):
    """A variant after three rounds, which tests leave as it is but for its mode."""

    name: str
    spec: DataSpec
    variant: Variant
    before: dict[str, list[Tensor]]  # weights of each player
    curves: dict[str, float]


@pytest.fixture(scope="module", params=product([*VARIANTS, *REFERENCES], TRAINED), ids=": ".join)
def trained(request: pytest.FixtureRequest) -> Trained:
    name, kind = request.param
    variant = build(name, SPECS[kind])
    before = {player.name: [w.detach().clone() for w in player.weights.parameters()] for player in variant.players}
    return Trained(name, SPECS[kind], variant, before, train_three_rounds(variant, SPECS[kind]))


@every_variant
def test_a_sample_is_finite_and_of_the_datas_shape_and_an_image_keeps_to_its_range(name):
    for spec in SPECS.values():
        variant = build(name, spec)
        for drawn in (variant.sample(batch_of(spec, 7)), draw(variant, spec, 7)):
            assert (drawn.shape, drawn.dtype) == ((7, *spec.shape), torch.float32)
            assert drawn.isfinite().all()
            if spec.is_image:
                assert drawn.min() >= -1 and drawn.max() <= 1


def test_three_rounds_give_finite_losses_and_move_every_player(trained):
    for player in trained.variant.players:
        assert f"{player.name}.loss" in trained.curves
        weights = zip(player.weights.parameters(), trained.before[player.name], strict=True)
        assert any(not weight.equal(before) for weight, before in weights)
        assert trained.curves[f"{player.name}.gradient_norm"] > 0
    assert torch.tensor([*trained.curves.values()]).isfinite().all()
    assert all(tensor.isfinite().all() for tensor in trained.variant.state_dict().values())


def test_a_saved_and_reloaded_variant_draws_the_same_samples_from_the_same_seed(tmp_path, trained):
    spec, other = trained.spec, build(trained.name, trained.spec, seed=1)
    other.prepare(batch_of(spec, 40))
    save_model(trained.variant, str(tmp_path / "weights.safetensors"))
    drawn = draw(trained.variant, spec)
    assert not draw(other, spec).equal(drawn)
    load_model(other, str(tmp_path / "weights.safetensors"))
    assert draw(other, spec).equal(drawn)


@every_variant
def test_the_state_dict_holds_all_that_training_goes_on_from(name):
    spec = SPECS["grey 8"]
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


def test_samples_depend_on_the_seed_alone_and_not_on_gradients(trained):
    variant, spec = trained.variant, trained.spec
    first = draw(variant, spec)
    before = {key: tensor.clone() for key, tensor in variant.state_dict().items()}
    assert draw(variant, spec).equal(first)
    assert all(tensor.equal(before[key]) for key, tensor in variant.state_dict().items())
    translates = variant.domains > 1 and variant.pair(batch_of(spec, 6)).returned is not None
    assert draw(variant, spec, seed=6).equal(first) == translates, "what is translated owes nothing to chance"
    assert not first.requires_grad


@every_variant
def test_no_two_samples_of_a_batch_are_the_same(name):
    many = {"width": 32} if name in REFERENCES else {}  # eight hidden units of an RBM have 256 states
    drawn = draw(build(name, SPECS["grey 8"], **many), SPECS["grey 8"], 20)
    assert len(drawn.flatten(1).unique(dim=0)) == 20


def test_there_is_one_d_and_one_g_and_each_optimises_its_own_weights():
    for name in VARIANTS:
        variant = build(name, SPECS["colour 16"])
        names = [player.name for player in variant.players]
        assert names.count("D") == names.count("G") == 1, name
        for player in variant.players:
            held = {id(weight) for group in player.optimizer.param_groups for weight in group["params"]}
            assert held == {id(weight) for weight in player.weights.parameters()}, name


@every_gan
def test_d_gives_one_score_for_each_sample_or_for_each_patch(name):
    for spec in SPECS.values():
        variant, batch = build(name, spec), batch_of(spec, 7)
        (d,) = (player.weights for player in variant.players if player.name == "D")
        scores = variant.score(variant.real(batch), batch) if isinstance(variant, TwoPlayers) else d(batch.x)
        patches = len(scores) // (7 * variant.domains)
        assert scores.shape == (7 * variant.domains * patches,)
        assert patches == 1 or (name in PATCHED and spec.is_image)


def test_options_are_keyword_only_and_default_to_what_a_suite_could_write():
    for name in VARIANTS:
        options = plugins.options(plugins.load("variants", name, RESOURCES))
        assert "loss" in options and "batch" in options, name
        for option in options.values():
            assert option.default is not option.empty, (name, option.name)
            if not isinstance(option.default, Choice) and option.default != ():
                json.dumps(option.default)


@every_variant
def test_rates_are_constant_up_to_a_share_of_the_budget_and_then_fall_to_0_in_a_line(name):
    """A stranger's too, which need not know of it: the base class does that."""
    variant = build(name, SPECS["points"])
    first = [group["lr"] for player in variant.players for group in player.optimizer.param_groups]
    for decay_from in (0.0, 0.25):
        variant.decay_from = decay_from
        for progress in (0.0, 0.2, 0.25, 0.5, 0.75, 1.0):
            variant.decay(progress)
            left = min(1.0, (1 - progress) / (1 - decay_from))
            groups = [group for player in variant.players for group in player.optimizer.param_groups]
            assert [float(group["lr"]) for group in groups] == pytest.approx([left * rate for rate in first])
    train_three_rounds(variant, SPECS["points"])
    spent = [float(group["lr"]) for player in variant.players for group in player.optimizer.param_groups]
    assert spent == pytest.approx([rate * (1 / 3) / 0.75 for rate in first]), "the last round began at two thirds"


def test_by_default_rates_fall_where_they_do_in_the_paper():
    falls = {name: float(build(name, SPECS["points"]).decay_from) for name in VARIANTS}
    assert {name: share for name, share in falls.items() if share < 1} == {"cgan": 0.5, "cyclegan": 0.5}
    untouched = build("gan", SPECS["points"])
    untouched.decay(0.9)
    assert [player.optimizer.param_groups[0]["lr"] for player in untouched.players] == [2e-4, 2e-4], "plain numbers"


# Formulations, penalties and remedies

LOSSES, PENALTIES, REMEDIES = (list(plugins.names(kind)) for kind in ("losses", "penalties", "remedies"))
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


class Game(NamedTuple):
    """A variant, the data it trains on, and one of each that it can be given."""

    variant: str
    spec: str
    loss: str
    penalty: str
    remedy: str = ""  # "": none

    def build(self) -> Variant:
        penalty = choose("penalties", self.penalty)
        short = {"steps": 2} if self.remedy == "unrolling" else {}
        remedies = (choose("remedies", {"name": self.remedy, **short}),) if self.remedy else ()
        known = plugins.options(plugins.load("variants", self.variant))
        norm = {"d_norm": "layer"} if penalty.per_sample and "d_norm" in known else {}
        loss = choose("losses", self.loss)
        return build(self.variant, SPECS[self.spec], loss=loss, penalty=penalty, remedies=remedies, **norm)


def fits(*parts: str) -> bool:
    """Whether these may meet in one game."""
    refused = [*REFUSED, *product(["ebgan"], choose("losses", "ebgan").forbids)]
    return not any(set(pair) <= set(parts) for pair in refused)


def covering() -> list[Game]:
    """Games in which every two meet that may, of variant, kind of data, formulation, penalty and remedy.

    What fails only where three meet has no part of its own to blame. Variants meet few formulations: of most they see
    no more than two functions of scores, and only `ebgan` changes their D. Each game begins with two that have not met
    yet, and goes on with what makes the most others meet; of equals with the first, which costs the least.
    """
    factors = [sorted(ZOO, key=lambda name: name != "gan"), list(TRAINED[:2]), LOSSES, PENALTIES, ["", *REMEDIES]]
    pairs = [pair for one, other in combinations(factors, 2) for pair in product(one, other) if fits(*pair)]
    missing = dict.fromkeys(pair for pair in pairs if pair[0] not in ZOO or pair[1] not in LOSSES or "ebgan" in pair)
    games = []
    while missing:
        chosen: list[str] = list(next(iter(missing)))
        for factor in factors:
            if not set(factor) & set(chosen):
                able = [name for name in factor if fits(*chosen, name)]
                gain = {name: sum((a, name) in missing or (name, a) in missing for a in chosen) for name in able}
                chosen.append(max(able, key=gain.__getitem__))
        games.append(Game(*(next(name for name in chosen if name in factor) for factor in factors)))
        for pair in combinations(games[-1], 2):
            missing.pop(pair, None)
    return games


@pytest.mark.parametrize("game", covering(), ids=lambda game: " ".join(filter(None, game)))
def test_formulations_penalties_and_remedies_train_in_every_variant(game):
    variant, spec = game.build(), SPECS[game.spec]
    before = [weight.detach().clone() for weight in variant.parameters()]
    assert torch.tensor([*train_three_rounds(variant, spec).values()]).isfinite().all()
    assert not all(old.equal(new) for old, new in zip(before, variant.parameters(), strict=True))
    assert draw(variant, spec).isfinite().all()


def test_a_strangers_variant_plays_every_formulation():
    for loss in LOSSES:
        variant = build(STRANGER, SPECS["points"], loss=choose("losses", loss))
        assert torch.tensor([*train_three_rounds(variant, SPECS["points"]).values()]).isfinite().all(), loss


def test_what_has_no_place_in_a_variant_is_refused_with_the_reason():
    for (name, choice), reason in REFUSED.items():
        if choice in LOSSES:
            given = {"loss": choose("losses", choice)}
        elif choice in PENALTIES:
            given = {"penalty": choose("penalties", choice)}
        else:
            given = {"remedies": (choose("remedies", choice),)}
        with pytest.raises(ValueError, match=reason):
            build(name, SPECS["points"], **given)


def test_every_file_of_the_zoo_is_installed_and_cites_its_paper():
    folder = Path(zoo.__file__).parent
    shared = {"__init__", "parts", "growing", "residual", "one_player"}
    paths = {file.stem: file for file in folder.rglob("*.py") if file.stem not in shared}
    files = {".".join(path.relative_to(folder).with_suffix("").parts) for path in paths.values()}
    modules = {plugins.locate("variants", name).partition(":")[0] for name in plugins.names("variants")}
    assert files == {module.removeprefix("ganbench.zoo.") for module in modules if module.startswith("ganbench.zoo.")}
    for path in paths.values():
        text = path.read_text().split('"""')[1]
        assert "https://" in text or "Neural Computation" in text, f"{path.name} cites no paper"


@pytest.mark.parametrize("side", [4, 12, 28, 256])
def test_a_side_that_cannot_be_halved_down_to_4_is_refused_with_the_sides_that_can(side):
    with pytest.raises(ValueError, match=f"side {side}.*8, 16, 32, 64 or 128"):
        build("dcgan", DataSpec((1, side, side)))
