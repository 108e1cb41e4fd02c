"""A judgement: samples are drawn, the judge looks at them, metrics turn what it says into scores.

Read from the top: `Judgement.draw`, `Judgement.scores`, `gather`, then the pairs of variants of two domains.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from math import nan
from typing import Any

import torch
from torch import Tensor

from ganbench.data import Dataset
from ganbench.judges import Judge, Judged
from ganbench.judges.cache import judge_held_out, judge_real_data
from ganbench.metrics import Evidence, Metric, Pairs, Walk, exact
from ganbench.runs.sampling import Drawn, Sampler, sampling_seed
from ganbench.runs.spec import RunSpec
from ganbench.store.columns import Checkpoint, Split
from ganbench.variant import Variant

Row = dict[str, Any]


@dataclass
class Work:
    """What a run works with, built from its RunSpec."""

    dataset: Dataset
    judge: Judge
    metrics: list[Metric]
    variant: Variant
    device: torch.device


class Judgement:
    """How a run is judged, at every point of its budget and at its end alike: the same seed, counts and judge."""

    def __init__(self, spec: RunSpec, work: Work):
        self.spec, self.work = spec, work
        self.seed = sampling_seed(spec)
        self.sampler = Sampler(work.variant, work.dataset, work.device)
        self.seconds_a_thousand = nan  # that samples took when they were drawn last
        self.last_judged: tuple[Tensor, Judged] | None = None  # samples, and what the judge said of them

    def draw(self, split: Split) -> Drawn:
        """As many samples as the run is judged by, beside fresh real data of the split; always the same latents."""
        drawn = self.sampler.drawn(split, self.spec.samples, self.seed)
        self.seconds_a_thousand = 1_000 * drawn.seconds / len(drawn.x)
        return drawn

    def scores(self, drawn: Drawn, split: Split, checkpoint: Checkpoint, images: int) -> tuple[list[Row], Evidence]:
        """One row per metric that applies, and what the rows were computed from.

        `checkpoint` is what drew the samples, after `images` real ones; a curve leaves out the dear metrics.
        """
        work = self.work
        metrics = along_budget(self.spec, work.metrics) if checkpoint == "curve" else work.metrics
        evidence = gather(work.dataset, work.judge, metrics, split, drawn, self._judge(drawn.x))
        width, fewer = evidence.samples.features.shape[1], len(drawn.x) < self.spec.samples
        enough = (m for m in metrics if not fewer or len(drawn.x) >= m.at_least(width))  # or a control would fail
        applying = (metric for metric in enough if metric.applies(evidence))
        return [self._row(metric, evidence, split, checkpoint, images) for metric in applying], evidence

    def _judge(self, x: Tensor) -> Judged:
        """What the judge says of samples; it is not asked twice in a row for the same.

        At the end of its budget a variant without labels draws the same for the test split as for its curve.
        """
        if self.last_judged is None or not torch.equal(self.last_judged[0], x):
            self.last_judged = x, self.work.judge(x)
        return self.last_judged[1]

    def _row(self, metric: Metric, evidence: Evidence, split: Split, checkpoint: Checkpoint, images: int) -> Row:
        samples, reference = len(evidence.samples.features), len(evidence.reference.features)
        value, stderr = metric(evidence)
        key, asked_key = (
            comparability_key(
                metric=[metric.name, metric.version, metric.direction],
                judge=self.work.judge.key,
                data=[self.work.dataset.fingerprint, self.work.dataset.preprocessing, split],
                samples=[n, reference],
                precision="float32",  # of the judge, whatever training used
                **metric.conditions(evidence),
            )
            for n in (samples, max(samples, self.spec.samples))
        )
        measured = {"split": split, "value": value, "stderr": stderr, "most": metric.most(evidence)}
        return row_without_value(metric, checkpoint, images, samples) | measured | {"key": key, "board_key": asked_key}


def along_budget(spec: RunSpec, metrics: list[Metric]) -> list[Metric]:
    """Those of a run's metrics that it is judged by along its budget: what the suite chose, or all cheap ones."""
    chosen = zip(spec.metrics, metrics, strict=True)
    return [metric for name, metric in chosen if (name in spec.curves if spec.curves else metric.on_curves)]


def row_without_value(metric: Metric, checkpoint: Checkpoint, images: int, samples: int) -> Row:
    """A score that a run owes, with all that its metric says of itself."""
    return {
        "checkpoint": checkpoint, "images": images, "split": "test",
        "metric": metric.name, "value": nan, "stderr": nan, "most": nan, "samples": samples,
        "usual_samples": metric.samples, "direction": metric.direction, "unit": metric.unit, "key": "",
        "board_key": "",
        "title": metric.title, "lower_bound": metric.bounds[0], "upper_bound": metric.bounds[1],
        "meaning": metric.meaning, "blind_to": metric.blind_to,
    }  # fmt: skip


def comparability_key(**conditions: Any) -> str:
    """Hash of all that a score depends on. Scores with different keys never share a ranking."""
    return sha256(json.dumps(conditions, sort_keys=True).encode()).hexdigest()[:12]


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
    samples, mixture = samples or judge(drawn.x), dataset.mixture
    return Evidence(
        samples=samples,
        reference=judge.reference(split),
        prior=dataset.prior,
        mixture=mixture if mixture and mixture.is_of(samples.features) else None,
        x=drawn.x.cpu(),
        real=dataset.reference(split) if _any(needed, "real") else None,
        fresh=drawn.like.x.cpu() if drawn.like else None,
        training=dataset.train() if _any(needed, "training") else None,
        trained=judge_real_data(judge, dataset, "train") if _any(needed, "trained") else None,
        held_out=judge_held_out(judge, dataset, split) if _any(needed, "trained") else None,
        asked=drawn.like.y.cpu() if drawn.conditional and drawn.like and drawn.like.y is not None else None,
        pair=_pairs(dataset, judge, drawn),
        belief=drawn.belief,
        walk=_judged_walk(judge, drawn.walk) if drawn.walk else None,
        device=exact(drawn.x.device),
        log_likelihood=drawn.log_likelihood,
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
