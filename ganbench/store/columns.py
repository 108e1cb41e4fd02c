"""The columns of a record's tables, and the words that stand in them: one owner for all who write and read them."""

from dataclasses import dataclass, fields
from typing import Literal

Split = Literal["validation", "test"]  # real data that samples are compared with
Checkpoint = Literal["curve", "last", "selected"]  # a point along the budget; the end; the best of the curve
Status = Literal["done", "diverged", "out_of_memory", "failed", "crashed"]  # how a run ended
# What a row got beside samples to learn from; real images are those whose content it is judged by.
Given = Literal["nothing", "labels", "second domain", "labels and second domain", "real images"]

REAL_IMAGES: Given = "real images"  # of such a row no rank among generators would be fair
NOT_SAID = ""  # in place of what a row was given: older results and samples from elsewhere do not say
MISSING = "missing"  # in place of a status: the suite names the run, and nobody has done it yet
SENSES = ("lower", "higher")  # directions of which one is better
FINAL_CHECKPOINTS: tuple[Checkpoint, ...] = ("last", "selected")  # those judged on the test split


def run_title(label: object, dataset: object, seed: object) -> str:
    """What a run is called wherever it is spoken of."""
    return f"{label} on {dataset}, seed {seed}"


@dataclass
class Identity:
    """What tells a run from all others; every row of its tables begins with it."""

    suite: str
    run: str  # its id: a hash of all that determines its scores
    variant: str
    label: str  # of the row on the board
    dataset: str  # the dataset's label
    seed: int

    @property
    def title(self) -> str:
        return run_title(self.label, self.dataset, self.seed)


IDENTITY = [field.name for field in fields(Identity)]
SCORE_COLUMNS = [
    *IDENTITY, "checkpoint", "images", "judge", "split",
    "metric", "value", "stderr", "most", "samples", "usual_samples", "direction", "unit", "key", "status",
    "board_key",  # of the board that a score stands on, marked: the key that it would have had with more samples
    "title", "lower_bound", "upper_bound", "meaning", "blind_to",
]  # fmt: skip
LOSS_COLUMNS = ["run", "label", "dataset", "seed", "images", "curve", "value"]
NUMBERS = (  # all other columns of these two tables are texts
    "seed", "images", "value", "stderr", "most", "samples", "usual_samples", "lower_bound", "upper_bound",
)  # fmt: skip
# What a run's record says beside its identity and its ledger.
RUN_TEXTS = (
    "suite", "variant", "primary", "primary_when_run", "given", "tried", "ganbench", "torch", "python", "platform",
    "processor", "device", "judge", "judge_key", "judge_about", "select", "precision", "budget_unit", "fingerprint",
    "preprocessing",
)  # fmt: skip
RUN_NUMBERS = (
    "scale", "threads", "budget_amount", "samples", "evaluations", "look", "looks", "level", "trial", "trials",
)  # fmt: skip
RUN_FLAGS = ("control", "reference", "guest", "searching")
PUBLISHED_COLUMNS = ["dataset", "label", "metric", "mean", "stderr", "trials", "source"]
