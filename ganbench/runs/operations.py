"""What a device is asked to do in a round, found out without one.

A round is played on the device `meta`, whose tensors have shapes and no values: forward, backward and the optimisers'
steps. Every operation that a GPU would get passes by, is counted, and is refused if a GPU could not do it alone.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import PlayerSteps, Precision, enter
from ganbench.variant import Batch, DataSpec, Variant

META = torch.device("meta")
GROUPED = 30  # tensors that one launch of a `_foreach` or `_fused` operation takes at most
ALLOCATES = ("empty", "new_empty")  # how operations begin that only set memory aside
LOOKS = 200  # places along a budget where the stage is looked at
LOOKS_WITHIN = 4  # where steps are compared with each other

Line = tuple[str, list[str]]  # of a transcript: an operation, and what it is given


class HostWork(RuntimeError):
    """A step does what a device cannot do alone."""


class Operations(NamedTuple):
    """Work of a device."""

    kernels: int = 0  # launches: one an operation, more where a backward pass has several results
    flops: int = 0  # of matrix products and convolutions: a multiplication and an addition are two
    bytes: int = 0  # read and written, each operand once; none stays in a cache from one kernel to the next

    def __add__(self, other: "Operations") -> "Operations":  # type: ignore[override]
        return Operations(*(mine + its for mine, its in zip(self, other, strict=True)))


class Stage(NamedTuple):
    """A part of a budget whose rounds are all alike."""

    rounds: float  # that are played at it; 0 of a budget of seconds
    share: float  # of the budget
    operations: Operations  # of one round


def stages(
    build: Callable[[], Variant], spec: DataSpec, budget: Budget, precision: Precision = "float32"
) -> list[Stage]:
    """The stages of a budget, and what one round of each asks of a device: 0.2 to 3 seconds of a CPU.

    `build` makes the variant, such as `run.build_variant(dataset)`; the samples have the shape of `spec`. A control
    has no stages. The budget is looked at in 200 places. Raises HostWork if a step needs the host, and whatever a
    variant raises that needs values.
    """
    variant, data = on_meta(build, spec)
    found: dict[tuple[int, int], Stage] = {}
    ledger, spent = Ledger(), 0.0
    while variant.players and spent < 1 - 1e-9:
        variant.advance(spent, ledger.rounds)
        key = variant.stage, variant.batch
        if key not in found:
            found[key] = Stage(0.0, 0.0, round_of(variant, data, precision))
        one = Ledger()
        enter(one, variant, found[key].operations.flops)
        share = max(1 / LOOKS, budget.spent(one))
        rounds = share / budget.spent(one) if budget.spent(one) else 0.0
        found[key] = found[key]._replace(rounds=found[key].rounds + rounds, share=found[key].share + share)
        ledger.rounds += int(rounds)
        spent += share
    return [*found.values()]


def on_meta(build: Callable[[], Variant], spec: DataSpec) -> tuple[Variant, Batch]:
    """A variant on the device `meta`, ready for training, and data of that shape: the values are nobody's."""
    with META, Shapes():
        variant = build()
    variant = variant.to(META)
    variant.to(memory_format=variant.memory_format)
    x = torch.empty(variant.batch, *spec.shape, device=META)  # as many as are drawn: what is read is what counts
    y = torch.empty(variant.batch, dtype=torch.int64, device=META) if spec.classes else None
    data = Batch(x, y, torch.empty_like(x) if variant.domains > 1 else None)
    variant.prepare(data)
    variant.train().requires_grad_(False)
    return variant, data


def round_of(variant: Variant, data: Batch, precision: Precision = "float32") -> Operations:
    """What a round at the present stage asks of a device. Raises HostWork if the device could not do it alone.

    Each step is done twice, as if it were to be captured, and the second time is counted: the first makes what stays.
    """
    steps, total = PlayerSteps(variant, data, precision, capture=False), Operations()
    with optimisers_as_on_cuda():
        for player in variant.players:
            step = steps.of(player).perform
            with Watch(data.x.device):
                step()
            with Watch(data.x.device) as watch:
                step()
            for _ in range(player.repeats):
                total += watch.seen
    return total


def changes_within_stages(variant: Variant, data: Batch) -> Iterator[str]:
    """What a captured step would not see: numbers of Python's, and places of tensors, that another share of the budget
    changes while the stage stays. `variant` and `data` are on the device `meta`.
    """
    first: dict[tuple[str, int, int], list[Line]] = {}
    steps = PlayerSteps(variant, data, "float32", capture=False)
    with optimisers_as_on_cuda():
        for look in range(LOOKS_WITHIN):
            share = (look + 0.5) / LOOKS_WITHIN
            variant.decay(share)
            variant.advance(share, int(share * 10_000))
            for player in variant.players:
                key, step = (player.name, variant.stage, variant.batch), steps.of(player).perform
                if key not in first:
                    with Transcript():  # the first step makes what stays
                        step()
                with Transcript() as transcript:
                    step()
                yield from differences(first.setdefault(key, transcript.lines), transcript.lines)


class Transcript(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the operations inside and what each is given: numbers as they are, tensors by their place.

    What is made inside has no place: it may lie elsewhere every time.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lines: list[Line] = []
        self.made: dict[int, Any] = {}  # storages, which are kept so that no other takes their place

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = tree_leaves((args, kwargs))
        before = {place(tensor) for tensor in _tensors(given)}
        self.lines.append((str(func), [self._told(leaf) for leaf in given]))
        results = None if func is FUSED_ADAM else func(*args, **kwargs)
        for tensor in _tensors(tree_leaves(results)):
            if place(tensor) not in before:
                self.made[place(tensor)] = tensor.untyped_storage()
        return results

    def _told(self, leaf: Any) -> str:
        if not isinstance(leaf, Tensor):
            return str(leaf)
        return "a tensor" if place(leaf) in self.made else f"the tensor at {place(leaf):x}"


def place(tensor: Tensor) -> int:
    """Where its numbers lie, on any device."""
    return int(tensor.untyped_storage()._cdata)


def differences(one: list[Line], other: list[Line]) -> Iterator[str]:
    """The first operation in which two transcripts differ, if any."""
    for (func, given), (its_func, its_given) in zip(one, other, strict=False):
        if func != its_func:
            yield f"{its_func} is done where {func} was"
            return
        for was, now in zip(given, its_given, strict=False):
            if was != now:
                yield f"{func} is given {now} where it was given {was}"
                return
    if len(one) != len(other):
        yield f"{len(other)} operations are done where {len(one)} were"


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations inside, and raises HostWork at one that a device cannot do alone.

    Those are: a value handed to Python or needed for a shape; a tensor of another device, numbers of Python's among
    them; random numbers of any generator but the device's own; and float64, which some devices lack and others crawl
    with.
    """

    def __init__(self, device: torch.device):
        super().__init__()  # type: ignore[no-untyped-call]
        self.device = device
        self.seen = Operations()

    def __enter__(self) -> "Watch":
        self.random = _random_states()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        moved = [name for name, state in _random_states().items() if state != self.random[name]]
        if moved and error[0] is None:
            raise HostWork(
                f"Random numbers of {' and '.join(moved)} were drawn. Draw them with the device's generator."
            )

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if asks_the_device(func, args):
            raise HostWork(f"{func} hands a value of the device to the host.")
        given = tree_leaves((args, kwargs))
        if any(isinstance(leaf, torch.Generator) for leaf in given):
            raise HostWork(f"{func} draws from a generator of its own. Use the device's default one.")
        for leaf in given:
            if isinstance(leaf, torch.device):
                self._check(func, leaf)
        results = None if func is FUSED_ADAM else func(*args, **kwargs)
        read, written = _tensors(given), _tensors(tree_leaves(results)) or changed(func, args)
        for tensor in read + written:
            self._check(func, tensor.device, tensor.dtype)
        if launches := kernels(func, args, written):
            flops = flop_registry.get(func._overloadpacket)
            work = flops(*args, **kwargs, out_val=results) if flops else 0
            self.seen += Operations(launches, int(work), sum(map(_bytes, read + written)))
        return results

    def _check(self, func: Any, device: torch.device, dtype: torch.dtype | None = None) -> None:
        if device.type != self.device.type:
            raise HostWork(f"{func} meets the device {device} in a step on {self.device}.")
        if dtype in (torch.float64, torch.complex128):
            raise HostWork(f"{func} computes in {dtype}.")
        if func is torch.ops.aten.lift_fresh.default:
            raise HostWork("A tensor is made of Python's numbers. Fill one that is there, or make it beforehand.")


def asks_the_device(func: Any, args: Any) -> bool:
    """Whether an operation makes a device hand over a value: to Python, or to learn the shape of a result."""
    if func.overloadpacket in INDEXED:  # by numbers it keeps to their shape, by a mask it does not
        return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    return torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags


FUSED_ADAM = torch.ops.aten._fused_adam_.tensor_lr  # has no shapes to find out, and is unknown on `meta`
INDEXED = (
    torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_, torch.ops.aten._index_put_impl_,
)  # fmt: skip


def kernels(func: Any, args: Any, results: list[Tensor]) -> int:
    """How many launches an operation is on CUDA, as far as its name tells; views and empty memory are none."""
    name = func.overloadpacket.__name__
    if (
        func.namespace == "profiler"
        or func.is_view
        or name.startswith(ALLOCATES)
        or name in ("detach", "_unsafe_view", "lift_fresh")
    ):
        return 0
    if name.startswith(("_foreach", "_fused")):
        return ceil(len(next(part for part in args if isinstance(part, list | tuple))) / GROUPED)
    return len(results) if name.endswith("convolution_backward") else 1


def _tensors(leaves: list[Any]) -> list[Tensor]:
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def changed(func: Any, args: Any) -> list[Tensor]:
    """What an operation without results writes to."""
    given = zip(func._schema.arguments, args, strict=False)
    return _tensors(tree_leaves([value for about, value in given if about.alias_info and about.alias_info.is_write]))


def _bytes(tensor: Tensor) -> int:
    """Of an expanded tensor, those that there are."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def _random_states() -> dict[str, Any]:
    """Of all generators of the host."""
    return {
        "Python": random.getstate(),
        "NumPy": str(np.random.get_state()),
        "torch on the CPU": torch.get_rng_state().numpy().tobytes(),
    }


class Shapes(TorchFunctionMode):
    """On the device `meta` leaves out what shows in no new shape.

    That is what is written into a tensor that is there, and the product of a matrix and a vector: the power
    iterations of spectral norm, which would take ten times as long as all the rest.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("out") is not None:
            return kwargs["out"]
        if func is torch.mv:
            return args[0].new_empty(len(args[0]))
        return func(*args, **kwargs)


@contextmanager
def optimisers_as_on_cuda() -> Iterator[None]:
    """On `meta` torch's optimisers take the fused, grouped and capturable steps that they have on CUDA."""
    lists = [f"_get_{what}_supported_devices" for what in ("capturable", "fused_kernels", "foreach_kernels")]
    modules = [module for key, module in sys.modules.items() if key.startswith("torch.optim")]
    held = [(module, name, getattr(module, name)) for module in modules for name in lists if hasattr(module, name)]
    for module, name, own in held:
        setattr(module, name, lambda *args, own=own, **kwargs: [*own(*args, **kwargs), "meta"])
    try:
        yield
    finally:
        for module, name, own in held:
            setattr(module, name, own)
