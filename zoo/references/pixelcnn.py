"""PixelCNN: the chance of each number given all before it, in one pass in training and one by one in sampling.

Van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016, https://arxiv.org/abs/1606.05328: two
stacks of gated convolutions, one that sees the rows above and one that sees the row's pixels to the left (sections 2.2
and 2.3), without the blind spot of van den Oord, Kalchbrenner and Kavukcuoglu, "Pixel Recurrent Neural Networks", 2016.
Each channel of each pixel has a softmax over its levels; channels see those before them.

Deviations: `levels` is 256 in the papers; fewer make a small network on few images better, and are dequantised to the
middle of their level. No conditions. On points the same idea is an autoregressive mixture of Gaussians (a mixture
density network: Bishop 1994), the second coordinate given the first.

In sampling a row above is computed once, and a pixel once: nothing is computed again for what is already known.
"""

import math
from collections.abc import Iterable
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, log_softmax, pad

from ganbench.plugins.spec import Count, Decay, Positive, Share
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import adam, dense
from ganbench.zoo.references.one_player import LEVELS, OnePlayer

LARGEST = 32  # side of an image: a sample takes a pass for each number in it


class PixelCNN(OnePlayer):
    """An autoregressive model."""

    likelihood = "exact"

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Count = 32,  # channels of a stack for each of an image's; on points units, four times as many
        layers: Count = 5,  # of gated convolutions
        kernel: Annotated[int, Ge(3), Le(15)] = 5,  # side of what a layer sees, if it could see all around it; odd
        levels: Annotated[int, Ge(2), Le(LEVELS)] = 256,  # of a channel
        components: Count = 20,  # of a coordinate's mixture, on points
        lr: Positive = 1e-3,
        betas: tuple[Decay, Decay] = (0.9, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rate falls in a straight line to 0
        batch: Count = 64,
    ):
        super().__init__()
        if spec.is_image and spec.side > LARGEST:
            raise ValueError(
                f"Found images of side {spec.side}, but drawing pixel by pixel is for sides up to {LARGEST}. "
                "Set the dataset's size."
            )
        if kernel % 2 == 0:
            raise ValueError(f"Found kernel {kernel}, but a pixel has as many to its left as right: name an odd one.")
        self.spec, self.batch, self.decay_from, self.passes = spec, batch, decay_from, math.prod(spec.shape)
        self.network: Pixels | Coordinates = (
            Pixels(spec, width, layers, kernel, levels) if spec.is_image else Coordinates(4 * width, components)
        )
        self.set_player(lambda batch: -self.log_likelihood(batch.x).mean(), adam(self, lr, betas))

    def log_likelihood(self, x: Tensor) -> Tensor:
        return self.network.log_density(x)

    def sample(self, like: Batch) -> Tensor:
        return self.network.draw(like.x)


class Pixels(nn.Module):
    """The distribution of images."""

    def __init__(self, spec: DataSpec, width: int, layers: int, kernel: int, levels: int):
        super().__init__()
        self.spec, self.levels = spec, levels
        channels, sizes = spec.channels, width * spec.channels
        self.layers: Iterable[Gated] = nn.ModuleList(  # type: ignore[assignment]
            [Gated(sizes if i else channels, sizes, kernel, channels, first=i == 0) for i in range(layers)]
        )
        self.head = nn.Sequential(
            nn.ReLU(), Grouped(sizes, sizes, channels), nn.ReLU(), Grouped(sizes, levels * channels, channels)
        )

    def logits(self, x: Tensor) -> Tensor:
        """Levels in [-1, 1] (n, c, h, w) -> (n, levels, c, h, w)."""
        above, left = x, x
        for layer in self.layers:
            above, left = layer(above, left)
        return self._by_channel(self.head(left))

    def log_density(self, x: Tensor) -> Tensor:
        """(n,) nats of images in [-1, 1], each number of which is one of its levels."""
        level = self.level_of(x)
        chances = cross_entropy(self.logits(self.value_of(level)), level, reduction="none")
        # A level stands for several of the image's own, none of which is likelier than another.
        return -chances.flatten(1).sum(1) - math.prod(x.shape[1:]) * math.log(LEVELS / self.levels)

    def draw(self, like: Tensor) -> Tensor:
        """One image for each in `like`, number by number."""
        n, (c, h, w) = len(like), self.spec.shape
        x = like.new_zeros(n, c, h, w)
        memories = [layer.begin(n, w, like) for layer in self.layers]
        for i in range(h):
            for j in range(w):
                for k in range(c):
                    logits = self._logits_at(x[:, :, i, j], memories, j)[:, :, k]
                    level = torch.multinomial(logits.softmax(1), 1)[:, 0]
                    x[:, k, i, j] = self.value_of(level)
                # No layer's output at a pixel depends on the pixel's last channel: only the image itself is new.
                memories[0].columns[:, :, j] = x[:, :, i, j]
            row: Tensor = x[:, :, i]
            for layer, memory in zip(self.layers, memories, strict=True):
                row = layer.row(memory, row)
        return x

    def _logits_at(self, pixel: Tensor, memories: list["Memory"], column: int) -> Tensor:
        """What is known of a pixel (n, c), and of all before it -> (n, levels, c)."""
        for layer, memory in zip(self.layers, memories, strict=True):
            memory.columns[:, :, column] = pixel
            pixel = layer.pixel(memory, column)
        return self._by_channel(self.head(pixel[:, :, None, None]))[..., 0, 0]

    def level_of(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] -> levels, int64."""
        return ((x + 1) / 2 * self.levels).floor().clamp(0, self.levels - 1).long()

    def value_of(self, level: Tensor) -> Tensor:
        """Levels -> the middle of each in [-1, 1]; the lowest and the highest are the ends."""
        return level * (2 / (self.levels - 1)) - 1

    def _by_channel(self, out: Tensor) -> Tensor:
        """(n, c levels, h, w) -> (n, levels, c, h, w)."""
        n, _, h, w = out.shape
        return out.view(n, self.spec.channels, self.levels, h, w).transpose(1, 2)


class Memory:
    """What a layer remembers while an image is drawn."""

    def __init__(self, rows: Tensor, columns: Tensor, above: Tensor):
        self.rows = rows  # (n, c, kernel // 2 + 1, w): inputs of the stack above, the latest row last
        self.columns = columns  # (n, c, w): inputs of the stack to the left, in this row
        self.above = above  # (n, 2 sizes, w): what the rows above say of each pixel in this one


class Gated(nn.Module):
    """A gated layer of both stacks: figure 2 of the paper."""

    def __init__(self, before: int, after: int, kernel: int, channels: int, first: bool):
        super().__init__()
        self.reach, self.first, self.before = kernel // 2, first, before
        self.vertical = nn.Conv2d(before, 2 * after, (self.reach + 1, kernel))
        self.down = nn.Conv2d(2 * after, 2 * after, 1)
        self.left = nn.Conv2d(before, 2 * after, (1, self.reach))  # pixels before this one
        self.here = Grouped(before, 2 * after, channels, own=not first, halves=2)
        self.out = Grouped(after, after, channels)

    def forward(self, above: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of both stacks (n, before, h, w) -> outputs (n, after, h, w)."""
        vertical = self.vertical(pad(above, (self.reach, self.reach, self.reach, 0)))
        shifted = pad(vertical, (0, 0, 1, 0))[:, :, :-1]
        beside = self.left(pad(left, (self.reach, 0, 0, 0))[..., :-1])
        return gate(vertical), self._joined(self.down(shifted) + beside + self.here(left), left)

    def _joined(self, both: Tensor, left: Tensor) -> Tensor:
        out: Tensor = self.out(gate(both))
        return out if self.first else out + left

    def begin(self, n: int, width: int, like: Tensor) -> Memory:
        """Before the first row."""
        rows = like.new_zeros(n, self.before, self.reach + 1, width)
        unseen = like.new_zeros(n, self.down.in_channels, 1, width)
        return Memory(rows, like.new_zeros(n, self.before, width), self.down(unseen)[:, :, 0])

    def pixel(self, memory: Memory, column: int) -> Tensor:
        """The output (n, after) at a pixel, whose input and those to its left the memory holds."""
        start = max(0, column - self.reach)
        known, now = memory.columns[:, :, start:column], memory.columns[:, :, column, None, None]
        beside = self.left(pad(known, (self.reach - (column - start), 0))[:, :, None])
        return self._joined(memory.above[:, :, column, None, None] + beside + self.here(now), now)[:, :, 0, 0]

    def row(self, memory: Memory, row: Tensor) -> Tensor:
        """A row is drawn, its input (n, before, w) to the stack above known: the output (n, after, w) of it."""
        memory.rows = torch.cat([memory.rows[:, :, 1:], row[:, :, None]], 2)
        vertical = self.vertical(pad(memory.rows, (self.reach, self.reach)))
        memory.above = self.down(vertical)[:, :, 0]
        return gate(vertical)[:, :, 0]


class Grouped(nn.Module):
    """A 1 x 1 convolution in which an image's channels see those before them and, if `own`, themselves."""

    mask: Tensor

    def __init__(self, before: int, after: int, channels: int, own: bool = True, halves: int = 1):
        super().__init__()
        self.layer = nn.Conv2d(before, after, 1)
        of_input = torch.arange(before) * channels // before
        of_output = (torch.arange(after // halves) * channels // (after // halves)).repeat(halves)
        sees = of_input <= of_output[:, None] if own else of_input < of_output[:, None]
        self.register_buffer("mask", sees.float()[:, :, None, None], persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        return conv2d(h, self.layer.weight * self.mask, self.layer.bias)


def gate(both: Tensor) -> Tensor:
    """Equation 2: the first half, as far as the second lets it through."""
    value, door = both.chunk(2, 1)
    return value.tanh() * door.sigmoid()


class Coordinates(nn.Module):
    """The distribution of points (n, 2): a mixture of Gaussians, and one for each value of the first coordinate."""

    def __init__(self, width: int, components: int):
        super().__init__()
        spread = torch.stack([torch.zeros(components), torch.linspace(-2, 2, components), torch.zeros(components)])
        self.first = nn.Parameter(spread)  # (3, components): logits, means, logs of the standard deviations
        self.second = nn.Sequential(*dense([1, width, width], nn.ReLU), nn.Linear(width, 3 * components))

    def log_density(self, x: Tensor) -> Tensor:
        """(n,) nats."""
        return mixture_density(x[:, 0], self.first[:, None]) + mixture_density(x[:, 1], self._second(x[:, :1]))

    def draw(self, like: Tensor) -> Tensor:
        """One point for each in `like`."""
        first = mixture_draw(self.first[:, None].expand(-1, len(like), -1))
        return torch.stack([first, mixture_draw(self._second(first[:, None]))], 1)

    def _second(self, first: Tensor) -> Tensor:
        """(n, 1) -> (3, n, components)."""
        out: Tensor = self.second(first)
        return out.view(len(out), 3, -1).transpose(0, 1)


def mixture_density(x: Tensor, parts: Tensor) -> Tensor:
    """(n,) log densities of numbers (n,) under mixtures of Gaussians (3, n or 1, components)."""
    logits, mean, log_sigma = parts
    z = (x[:, None] - mean) * (-log_sigma).exp()
    each = -z.square() / 2 - log_sigma - math.log(2 * math.pi) / 2
    nats: Tensor = (log_softmax(logits, 1) + each).logsumexp(1)
    return nats


def mixture_draw(parts: Tensor) -> Tensor:
    """(n,) numbers, one of each mixture (3, n, components)."""
    logits, mean, log_sigma = parts
    chosen = torch.multinomial(logits.softmax(1), 1)
    noise = torch.randn(len(chosen), device=chosen.device)
    drawn: Tensor = mean.gather(1, chosen)[:, 0] + log_sigma.gather(1, chosen)[:, 0].exp() * noise
    return drawn
