"""The `random` judge: for images of any kind, without a download, labels or training.

Its 64 features are what a network of random filters answers, whitened on the dataset's own training split: see
`ganbench.judges.random_network`. It sees faults that one can see without knowing what is shown: noise, blur, contrast,
colours, textures. It knows no classes, so it has no inception score; and what a photograph shows it hardly sees, for
which Inception is better. Its numbers compare on the same data, and with no other judge's.
"""

import torch
from torch import Tensor

from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite
from ganbench.judges import Judge, Judged
from ganbench.judges.asking import ask
from ganbench.judges.cache import cached, judge_real_data
from ganbench.judges.projection import Projection
from ganbench.judges.random_network import RandomNetwork

COMPONENTS = 64
FITTED = 2_000  # training images, at most, that the components are fitted to
SIDES = (8, 256)
PIXELS = 400_000  # of a channel, looked at at once: 0.1 GB of maps
SEED = 2
SHA256 = {  # of the weights, by channels and the number of depths
    (1, 2): "ed05c9865c311694b038331cfe0b8d6c9c75874f70ee60dd7a5652f129662346",
    (1, 3): "96ad5c314abb20a05a616fea3aa5b7275223e8179ff432f44d425a29802b0c13",
    (1, 4): "d3b1ddf565a785020905a637a64352b084d40206189f259ac29da2bfc0a3c215",
    (1, 5): "9c14524c23bd90d23d5e19209c8a4f2d0a4217bafd17020be259ba82c96886a7",
    (1, 6): "49608fa5a16369735d02d848a77eab16c6840bfc0afb84c35793d80747b9ad82",
    (1, 7): "6f97516b0fb63880ef7cda5ddcaa5da71c289c4cfe2fcaee59ed933d6361f5ca",
    (3, 2): "043037306f7b9ea6a36ff96e3c053b061c819bd61a03fec84caeb105b70209b5",
    (3, 3): "2379d6e0aa764bfea409aa7c925b9de9ba274cfa2f5347844a3109af21e47469",
    (3, 4): "0345d14cf2a912440938d93f6e498e239d8e8e6a51f25b06c41fe7cafd692424",
    (3, 5): "cab02827f538c34c03d3039ebf8f791a40c175b47f4958c2112a1457eb64b693",
    (3, 6): "e2df477b10fd0b5e8f5dd0ea2317fe8ec4a399e225258fb9aa2149eb485252d4",
    (3, 7): "c740e9de222b4c860b62cc17951ef73a7451f58a372fcfc3cf1808e171b4fd72",
}


class RandomJudge(Judge):
    """Judges images of one or three channels, of a side of 8 to 256, by random filters.

    Raises BadSuite if the dataset has no such images, or if this machine's numpy draws other weights than the recipe's.
    """

    home = "textures"  # the dataset that it is audited on
    metrics = ("fid", "kid", "precision", "recall", "density", "coverage", "ct")
    select = "fid"
    lasting = True
    about = (
        "`random` compares images by random filters, which nobody trained: they see noise, blur, contrast and texture, "
        "and hardly what is shown; its FID stands beside no other."
    )

    def __init__(self, dataset: Dataset):
        shape = dataset.spec.shape
        if len(shape) != 3 or shape[0] not in (1, 3) or not SIDES[0] <= shape[1] <= SIDES[1]:
            raise BadSuite(
                f"The judge 'random' found samples of shape {shape}, but needs images of 1 or 3 channels and a side of "
                f"{SIDES[0]} to {SIDES[1]}, (channels, side, side). Name the judge {dataset.judge!r}, which this "
                "dataset asks for, or other sizes."
            )
        self.dataset = dataset
        self.net = RandomNetwork(shape[0], shape[1], SEED).to(memory_format=torch.channels_last)
        if self.net.sha256 != SHA256[shape[0], len(self.net.filters)]:
            raise BadSuite(
                f"This machine's numpy draws weights of sha256 {self.net.sha256}, and not those of the recipe in "
                "ganbench/judges/random_network.py. Install the version of numpy that ganbench was tested with."
            )
        self.at_once = max(4, PIXELS // shape[1] ** 2)
        how = f"{COMPONENTS} components, whitened on {FITTED} training images; images as they are"
        self.key = f"{self.net.sha256}; {how}"
        self.components = Projection(self.net.width, COMPONENTS).fit(self._answers_to_training(), whiten=True)
        self.references: dict[Split, Judged] = {}

    def __call__(self, x: Tensor) -> Judged:
        """Judge images (n, channels, side, side) in [-1, 1], on the device they are on."""
        self.net.to(x.device)
        self.components.to(x.device)
        return ask(lambda few: (self.components(self.net(few)), few.new_zeros(len(few), 1)), x, self.at_once)

    def reference(self, split: Split) -> Judged:
        """What the judge says of the dataset's real samples of `split`."""
        if split not in self.references:
            self.references[split] = judge_real_data(self, self.dataset, split)
        return self.references[split]

    def _answers_to_training(self) -> Tensor:
        """What the filters answer to training images, (n, width), before the components; kept on disk."""

        def look() -> Judged:
            few = self.dataset.train().x[:FITTED]
            return ask(lambda some: (self.net(some), some.new_zeros(len(some), 1)), few, self.at_once)

        key = f"answers for {self.key}; {self.dataset.fingerprint}; {self.dataset.preprocessing}"
        return cached(key, look).features
