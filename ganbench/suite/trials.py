"""Short trials of what runs are made of: a few rounds of a variant, a few samples of it, each metric once.

A trial gives plain numbers that are scaled to whole runs by `ganbench.suite.estimate`. It is the same for all data of
one shape, so that a suite's points are tried once, whatever rings and grids there are.
"""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from math import sqrt
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from ganbench.data import Dataset
from ganbench.judges import Judge, Judged
from ganbench.metrics import Evidence, Metric, Pairs
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.contract import fewer
from ganbench.runs.run import make_deterministic
from ganbench.runs.sampling import Sampler, training_data, wait_for
from ganbench.runs.spec import RunSpec
from ganbench.runs.training import PlayerStep, PlayerSteps, enter
from ganbench.variant import Variant

PLACES = 20  # along a budget, where the stage of a variant is looked at
BRIEF_S = 0.05  # a step that takes no longer is tried with the variant's own batch
STEP_S = 0.15  # of trying one step
DRAWN = {True: 32, False: 500}  # samples drawn on a CPU: images, points
SETTLING_BATCH = 4  # of what a variant does once before it draws, such as standing statistics
OF_TRAINING = {"training", "trained"}  # fields of Evidence
BRISK_S = 1.0  # a metric that takes no longer is tried twice, since the first time loads libraries
ASKED = 64  # samples that a judge is shown
JUDGED = 1_000  # samples that a metric is tried with, if it needs no more

Trial = dict[str, Any]


def try_variant(run: RunSpec, dataset: Dataset, device: torch.device) -> Trial:
    """Seconds of building a run's variant, of `training` it for one unit of its budget, of `drawing` a sample, and of
    `settling` once before that; and `memory`, bytes on the device.

    `gives` are the fields of Evidence that only some variants have. Training a control takes no time.
    """
    started = perf_counter()
    make_deterministic(run.seed)
    variant = run.build_variant(dataset).to(device)
    variant.to(memory_format=variant.memory_format)
    data = training_data(variant, dataset, device)
    variant.prepare(data)
    steps = PlayerSteps(variant, data, run.precision, capture=True)
    variant.train().requires_grad_(False)
    built = perf_counter() - started
    training = _budget_s(variant, steps, run.budget)
    settling, drawing = _drawing_s(variant, dataset, device, steps)
    return {
        "building": built, "training": training / run.budget.amount, "settling": settling, "drawing": drawing,
        "truncations": len(variant.truncations), "gives": _gives(variant), "trains": bool(variant.players),
        "memory": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0,
    }  # fmt: skip


def tried_variant(run: RunSpec, dataset: Dataset, device: torch.device) -> str:
    """All that such a trial depends on, but the machine."""
    variant, spec = run.variant, dataset.spec
    said: list[Any] = [variant.name, variant.options, run.variant_sources(), run.precision, run.budget.unit]
    said += [spec.shape, spec.classes > 0, dataset.other is not None]
    return json.dumps([*said, device.type, torch.get_num_threads()])


def _budget_s(variant: Variant, steps: PlayerSteps, budget: Budget) -> float:
    """Seconds of the whole budget: a mean over the stages that it passes."""
    if not variant.players:
        return 0.0
    if budget.unit == "seconds":
        return budget.amount
    places: Counter[float] = Counter()
    first: dict[tuple[int, int], float] = {}
    for place in range(PLACES):
        share = (place + 0.5) / PLACES
        variant.advance(share, _rounds(variant, budget, share))
        places[first.setdefault((variant.stage, variant.batch), share)] += 1
    return sum(n / PLACES * _share_s(variant, steps, budget, share) for share, n in places.items())


def _share_s(variant: Variant, steps: PlayerSteps, budget: Budget, share: float) -> float:
    """Seconds of the whole budget, if all of its rounds were as those after that share of it."""
    variant.advance(share, _rounds(variant, budget, share))
    own, seconds, flops = variant.batch, 0.0, 0
    few = own if steps.data.x.device.type != "cpu" else fewer(own)
    for player in variant.players:
        variant.batch = few
        took = _step_s(steps.of(player))
        if took * own / few < BRIEF_S and few < own:
            variant.batch = own
            took = _step_s(steps.of(player))
        seconds += player.repeats * took * own / variant.batch
        flops += player.repeats * steps.of(player).flops * own // variant.batch
    variant.batch = own
    one = Ledger()
    enter(one, variant, flops)
    return seconds / budget.spent(one)


def _step_s(step: PlayerStep) -> float:
    """Seconds of a step, from some after those that prepare it."""
    device = step.means.device
    for _ in range(1 if device.type == "cpu" else 3):  # the second of a graph records, the third replays
        step()
    took: list[float] = []
    while len(took) < 2 or (sum(took) < STEP_S and len(took) < 20):
        took.append(_timed(step, device)[0])
    return median(took)


def _rounds(variant: Variant, budget: Budget, share: float) -> int:
    """About how many rounds are done by that share of the budget."""
    one = Ledger()
    enter(one, variant, 0)
    return int(share / spent) if (spent := budget.spent(one)) else int(share * 10_000)


def _drawing_s(variant: Variant, dataset: Dataset, device: torch.device, steps: PlayerSteps) -> tuple[float, float]:
    """Seconds of what comes once after a change of the weights, and of each sample."""
    n = DRAWN[dataset.spec.is_image] if device.type == "cpu" else 500
    sampler, own = Sampler(variant, dataset, device), variant.batch
    few = min(own, SETTLING_BATCH)
    variant.batch = few
    draw = partial(sampler.samples, "validation", n, 0)
    draw()
    if variant.players:
        variant.batch = own if device.type != "cpu" else fewer(own)
        for player in variant.players:
            steps.of(player)()  # so that whatever was kept of the weights is stale
        variant.batch = few
    first, again = _timed(draw, device)[0], _timed(draw, device)[0]
    variant.batch = own
    settles = first > 1.5 * again and first - again > 0.005
    return ((first - again) * own / few if settles else 0.0), again / n


def _gives(variant: Variant) -> list[str]:
    """The fields of Evidence that only some variants have, as far as this one has them."""
    has = {"asked": variant.conditional, "pair": variant.domains > 1, "walk": variant.decodes, "belief": True}
    return [name for name, there in has.items() if there]


class JudgingTrials:
    """Trials of a run's judge and metrics on real data; a training split's features are stood in for."""

    def __init__(self, run: RunSpec, dataset: Dataset):
        self.run, self.dataset, self.metrics = run, dataset, run.load_metrics()
        self.walked: list[int] = []  # samples that metrics asked for along walks

    @cached_property
    def judge(self) -> Judge:
        return self.run.build_judge(self.dataset)

    @cached_property
    def reference(self) -> Judged:
        return self.judge.reference("validation")

    def tried(self, what: str) -> str:
        """All that a trial of the judge, or of a metric, depends on, but the machine."""
        variant, once = replace(self.run.variant, name="", options={}), Budget("images", 1)
        same = replace(self.run, variant=variant, seed=0, evaluations=1, scale=1.0, precision="float32", budget=once)
        return json.dumps([what, replace(same, samples=self.samples, metrics=()).id, torch.get_num_threads()])

    @cached_property
    def samples(self) -> int:
        """Samples that metrics are tried with."""
        return min(self.run.samples, max(JUDGED, *(metric.least for metric in self.metrics)))

    def asking(self) -> Trial:
        """Seconds of asking the judge about a sample, and the width of its features."""
        shown = self.dataset.fresh("validation", ASKED).x
        self.judge(shown[:4])
        asked = _timed(lambda: self.judge(shown), shown.device)[0] / len(shown)
        return {"asking": asked, "width": self.reference.features.shape[1]}

    def metric(self, metric: Metric) -> Trial:
        """Seconds of a metric the first time, and again; and of how many samples. None, if it cannot be computed."""
        self.walked.clear()
        first = again = 0.0
        with suppress(Exception):  # a stranger's own affair: its run will be a row that says so
            if metric.applies(self.evidence[0]):
                first = again = _timed(lambda: metric(self.evidence[0]))[0]
                if first < BRISK_S or OF_TRAINING & {*metric.needs}:  # what it makes of that split is kept
                    again = _timed(lambda: metric(self.evidence[1]))[0]
        size = sqrt(self.samples * min(self.samples, len(self.reference.features)))
        return {"first": first, "again": again, "size": size, "walked": sum(self.walked[:1])}

    @cached_property
    def evidence(self) -> list[Evidence]:
        """All that there may be to know of some samples, twice."""
        needed = {need.partition(".")[0] for metric in self.metrics for need in metric.needs}
        dataset, n = self.dataset, self.samples
        like = dataset.fresh("validation", n) if needed - {"mixture"} else None
        real = dataset.reference("validation") if "real" in needed else None
        training = dataset.train() if needed & OF_TRAINING else None
        of_samples = Evidence(
            samples=_stand_in(self.reference, n, 0),
            reference=Judged(*(part[:n] for part in self.reference)),
            prior=dataset.prior,
            mixture=dataset.mixture if dataset.mixture and dataset.mixture.is_of(self.reference.features) else None,
            x=None if like is None else like.x,
            real=real and real._replace(x=real.x[:n], y=None if real.y is None else real.y[:n]),
            training=training,
            trained=_stand_in(self.reference, len(training.x), 1) if training and "trained" in needed else None,
            asked=None if like is None else like.y,
            pair=_pairs(dataset, like.x) if like and dataset.other else None,
            belief=lambda x: torch.full((len(x),), 0.5),
            walk=_walk(self.reference, self.walked),
        )
        return [of_samples, of_samples._replace(samples=_stand_in(self.reference, n, 2))]


def _stand_in(reference: Judged, n: int, seed: int) -> Judged:
    """What a judge might say of `n` samples like those of the reference."""
    features, logits = (part[torch.arange(n) % len(part)] for part in reference)
    noise = torch.randn(features.shape, generator=torch.Generator().manual_seed(seed))
    return Judged(features + noise * features.std(0, correction=0) / 10, logits.clone())


def _walk(reference: Judged, walked: list[int]) -> Callable[[int, float], tuple[Judged, Judged]]:
    def walk(n: int, step: float) -> tuple[Judged, Judged]:
        walked.append(2 * n)
        return _stand_in(reference, n, 1), _stand_in(reference, n, 2)

    return walk


def _pairs(dataset: Dataset, x: Tensor) -> Pairs:
    assert dataset.other is not None, "the caller asks only where there is one"
    x_other = dataset.other.transform(x)
    return Pairs(dataset.other.name, x, x_other, x_other, None, x)


def _timed(work: Callable[[], Any], device: torch.device | None = None) -> tuple[float, Any]:
    """Seconds until the device is done with it, and what it gives."""
    started = perf_counter()
    result = work()
    if device is not None:
        wait_for(device)
    return perf_counter() - started, result
