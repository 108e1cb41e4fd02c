"""The judge that cannot err: for mixtures, whose density is known, as points or drawn as images."""

from torch import Tensor

from ganbench.data import Dataset, Split
from ganbench.errors import BadSuite
from ganbench.judges import Judge, Judged


class TruthJudge(Judge):
    """Features are the coordinates; class probabilities are the exact posterior of the modes.

    Raises BadSuite if the dataset has no `mixture`.
    """

    metrics = (
        "modes", "modes_third", "high_quality", "reverse_kl", "reverse_kl_third", "ct",
        "label_accuracy", "pair_agreement", "pair_chance", "translation_error", "label_agreement", "cycle_error",
    )  # fmt: skip
    select = "reverse_kl_third"

    def __init__(self, dataset: Dataset):
        if dataset.mixture is None:
            raise BadSuite(
                f"Judge 'truth' needs a dataset whose density is known, a mixture; {type(dataset).__name__} is none. "
                f"Name another judge, or leave the judge out: the dataset's own is {dataset.judge!r}."
            )
        self.key = f"exact posterior of {dataset.fingerprint}"
        self.dataset, self.mixture = dataset, dataset.mixture

    def __call__(self, x: Tensor) -> Judged:
        points = self.dataset.locate(x.detach().float().cpu())
        return Judged(points, self.mixture.log_posterior(points).float())

    def reference(self, split: Split) -> Judged:
        return self(self.dataset.reference(split).x)
