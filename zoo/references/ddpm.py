"""DDPM: data are drowned in noise step by step, and a network learns to take it out again.

Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239. The network
guesses the noise, and the loss is the simple one of equation 14. Schedules are the paper's linear one over 1,000 steps
and the cosine of Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672. Samples take `passes` of the steps by
DDIM (Song et al. 2021, https://arxiv.org/abs/2010.02502, eta 0), all of them by `passes = 1000`, and are drawn from
an average of the weights.

Deviations: the U-Net is small, two blocks a level with group norm and SiLU, without attention or dropout; the
rate is not warmed up, and gradients are not clipped. On points the network is a perceptron of three hidden layers.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, silu
from torch.special import ndtr

from ganbench.plugins.spec import Count, Decay, Positive, Share
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import Average, adam
from ganbench.zoo.references.one_player import LEVELS, OnePlayer, level_of, of_level

STEPS = 1000
LOOKS = 20  # at steps, in the bound on the likelihood
Schedule = Literal["linear", "cosine"]


class DDPM(OnePlayer):
    """A diffusion model that guesses the noise."""

    likelihood = "bound"
    kept: Tensor  # (STEPS,) share of a sample's variance that is data after each step

    def __init__(
        self,
        spec: DataSpec,
        *,
        schedule: Schedule = "linear",  # of the noise
        passes: Count = 50,  # of the network for a sample
        width: Count = 64,  # channels of the U-Net's first level, or units on points four times as many
        ema: Decay = 0.999,  # of the weights that samples are drawn from
        lr: Positive = 2e-4,
        betas: tuple[Decay, Decay] = (0.9, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rate falls in a straight line to 0
        batch: Count = 128,
    ):
        super().__init__()
        self.spec, self.batch, self.decay_from, self.ema = spec, batch, decay_from, ema
        self.passes, self.z_dim = min(passes, STEPS), math.prod(spec.shape)
        self.network: nn.Module = UNet(spec, width) if spec.is_image else PointNet(spec.shape[0], 4 * width)
        self.average = Average(self.network)
        self.register_buffer("kept", kept_shares(schedule), persistent=False)
        self.set_player(
            self.loss, adam(self.network, lr, betas), self.network, lambda: self.average.update(self.network, self.ema)
        )

    def loss(self, batch: Batch) -> Tensor:
        t = torch.randint(STEPS, (len(batch.x),), device=batch.x.device)
        noise = torch.randn_like(batch.x)
        loss: Tensor = (self.network(self.noisy(batch.x, noise, t), t) - noise).square().mean()
        return loss

    def noisy(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Samples after step t (n,) of the noise: equation 4."""
        kept = self.kept[t].view(-1, *[1] * (x.dim() - 1))
        return kept.sqrt() * x + (1 - kept).sqrt() * noise

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Equation 5, with the variances of the posterior: the sum over steps from `LOOKS` of them, evenly spread."""
        before = torch.cat([self.kept.new_ones(1), self.kept[:-1]])
        lost = 1 - self.kept / before
        weight = lost / (2 * (1 - lost) * (1 - before))  # of the squared error; without the first step, which has none
        bound = -self._prior_divergence(x) + self._first_step(x, lost[0])
        stride = (STEPS - 1) / LOOKS
        for look in range(LOOKS):
            t = (1 + (look + torch.rand(len(x), device=x.device)) * stride).long().clamp(max=STEPS - 1)
            noise = torch.randn_like(x)
            wrong = (self.average(self.noisy(x, noise, t), t) - noise).square().flatten(1).sum(1)
            bound = bound - stride * weight[t] * wrong
        return bound

    def _prior_divergence(self, x: Tensor) -> Tensor:
        kept = self.kept[-1]
        return (kept * x.square() + (1 - kept) - 1 - (1 - kept).log()).flatten(1).sum(1) / 2

    def _first_step(self, x: Tensor, variance: Tensor) -> Tensor:
        """Log density of points, or log chance of images' levels (section 3.3), given them after the first step."""
        first = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        noise, kept = torch.randn_like(x), self.kept[0]
        noisy = self.noisy(x, noise, first)
        mean = (noisy - (1 - kept).sqrt() * self.average(noisy, first)) / kept.sqrt()
        sigma = variance.sqrt()
        if not self.spec.is_image:
            each: Tensor = -((x - mean) / sigma).square() / 2 - sigma.log() - math.log(2 * math.pi) / 2
            nats: Tensor = each.flatten(1).sum(1)
            return nats
        level, half = of_level(level_of(x)), 1 / (LEVELS - 1)
        above = torch.where(level > 1 - half, torch.inf, (level + half - mean) / sigma)
        below = torch.where(level < half - 1, -torch.inf, (level - half - mean) / sigma)
        chances: Tensor = (ndtr(above) - ndtr(below)).clamp_min(1e-12)
        return chances.log().flatten(1).sum(1)

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        x = z.view(-1, *self.spec.shape)
        times = torch.linspace(STEPS - 1, 0, self.passes, device=z.device).round().long()
        after = torch.cat([self.kept[times][1:], self.kept.new_ones(1)])
        for t, kept, next_kept in zip(times, self.kept[times], after, strict=True):
            noise = self.average(x, t.expand(len(x)))
            clean = (x - (1 - kept).sqrt() * noise) / kept.sqrt()
            if self.spec.is_image:
                clean = clean.clamp(-1, 1)
                noise = (x - kept.sqrt() * clean) / (1 - kept).sqrt()
            x = next_kept.sqrt() * clean + (1 - next_kept).sqrt() * noise
        return x


def kept_shares(schedule: Schedule) -> Tensor:
    """(STEPS,) the alpha-bar of the papers: share of the variance that is data after each step, falling to near 0."""
    if schedule == "linear":
        return (1 - torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64)).cumprod(0).float()
    at = torch.arange(STEPS + 1, dtype=torch.float64) / STEPS
    curve = ((at + 0.008) / 1.008 * math.pi / 2).cos().square()
    lost = (1 - curve[1:] / curve[:-1]).clamp(max=0.999)
    return (1 - lost).cumprod(0).float()


class Time(nn.Module):
    """Sines and cosines of a step, then two dense layers: (n,) -> (n, width)."""

    frequencies: Tensor

    def __init__(self, width: int):
        super().__init__()
        half = max(width // 2, 1)
        self.register_buffer("frequencies", (-math.log(10_000) * torch.arange(half) / half).exp(), persistent=False)
        self.body = nn.Sequential(nn.Linear(2 * half, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        angle = t[:, None] * self.frequencies
        out: Tensor = self.body(torch.cat([angle.sin(), angle.cos()], 1))
        return out


class PointNet(nn.Module):
    """The noise in points (n, d) at step t (n,)."""

    def __init__(self, numbers: int, width: int):
        super().__init__()
        self.first, self.time = nn.Linear(numbers, width), Time(width)
        self.body = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, numbers)
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        out: Tensor = self.body(self.first(x) + self.time(t))
        return out


class Block(nn.Module):
    """Two convolutions beside a shortcut; the time is added between them."""

    def __init__(self, before: int, after: int, time: int):
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(_groups(n), n) for n in (before, after)])
        self.convolutions = nn.ModuleList([nn.Conv2d(n, after, 3, padding=1) for n in (before, after)])
        self.time = nn.Linear(time, after)
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        inner = self.convolutions[0](silu(self.norms[0](h))) + self.time(silu(time))[:, :, None, None]
        out: Tensor = self.shortcut(h) + self.convolutions[1](silu(self.norms[1](inner)))
        return out


class UNet(nn.Module):
    """The noise in images (n, c, side, side) at step t (n,): down while the side halves to 4 or three times, and up."""

    def __init__(self, spec: DataSpec, width: int):
        super().__init__()
        sizes, side = [width], spec.side
        while side % 2 == 0 and side > 4 and len(sizes) < 4:
            sizes.append(2 * width)
            side //= 2
        time = 4 * width
        self.time, self.first = Time(time), nn.Conv2d(spec.channels, width, 3, padding=1)
        self.down = nn.ModuleList([Block(before, n, time) for before, n in zip([width, *sizes], sizes, strict=False)])
        self.middle = Block(sizes[-1], sizes[-1], time)
        above = [sizes[-1], *reversed(sizes)]
        self.up = nn.ModuleList([Block(below + n, n, time) for below, n in zip(above, reversed(sizes), strict=False)])
        self.last = nn.Sequential(
            nn.GroupNorm(_groups(width), width), nn.SiLU(), nn.Conv2d(width, spec.channels, 3, padding=1)
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        time, h, kept = self.time(t), self.first(x), []
        for i, block in enumerate(self.down):
            h = block(avg_pool2d(h, 2) if i else h, time)
            kept.append(h)
        h = self.middle(h, time)
        for i, block in enumerate(self.up):
            side = kept.pop()
            h = block(torch.cat([interpolate(h, scale_factor=2.0) if i else h, side], 1), time)
        out: Tensor = self.last(h)
        return out


def _groups(channels: int) -> int:
    """As many groups, up to 8, as divide the channels."""
    return math.gcd(channels, 8)
