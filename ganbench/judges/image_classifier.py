"""A small classifier of images, and the file that holds its weights and says what they are for.

The network is residual: He et al., "Deep Residual Learning for Image Recognition", 2015,
https://arxiv.org/abs/1512.03385.
"""

import json
import math
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.data.files import data_roots
from ganbench.errors import BadSuite
from ganbench.judges.digit_reader import convolution
from ganbench.variant import DataSpec

FEATURES = 64
ABOUT = "about"  # all that a file of weights says of itself is one entry: several would have a new order every time
MADE_BY = "ganbench judge train, 1"  # the number is raised when older weights no longer fit the network below


class Classifier(nn.Module):
    """(n, channels, side, side) in [-1, 1] -> features (n, 64) and logits (n, classes)."""

    def __init__(self, spec: DataSpec, width: int):
        """Have `width` maps at full size, twice as many after each halving, up to eight times."""
        super().__init__()
        halvings = max(0, round(math.log2(spec.side / 4)))  # down to three to five pixels
        maps = [width * min(2**i, 8) for i in range(halvings + 1)]
        stages = [stage(*pair) for pair in pairwise(maps)]
        size = maps[-1] * (spec.side >> halvings) ** 2
        # Flat, not averaged over space: where something is tells some data's classes, and good samples, apart.
        self.trunk = nn.Sequential(*convolution(spec.channels, width), *stages, nn.Flatten())
        self.features = nn.Sequential(nn.Linear(size, FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.ReLU())
        self.classes = nn.Linear(FEATURES, spec.classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(self.trunk(x))
        return features, self.classes(features)


def stage(n_in: int, n_out: int) -> nn.Module:
    """Half the side, and a residual block."""
    return nn.Sequential(*convolution(n_in, n_out, pool=True), Residual(n_out))


class Residual(nn.Module):
    """Two convolutions whose output is added to their input, (b, n, h, w)."""

    def __init__(self, n: int):
        super().__init__()
        self.body = nn.Sequential(*convolution(n, n), *convolution(n, n))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


def weights_file(title: str) -> Path:
    """Where the weights for a dataset of that title lie in the user's cache."""
    return weights_folder() / f"{title}.safetensors"


def weights_folder() -> Path:
    """Where `judge train` keeps weights."""
    return data_roots()[-1] / "judges"


def dataset_title(dataset: Dataset) -> str:
    """The name under which a dataset is installed; of one from a suite's own file, that of its class."""
    place = f"{type(dataset).__module__}:{type(dataset).__qualname__}"
    installed = (name for name in plugins.names("datasets") if plugins.locate("datasets", name) == place)
    return next(installed, type(dataset).__qualname__)


def describe_dataset(dataset: Dataset) -> dict[str, str]:
    """What weights must be told of a dataset to be taken for its own."""
    shape, classes = dataset.spec
    return {"shape": json.dumps(shape), "classes": str(classes), "fingerprint": dataset.fingerprint}


def build_classifier(about: dict[str, str]) -> Classifier:
    """The network, untrained, for images as `describe_dataset` describes them, and of a `width`."""
    net = Classifier(DataSpec(tuple(json.loads(about["shape"])), int(about["classes"])), int(about["width"]))
    return net.to(memory_format=torch.channels_last)  # faster on a CPU


def read_weights(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What a file of weights says of itself, and the weights. Raises BadSuite if it is no such file."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about: dict[str, str] = json.loads((file.metadata() or {}).get(ABOUT, "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise BadSuite(f"{path} cannot be read as weights of a judge: {error}.") from error
    if about.get("made by") != MADE_BY:
        raise BadSuite(f"{path} was not written by this version of `ganbench judge train`. Train the judge anew.")
    return about, tensors
