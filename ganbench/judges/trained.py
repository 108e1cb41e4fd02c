"""The `trained` judge: a small classifier that `ganbench judge train DATASET` made for one labelled set of images.

The network is residual: He et al., "Deep Residual Learning for Image Recognition", 2015,
https://arxiv.org/abs/1512.03385. Its 64 features serve FID and its kin, its class probabilities the inception score and
the counts of classes. The weights lie in the user's cache under the dataset's name, with a card that tells how good
they are. A suite may also name such a file itself: `judge = "PATH.safetensors"`, relative to the suite.

Numbers compare between runs that were judged by the same weights, and with no others.
"""

import json
import math
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ganbench import plugins
from ganbench.data import Dataset, Split
from ganbench.data.files import data_roots
from ganbench.errors import BadSuite, DataMissing
from ganbench.judges import Judge, Judged
from ganbench.judges.asking import ask
from ganbench.judges.cache import seen
from ganbench.judges.mnist import MnistJudge, convolution
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


class TrainedJudge(Judge):
    """Judges images of a labelled dataset by a classifier that was trained on it here.

    Raises DataMissing if there are no weights for the dataset, and BadSuite if they are for other images.
    """

    metrics = MnistJudge.metrics
    select = "fid"
    lasting = True

    def __init__(self, dataset: Dataset, weights: Path | None = None):
        """Judge by the cache's weights for this very dataset, or by a file of `weights` for images of its shape."""
        if not dataset.spec.is_image:
            raise BadSuite(
                f"The judge 'trained' found samples of shape {dataset.spec.shape}, but needs images. Name the judge "
                f"{dataset.judge!r}, which this dataset asks for."
            )
        self.dataset = dataset
        path = weights or file_of(title(dataset))
        if not path.is_file():
            raise DataMissing(f"No trained judge at {path}. {_cure(dataset, path)}")
        found, tensors = read(path)
        needed = describe(dataset) if weights is None else {"shape": describe(dataset)["shape"]}
        for what, value in needed.items():
            if found[what] != value:
                raise BadSuite(
                    f"{path} was trained on images of {what} {found[what]}, but this dataset has {value}. "
                    f"{_cure(dataset, path)}"
                )
        self.net = build(found).eval().requires_grad_(False)
        try:
            self.net.load_state_dict(tensors)
        except RuntimeError as error:
            raise BadSuite(
                f"{path} holds the weights of another network than it says. {_cure(dataset, path)}"
            ) from error
        self.key = f"{sha256(path.read_bytes()).hexdigest()}; images of {found['shape']} as they are"

    @classmethod
    def files(cls, dataset: str) -> tuple[Path, ...]:
        return (file_of(dataset.rpartition(":")[2]),)  # of `mine.py:Mine` the class

    def __call__(self, x: Tensor) -> Judged:
        """Judge images (n, channels, side, side) in [-1, 1], on the device they are on."""
        self.net.to(x.device)
        return ask(self.net, x)

    def reference(self, split: Split) -> Judged:
        return seen(self, self.dataset, split)


def file_of(title: str) -> Path:
    """Where the weights for a dataset of that title lie in the user's cache."""
    return home() / f"{title}.safetensors"


def home() -> Path:
    return data_roots()[-1] / "judges"


def title(dataset: Dataset) -> str:
    """The name under which a dataset is installed; of one from a suite's own file, that of its class."""
    place = f"{type(dataset).__module__}:{type(dataset).__qualname__}"
    installed = (name for name in plugins.names("datasets") if plugins.locate("datasets", name) == place)
    return next(installed, type(dataset).__qualname__)


def describe(dataset: Dataset) -> dict[str, str]:
    """What weights must be told of a dataset to be taken for its own."""
    shape, classes = dataset.spec
    return {"shape": json.dumps(shape), "classes": str(classes), "fingerprint": dataset.fingerprint}


def build(about: dict[str, str]) -> Classifier:
    """The network, untrained, for images as `describe` describes them, and of a `width`."""
    net = Classifier(DataSpec(tuple(json.loads(about["shape"])), int(about["classes"])), int(about["width"]))
    return net.to(memory_format=torch.channels_last)  # faster on a CPU


def read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
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


def _cure(dataset: Dataset, path: Path) -> str:
    name = title(dataset)
    if name in plugins.names("judges"):  # then that is what `judge train` would make
        return f"Name the judge {name!r} instead, which is made for this dataset."
    command = f"ganbench judge train {'' if name in plugins.names('datasets') else 'FILE.py:'}{name}"
    if path != file_of(name):
        return f"`{command} --out DIR` writes one for this dataset; a suite's path to it begins at the suite's folder."
    return f"Run `{command}`, with an --option for each option that the suite sets on it."
