"""CycleGAN: two generators translate between two domains, and back again it must be what it was.

Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", 2017, https://arxiv.org/abs/1703.10593. G turns samples of the second domain into the data's
own, and the other way round by a second network; each domain has a D. Constants of the authors' code:
least squares; 10 times the L1 distance between a sample and its return; 5 times that between a sample and
what the generator into its own domain makes of it (the paper has that term in some experiments only, their
PyTorch code by default); D judges patches, 70 x 70 pixels of 256; each D sees its fakes through a pool of 50;
generators of 7 x 7, two strided and 6 residual convolutions with reflection padding; instance norm;
N(0, 0.02) weights; Adam 2e-4 with betas 0.5 and 0.999, constant for half of the budget and then down to 0
in a straight line; batch 1; G moves before D.

Where several samples of a batch meet the pool at once, no stored one is drawn twice. The half that `lsgan`
writes before G's loss is left out, as the authors do. A penalty on slopes looks at the sum of a
sample's patches, as theirs does.

Deviations: D and G draw a batch each, and D judges what G makes after its step; patches shrink with the
image, to 34 pixels of 128, 16 of 64 and below and 7 of 8. On points, dense layers take the convolutions'
place, one score is a point's, and there is no norm (a point has no places to average over) and none of the
small weights that only a norm makes up for: they are torch's own.
"""

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.losses import Formulation, lsgan
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Decay, NotNegative, Rate, Several, Share, Side, Size
from ganbench.remedies import Remedy
from ganbench.twoplayers import Discriminator
from ganbench.variant import Batch, DataSpec, Loss, Pair
from ganbench.zoo.parts import TwoDomains, adam, dense, init_normal, leaky

SWAPPED = 0.5  # share of the fakes that a full pool exchanges for older ones


class CycleGAN(TwoDomains):
    """Translation there and back, judged in patches."""

    autoencodable = False  # D scores parts
    given_real = True  # it translates held-out samples of the second domain, which show what its own are to show
    memory_format = torch.contiguous_format  # instance norm works on planes: a step takes 14 % less time on a CPU

    G: "Translators"

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = lsgan,  # what D and G minimise
        penalty: Penalty = none,  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse; none that compares features or changes G's loss
        cycle: NotNegative = 10.0,  # weight of the distance between a sample and its return
        identity: NotNegative = 5.0,  # weight of the distance between a sample and its translation into its own domain
        pool: Several = 50,  # fakes of each domain that are kept for D; 0: it sees the newest
        width: Size = 64,  # channels next to the image; units of a hidden layer on points
        kernel: Side = 7,  # side of a generator's first and last convolution, odd
        blocks: Several = 6,  # residual blocks of a generator
        lr: Rate = 2e-4,
        betas: tuple[Decay, Decay] = (0.5, 0.999),  # of Adam
        decay_from: Share = 0.5,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 1,  # of each domain
    ):
        super().__init__(loss, penalty, remedies)
        self.cycle, self.identity, self.batch, self.decay_from = cycle, identity, batch, decay_from
        self.G = Translators(translator(spec, width, kernel, blocks), translator(spec, width, kernel, blocks))
        self.D = TwoPatchDiscriminators(
            patch_layers(self.packed_spec(spec), width), patch_layers(self.packed_spec(spec), width)
        )
        if spec.is_image:
            init_normal(self.modules())
        for remedy in remedies:
            if type(remedy).g_loss is not Remedy.g_loss:
                raise ValueError(
                    f"Found the remedy {remedy.name!r}, which replaces G's loss, in CycleGAN, where that also has to "
                    "bring samples back. Leave it out, or use another variant."
                )
        self.pools = nn.ModuleList(Pool(pool, spec) for _ in range(2))
        self.set_discriminator(self.D, spec)
        self.set_players(adam(self.D, lr, betas), adam(self.G, lr, betas))
        self.players.reverse()  # G first

    @property
    def g_compares(self) -> bool:
        return True  # returned samples with those that were translated

    def fake(self, batch: Batch) -> Tensor:
        return torch.cat(self.G.across(*both_domains(batch)))

    def d_loss(self, batch: Batch) -> Loss:
        shown = [pool(fake) for pool, fake in zip(self.pools, self.G.across(*both_domains(batch)), strict=True)]
        return self._with_remedies("D", self(self.real(batch), torch.cat(shown), batch))

    def adversarial(self, batch: Batch) -> dict[str, Tensor]:
        """The formulation's loss in both domains, and what keeps translations true."""
        x, x_other = both_domains(batch)
        if self.identity:  # each generator makes both in one pass, since none compares samples
            fake, same = self.G.to_own(torch.cat([x_other, x])).chunk(2)
            fake_other, same_other = self.G.to_other(torch.cat([x, x_other])).chunk(2)
        else:
            fake, fake_other = self.G.across(x, x_other)
        returned, returned_other = self.G.across(fake, fake_other)
        scores = self.g_scores(torch.cat([fake, fake_other]), batch)
        terms = {
            "loss": 2 / self.loss.factor * self.loss.g(*scores),  # a mean over two domains is half of their sum
            "cycle": self.cycle * (mean_distance(returned, x) + mean_distance(returned_other, x_other)),
        }
        if self.identity:
            terms["identity"] = self.identity * (mean_distance(same, x) + mean_distance(same_other, x_other))
        return terms

    def sample(self, like: Batch) -> Tensor:
        fake: Tensor = self.G.to_own(both_domains(like)[1])
        return fake

    def pair(self, like: Batch) -> Pair:
        _, x_other = both_domains(like)
        x = self.G.to_own(x_other)
        return Pair(x, x_other, self.G.to_other(x))

    def belief(self, x: Tensor) -> Tensor | None:
        return None if x.dim() > 2 else super().belief(x)  # patches have beliefs of their own


class Translators(nn.Module):
    """The two generators: into the data's own domain, and into the second."""

    def __init__(self, to_own: nn.Module, to_other: nn.Module):
        super().__init__()
        self.to_own, self.to_other = to_own, to_other

    def across(self, x: Tensor, x_other: Tensor) -> tuple[Tensor, Tensor]:
        """Translate each into the other domain; return the sample of the data's own domain first."""
        return self.to_own(x_other), self.to_other(x)


class Shortcut(nn.Module):
    """x + layers(x)."""

    def __init__(self, layers: list[nn.Module]):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.layers(x)
        return x + inner


def translator(spec: DataSpec, width: int, kernel: int, blocks: int) -> nn.Sequential:
    """Samples of one domain -> of the other. Raises ValueError if that kernel or an image's side does not fit."""
    if not spec.is_image:
        inner = [Shortcut([*dense([width, width], nn.ReLU), nn.Linear(width, width)]) for _ in range(blocks)]
        return nn.Sequential(*dense([*spec.shape, width], nn.ReLU), *inner, nn.Linear(width, spec.shape[0]))
    if spec.side % 4 or spec.side < 8:
        raise ValueError(
            f"Found images of side {spec.side}, but CycleGAN halves them twice: the side must be a multiple of 4, "
            "from 8 on. Set the dataset's size."
        )
    if kernel % 2 == 0 or kernel > 2 * spec.side - 1:
        raise ValueError(f"Found a kernel of {kernel}, which has no middle or is too large. Set an odd one, such as 7.")
    deep = 4 * width
    layers = reflecting(spec.channels, width, kernel)
    for c in (width, 2 * width):
        layers += normed(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), nn.ReLU())
    layers += [Shortcut(reflecting(deep, deep, 3) + reflecting(deep, deep, 3)[:-1]) for _ in range(blocks)]
    for c in (deep, 2 * width):
        layers += normed(nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1), nn.ReLU())
    last = nn.Conv2d(width, spec.channels, kernel)
    return nn.Sequential(*layers, Mirror(kernel // 2), last, nn.Tanh())


def reflecting(c_in: int, c_out: int, kernel: int) -> list[nn.Module]:
    """A convolution that sees the image mirrored beyond its borders."""
    return [Mirror(kernel // 2), *normed(nn.Conv2d(c_in, c_out, kernel), nn.ReLU())]


class Mirror(nn.Module):
    """Reflection padding. That of torch has no deterministic gradient on CUDA; this one's is."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        padded: Tensor = Reflection.apply(x, x, self.width)  # twice, for a gradient of two parts
        return padded


class Reflection(torch.autograd.Function):
    """Images padded by as many pixels of their mirror image.

    Its gradient is that of the images, and apart from it what comes back from the borders. So autograd adds first what
    goes by a shortcut beside the padding, then these two: in the order in which the same was done by cutting, flipping
    and joining, with the same bits.
    """

    @staticmethod
    def forward(x: Tensor, _: Tensor, width: int) -> Tensor:
        return F.pad(x, (width, width, width, width), mode="reflect")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        ctx.width = inputs[2]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        inner, borders = folded(gradient, 3, ctx.width)
        return *folded(inner + borders, 2, ctx.width), None


def folded(padded: Tensor, dim: int, w: int) -> tuple[Tensor, Tensor]:
    """(.., w + n + w, ..) -> the n in the middle, and the borders, turned over, where they mirror those n."""
    n = padded.shape[dim] - 2 * w
    before, inner, after = torch.split(padded, [w, n, w], dim)
    if w > 1:
        before, after = before.flip(dim), after.flip(dim)
    borders = torch.zeros_like(inner)
    borders.narrow(dim, 1, w).add_(before)
    borders.narrow(dim, n - w - 1, w).add_(after)
    return inner, borders


def normed(layer: nn.Conv2d | nn.ConvTranspose2d, activation: nn.Module) -> list[nn.Module]:
    """A convolution, instance norm, an activation."""
    return [layer, nn.InstanceNorm2d(layer.out_channels), activation]


class TwoPatchDiscriminators(Discriminator):
    """Samples, half of them of each domain -> the scores of all their patches, (n * patches,), by a network for each.

    With the condition 0, all are samples of the first domain.
    """

    def __init__(self, own: nn.Module, other: nn.Module):
        super().__init__(0, nn.Identity())
        self.networks = nn.ModuleList([own, other])

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        parts = [x] if conditions else x.chunk(2)
        return torch.cat([network(part) for network, part in zip(self.networks, parts, strict=False)])

    def extend(self, module: nn.Module, n: int) -> None:
        raise ValueError(
            "Found a remedy that lets D compare the features of samples, but CycleGAN's D scores patches. "
            "Leave it out, or use another variant."
        )


def patch_layers(spec: DataSpec, width: int) -> nn.Sequential:
    """Samples -> maps of scores (n, 1, ...), one for each patch; of points, one score."""
    if not spec.is_image:
        return nn.Sequential(*dense([*spec.shape, width, width, width], leaky), nn.Linear(width, 1))
    strides = patch_strides(spec.side)
    channels = [spec.channels, *(width * min(2**i, 8) for i in range(len(strides)))]
    layers: list[nn.Module] = []
    for i, ((c_in, c_out), stride) in enumerate(zip(pairwise(channels), strides, strict=True)):
        layer = nn.Conv2d(c_in, c_out, 4, stride, padding=1)
        layers += normed(layer, leaky()) if i else [layer, leaky()]
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, padding=1))


def patch_strides(side: int) -> list[int]:
    """Of D's 4 x 4 convolutions but the last, whose stride is 1: patches of 70, 34, 16 or 7 pixels."""
    least = {256: [2, 2, 2, 1], 128: [2, 2, 1], 16: [2, 1], 0: [1]}
    return next(strides for at_least, strides in least.items() if side >= at_least)


class Pool(nn.Module):
    """The last fakes of a domain, so that D also sees what G made before.

    The first `size` samples are kept and come back at once. From then on each is, with a chance of one half, kept in
    place of a random one that was stored before, which comes back instead.
    """

    stored: Tensor
    filled: Tensor

    def __init__(self, size: int, spec: DataSpec):
        super().__init__()
        self.size = size
        self.register_buffer("stored", torch.zeros(size, *spec.shape))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """(n, *shape) -> as many, some of them older."""
        return torch.cat([self.exchange(part) for part in torch.split(x, self.size)]) if self.size else x

    def exchange(self, x: Tensor) -> Tensor:
        """As `forward`, for at most `size` samples, each of which meets a place of its own."""
        n, device = len(x), x.device
        free = torch.arange(self.size, device=device) >= self.filled
        # Free places in their order, then the others in any.
        places = torch.where(free, -1.0, torch.rand(self.size, device=device)).argsort(stable=True)[:n]
        fresh, old = free[places], self.stored[places]
        swapped = ~fresh & (torch.rand(n, device=device) < SWAPPED)
        wide = (-1, *[1] * (x.dim() - 1))
        self.stored.index_copy_(0, places, torch.where((fresh | swapped).view(wide), x, old))
        self.filled.add_(n).clamp_(max=self.size)
        return torch.where(swapped.view(wide), old, x)


def both_domains(batch: Batch) -> tuple[Tensor, Tensor]:
    """The samples of both domains."""
    assert batch.x_other is not None, "a variant of two domains is given both"
    return batch.x, batch.x_other


def mean_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (a - b).abs().mean()
