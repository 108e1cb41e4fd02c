"""BigGAN: what SAGAN becomes when it is made large, conditional throughout, and regularised for it.

Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", 2019,
https://arxiv.org/abs/1809.11096. SAGAN's networks with one embedding of the class shared by all of G;
latents in chunks of 20, the first into G's input and each other one, next to the embedding, into the
conditional batch norms of one block, whose gains and biases are linear in them; projection D with sum
pooling; hinge loss; spectral norm in both networks; orthogonal weights; the regularisation of section
3.1 that keeps G's filters orthogonal but not their lengths; width 96, batch 2048, Adam 5e-5 for G and
2e-4 for D with betas 0 and 0.999, two D steps; attention at 64 pixels, or at half the side of smaller images.

Samples come from a moving average of G (0.9999, a plain copy for the first 20,000 rounds), with latents
truncated if asked for, and with standing statistics: after a change to eval mode a copy of the average
draws `standing` batches, of all classes and with latents truncated alike, and its batch norms use the
averages over these. With `standing = 0` they use the running averages of training.

Deviations: the Gram matrix that is regularised is that of a weight's shorter side, as the rows of a tall
matrix cannot be orthogonal; the average is not kept of batch norm's and spectral norm's buffers, which
are copied; batch norm averages over one device; fakes have the labels of the real batch, where the authors'
code draws all classes evenly.
"""

from __future__ import annotations

from copy import deepcopy
from math import erf, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.losses import Formulation, hinge
from ganbench.penalties import Penalty, grammian, none
from ganbench.plugins.spec import Decay, Depth, Natural, NotNegative, Rate, Several, Share, Size
from ganbench.remedies import Remedy
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import Average, adam, count_classes
from ganbench.zoo.residual import (
    Projecting,
    ProjectionDiscriminator,
    ResidualGenerator,
    batch_norm,
    modulate,
    normalise_spectrally,
)


class BigGAN(Projecting):
    """A large SAGAN: shared class embedding, latents at every layer, orthogonal regularisation, truncation."""

    truncations = (0.0, 2.0, 1.0, 0.5, 0.04)  # figure 2 of the paper, from none on

    G: SkipGenerator
    conditional = True

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = hinge,  # what D and G minimise
        penalty: Penalty = none,  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_chunk: Size = 20,  # standard normal latents for G's input, and as many again for each block
        embedding: Size = 128,  # length of the class embedding that all of G shares
        width: Size = 96,  # channels next to the image, doubled at each halving; on points hidden units, 8 or 16 or ..
        orthogonal: NotNegative = 1e-4,  # weight of the orthogonal regularisation of G; 0: none
        lr_g: Rate = 5e-5,
        lr_d: Rate = 2e-4,
        betas: tuple[Decay, Decay] = (0.0, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 2048,
        d_steps: Depth = 2,  # D updates in a round
        ema: Decay = 0.9999,  # of G's weights, after each of its updates
        ema_start: Natural = 20_000,  # rounds before the average begins; until then it is a copy
        truncation: NotNegative = 0.0,  # latents of samples stay within this of 0; 0: no truncation
        standing: Several = 100,  # batches whose statistics batch norm uses for samples; 0: those of training
    ):
        super().__init__(loss, penalty, remedies)
        self.z_chunk, self.orthogonal, self.batch, self.decay_from = z_chunk, orthogonal, batch, decay_from
        self.ema, self.ema_start, self.truncation, self.standing = ema, ema_start, truncation, standing
        self.classes = count_classes(spec, "BigGAN")
        attend = min(64, spec.side // 2)
        self.G = SkipGenerator(spec, z_chunk, embedding, width, attend)
        self.z_dim = self.G.z_dim
        self.D = ProjectionDiscriminator(self.packed_spec(spec), width, attend)
        normalise_spectrally(self.G, nn.init.orthogonal_, (nn.Linear, nn.Conv2d))
        normalise_spectrally(self.D, nn.init.orthogonal_)
        self.G_average = Average(self.G)
        # The state that the standing statistics belong to, and the average with them; in a tuple, it is no submodule.
        self.ready: tuple[tuple[float, torch.device, int], nn.Module] | None = None
        self.register_load_state_dict_post_hook(_forget_statistics)  # type: ignore[no-untyped-call]
        self.set_discriminator(self.D, spec)
        self.set_players(adam(self.D, lr_d, betas), adam(self.G, lr_g, betas), d_steps)

    def advance(self, progress: float, rounds: int) -> None:
        self.stage = int(rounds >= self.ema_start)

    def g_terms(self, batch: Batch) -> dict[str, Tensor]:
        return {"orthogonal": self.orthogonal * coherence(self.G)} if self.orthogonal else {}

    def after_g(self) -> None:
        self.G_average.update(self.G, self.ema if self.stage else 0.0)

    def latents(self, like: Batch) -> Tensor:
        """Standard normal ones; in samples, not in training, truncated."""
        if self.training:
            return torch.randn(len(like.x), self.z_dim, device=like.x.device)
        return self.truncated(torch.rand(len(like.x), self.z_dim, device=like.x.device))

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = (self.G if self.training else self.settled())(z, like.y)
        return fake

    def truncated(self, uniform: Tensor) -> Tensor:
        """Uniform numbers in [0, 1) -> standard normal ones, as if those beyond `truncation` were drawn again."""
        inside = erf(self.truncation / sqrt(2)) if self.truncation else 1.0
        return sqrt(2) * torch.erfinv(((2 * uniform - 1) * inside).clamp(-1 + 1e-7, 1 - 1e-7))

    @torch.no_grad()
    def settled(self) -> nn.Module:
        """The average of G with standing statistics; the state dict and the random state stay as they are."""
        average = self.G_average.network
        device = next(average.parameters()).device
        state = self.truncation, device, int(self.G_average.updates)
        if self.ready and self.ready[0] == state:
            return self.ready[1]
        network = deepcopy(average)
        norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)] * bool(self.standing)
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
            norm.train()
        generator = torch.Generator(device).manual_seed(0)
        for _ in range(self.standing):
            z = self.truncated(torch.rand(self.batch, self.z_dim, device=device, generator=generator))
            network(z, torch.randint(self.classes, (self.batch,), device=device, generator=generator))
        self.ready = state, network.eval()
        return network


def _forget_statistics(variant: nn.Module, _keys: Any) -> None:
    """Drop the standing statistics: loading changes the weights without a move of the average."""
    assert isinstance(variant, BigGAN)
    variant.ready = None


class SkipGenerator(nn.Module):
    """z and labels -> samples: one chunk of z is G's input, and each block sees another, and the label's embedding."""

    def __init__(self, spec: DataSpec, z_chunk: int, embedding: int, width: int, attend: int):
        super().__init__()
        self.embedding = nn.Embedding(spec.classes, embedding)
        nn.init.orthogonal_(self.embedding.weight)
        self.network = ResidualGenerator(spec, z_chunk, width, attend, lambda n: SkipNorm(spec, n, embedding + z_chunk))
        self.z_dim, self.z_chunk = z_chunk * (1 + len(self.network.blocks)), z_chunk

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        first, *others = torch.split(z, self.z_chunk, 1)
        embedded = self.embedding(y)
        fake: Tensor = self.network(first, [torch.cat([embedded, chunk], 1) for chunk in others])
        return fake


class SkipNorm(nn.Module):
    """Batch norm whose gain, 1 + W h, and bias, V h, are linear in a condition h (n, n_condition)."""

    def __init__(self, spec: DataSpec, channels: int, n_condition: int):
        super().__init__()
        self.norm = batch_norm(spec, channels, affine=False)
        self.gain, self.bias = (nn.Linear(n_condition, channels, bias=False) for _ in range(2))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return modulate(self.norm(x), self.gain(h), self.bias(h))


def coherence(network: nn.Module) -> Tensor:
    """Sum of the squared dot products of different filters, over all layers (eq. 3).

    Of the weights as they are stored, before spectral norm divides them, like the authors' code; the
    embedding has no filters.
    """
    total = torch.zeros((), device=next(network.parameters()).device)
    for name, weight in network.named_parameters():
        if weight.dim() > 1 and not name.startswith("embedding"):
            gram = grammian(weight)
            same = torch.eye(len(gram), dtype=torch.bool, device=gram.device)
            total = total + gram.masked_fill(same, 0.0).square().sum()
    return total
