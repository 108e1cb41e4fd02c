"""Networks that read digits, and how pictures of any side become what they read."""

from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.judges import Judged
from ganbench.judges.asking import ask

SIDE = 28  # pixels
GEOMETRY = "28 as is; 32 cropped to 28; other sides by antialiased bilinear resize to 32, cropped to 28"


class Reader(nn.Module):
    """(n, 1, 28, 28) in [-1, 1] -> features (n, width) and logits (n, 10).

    The features learn from digits alone: shown non-digits, they would map all of them to one point, and FID could not
    tell a bad generator from a worse one. What is no digit only closes a gate, g in (0, 1), that scales the logits.
    """

    width: int  # of the features
    network: str  # in words, for the card
    trunk: nn.Module  # (n, 1, 28, 28) -> maps, which features and gate both read
    features: nn.Module
    classes: nn.Module
    gate: nn.Module  # maps -> (n, 1), before the sigmoid

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.trunk(x)
        features = self.features(maps)
        return features, self.gate(maps).sigmoid() * self.classes(features)


class PlainReader(Reader):
    """Five convolutions and a dense layer."""

    width = 64
    network = (
        "3x3 convolutions of 16, 48, 48, 96, 96 channels with batch norm and ReLU; max-pooling in the first, third and "
        "fifth; dense to 64, batch norm, ReLU (the features); dense to 10; all logits scaled by a gate in (0, 1), "
        "dense to 16, ReLU, dense to 1, on the last convolution"
    )

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *convolution(1, 16, pool=True),
            *convolution(16, 48),
            *convolution(48, 48, pool=True),
            *convolution(48, 96),
            *convolution(96, 96, pool=True),
            nn.Flatten(),  # not averaged over space: where a stroke is tells digits, and good samples, apart
        )
        size = 96 * 3 * 3
        self.features = nn.Sequential(nn.Linear(size, self.width, bias=False), nn.BatchNorm1d(self.width), nn.ReLU())
        self.classes = nn.Linear(self.width, 10)
        self.gate = nn.Sequential(nn.Linear(size, 16), nn.ReLU(), nn.Linear(16, 1))


def convolution(n_in: int, n_out: int, pool: bool = False) -> list[nn.Module]:
    """A 3 x 3 convolution with batch norm and ReLU; `pool` halves the side."""
    shrink = [nn.MaxPool2d(2)] if pool else []  # before the norm, which then has a quarter of the work
    return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), *shrink, nn.BatchNorm2d(n_out), nn.ReLU()]


def to_picture(digits: Tensor) -> Tensor:
    """uint8 (n, 28, 28) -> float32 (n, 1, 28, 28) in [-1, 1]."""
    return digits.unsqueeze(1).float().div(127.5).sub(1)


def resize(x: Tensor, side: int) -> Tensor:
    """Antialiased bilinear resize of (n, 1, s, s) to `side`, the same in both directions."""
    return F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def crop(x: Tensor) -> Tensor:
    """(n, 1, s, s) -> (n, 1, 28, 28), as `GEOMETRY` says; digits of side 32 are those of 28 with a rim."""
    if x.shape[-1] == SIDE:
        return x
    x = x if x.shape[-1] == 32 else resize(x, 32)
    return x[..., 2:-2, 2:-2]


def read_digits(net: Reader, x: Tensor) -> Judged:
    """Features after the last ReLU, and logits, of images in small batches; always in 32-bit arithmetic."""
    return ask(lambda few: net(crop(few)), x)
