"""A figure as a page carries it: places on a screen need fewer digits than numbers in a table.

Of all figures float64 becomes float32, whose seven digits are more than a screen has pixels. A figure that is small and
still is given in steps of a share of its window instead, two bytes a number; page.js makes numbers of them again.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

STEPS = 4096  # of a window's side: ten in a pixel of a small figure
MOST = 2**15 - 1  # steps from the middle of the window; what is farther out is drawn there
MISSING = -MOST - 1  # stands for NaN, where a line is interrupted

Node = dict[str, Any]


def compact(figure: go.Figure, still: bool = False) -> Node:
    """A figure in Plotly's JSON. `still`: its axes are linear and have a range, and nobody asks it for numbers."""
    found: Node = figure.to_dict()
    for trace in _traces(found):
        for axis in "xy":
            if (values := _floats(trace.get(axis))) is not None:
                trace[axis] = _steps(values, found["layout"][f"{axis}axis"]["range"]) if still else _typed(values)
    return found


def _traces(found: Node) -> Iterator[Node]:
    yield from found["data"]
    for frame in found.get("frames", ()):
        yield from frame["data"]


def _floats(array: Any) -> NDArray[np.floating] | None:
    """Numbers that Plotly has packed as floats; None of all else, which is kept as it is."""
    packed = isinstance(array, dict) and array["dtype"] in ("f4", "f8") and "shape" not in array
    return np.frombuffer(b64decode(array["bdata"]), array["dtype"]) if packed else None


def _typed(values: NDArray[np.floating]) -> Node:
    with np.errstate(over="ignore"):  # beyond what float32 holds there is no pixel either
        return {"dtype": "f4", "bdata": _text(values.astype(np.float32))}


def _steps(values: NDArray[np.floating], window: list[float]) -> Node:
    middle, step = sum(window) / 2, (window[1] - window[0]) / STEPS
    known = np.clip(np.rint((np.nan_to_num(values, posinf=np.inf, neginf=-np.inf) - middle) / step), -MOST, MOST)
    return {"steps": _text(np.where(np.isnan(values), MISSING, known).astype("<i2")), "middle": middle, "step": step}


def _text(values: NDArray[Any]) -> str:
    return b64encode(values.tobytes()).decode("ascii")
