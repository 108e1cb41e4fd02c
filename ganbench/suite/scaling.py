"""`--scale`: the same suite, shorter.

Every budget is multiplied by the scale. Evaluations and samples are multiplied by its root each, so that judging
shrinks as training does; neither grows by a scale above 1. No run is judged by fewer samples than its metrics need.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import ceil, sqrt

from ganbench.metrics import Metric
from ganbench.runs.budget import Budget
from ganbench.runs.spec import RunSpec


def shorten(run: RunSpec, scale: float, least: int) -> RunSpec:
    """The run at a scale; `least` samples are judged, or as many as it has if those are fewer."""
    share = min(1.0, sqrt(scale))
    return replace(
        run,
        budget=Budget(run.budget.unit, run.budget.amount * scale),
        evaluations=max(1, round(run.evaluations * share)),
        samples=min(run.samples, max(least, ceil(run.samples * share))),
        scale=run.scale * scale,
    )


def least_samples(metrics: Iterable[Metric], width: int) -> int:
    """Samples without which some of the metrics have no number, on features of that width."""
    return max((metric.at_least(width) for metric in metrics), default=1)
