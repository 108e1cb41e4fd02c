"""A step that is recorded once and replayed after: on CUDA one launch instead of some hundreds.

PyTorch's notes on CUDA graphs, https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs, say what a graph may
hold: work on the device alone, on tensors that keep their places. `ganbench.variant` asks the same of a variant:
between two values of `stage`, `advance` only fills tensors.
"""

import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import torch


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

    def recording(self) -> AbstractContextManager[None]:
        graph: AbstractContextManager[None] = torch.cuda.graph(self._graph)
        return graph

    def replay(self) -> None:
        self._graph.replay()


def graph_of(device: torch.device) -> Graph | None:
    """A graph on that device; None where it has none."""
    return CudaGraph() if device.type == "cuda" else None


def capturable(device: torch.device) -> bool:
    """Whether steps there are written to be captured; on `meta` they are as on CUDA, whose part it plays."""
    return device.type in ("cuda", "meta")


class Captured:
    """A step without arguments: its first call is done as it is, the second is recorded, and then it is replayed.

    A step that cannot be recorded is done as it is each time, and `refusal` says which operation was in the way.
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
            self.refusal = f"{type(error).__name__}: {error}".splitlines()[0] + f" ({_where(error)})"
            warnings.warn(f"A step cannot be captured and is done eagerly: {self.refusal}", stacklevel=2)


def _where(error: Exception) -> str:
    """The innermost line that is not PyTorch's own."""
    torch_itself = str(Path(torch.__file__).parent)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(torch_itself)]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
