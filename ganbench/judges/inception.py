"""The `inception` judge: the network by which the literature measures, with torch-fidelity's weights.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015, https://arxiv.org/abs/1512.00567, as
trained on ImageNet by Google in 2015. Its 2,048 features serve FID (Heusel et al., 2017,
https://arxiv.org/abs/1706.08500); its 1,008 logits without their bias serve the inception score, as in torch-fidelity
(https://github.com/toshas/torch-fidelity), whose network and whose resizing, that of TensorFlow 1, are used here.

The weights, 96 MB, are those that torch-fidelity and pytorch-fid download: one file under two names. It is sought in
`$GANBENCH_INCEPTION`, then where these two keep it, and else downloaded there. Real data are judged once and kept in
the user's cache, as an image takes 0.3 s of a CPU core: 10,000 of them take the better part of an hour on one.
"""

import os
import pickle
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from textwrap import shorten

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite, DataMissing
from ganbench.judges import Judge, Judged
from ganbench.judges.asking import ask
from ganbench.judges.cache import judge_real_data

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
NAMES = (URL_INCEPTION_V3.rpartition("/")[2], "pt_inception-2015-12-05-6726825d.pth")  # torch-fidelity's, pytorch-fid's
VARIABLE = "GANBENCH_INCEPTION"
TIMEOUT_S = 10  # without an answer
AT_ONCE = 25  # images: half a gigabyte of maps


class InceptionJudge(Judge):
    """Judges photographs as the literature does: FID, KID and IS by InceptionV3.

    Takes images of one or three channels and any side; grey goes into all three. FID needs more than 2,048 samples and
    as many of reference. There are no counts of classes: Inception's are ImageNet's, not the dataset's.

    Raises BadSuite if the dataset has no such images, and DataMissing if the weights are not to be had.
    """

    metrics = ("is", "fid", "kid", "precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage")
    select = "fid"
    lasting = True

    def __init__(self, dataset: Dataset):
        shape = dataset.spec.shape
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise BadSuite(
                f"The judge 'inception' found samples of shape {shape}, but needs images of 1 or 3 channels, "
                f"(channels, side, side). Name the judge {dataset.judge!r}, which this dataset asks for."
            )
        self.dataset = dataset
        self.net = network(find_weights() or download_weights())
        self.key = f"{SHA256}; rounded to 8 bits, grey in all channels, resized to 299 as by TensorFlow 1"

    @classmethod
    def at_hand(cls) -> bool:
        return find_weights() is not None

    def __call__(self, x: Tensor) -> Judged:
        """Judge images (n, 1 or 3, side, side) in [-1, 1], on a GPU if these or earlier ones were there."""
        if not x.is_cpu:
            self.net.to(x.device)
        device = next(self.net.parameters()).device
        return ask(lambda few: self.net(to_bytes(few)), x, AT_ONCE, device)

    def reference(self, split: Split) -> Judged:
        return judge_real_data(self, self.dataset, split)


def to_bytes(x: Tensor) -> Tensor:
    """(n, 1 or 3, side, side) float in [-1, 1] -> (n, 3, side, side) uint8."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).expand(-1, 3, -1, -1)


def network(path: Path) -> nn.Module:
    """Inception with the weights in `path`: (n, 3, side, side) uint8 -> features (n, 2048) and logits (n, 1008).

    Raises DataMissing if the file is not the one whose sha256 is known, or holds something else.
    """
    check_weights(path)
    try:
        # torch-fidelity would unpickle anything: it gets a copy of what could be read safely.
        safe = BytesIO()
        torch.save(torch.load(path, weights_only=True), safe)
        safe.seek(0)
        features = ["2048", "logits_unbiased"]
        net: nn.Module = FeatureExtractorInceptionV3(
            "inception-v3-compat", features, feature_extractor_weights_path=safe
        )
        return net
    except (pickle.UnpicklingError, RuntimeError, TypeError) as error:
        raise DataMissing(
            f"{path} does not hold the weights of torch-fidelity's InceptionV3: {shorten(str(error), 200)}. "
            "Install the version of torch-fidelity that ganbench asks for."
        ) from error


def check_weights(path: Path) -> None:
    """Raise DataMissing unless the file is the one whose sha256 is known."""
    with open(path, "rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise DataMissing(
            f"{path} has the sha256 {digest}, but Inception's weights have {SHA256}. "
            f"Delete it, and they are downloaded; or set {VARIABLE} to the right file."
        )


def find_weights() -> Path | None:
    """The file of weights on this machine, not looked into; None if there is none.

    Raises DataMissing if `$GANBENCH_INCEPTION` names a file that is not there.
    """
    if named := os.environ.get(VARIABLE):
        if not os.path.isfile(named):
            raise DataMissing(f"{VARIABLE} is {named}, and no such file is there. Correct it, or unset it.")
        return Path(named)
    return next((path for path in map(hub_folder().joinpath, NAMES) if path.is_file()), None)


def hub_folder() -> Path:
    """The folder where torch-fidelity keeps the weights: torch hub's."""
    return Path(torch.hub.get_dir(), "checkpoints")


def download_weights() -> Path:
    """Fetch the weights to where torch-fidelity keeps them, with progress on stderr. Raises DataMissing."""
    path: Path = hub_folder() / NAMES[0]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with patience(TIMEOUT_S):
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), hash_prefix=SHA256)
    except (OSError, HTTPException, RuntimeError) as error:  # the last is torch's, of a wrong hash
        raise DataMissing(
            f"No Inception weights in {hub_folder()}, and {URL_INCEPTION_V3} did not give them: {error}.\n"
            f"Get that file elsewhere, and set {VARIABLE} to it, or put it into that folder. "
            "Other judges need no download: 'random' judges any images."
        ) from error
    return path


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Let no connection that is opened inside keep silent for longer; torch's download sets no limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
