"""What a metric refuses, and what no value may be: NaN features, a distance below 0."""

import math

import pytest
import torch
from torch import Generator, Tensor

from ganbench import plugins
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, Metric
from ganbench.metrics.fidelity import fid, kid
from ganbench.metrics.memorisation import ct
from ganbench.metrics.similarity import ms_ssim

METRICS: list[Metric] = [plugins.load("metrics", name) for name in plugins.names("metrics")]


def judged(n: int = 300, seed: int = 0) -> Judged:
    x = torch.randn(n, 4, generator=Generator().manual_seed(seed))
    return Judged(x, x)


def with_bad(judged: Judged, value: float, *fields: str) -> Judged:
    spoilt = {field: getattr(judged, field).clone() for field in fields}
    for tensor in spoilt.values():
        tensor[7, 1] = value
    return judged._replace(**spoilt)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_refuses_features_that_are_no_numbers(metric: Metric) -> None:
    good = judged(1_000)
    bad = with_bad(good, math.nan, "features")
    for samples, reference in ((bad, good), (good, bad)):
        with pytest.raises(BenchError, match=f"Found 1 of 1,000 features of .*, but {metric.name} needs numbers"):
            metric(Evidence(samples, reference, torch.ones(4) / 4))


def test_infinite_features_are_refused_where_they_leave_no_number() -> None:
    bad = with_bad(judged(), math.inf, "features")
    for metric in (fid, kid):
        with pytest.raises(BenchError, match="1 of 300 features of samples with a NaN or an infinity"):
            metric(Evidence(bad, judged(seed=1), torch.ones(4) / 4))


def test_logits_may_be_certain_but_not_nan() -> None:
    evidence = Evidence(with_bad(judged(), math.nan, "logits"), judged(seed=1), torch.ones(4) / 4)
    with pytest.raises(BenchError, match="1 of 300 logits of samples"):
        fid(evidence)
    assert fid(evidence._replace(samples=with_bad(judged(), -math.inf, "logits"))).value > 0


def test_what_else_a_metric_looks_at_is_looked_through_too() -> None:
    good = judged()
    bad = with_bad(good, math.nan, "features")
    for more, whose in (({"trained": bad}, "training"), ({"trained": good, "held_out": bad}, "held-out")):
        with pytest.raises(BenchError, match=f"features of {whose} samples"):
            ct(Evidence(good, good, torch.ones(4) / 4, **more))
    x = torch.zeros(300, 1, 16, 16)
    x[3, 0, 2, 2] = math.nan
    with pytest.raises(BenchError, match="Found 1 of 300 samples with a NaN"):
        ms_ssim(Evidence(good, good, torch.ones(4) / 4, x=x))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_fid_is_never_negative(scale: float) -> None:
    for seed in range(5):
        features: Tensor = scale * torch.randn(200, 64, generator=Generator().manual_seed(seed))
        features[:, 40:] = features[:, :24]  # a covariance without full rank
        same = Judged(features, features)
        assert 0 <= fid(Evidence(same, same, torch.ones(1))).value < 1e-6 * scale**2
