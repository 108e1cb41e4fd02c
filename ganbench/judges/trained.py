"""The `trained` judge: a small classifier that `ganbench judge train DATASET` made for one labelled set of images.

Its 64 features serve FID and its kin, its class probabilities the inception score and the counts of classes. The
weights lie in the user's cache under the dataset's name, with a card that tells how good they are. A suite may also
name such a file itself: `judge = "PATH.safetensors"`, relative to the suite.

Numbers compare between runs that were judged by the same weights, and with no others.
"""

from hashlib import sha256
from pathlib import Path

from torch import Tensor

from ganbench import plugins
from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite, DataMissing
from ganbench.judges import Judge, Judged
from ganbench.judges.asking import ask
from ganbench.judges.cache import judge_real_data
from ganbench.judges.image_classifier import (
    build_classifier,
    dataset_title,
    describe_dataset,
    read_weights,
    weights_file,
)
from ganbench.judges.mnist import MnistJudge


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
        path = weights or weights_file(dataset_title(dataset))
        if not path.is_file():
            raise DataMissing(f"No trained judge at {path}. {_cure(dataset, path)}")
        about, tensors = read_weights(path)
        needed = describe_dataset(dataset) if weights is None else {"shape": describe_dataset(dataset)["shape"]}
        for what, value in needed.items():
            if about[what] != value:
                raise BadSuite(
                    f"{path} was trained on images of {what} {about[what]}, but this dataset has {value}. "
                    f"{_cure(dataset, path)}"
                )
        self.net = build_classifier(about).eval().requires_grad_(False)
        try:
            self.net.load_state_dict(tensors)
        except RuntimeError as error:
            raise BadSuite(
                f"{path} holds the weights of another network than it says. {_cure(dataset, path)}"
            ) from error
        self.key = f"{sha256(path.read_bytes()).hexdigest()}; images of {about['shape']} as they are"

    @classmethod
    def files(cls, dataset: str) -> tuple[Path, ...]:
        return (weights_file(dataset.rpartition(":")[2]),)  # of `mine.py:Mine` the class

    def __call__(self, x: Tensor) -> Judged:
        """Judge images (n, channels, side, side) in [-1, 1], on the device they are on."""
        self.net.to(x.device)
        return ask(self.net, x)

    def reference(self, split: Split) -> Judged:
        return judge_real_data(self, self.dataset, split)


def _cure(dataset: Dataset, path: Path) -> str:
    name = dataset_title(dataset)
    if name in plugins.names("judges"):  # then that is what `judge train` would make
        return f"Name the judge {name!r} instead, which is made for this dataset."
    command = f"ganbench judge train {'' if name in plugins.names('datasets') else 'FILE.py:'}{name}"
    if path != weights_file(name):
        return f"`{command} --out DIR` writes one for this dataset; a suite's path to it begins at the suite's folder."
    return f"Run `{command}`, with an --option for each option that the suite sets on it."
