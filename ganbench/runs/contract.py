"""What a variant must do, tried in a second on the CPU: steps of its players, draws, what a run saves.

`rehearse` tries what a suite asks of somebody's plugin before anything is trained. `examine` tries all that
`ganbench.variant.Variant` promises, on points and on images, and says of each promise what to mend.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.errors import BadSuite, BenchError
from ganbench.judges import Judge
from ganbench.plugins.spec import PluginSpec, build
from ganbench.runs.budget import Budget
from ganbench.runs.operations import HostWork, changes_within_stages, on_meta, stages
from ganbench.runs.sampling import told, training_data
from ganbench.runs.spec import RunSpec, check_moves
from ganbench.runs.training import PlayerSteps
from ganbench.variant import Batch, DataSpec, Player, Variant

FEW = 32  # training samples that batches are drawn from; of `fewer` samples in a batch, less than
DRAWN = 8  # samples
CLASSES = 10  # of data of which only the shape is known
CPU = torch.device("cpu")
SPECS = {"points": DataSpec((2,), 8), "grey images": DataSpec((1, 16, 16), 10), "colour images": DataSpec((3, 32, 32))}


class Flaw(Exception):
    """A promise that is not kept, and how to keep it."""


# Before a suite's runs


def rehearse(spec: RunSpec, dataset: Dataset, judge: Judge) -> None:
    """One draw, one step of each player, one judgement. Raises BadSuite, with the plugin's own line.

    Numbers that are not finite are no reason to refuse it: that is a result.
    """
    name, like = spec.variant.name, dataset.fresh("validation", DRAWN)
    with torch.random.fork_rng(devices=[]):
        with saying(f"{name}, when it is made"):
            variant = spec.build_variant(dataset)
        x, y, x_other = training_data(variant, dataset, CPU)
        few = Batch(x[:FEW], None if y is None else y[:FEW], None if x_other is None else x_other[:FEW])
        with saying(f"{name}, before its first step"):
            variant.prepare(few)
            variant.advance(0.0, 0)
        if variant.domains > 1 and dataset.other is not None:
            like = like._replace(x_other=dataset.other.transform(like.x))
        with saying(f"{name}, when it draws {DRAWN} samples"):
            drawn = draw(variant, like)
        check_drawn(drawn, dataset.spec, name, DRAWN)  # first: D would say of a wrong shape what nobody understands
        if plugins.distribution("variants", name) or any(".py:" in text for text in [name, *spec.option_texts]):
            for _ in step(variant, few, name):
                pass
        if drawn.isfinite().all():
            with saying(f"the judge {spec.judge}, when it sees {DRAWN} samples of {name}"):
                _check_judge(spec, judge, drawn)


def _check_judge(spec: RunSpec, judge: Judge, drawn: Tensor) -> None:
    """See that the judge says as much of samples as of real data."""
    seen, known = judge(drawn).features.shape[1], judge.reference("validation").features.shape[1]
    if seen != known:
        raise BadSuite(
            f"The judge {spec.judge} gives {seen} features of a sample of {spec.variant.name}, but {known} of a real "
            "one. It needs to give as many of all."
        )


def strange(spec: RunSpec) -> bool:
    """Whether the run names a plugin that is no part of this package."""
    named = [("variants", spec.variant.name), ("datasets", spec.dataset.name), ("judges", spec.judge)]
    return bool(spec.plugin_files()) or any(plugins.distribution(kind, name) for kind, name in named)


@contextmanager
def saying(where: str) -> Iterator[None]:
    """Speak of what a plugin raises in one line: what it is, and where in its own file. What it prints is talk."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except BenchError:
        raise
    except (Exception, SystemExit) as error:
        raise BadSuite(f"{where}: {plugins.what_and_where(error)}. Mend that.") from error


def step(variant: Variant, data: Batch, name: str) -> Iterator[str]:
    """Let each player move once, on a batch as large as the variant's; yields their names. Raises BadSuite."""
    with saying(f"{name}, before its first step"):
        steps = PlayerSteps(variant, data, "float32", capture=False)
        variant.train().requires_grad_(False)
    for player in variant.players:
        try:
            with saying(f"{name}, in a step of {player.name}"):
                steps.of(player)()
        except BadSuite:
            check_loss(player, data, name)
            raise
        yield player.name


def check_loss(player: Player, data: Batch, name: str) -> None:
    """Raise BadSuite unless the player's loss is a scalar with a gradient, or scalars by name of which one has."""
    with saying(f"{name}, in a step of {player.name}"):
        player.weights.requires_grad_(True)
        loss = player.loss(data)
    terms: dict[str, Any] = {**loss} if isinstance(loss, Mapping) else {"loss": loss}
    for term in terms.values():
        if not isinstance(term, Tensor) or term.dim():
            found = f"a tensor of shape {tuple(term.shape)}" if isinstance(term, Tensor) else f"a {type(term).__name__}"
            raise BadSuite(
                f"{name}: the loss of {player.name} is {found}, but needs to be a scalar tensor, or a dict of these. "
                "Return what you call `backward` on."
            )
    if not any(term.requires_grad for term in terms.values()):
        raise BadSuite(
            f"{name}: nothing in the loss of {player.name} depends on weights of {player.name}. Send it through their "
            "network, detach nothing of it, and give the player that network as `weights`."
        )


def fewer(batch: int) -> int:
    """A batch of less than FEW, if halving leads there: groups of four, or packed samples, stay whole."""
    while batch >= FEW and batch % 2 == 0:
        batch //= 2
    return batch


def draw(variant: Variant, like: Batch, seed: int = 0) -> Tensor:
    """One sample for each in `like`, as when it is judged."""
    torch.manual_seed(seed)
    like = told(variant, like)
    with torch.no_grad():
        variant.eval()
        drawn = variant.pair(like).x if variant.domains > 1 else variant.sample(like)
        variant.train()
    return drawn


def check_drawn(drawn: Any, spec: DataSpec, name: str, n: int) -> None:
    """Raise BadSuite unless these are `n` samples of the data's shape; images also within their range."""
    if not isinstance(drawn, Tensor):
        raise BadSuite(f"{name} draws a {type(drawn).__name__}, but `sample` needs to return a tensor.")
    if drawn.shape != (n, *spec.shape) or drawn.dtype != torch.float32:
        raise BadSuite(
            f"{name} draws samples {tuple(drawn.shape)} of {drawn.dtype}, but was asked for {(n, *spec.shape)} of "
            "torch.float32: (samples, *shape of the data)."
        )
    if spec.is_image and drawn.isfinite().all() and (drawn.min() < -1.001 or drawn.max() > 1.001):
        raise BadSuite(
            f"{name} draws images from {drawn.min():.3g} to {drawn.max():.3g}, but pixels lie in [-1, 1]. End G with a "
            "tanh, or bring what it gives there."
        )


# For `ganbench doctor`


class Examined(NamedTuple):
    """One promise on one kind of data."""

    kept: bool
    what: str
    remark: str


def examine(name: str, beside: str) -> Iterator[Examined]:
    """Hold a variant to its contract on every kind of data that it can be built for. Raises BadSuite if it is none."""
    plugin = plugins.load("variants", name, Path(beside))
    if not (callable(plugin) and (not isinstance(plugin, type) or issubclass(plugin, Variant))):
        raise BadSuite(
            f"{name} is no variant: it needs to be a class derived from ganbench.variant.Variant. Judges, metrics and "
            "datasets are tried when a suite that names them is read."
        )
    own = own_shape(PluginSpec(name, {}, beside))
    for kind in own:
        yield Examined(True, kind, "it draws these whatever it is made for, and is held to them alone")
    refused: dict[str, str] = {}
    specs = own or SPECS
    for kind, spec in specs.items():
        make = Maker(PluginSpec(name, {}, beside), spec)
        try:
            make()
        except BenchError as error:
            refused[kind] = str(error)
            continue
        for what, promise in PROMISES.items():
            yield (found := _examined(kind, what, promise, make))
            if promise in FIRST and not found.kept:
                break
    for kind, why in refused.items():  # which is no flaw of what is made for other data
        yield Examined(len(refused) < len(specs), kind, f"it is not built for these: {why}")


def own_shape(plugin: PluginSpec) -> dict[str, DataSpec]:
    """The only data that a variant of fixed size can learn, in words: what it draws whatever it is made for."""
    drawn = list[tuple[int, ...]]()
    for spec in SPECS.values():
        make = Maker(plugin, spec)
        with suppress(Exception, SystemExit), torch.random.fork_rng(devices=[]), redirect_stdout(sys.stderr):
            drawn.append(tuple(draw(make(), make.batch(DRAWN)).shape[1:]))
    if len(drawn) < 2 or len({*drawn}) > 1 or len(drawn[0]) not in (1, 3):
        return {}
    return {f"samples {' x '.join(map(str, drawn[0]))}": DataSpec(drawn[0], CLASSES)}


class Maker(NamedTuple):
    """Builds a variant anew for data of one kind, which it also has some of."""

    plugin: PluginSpec
    spec: DataSpec

    def __call__(self, seed: int = 0) -> Variant:
        torch.manual_seed(seed)
        with saying(self.plugin.name):
            variant: Variant = build("variants", self.plugin, self.spec)
            check_moves(variant, self.plugin.name)
        variant.prepare(self.batch(40))
        return variant

    def batch(self, n: int) -> Batch:
        x = torch.rand(n, *self.spec.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
        return Batch(x, torch.arange(n) % self.spec.classes if self.spec.classes else None, -x.flip(0))

    def stepped(self, seed: int = 0) -> Variant:
        variant = self(seed)
        variant.advance(0.0, 0)
        for _ in step(variant, self.batch(40), self.plugin.name):
            pass
        return variant


def _examined(kind: str, what: str, promise: Callable[[Maker], None], make: Maker) -> Examined:
    with torch.random.fork_rng(devices=[]), redirect_stdout(sys.stderr):
        try:
            promise(make)
        except (Flaw, BenchError) as error:
            return Examined(False, f"{kind}: {what}", str(error))
        except (Exception, SystemExit) as error:
            return Examined(False, f"{kind}: {what}", plugins.what_and_where(error))
    return Examined(True, f"{kind}: {what}", "")


def _draws(make: Maker) -> None:
    variant = make()
    variant.advance(0.0, 0)
    drawn = draw(variant, make.batch(DRAWN))
    check_drawn(drawn, make.spec, make.plugin.name, DRAWN)
    if not drawn.isfinite().all():
        raise Flaw("Samples are not finite, though nothing is trained yet. Look at what G computes.")
    if make.spec.is_image and drawn.min() >= 0:
        raise Flaw("No pixel is below 0, as if black were 0. It is -1 here: end G with a tanh, or return 2 * x - 1.")


def _steps(make: Maker) -> None:
    variant = make()
    before = {player.name: [w.detach().clone() for w in player.weights.parameters()] for player in variant.players}
    variant.advance(0.0, 0)
    for name in step(variant, make.batch(40), make.plugin.name):
        for player in variant.players:
            moved = any(
                not w.equal(old) for w, old in zip(player.weights.parameters(), before[player.name], strict=True)
            )
            if moved != (player.name == name):
                what = "moves nothing" if player.name == name else f"moves weights of {player.name} too"
                raise Flaw(
                    f"A step of {name} {what}. Give each player its own weights, and an optimiser of these, and a loss "
                    "that depends on them."
                )
            before[player.name] = [w.detach().clone() for w in player.weights.parameters()]
    if not all(tensor.isfinite().all() for tensor in variant.state_dict().values() if tensor.is_floating_point()):
        raise Flaw("After a step of each player weights are not finite. Look at the losses, and at the rates.")


def _differ(make: Maker) -> None:
    drawn = draw(make.stepped(), make.batch(DRAWN))
    if len({tuple(sample) for sample in drawn.flatten(1).tolist()}) < DRAWN:
        raise Flaw("Samples of one batch are equal. Draw a latent for each: torch.randn(len(like.x), z_dim).")


def _repeats(make: Maker) -> None:
    variant, like = make.stepped(), make.batch(DRAWN)
    if not draw(variant, like).equal(draw(variant, like)):
        raise Flaw("Two draws from one seed differ. Take all randomness from torch's default generator.")


def _saved(make: Maker) -> None:
    variant, other, like = make.stepped(), make(seed=1), make.batch(DRAWN)
    other.load_state_dict(variant.state_dict())
    if not draw(variant, like).equal(draw(other, like)):
        raise Flaw(
            "A saved and reloaded variant draws other samples. Keep what sampling depends on in modules, parameters "
            "and buffers (`register_buffer`), so that the state dict holds it."
        )


def _alone(make: Maker) -> None:
    try:
        stages(lambda: build("variants", make.plugin, make.spec), make.spec, Budget("updates", 2))
    except HostWork as error:
        raise Flaw(f"{error} A step must not talk to the host, or a GPU waits in each.") from error


def _constant(make: Maker) -> None:
    for change in changes_within_stages(*on_meta(lambda: build("variants", make.plugin, make.spec), make.spec)):
        raise Flaw(
            f"While `stage` stays the same, a step changes: {change}. A GPU replays steps and would not see it. Let "
            "`advance` fill a tensor, `self.rate.fill_(...)`, or raise `stage`."
        )


def _forgets(make: Maker) -> None:
    variant = make()
    variant.advance(0.0, 0)
    weights = [weight for player in variant.players for weight in player.weights.parameters()]
    ends = [_end_of_graph(weight) for weight in weights]
    for end in ends:
        end.metadata["of a step"] = True
    for _ in step(variant, make.batch(40), make.plugin.name):
        pass
    del ends, end  # from here on only a graph holds them
    if any("of a step" in _end_of_graph(weight).metadata for weight in weights):
        raise Flaw(
            "Something that a step leaves behind holds the graph of its gradients: a loss, or a sample. Keep it with "
            "`detach()`, or a GPU keeps the memory, and cannot capture the next step."
        )


def _end_of_graph(weight: Tensor) -> Any:
    """The node where a gradient of the weight arrives: made anew unless a graph still holds it."""
    return get_gradient_edge(weight.requires_grad_(True)).node


PROMISES: dict[str, Callable[[Maker], None]] = {
    "samples have the data's shape and range": _draws,
    "a step moves each player's own weights": _steps,
    "samples of a batch differ": _differ,
    "a seed says what is drawn": _repeats,
    "what is saved draws the same": _saved,
    "a step leaves a GPU alone": _alone,
    "within a stage only tensors change": _constant,
    "a step leaves no graph behind": _forgets,
}
FIRST = (_draws, _steps)  # without which the others would say the same once more
