"""How a judge's eyes for likeness are fitted to digits: components, and the balance of shapes and textures."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ganbench.judges import Judged
from ganbench.judges.asking import ask
from ganbench.judges.digit_likeness import Likeness
from ganbench.judges.digit_reader import Reader, to_picture

FITTED = 20_000  # training digits, at most: half are what the other half is compared with
NOISE = 60 / 127.5  # standard deviation of the noise that costs as much as half of the classes
HALVES = ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [0, 2, 4, 6, 8], [1, 3, 5, 7, 9])


class Answers(NamedTuple):
    """What a classifier's features and random filters answer."""

    shapes: Tensor
    textures: Tensor


def fit_likeness(net: Reader, likeness: Likeness, pictures: Tensor, labels: Tensor) -> None:
    """Fit to uint8 digits (n, 28, 28) and their labels; then give the textures their weight."""
    x, y = to_picture(pictures[:FITTED]), labels[:FITTED]
    plain = answers(net, likeness, x)
    likeness.shapes.fit(plain.shapes)
    likeness.textures.fit(plain.textures, whiten=True)
    likeness.textures.matrix *= texture_scale(net, likeness, x, y)


def texture_scale(net: Reader, likeness: Likeness, x: Tensor, y: Tensor) -> float:
    """By how much textures must be scaled for noise to cost as much as half of the classes missing."""
    n = len(x) // 2
    grain = NOISE * torch.randn((len(x) - n, *x.shape[1:]), generator=Generator().manual_seed(0))
    reference, fresh = answers(net, likeness, x[:n]), answers(net, likeness, x[n:])
    noisy = answers(net, likeness, (x[n:] + grain).clamp(-1, 1))

    def costs(part: str) -> tuple[float, float]:
        project = getattr(likeness, part)
        real, plain, spoilt = (project(getattr(one, part)) for one in (reference, fresh, noisy))
        missing = [frechet(plain[torch.isin(y[n:], torch.tensor(half))], real) for half in HALVES]
        return sum(missing) / len(HALVES), frechet(spoilt, real)

    (half_by_shape, noise_by_shape), (half_by_texture, noise_by_texture) = costs("shapes"), costs("textures")
    ratio = (half_by_shape - noise_by_shape) / (noise_by_texture - half_by_texture)
    return float(max(float(ratio), 0.0) ** 0.5)


def answers(net: Reader, likeness: Likeness, x: Tensor) -> Answers:
    """What both say of pictures (n, 1, 28, 28), before their projections."""
    return Answers(*ask(lambda few: (net(few)[0], likeness.random(few)), x))


def look(net: Reader, likeness: Likeness, x: Tensor) -> Judged:
    """Features and logits of pictures (n, 1, 28, 28), as the judge gives them."""

    def both(few: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = net(few)
        return likeness(few, features), logits

    return ask(both, x)


def frechet(samples: Tensor, reference: Tensor) -> float:
    """Fréchet distance of features (n, width) and (m, width)."""
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    mine, theirs = (fid_features_to_statistics(features.double()) for features in (samples, reference))
    return float(fid_statistics_to_metric(mine, theirs, verbose=False)[KEY_METRIC_FID])
