"""The nearest of many points, exactly, without looking at most of them.

In few dimensions SciPy's k-d tree does it. In more the points are sorted into cells by k-means: by the triangle
inequality no point of a cell is nearer than the cell's centre less its radius, so that cells which cannot hold a nearer
point than the one found are left out, nine tenths of all pairs on the features of 50,000 digits. Within a cell,
distances are one matrix product. A GPU looks at all pairs, which is less work for it than choosing.
"""

from typing import Protocol

import torch
from scipy.spatial import KDTree
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor

from ganbench.metrics import CPU

FEW = 4  # dimensions that a tree is for: on the plane 25 times as fast as cells
CELLS = 32  # more have less to look at, and more to call for
CLUSTERED = 10_000  # points that make the cells
CHUNK = 5_000  # points located at a time
PAIRS = 20_000_000  # distances that a GPU holds at a time: 160 MB
ROUNDING = 1e-6  # of a point's norm: a distance out of products is wrong by the root of their precision


class Points(Protocol):
    """Some points that others seek theirs among."""

    def nearest(self, x: Tensor, but: Tensor | None = None) -> Tensor:
        """(n, d) float64 -> (n,) int64, for each the place of its nearest point, of several at equal distance any.

        `but` (n,) names a place for each that does not count.
        """


def arranged(points: Tensor, device: torch.device = CPU) -> Points:
    """Points (m, d) float64, m >= 1, for many to seek their nearest among. The device has float64."""
    if points.shape[1] <= FEW:
        return Tree(points)
    return Cells(points) if device.type == "cpu" else AllPairs(points, device)


class Tree:
    """Points (m, d) float64 with few d."""

    def __init__(self, points: Tensor):
        self.tree = KDTree(points.numpy())

    def nearest(self, x: Tensor, but: Tensor | None = None) -> Tensor:
        places = torch.from_numpy(self.tree.query(x.numpy(), k=[1] if but is None else [1, 2])[1])
        return places[:, 0] if but is None else torch.where(places[:, 0] == but, places[:, 1], places[:, 0])


class Cells:
    """Points (m, d) float64, m >= 1, best centred at 0, since rounding grows with their norm."""

    def __init__(self, points: Tensor):
        some = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:CLUSTERED]
        means = MiniBatchKMeans(min(CELLS, len(some)), n_init=1, random_state=0).fit(points[some].numpy())
        self.centres = torch.from_numpy(means.cluster_centers_)
        cell = torch.from_numpy(means.predict(points.numpy())).long()
        self.places = torch.split(cell.argsort(stable=True), cell.bincount(minlength=len(self.centres)).tolist())
        self.points = [points[places] for places in self.places]
        self.halves = [of_cell.square().sum(1) / 2 for of_cell in self.points]
        reach = [(x - centre).norm(dim=1) for x, centre in zip(self.points, self.centres, strict=True)]
        self.radii = torch.stack([far.max() if len(far) else far.new_zeros(()) for far in reach])

    def nearest(self, x: Tensor, but: Tensor | None = None) -> Tensor:
        parts = [slice(start, start + CHUNK) for start in range(0, len(x), CHUNK)]
        return torch.cat([self._nearest(x[part], None if but is None else but[part]) for part in parts])

    def _nearest(self, x: Tensor, but: Tensor | None) -> Tensor:
        away = torch.cdist(x, self.centres)
        first, least = away.argmin(1), away - self.radii
        norm = x.square().sum(1)
        place, distance = torch.zeros(len(x), dtype=torch.long), norm.new_full((len(x),), torch.inf)
        for near in (True, False):  # its own cell first, since what is found there spares others
            for k, (places, points, half) in enumerate(zip(self.places, self.points, self.halves, strict=True)):
                hopeful = (first == k) if near else (first != k) & (least[:, k] <= distance + ROUNDING * norm.sqrt())
                rows = hopeful.nonzero().squeeze(1)
                if not len(rows) or not len(places):
                    continue
                scores = torch.addmm(half, x[rows], points.T, alpha=-1)  # half the squared distance, less norm / 2
                if but is not None:
                    scores.masked_fill_(but[rows, None] == places, torch.inf)
                score, column = scores.min(1)
                reached = (norm[rows] + 2 * score).clamp(min=0).sqrt()
                nearer = reached < distance[rows]
                distance[rows[nearer]], place[rows[nearer]] = reached[nearer], places[column[nearer]]
        return place


class AllPairs:
    """Points (m, d) float64, m >= 1, best centred at 0, whose distances are computed on a device; answers come home."""

    def __init__(self, points: Tensor, device: torch.device):
        self.points = points.to(device)
        self.halves = self.points.square().sum(1) / 2

    def nearest(self, x: Tensor, but: Tensor | None = None) -> Tensor:
        found, here = list[Tensor](), self.points.device
        for rows in torch.split(torch.arange(len(x)), max(1, PAIRS // len(self.points))):
            scores = torch.addmm(self.halves, x[rows].to(here), self.points.T, alpha=-1)  # as in `Cells`
            if but is not None:
                scores.scatter_(1, but[rows, None].to(here), torch.inf)
            found.append(scores.argmin(1))
        return torch.cat(found).cpu()
