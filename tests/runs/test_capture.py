"""A captured step does what the step does; what cannot be captured is done eagerly, and says why."""

import warnings
from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch import Tensor

from ganbench import plugins
from ganbench.runs import training
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.capture import Captured, graph_of
from ganbench.runs.training import train
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


def test_a_cpu_has_no_graphs():
    assert graph_of(torch.device("cpu")) is None


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
