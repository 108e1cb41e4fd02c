"""The `mnist_residual` judge: a second classifier of digits, to see whether the first one's verdicts are its own whims.

Another architecture (residual blocks, 5x5 convolutions, averaged over space where the first is dense), other features
(96), another seed, and beside them random filters of 5x5 pixels where the first has 3x3; the same digits, distortions
and gate. What both say alike is a matter of the samples. Its numbers compare with each other, never with those of
another judge. `ganbench.judges.training.digits` makes it anew.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016, https://arxiv.org/abs/1512.03385.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.judges.digit_reader import Reader
from ganbench.judges.mnist import MnistJudge


class Block(nn.Module):
    """Two 3x3 convolutions and a way past them: straight, or through a 1x1 one where the shape of the maps changes."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1):
        super().__init__()
        self.one = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.norm_one = nn.BatchNorm2d(n_out)
        self.two = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm_two = nn.BatchNorm2d(n_out)
        changes = n_in != n_out or stride != 1
        self.past = nn.Conv2d(n_in, n_out, 1, stride, bias=False) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.norm_one(self.one(x)))
        return F.relu(self.norm_two(self.two(inner)) + self.past(x))


class ResidualReader(Reader):
    """A strided convolution, three residual blocks, and an average over space."""

    width = 96
    network = (
        "5x5 convolution of 32 channels, stride 2, batch norm, ReLU; residual blocks of two 3x3 convolutions with "
        "batch norm: of 32 channels, of 64 with stride 2, of 64; 1x1 convolution to 96, batch norm, ReLU, mean over "
        "space (the features); dense to 10; all logits scaled by a gate in (0, 1), dense to 16, ReLU, dense to 1, on "
        "the last block"
    )

    def __init__(self) -> None:
        super().__init__()
        stem = [nn.Conv2d(1, 32, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
        self.trunk = nn.Sequential(*stem, Block(32, 32), Block(32, 64, stride=2), Block(64, 64))
        mean = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        norm = [nn.BatchNorm2d(self.width), nn.ReLU()]
        self.features = nn.Sequential(nn.Conv2d(64, self.width, 1, bias=False), *norm, *mean)
        self.classes = nn.Linear(self.width, 10)
        self.gate = nn.Sequential(nn.Flatten(), nn.Linear(64 * 7 * 7, 16), nn.ReLU(), nn.Linear(16, 1))


class MnistResidualJudge(MnistJudge):
    """Judges grey images of any side, as `mnist` does, by another network."""

    name = "mnist_residual"
    reader = ResidualReader
    filters = (1, 5)
