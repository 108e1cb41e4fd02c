"""What a run keeps to be looked at: samples and modes along its budget, walks between latents, pairs, what D believes.

Nothing here is a score. Images become bytes (..., h, w, c), points stay float32; a report asks for what it needs by
name, and finds only what the variant and its data can have.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.judges import Judge
from ganbench.judges.cache import judge_real_data
from ganbench.metrics import Evidence, exact
from ganbench.metrics.diversity import class_counts
from ganbench.metrics.memorisation import nearest_training
from ganbench.metrics.modes import high_quality_counts
from ganbench.runs.sampling import Sampler, slerp, to_array

FRAME = {True: 36, False: 500}  # samples kept of each judgement: images, points
ROWS, STEPS = 6, 9  # of an interpolation
PAIRS = 8
CLOUD = 200  # points that make a picture
NEIGHBOURS = 16
MOST_CLASSES = 20  # that are drawn one by one
MESH = 15  # lines of a latent grid each way
REACH = 2.0  # of that grid, in standard deviations of a latent
SURFACE = 60  # points of D's surface each way
MARGIN = 0.25  # of the data's width, around them

Exhibits = dict[str, NDArray[np.generic]]


def frame(x: Tensor) -> Tensor:
    """Some of the samples (n, *shape) of a judgement, small enough to keep: images as bytes (n, h, w, c)."""
    return torch.from_numpy(to_array(x[: FRAME[x.dim() > 2]].cpu()))


def occupancy(evidence: Evidence) -> Tensor | None:
    """How many samples fall to each mode, and then to none (modes + 1,); or to each class (classes,), if known."""
    if evidence.mixture is not None:
        return high_quality_counts(evidence)[0]
    known = evidence.samples.logits.shape[1] == len(evidence.prior)
    return class_counts(evidence) if known else None


def collect(sampler: Sampler, judge: Judge, seed: int) -> Exhibits:
    """All that a trained variant can show of itself at one moment."""
    found: dict[str, Tensor] = {}
    variant, dataset = sampler.variant, sampler.dataset
    if variant.decodes:
        found |= {"interpolation": _interpolation(sampler, seed)}
        if not dataset.spec.is_image:
            found |= {"transport": _transport(sampler, seed)}
        if variant.truncations:
            found |= {"truncation": _truncation(sampler, seed)}
    if variant.conditional and variant.players and dataset.spec.classes <= MOST_CLASSES:
        each = (sampler.samples("test", _some(sampler, PAIRS), seed, k) for k in range(dataset.spec.classes))
        found |= {"by_class": torch.stack(list(each))}
    if variant.domains > 1:
        found |= _shown_pairs(sampler, seed)
    if dataset.spec.is_image and variant.players:
        found |= _neighbours(sampler, judge, seed)
    shown = {name: _shown(x) for name, x in found.items()}
    return shown | _surface(sampler) | ({"truncations": np.array(variant.truncations)} if variant.truncations else {})


def _interpolation(sampler: Sampler, seed: int) -> Tensor:
    """(ROWS, STEPS, *shape) on the way between two latents each, all else alike."""
    like = sampler.like("test", ROWS)
    with sampler.undisturbed(seed):
        start, goal = sampler.variant.latents(like), sampler.variant.latents(like)
    shares = torch.linspace(0, 1, STEPS, device=start.device)
    return torch.stack([sampler.decode(slerp(start, goal, t.expand(ROWS, 1)), like, seed) for t in shares], 1)


def _transport(sampler: Sampler, seed: int) -> Tensor:
    """(MESH, MESH, 2) points: where G takes a grid of latents, in a random plane if they have more dimensions."""
    like = sampler.like("test", MESH**2)
    like = like._replace(y=None if like.y is None else like.y[:1].expand(MESH**2))
    with sampler.undisturbed(seed):
        drawn = sampler.variant.latents(like)
        axes = torch.linalg.qr(torch.randn(drawn.shape[1], 2, device=drawn.device)).Q
    line = torch.linspace(-REACH, REACH, MESH, device=drawn.device) * drawn.std()
    z = torch.cartesian_prod(line, line)[:, : axes.shape[1]] @ axes.T
    return sampler.decode(z, like, seed).view(MESH, MESH, -1)


def _truncation(sampler: Sampler, seed: int) -> Tensor:
    """(settings, n, *shape): the same draws at each of the settings worth showing."""
    variant, usual = sampler.variant, sampler.variant.truncation
    rows = []
    try:
        for setting in variant.truncations:
            variant.truncation = setting
            rows.append(sampler.samples("test", _some(sampler, STEPS), seed))
    finally:
        variant.truncation = usual
    return torch.stack(rows)


def _shown_pairs(sampler: Sampler, seed: int) -> dict[str, Tensor]:
    """Both halves of some pairs, the true partner of the first, and what came back, if something did."""
    other = sampler.dataset.other
    assert other is not None, "a suite's check finds data without a second domain"
    pair = sampler.drawn("test", _some(sampler, PAIRS), seed).pair
    assert pair is not None, "the caller asks only variants of two domains"
    x, x_other, returned = pair
    found = {"pair_x": x, "pair_other": x_other, "pair_truth": other.transform(x)}
    return found if returned is None else found | {"pair_returned": returned}


def _neighbours(sampler: Sampler, judge: Judge, seed: int) -> dict[str, Tensor]:
    """Some samples, and for each the training sample that the judge finds most like it."""
    x = sampler.samples("test", NEIGHBOURS, seed)
    training = sampler.dataset.train().x
    trained = judge_real_data(judge, sampler.dataset, "train").features
    found = nearest_training(judge(x).features, trained, exact(sampler.device))
    return {"neighbour_x": x, "neighbour": training[found.place]}


def _surface(sampler: Sampler) -> Exhibits:
    """What D believes, (SURFACE, SURFACE), rows from below; and where: left, right, bottom, top. Of points only."""
    belief = sampler.belief()
    if belief is None:
        return {}
    x = sampler.dataset.reference("validation").x
    low, high = x.amin(0), x.amax(0)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    across, up = (torch.linspace(float(low[i]), float(high[i]), SURFACE) for i in range(2))
    at = torch.cartesian_prod(up, across).flip(1)
    edges = np.array([low[0], high[0], low[1], high[1]], np.float32)
    return {"surface": belief(at).view(SURFACE, SURFACE).numpy().astype(np.float32), "surface_edges": edges}


def _some(sampler: Sampler, images: int) -> int:
    """How many make a picture: that many images, or a cloud of points."""
    return images if sampler.dataset.spec.is_image else CLOUD


def _shown(x: Tensor) -> NDArray[np.generic]:
    """(..., c, h, w) -> (..., h, w, c) bytes; points and grids of points as they are."""
    if x.dim() < 4:
        return x.float().cpu().numpy()
    flat = to_array(x.flatten(0, -4))
    return flat.reshape(*x.shape[:-3], *flat.shape[1:])
