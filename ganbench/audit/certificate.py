"""The certificate of metrics: which of those of fidelity and diversity passes which published check; and copies."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch

from ganbench import plugins
from ganbench.audit.sanity import Check, Floats, Verdict, checks, judge_check
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, Metric

Announce = Callable[[str], None]  # what is being checked


class Copies(NamedTuple):
    """What a metric that looks at the training data says."""

    new: float  # of new samples
    copied: float  # of the training data, given back
    lead: bool  # whether it calls copies better


class Certificate(NamedTuple):
    """All verdicts, check by check and metric by metric."""

    verdicts: list[Verdict]
    copies: dict[str, Copies]  # by metric
    versions: dict[str, int]  # of the metrics

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(verdict.metric for verdict in self.verdicts))

    def passed(self, metric: str) -> tuple[int, int]:
        """How many checks a metric passes, and of how many."""
        own = [verdict for verdict in self.verdicts if verdict.metric == metric]
        return sum(not verdict.failed for verdict in own), len(own)


def certify(announce: Announce = print, some: Iterable[Check] | None = None, names: Iterable[str] = ()) -> Certificate:
    """Run the checks, all but for `some`, on every installed metric that declares an aspect, all but for `names`."""
    installed = [plugins.load("metrics", name) for name in plugins.names("metrics")]
    metrics = [metric for metric in installed if metric.aspect and (not names or metric.name in names)]
    verdicts = []
    for check in checks() if some is None else some:
        announce(check.title)
        values = dict(_values(check, metrics))
        verdicts += [judge_check(check, metric.name, metric.aspect, values[metric.name]) for metric in metrics]
    seeing = [metric for metric in installed if "trained" in metric.needs]
    return Certificate(verdicts, dict(_copies(seeing)), {metric.name: metric.version for metric in (*metrics, *seeing)})


def _values(check: Check, metrics: list[Metric]) -> Iterator[tuple[str, Floats]]:
    """Each metric's values over the settings of a check; NaN where it refuses."""
    found = {metric.name: np.full(len(check.settings), np.nan) for metric in metrics}
    for i, setting in enumerate(check.settings):
        real, samples = check.draw(float(setting), np.random.default_rng([crc32(check.title.encode()), i]))
        evidence = Evidence(_seen(samples), _seen(real), torch.ones(1))
        for metric in metrics:
            try:
                found[metric.name][i] = metric(evidence).value
            except BenchError:
                continue
    yield from found.items()


def _copies(metrics: list[Metric]) -> Iterator[tuple[str, Copies]]:
    training, new, held_out = (_seen(np.random.default_rng(i).normal(size=(2_000, 8))) for i in range(3))
    for metric in metrics:
        first, again = (metric(Evidence(x, held_out, torch.ones(1), trained=training)).value for x in (new, training))
        yield metric.name, Copies(first, again, leads(metric, first, again))


def leads(metric: Metric, new: float, copied: float) -> bool:
    """Whether copies are called better than new samples."""
    return metric.direction != "none" and (copied > new) == (metric.direction == "higher")


def _seen(points: Floats) -> Judged:
    features = torch.from_numpy(points)
    return Judged(features, torch.zeros(len(points), 1))
