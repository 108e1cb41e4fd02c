"""A captured step does what the step does; what cannot be captured is done eagerly, and says why."""

import gc
import warnings
import weakref
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from ganbench import plugins
from ganbench.runs import capture, training
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.capture import Captured, CudaGraph, graph_of
from ganbench.runs.operations import META, on_meta, round_of
from ganbench.runs.training import PlayerSteps, train
from ganbench.variant import Batch, DataSpec, Variant

ZOO = [name for name in plugins.names("variants") if plugins.load("variants", name).kind == "variant"]


class Noted:
    """A graph that notes what is asked of it."""

    def __init__(self, notes: list[str], error: Exception | None = None):
        self.notes, self.error = notes, error

    def warming(self):
        self.notes.append("warm")
        return nullcontext()

    @contextmanager
    def recording(self):
        self.notes.append("record")
        yield
        if self.error:
            raise self.error

    def replay(self) -> None:
        self.notes.append("replay")


def test_the_first_call_is_eager_the_second_recorded_and_the_rest_replayed():
    notes: list[str] = []
    step = Captured(lambda: notes.append("step"), Noted(notes))
    for _ in range(4):
        step()
    assert notes == ["warm", "step", "record", "step", "replay", "replay", "replay"]


def test_a_step_that_cannot_be_captured_is_done_eagerly_and_says_once_which_operation_was_in_the_way():
    notes: list[str] = []
    step = Captured(lambda: notes.append("step"), Noted(notes, RuntimeError("aten::item is not allowed\nmore")))
    step()
    with pytest.warns(UserWarning, match=r"RuntimeError: aten::item is not allowed \(test_capture.py, line \d+\)"):
        step()
    notes.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step()
    assert notes == ["step"]


def test_the_error_with_which_a_failed_recording_ends_does_not_hide_what_was_in_the_way():
    @contextmanager
    def recording():
        try:
            yield
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    graph = Noted([])
    graph.recording = recording

    def step() -> None:
        if graph.calls:
            raise ValueError("aten::item is not allowed")
        graph.calls = 1

    graph.calls = 0
    captured = Captured(step, graph)
    captured()
    with pytest.warns(UserWarning, match=r"ValueError: aten::item is not allowed \(test_capture.py, line \d+\)"):
        captured._record()


def test_a_cpu_has_no_graphs():
    assert graph_of(torch.device("cpu")) is None


class Cuda:
    """As PyTorch 2.11 leaves CUDA where a recording fails: on its own stream, its random numbers stuck."""

    def __init__(self):
        self.stream = self.outside = SimpleNamespace(device_index=0)
        self.default_generators = (Stuck(),)
        self.CUDAGraph = object

    def current_stream(self):
        return self.stream

    def set_stream(self, stream) -> None:
        self.stream = stream

    @contextmanager
    def graph(self, _):
        self.stream, self.default_generators[0].capturing = "its own", True
        yield  # an error leaves here
        self.stream, self.default_generators[0].capturing = self.outside, False


class Stuck:
    """A generator whose state may belong to a recording."""

    capturing = False

    def clone_state(self) -> "Stuck":
        return Stuck()

    def graphsafe_set_state(self, state: "Stuck") -> None:
        self.capturing = state.capturing


def test_after_a_recording_that_failed_cuda_is_as_before_it(monkeypatch):
    cuda = Cuda()
    monkeypatch.setattr(capture.torch, "cuda", cuda)
    old = Noted([])
    old.itself, is_there = old, weakref.ref(old)
    del old
    with CudaGraph().recording():
        assert cuda.stream == "its own" and not is_there(), "what is destroyed by chance is destroyed before"
    assert cuda.stream is cuda.outside
    with pytest.raises(ValueError, match="item"), CudaGraph().recording():
        raise ValueError("item")
    assert cuda.stream is cuda.outside and not cuda.default_generators[0].capturing


@pytest.mark.parametrize("name", ["wgan", "dcgan"])
def test_an_optimiser_that_was_saved_on_a_cpu_goes_on_where_there_are_graphs(name):
    """With RMSprop too, whose count of steps is on the CPU unless it is told otherwise."""
    variant, data = small(name, DataSpec((2,))), Batch(torch.randn(50, 2))
    trained(variant, data, rounds=1)
    elsewhere, shapes = on_meta(lambda: small(name, DataSpec((2,))), DataSpec((2,)))
    for player, its in zip(variant.players, elsewhere.players, strict=True):
        its.optimizer.load_state_dict(player.optimizer.state_dict())
    elsewhere.decay(0.1)
    assert round_of(elsewhere, shapes).kernels > 0
    counts = [state["step"] for player in elsewhere.players for state in player.optimizer.state.values()]
    assert {count.device for count in counts} == {META}


# With a tape in the place of a CUDA graph


@pytest.fixture(scope="module")
def tape(resources):
    """The class of tapes: a test's neighbours cannot be imported by name."""
    return plugins.load("callables", f"{resources.parent / 'runs' / 'tape.py'}:Tape")


def small(name: str, spec: DataSpec) -> Variant:
    plugin = plugins.load("variants", name)
    decays = {"decay_from": 0.5} if name != "wgan" else {}  # RMSprop asks for its rate, but on a CPU only
    options = {"width": 8, "batch": 8, **decays}
    torch.manual_seed(0)
    return plugin(spec, **{option: value for option, value in options.items() if option in plugins.options(plugin)})


def trained(variant: Variant, data: Batch, rounds: int = 8) -> tuple[dict[str, Tensor], list[training.Curves]]:
    variant.prepare(data)
    torch.manual_seed(1)
    curves = [*train(variant, data, Budget("updates", rounds), Ledger(), intervals=2)]
    return variant.state_dict(), curves


@pytest.mark.parametrize("spec", [DataSpec((2,), 5), DataSpec((1, 8, 8), 5)], ids=["points", "images"])
@pytest.mark.parametrize("name", ZOO)
def test_replayed_steps_give_the_bits_of_eager_ones(tape, monkeypatch, name, spec):
    """Growth, moving averages and schedules among them: between two stages nothing but tensors changes."""
    torch.manual_seed(2)
    data = Batch(torch.rand(50, *spec.shape) * 2 - 1, torch.arange(50) % 5, torch.rand(50, *spec.shape) * 2 - 1)
    state, curves = trained(small(name, spec), data)
    used = []
    monkeypatch.setattr(training, "graph_of", lambda device: used.append(tape()) or used[-1])
    # It looks whether the labels are in range, but on a CPU only.
    monkeypatch.setattr(torch.nn.functional, "one_hot", lambda y, classes: torch.eye(classes, dtype=y.dtype)[y])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again, its_curves = trained(small(name, spec), data)
    assert any(graph.operations for graph in used)
    assert curves == its_curves
    assert [key for key in state if not state[key].equal(again[key])] == []


def test_after_one_step_that_cannot_be_captured_all_are_done_eagerly_with_the_same_bits(tape, monkeypatch):
    """Its recording took what others have recorded along with it: their random numbers."""

    def talking() -> Variant:
        variant = small("gan", DataSpec((2,)))
        own = variant.players[1].loss
        variant.players[1].loss = lambda batch: {"loss": (loss := own(batch)["loss"]) * min(1.0, abs(loss.item()))}
        return variant

    data = Batch(torch.randn(50, 2))
    state, curves = trained(talking(), data)
    used = []
    monkeypatch.setattr(training, "graph_of", lambda device: used.append(tape()) or used[-1])
    with pytest.warns(UserWarning, match="_local_scalar_dense") as warned:
        again, its_curves = trained(talking(), data)
    assert len(warned) == 1 and len(used) == 2, "none is tried again"
    assert curves == its_curves and all(state[key].equal(again[key]) for key in state)


def test_graphs_of_an_earlier_stage_are_gone(tape, monkeypatch):
    used = weakref.WeakSet()
    monkeypatch.setattr(training, "graph_of", lambda device: used.add(graph := tape()) or graph)
    spec = DataSpec((1, 8, 8), 5)
    variant, data = small("progan", spec), Batch(torch.rand(50, *spec.shape), torch.arange(50) % 5)
    steps = PlayerSteps(variant.train().requires_grad_(False), data, "float32", capture=True)
    for progress in (0.0, 0.4, 0.9):
        variant.advance(progress, 100)
        for player in variant.players:
            for _ in range(3):
                steps.of(player)()
        gc.collect()
        assert len(used) == len(variant.players)


def test_a_python_number_that_changes_within_a_stage_is_not_seen_by_a_replay(tape, monkeypatch):
    """What the test above would find."""

    def fading() -> Variant:
        variant = small("gan", DataSpec((2,)))
        own, rate = variant.players[1].loss, [1.0]
        variant.advance = lambda progress, rounds: rate.__setitem__(0, 1.0 - progress)
        variant.players[1].loss = lambda batch: {"loss": own(batch)["loss"] * rate[0]}
        return variant

    data = Batch(torch.randn(50, 2))
    _, curves = trained(fading(), data)
    monkeypatch.setattr(training, "graph_of", lambda device: tape())
    assert trained(fading(), data)[1] != curves
