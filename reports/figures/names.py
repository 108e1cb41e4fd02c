"""On which side of its point a name stands, so that names in a cloud of points can be read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDE, TALL, LETTER, LINE = 400, 250, 6.5, 14  # pixels: a figure's axes, a letter's width, a line's height
# Plotly's word for a side -> where the middle of a name is from its point, in halves of its size; the best first.
SIDES = {
    "middle right": (1, 0), "middle left": (-1, 0), "top center": (0, 1), "bottom center": (0, -1),
    "top right": (1, 1), "bottom right": (1, -1), "top left": (-1, 1), "bottom left": (-1, -1),
}  # fmt: skip


def sides_of(x: Floats, y: Floats, names: Sequence[str], log: bool) -> list[str]:
    """(n,), (n,) points from x = 0 on -> for each name the side of its point where it covers least of other names and
    points; Plotly's word for it. `log`: y is drawn so.

    In pixels of a figure of usual size, one name after the other.
    """
    if not len(x):
        return []
    up = np.log(y) if log else y
    across = WIDE * x / (x.max() or 1.0)
    upward = TALL * (up - up.min()) / (np.ptp(up) or 1.0)
    dots = np.stack([across, upward, across, upward], 1) + np.array([-6, -6, 6, 6])
    taken, chosen = dots, []
    for i, name in enumerate(names):
        boxes = np.array([_beside(across[i], upward[i], LETTER * len(name), *way) for way in SIDES.values()])
        covered = [_overlap(box, np.delete(taken, i, 0)) + 20 * max(0.0, box[2] - WIDE) for box in boxes]
        best = int(np.argmin(covered))
        chosen.append(list(SIDES)[best])
        taken = np.concatenate([taken, boxes[best : best + 1]])
    return chosen


def _beside(x: float, y: float, width: float, right: int, up: int) -> list[float]:
    """Left, bottom, right and top of a name on that side of a point."""
    away = 7  # a point's radius and a little
    middle = x + right * (width / 2 + away * (up == 0)), y + up * (LINE / 2 + away)
    return [middle[0] - width / 2, middle[1] - LINE / 2, middle[0] + width / 2, middle[1] + LINE / 2]


def _overlap(box: Floats, others: Floats) -> float:
    """(4,), (n, 4) -> the area they share, in pixels."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return float(np.clip(sides, 0, None).prod(1).sum())
