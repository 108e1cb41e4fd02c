"""The `mnist_robust` judge: the classifier of the `mnist` judge alone, as that judged before it saw low-level
faults.

The features are the classifier's own 64, which learned to forgive grain, blur and contrast; FID forgives them too.
`assets/mnist_robust-audit.md` says what is left to see. Scores that older versions stored under `mnist` are its scores.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from ganbench.data import Dataset, Split
from ganbench.judges import Judged
from ganbench.judges.digit_reader import GEOMETRY, read_digits
from ganbench.judges.mnist import ASSETS, MnistJudge


class MnistRobustJudge(MnistJudge):
    """Judges grey images of any side, by a classifier's features alone."""

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self.key = f"{sha256(self.weights.read_bytes()).hexdigest()}; {GEOMETRY}"

    def __call__(self, x: Tensor) -> Judged:
        self.net.to(x.device)
        return read_digits(self.net, x)

    def reference(self, split: Split) -> Judged:
        """What the judge says of the real samples of `split`.

        For digits of any side these are the 10,000 of side 28: shipped, rounded to 16 bits, no data on disk needed.
        """
        if self.dataset.judge != MnistJudge.name:
            return self(self.dataset.reference(split).x)
        stored = load_file(ASSETS / f"{self.name}-{split}.safetensors")
        return Judged(stored["features"].float(), stored["logits"].float())

    @classmethod
    def trainer(cls) -> Callable[..., Any] | None:
        return None  # the classifier is trained with the judge `mnist`
