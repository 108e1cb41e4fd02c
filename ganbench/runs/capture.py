"""A step that is recorded once and replayed after: on CUDA one launch instead of some hundreds.

PyTorch's notes on CUDA graphs, https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs, say what a graph may
hold: work on the device alone, on tensors that keep their places. `ganbench.variant` asks the same of a variant:
between two values of `stage`, `advance` only fills tensors.
"""

import gc
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer


class Graph(Protocol):
    """Records the work that is done inside `recording`, without doing it; `replay` does it."""

    def warming(self) -> AbstractContextManager[None]: ...

    def recording(self) -> AbstractContextManager[None]: ...

    def replay(self) -> None: ...


class CudaGraph:
    """`torch.cuda.CUDAGraph`."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    @contextmanager
    def warming(self) -> Iterator[None]:
        """A stream of its own, as a first call outside of any graph must have."""
        side: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            yield
        torch.cuda.current_stream().wait_stream(side)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Work inside is recorded. Raises whatever the device refuses; eager work may go on after that.

        PyTorch leaves its own stream current then, and up to 2.11 also a generator that waits for the end of the
        recording and refuses to draw (https://github.com/pytorch/pytorch/issues/171263).
        """
        gc.collect()  # or graphs of an earlier stage may be destroyed while this one is recorded
        stream = torch.cuda.current_stream()
        try:
            with torch.cuda.graph(self._graph):
                yield
        except BaseException:
            torch.cuda.set_stream(stream)
            generator = torch.cuda.default_generators[stream.device_index]
            generator.graphsafe_set_state(generator.clone_state())
            raise

    def replay(self) -> None:
        self._graph.replay()


def graph_of(device: torch.device) -> Graph | None:
    """A graph on that device; None where it has none."""
    return CudaGraph() if device.type == "cuda" else None


def capturable(device: torch.device) -> bool:
    """Whether steps there are written to be captured; on `meta` they are as on CUDA, whose part it plays."""
    return device.type in ("cuda", "meta")


def make_capturable(optimizer: Optimizer, device: torch.device) -> None:
    """Let a graph hold the optimiser's steps, if the device has graphs: their count is on the device then.

    A count that was saved on a CPU moves there. PyTorch need not warn that a step is done eagerly: the first one is.
    """
    for group in optimizer.param_groups:
        if "capturable" in group:
            group["capturable"] = capturable(device)
    optimizer._warned_capturable_if_run_uncaptured = True
    for state in optimizer.state.values() if capturable(device) else ():
        if isinstance(count := state.get("step"), Tensor):
            state["step"] = count.to(device)


class Captured:
    """A step without arguments: its first call is done as it is, the second is recorded, and then it is replayed.

    A step that cannot be recorded is done as it is each time, and `refusal` says which operation was in the way. What
    other steps have recorded is void from then on: they are to be done as they are, too.
    """

    def __init__(self, step: Callable[[], None], graph: Graph):
        self.step, self.graph = step, graph
        self.calls = 0
        self.refusal = ""

    def __call__(self) -> None:
        self.calls += 1
        if self.refusal:
            self.step()
        elif self.calls == 1:
            with self.graph.warming():
                self.step()
        else:
            if self.calls == 2:
                self._record()
            self.step() if self.refusal else self.graph.replay()

    def _record(self) -> None:
        try:
            with self.graph.recording():
                self.step()
        except Exception as error:  # a graph names no error of its own for what it cannot hold
            cause = _first(error)
            self.refusal = f"{type(cause).__name__}: {cause}".splitlines()[0] + f" ({_where(cause)})"
            warnings.warn(f"A step cannot be captured, and all are done eagerly: {self.refusal}", stacklevel=2)


def _first(error: BaseException) -> BaseException:
    """The error that came first: the end of a recording that has failed is an error too, which hides it."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _where(error: BaseException) -> str:
    """The innermost line that is not PyTorch's own."""
    torch_itself = str(Path(torch.__file__).parent)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(torch_itself)]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
