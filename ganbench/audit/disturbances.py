"""Ways to disturb real data by known amounts, which show what a metric sees.

Each has five strengths; the tables at the end say what they mean. After Heusel et al., "GANs Trained by a Two
Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017, https://arxiv.org/abs/1706.08500. Their figure 3
shows that FID grows with each of three strengths of

    Gaussian noise     mixed in by shares of 0.25, 0.5, 0.75
    Gaussian blur      of 1, 2, 4 pixels
    black rectangles   five, of 0.25, 0.5, 0.75 of the image's size
    swirl              by 1, 2, 4 radians at the centre, gone within 25 pixels
    salt and pepper    on 10, 20, 30 % of the pixels

and with the share of images from another data set. Deviations: noise is added, so that contrast is a disturbance of its
own; lengths are shares of the image's side, whatever it is; strengths begin lower; a swirl reaches to the image's edge,
since digits fill theirs. Contrast, swapped patches, and all that acts on rows, are this project's choice.

The same seed gives the same random numbers at every strength. So a stronger disturbance changes what a weaker one does,
and more.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from ganbench.variant import Batch, DataSpec

PATCHES = 4  # in a row of an image: there are sixteen
RECTANGLES = 5  # in an image
SOURCES = 0.01  # of the samples are what the duplicates are copies of
POOL = 5  # fresh samples for each that is wanted: enough to leave out six classes in ten


class RealData(NamedTuple):
    """What a disturbance may draw from."""

    n: int  # samples wanted
    fresh: Batch  # real samples of no other use, POOL * n of them, on the CPU
    training: Batch

    @property
    def batch(self) -> Batch:
        """The first `n`, undisturbed: what strength 0 is."""
        return select(self.fresh, torch.arange(self.n))


Act = Callable[[RealData, float, Generator], Batch]  # real data, an amount -> (n, *shape), with labels if there are any
Change = Callable[[Tensor, float, Generator], Tensor]  # the same of samples (n, *shape), which stay in their range


@dataclass(frozen=True)
class Disturbance:
    """A way to spoil data, and by how much at strengths 1 to 5."""

    act: Act
    amounts: tuple[float, float, float, float, float]
    meaning: str  # of the amounts

    def __call__(self, real: RealData, strength: int, seed: int = 0) -> Batch:
        """`real.n` samples, spoilt; those of strength 0 are not."""
        if strength == 0:
            return real.batch
        return self.act(real, self.amounts[strength - 1], Generator().manual_seed(seed))


def disturbances(spec: DataSpec) -> dict[str, Disturbance]:
    """Those that fit such data, by name."""
    return (IMAGES if spec.is_image else POINTS) | ROWS | (CLASSES if spec.classes > 1 else {})


# Each sample by itself


def each(change: Change) -> Act:
    """Spoil samples one by one; their labels stay."""
    return lambda real, amount, g: real.batch._replace(x=change(real.batch.x, amount, g))


def pixel_noise(x: Tensor, sd: float, g: Generator) -> Tensor:
    """Add normal noise to images (n, c, h, w), of a standard deviation `sd`, and hold them in [-1, 1]."""
    return (x + sd * torch.randn(x.shape, generator=g)).clamp(-1, 1)


def blur(x: Tensor, share: float, g: Generator) -> Tensor:
    """Blur images by a normal of a standard deviation that is this share of their side."""
    from torchvision.transforms.functional import gaussian_blur  # takes seconds to import

    sd = share * x.shape[-1]
    reach = min(math.ceil(3 * sd), x.shape[-1] - 1)  # as far as the image can be mirrored at its edge
    blurred: Tensor = gaussian_blur(x, [2 * reach + 1] * 2, [sd] * 2)
    return blurred


def salt_and_pepper(x: Tensor, share: float, g: Generator) -> Tensor:
    """Turn this share of the pixels black or white, half of them each."""
    lot = torch.rand((len(x), 1, *x.shape[2:]), generator=g)
    return torch.where(lot < share, torch.where(lot < share / 2, -1.0, 1.0), x)


def rectangles(x: Tensor, share: float, g: Generator) -> Tensor:
    """Black out five squares at random places, of this share of the image's side; an edge may cut them."""
    side = x.shape[-1]
    middles = torch.rand((2, len(x), RECTANGLES, 1), generator=g) * side
    far = (torch.arange(side) + 0.5 - middles).abs() > share * side / 2  # (2, n, rectangles, side)
    seen = (far[0, :, :, :, None] | far[1, :, :, None, :]).all(1)
    return torch.where(seen[:, None], x, -1.0)


def swirl(x: Tensor, angle: float, g: Generator) -> Tensor:
    """Turn the middle of each image by `angle`, in radians, and what is further out exponentially less.

    A point r from the centre comes from one that is angle * exp(-5 r / (radius ln 2)) further round, as in Heusel's
    appendix; `radius` is the image's side.
    """
    middles = (torch.arange(x.shape[-1]) + 0.5) * 2 / x.shape[-1] - 1  # of pixels, from -1 to 1
    v, u = torch.meshgrid(middles, middles, indexing="ij")
    turn = angle * torch.exp(-5 * torch.hypot(u, v) / 2 / math.log(2))
    sources = torch.stack([u * turn.cos() - v * turn.sin(), u * turn.sin() + v * turn.cos()], -1)
    # Bicubic: linear interpolation would blur, and the blur be seen instead of the swirl.
    grid = sources.expand(len(x), -1, -1, -1)
    return F.grid_sample(x, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(-1, 1)


def swapped_patches(x: Tensor, pairs: float, g: Generator) -> Tensor:
    """Swap so many pairs of the 4 x 4 patches of each image, each image its own."""
    k = x.shape[-1] // PATCHES
    side = PATCHES * k  # what is left over at the right and below stays
    patches = F.unfold(x[..., :side, :side], k, stride=k)  # (n, c * k * k, 16)
    order = torch.rand((len(x), PATCHES**2), generator=g).argsort(1)
    one, other = order[:, 0 : 2 * int(pairs) : 2], order[:, 1 : 2 * int(pairs) : 2]
    source = torch.arange(PATCHES**2).repeat(len(x), 1).scatter(1, one, other).scatter(1, other, one)
    moved = patches.gather(2, source[:, None].expand_as(patches))
    spoilt = x.clone()
    spoilt[..., :side, :side] = F.fold(moved, (side, side), k, stride=k)
    return spoilt


def contrast(x: Tensor, lost: float, g: Generator) -> Tensor:
    """Take this share of the contrast away."""
    return x * (1 - lost)


def point_noise(x: Tensor, share: float, g: Generator) -> Tensor:
    """Add normal noise to points (n, d), of a standard deviation that is this share of the data's spread."""
    return x + share * spread(x) * torch.randn(x.shape, generator=g)


def shift(x: Tensor, share: float, g: Generator) -> Tensor:
    """Move all points in one random direction, by this share of the data's spread."""
    direction = F.normalize(torch.randn(x.shape[1:], generator=g), dim=0)
    return x + share * spread(x) * direction


def scale(x: Tensor, lost: float, g: Generator) -> Tensor:
    """Draw all points this share of the way to their mean."""
    return torch.lerp(x, x.mean(0), lost)


def spread(x: Tensor) -> Tensor:
    """The data's own unit: the standard deviation of a coordinate, over all coordinates alike."""
    return x.var(0).mean().sqrt()


# Which samples there are


def select(batch: Batch, index: Tensor) -> Batch:
    """The samples at these indices, with all that belongs to them."""
    return Batch(*(None if part is None else part[index] for part in batch))  # type: ignore[arg-type]


def replaced(batch: Batch, where: Tensor, by: Batch) -> Batch:
    """Put `by` in the place of the rows `where`."""
    pairs = zip(batch, by, strict=True)
    return Batch(*(None if old is None or new is None else old.index_copy(0, where, new) for old, new in pairs))  # type: ignore[arg-type]


def duplicates(real: RealData, share: float, g: Generator) -> Batch:
    """Replace this share of the samples by copies of a few others."""
    order = torch.randperm(real.n, generator=g)
    few = math.ceil(SOURCES * real.n)
    sources, others = order[:few], order[few:]
    copies = others[: round(share * len(others))]
    source = sources[torch.randint(few, (len(others),), generator=g)[: len(copies)]]
    return replaced(real.batch, copies, select(real.batch, source))


def memorised(real: RealData, share: float, g: Generator) -> Batch:
    """Replace this share of the samples by training samples."""
    where = torch.randperm(real.n, generator=g)[: round(share * real.n)]
    order = torch.randperm(len(real.training.x), generator=g)
    return replaced(real.batch, where, select(real.training, again(order, len(where))))


def dropped_classes(real: RealData, share: float, g: Generator) -> Batch:
    """Leave out this share of the classes; the others fill the places."""
    order = class_order(real, g)
    keep = torch.ones(len(order))
    keep[order[: math.ceil(round(share * len(order), 9))]] = 0  # rounded: 0.3 * 10 is a little above 3
    return thinned(real, keep, g)


def class_imbalance(real: RealData, ratio: float, g: Generator) -> Batch:
    """Thin the classes geometrically, until the rarest is `ratio` times as rare as the commonest."""
    order = class_order(real, g)
    keep = torch.empty(len(order))
    keep[order] = torch.logspace(0, -math.log10(ratio), len(order))
    return thinned(real, keep, g)


def class_order(real: RealData, g: Generator) -> Tensor:
    """The classes, (classes,), in an order that has nothing to do with what they are."""
    assert real.fresh.y is not None, "only labelled data are disturbed by class"
    return torch.randperm(int(real.fresh.y.max()) + 1, generator=g)


def thinned(real: RealData, keep: Tensor, g: Generator) -> Batch:
    """The first `n` fresh samples that stay, when one of class k does with probability keep[k]."""
    assert real.fresh.y is not None, "only labelled data are disturbed by class"
    stays = torch.rand(len(real.fresh.y), generator=g) < keep[real.fresh.y]
    return select(real.fresh, again(stays.nonzero().squeeze(1), real.n))


def again(index: Tensor, n: int) -> Tensor:
    """The first `n` of an index, which comes round again if it is shorter."""
    return index[torch.arange(n) % len(index)]


IMAGES = {
    "noise": Disturbance(
        each(pixel_noise), (0.1, 0.2, 0.4, 0.7, 1.0), "standard deviation of normal noise on pixels from -1 to 1"
    ),
    "blur": Disturbance(
        each(blur), (0.015, 0.03, 0.045, 0.06, 0.09), "standard deviation of a Gaussian blur, in sides of the image"
    ),
    "salt_and_pepper": Disturbance(
        each(salt_and_pepper), (0.02, 0.05, 0.1, 0.2, 0.3), "share of pixels turned black or white"
    ),
    "rectangles": Disturbance(
        each(rectangles),
        (0.1, 0.15, 0.25, 0.4, 0.6),
        "side of five black squares at random places, in sides of the image",
    ),
    "swirl": Disturbance(
        each(swirl), (0.5, 1, 1.5, 2.5, 4), "radians by which the middle is turned; what is further out turns less"
    ),
    "swapped_patches": Disturbance(
        each(swapped_patches), (1, 2, 3, 5, 8), "pairs, of sixteen squares in an image, that change places"
    ),
    "contrast": Disturbance(each(contrast), (0.1, 0.25, 0.4, 0.6, 0.8), "share of the contrast that is lost"),
}
POINTS = {
    "noise": Disturbance(
        each(point_noise),
        (0.003, 0.01, 0.03, 0.1, 0.3),
        "standard deviation of normal noise, in standard deviations of the data",
    ),
    "shift": Disturbance(
        each(shift), (0.003, 0.01, 0.03, 0.1, 0.3), "distance of all points to their places, in the same unit"
    ),
    "scale": Disturbance(
        each(scale), (0.003, 0.01, 0.03, 0.1, 0.3), "share of the way to the data's mean that all points go"
    ),
}
ROWS = {
    "duplicates": Disturbance(
        duplicates, (0.05, 0.1, 0.2, 0.4, 0.8), f"share of samples that are copies of {SOURCES:.0%} of them"
    ),
    "memorised": Disturbance(memorised, (0.1, 0.2, 0.4, 0.7, 1.0), "share of samples that are training samples"),
}
CLASSES = {
    "dropped_classes": Disturbance(
        dropped_classes, (0.1, 0.2, 0.3, 0.4, 0.6), "share of classes without a sample, rounded up"
    ),
    "class_imbalance": Disturbance(
        class_imbalance, (2, 4, 8, 16, 32), "how many times as frequent the commonest class is as the rarest"
    ),
}
