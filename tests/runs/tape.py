"""A graph for devices that have none: the operations of a step on a tape, so that replay is tested without a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def asks_the_device(func: Any, args: Any) -> bool:
    """Whether an operation makes a device hand over a value: to Python, or to learn the shape of a result."""
    if func is torch.ops.aten.index.Tensor:  # by numbers it keeps to their shape, by a mask it does not
        return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    return torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags


class Tape(TorchDispatchMode):
    """Records as a CUDA graph does: what is done inside `recording` leaves no trace but the tape.

    A replay does the same operations on the same tensors with the same numbers: a Python value that has changed since,
    or a tensor that was put in another's place, is not noticed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self.before: dict[int, tuple[Any, Any]] = {}  # storages that come from outside, and what was in them
        self.made: set[int] = set()  # storages of what the step itself makes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if asks_the_device(func, args):
            raise RuntimeError(f"{func} talks to the host")
        kwargs = kwargs or {}
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        for (
            tensor
        ) in inputs:  # batch norm writes to what its schema does not say: so whatever comes from outside is kept
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self.made | self.before.keys():
                self.before[storage.data_ptr()] = storage, storage.clone()
        outputs = func(*args, **kwargs)
        places = {tensor.untyped_storage().data_ptr() for tensor in inputs}
        fresh = [
            leaf if isinstance(leaf, Tensor) and leaf.untyped_storage().data_ptr() not in places else None
            for leaf in tree_leaves(outputs)
        ]
        self.made |= {tensor.untyped_storage().data_ptr() for tensor in fresh if tensor is not None}
        self.operations.append((func, args, kwargs, fresh))
        return outputs

    def warming(self) -> Any:
        return nullcontext()

    @contextmanager
    def recording(self) -> Iterator[None]:
        random = torch.get_rng_state()
        try:
            with self:
                yield
        finally:
            for storage, content in self.before.values():
                storage.copy_(content)
            torch.set_rng_state(random)

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, fresh in self.operations:
            for place, value in zip(fresh, tree_leaves(func(*args, **kwargs)), strict=True):
                if place is not None:
                    place.data.copy_(value)
