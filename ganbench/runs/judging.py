"""From samples to evidence: what the judge, the data and the truth have to say of them."""

from collections.abc import Callable, Iterable

from torch import Tensor

from ganbench.data import Dataset, Split
from ganbench.judges import Judge, Judged
from ganbench.judges.cache import seen
from ganbench.metrics import Evidence, Metric, Pairs, Walk
from ganbench.runs.sampling import Drawn


def gather(
    dataset: Dataset,
    judge: Judge,
    metrics: Iterable[Metric],
    split: Split,
    drawn: Drawn,
    samples: Judged | None = None,
) -> Evidence:
    """All that those metrics may look at. What is dear, and needed by none of them, is left out.

    `samples` is what the judge says of those drawn, if it has been asked already.
    """
    needed = {need for metric in metrics for need in metric.needs}
    return Evidence(
        samples=samples or judge(drawn.x),
        reference=judge.reference(split),
        prior=dataset.prior,
        mixture=dataset.mixture,
        x=drawn.x.cpu(),
        real=dataset.reference(split) if _any(needed, "real") else None,
        training=dataset.train() if _any(needed, "training") else None,
        trained=seen(judge, dataset, "train") if _any(needed, "trained") else None,
        asked=drawn.like.y.cpu() if drawn.conditional and drawn.like and drawn.like.y is not None else None,
        pair=_pairs(dataset, judge, drawn),
        belief=drawn.belief,
        walk=_judged_walk(judge, drawn.walk) if drawn.walk else None,
    )


def _judged_walk(judge: Judge, walk: Callable[[int, float], tuple[Tensor, Tensor]]) -> Walk:
    def judged(n: int, step: float) -> tuple[Judged, Judged]:
        here, there = walk(n, step)
        return judge(here), judge(there)

    return judged


def _any(needed: set[str], field: str) -> bool:
    return any(need.partition(".")[0] == field for need in needed)


def _pairs(dataset: Dataset, judge: Judge, drawn: Drawn) -> Pairs | None:
    """The pairs, and what is to be known of them; None of a variant of one domain."""
    domain = dataset.other
    if drawn.pair is None or domain is None:
        return None
    x, x_other, returned = drawn.pair
    return Pairs(
        domain.name, x.cpu(), x_other.cpu(), domain.transform(x).cpu(), _classes_of_other(dataset, judge, drawn),
        None if returned is None else returned.cpu(),
    )  # fmt: skip


def _classes_of_other(dataset: Dataset, judge: Judge, drawn: Drawn) -> Tensor | None:
    """Of the second domain's samples: their own, if they are real data; else what the judge sees in them undone."""
    assert drawn.pair is not None and dataset.other is not None, "the caller has both"
    x_other, like = drawn.pair.x_other, drawn.like
    if like is not None and like.y is not None and like.x_other is not None and x_other.equal(like.x_other):
        return like.y.cpu()
    undo = dataset.other.undo
    return None if undo is None else judge(undo(x_other)).logits.argmax(1)
