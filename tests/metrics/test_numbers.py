"""What a metric refuses, and what no value may be: NaN features, a distance below 0."""

import math
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ganbench import plugins
from ganbench.data.density import Mixture
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, Metric, Pairs
from ganbench.metrics.fidelity import fid, kid
from ganbench.metrics.memorisation import ct
from ganbench.metrics.similarity import ms_ssim
from ganbench.variant import Batch

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


def everything(n: int = 1_000) -> Evidence:
    """What every metric but those of a density looks at."""
    images = torch.rand(5, n, 1, 16, 16, generator=Generator().manual_seed(0)) * 2 - 1
    y = torch.arange(n) % 4
    return Evidence(
        judged(n), judged(n, 1), torch.ones(4) / 4, x=images[0], real=Batch(images[1], y), fresh=images[2],
        training=Batch(images[3], y), trained=judged(n, 2), held_out=judged(n, 3), asked=y,
        pair=Pairs("turned", images[0], images[1], images[2], y, images[4]),
        belief=lambda x: torch.rand(len(x)), walk=lambda k, _: (judged(k), judged(k, 1)),
        log_likelihood=lambda x: -torch.rand(len(x)),
    )  # fmt: skip


def spoilt(x: Tensor, value: float) -> Tensor:
    return x.index_fill(0, torch.tensor([7]), value)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_refuses_nan_in_every_field_that_it_declares(metric: Metric) -> None:
    good = everything()
    for field in {need.partition(".")[0] for need in metric.needs}:
        value = getattr(good, field)
        if isinstance(value, Tensor) and value.is_floating_point():
            bad = [spoilt(value, math.nan)]
        elif isinstance(value, tuple):
            parts = {name: x for name, x in value._asdict().items() if isinstance(x, Tensor) and x.is_floating_point()}
            bad = [value._replace(**{name: spoilt(x, math.nan)}) for name, x in parts.items()]
        else:
            continue
        for broken in bad:
            with pytest.raises(BenchError, match=f"with a NaN or an infinity, but {metric.name} needs numbers"):
                metric(good._replace(**{field: broken}))


def test_what_is_asked_when_needed_may_not_answer_nan_either() -> None:
    good = everything(300)
    mixture = Mixture(torch.zeros(1, 4, dtype=torch.float64), 1.0, torch.ones(1, dtype=torch.float64))
    for name, more in (
        ("ppl", {"walk": lambda k, _: (with_bad(judged(k), math.nan, "features"), judged(k, 1))}),
        ("bits_per_dimension", {"log_likelihood": lambda x: spoilt(torch.zeros(len(x)), math.nan)}),
    ):
        with pytest.raises(BenchError, match=f"Found NaN for {name}.*{next(iter(more))}"):
            plugins.load("metrics", name)(good._replace(mixture=mixture, **more))


def test_training_images_that_are_infinite_are_refused_with_a_name() -> None:
    good = everything()
    assert good.training is not None
    broken = good.training._replace(x=spoilt(good.training.x, math.inf))
    with pytest.raises(BenchError, match="Found 1 of 1,000 x of training samples"):
        plugins.load("metrics", "ndb")(good._replace(training=broken))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["fid", "precision", "clipped_coverage", "prd_f8", "is", "class_kl"])
def test_features_of_half_the_digits_are_read_as_numbers(name: str, kind: torch.dtype) -> None:
    metric = plugins.load("metrics", name)
    halves = [Judged(*(part.to(kind) for part in judged(seed=seed))) for seed in (0, 1)]
    whole = [Judged(*(part.float() for part in half)) for half in halves]
    prior = torch.ones(4) / 4
    assert metric(Evidence(*halves, prior)).value == pytest.approx(metric(Evidence(*whole, prior)).value, rel=1e-6)


def test_an_extrapolated_fid_needs_two_sizes_that_vary() -> None:
    few, many = (Judged(torch.randn(n, 2), torch.zeros(n, 2)) for n in (3, 300))
    with pytest.raises(BenchError, match="Found 3 samples, but fid_unbiased on 2 features needs at least 4"):
        plugins.load("metrics", "fid_unbiased")(Evidence(few, many, torch.ones(2) / 2))


@pytest.mark.parametrize("name", ["fid", "fid_unbiased", "kid", "recall", "prd_f8", "authenticity", "intra_fid"])
def test_a_single_feature_is_enough(name: str) -> None:
    narrow = [Judged(part.features[:, :1], part.logits) for part in (judged(1_000, seed) for seed in range(3))]
    y = torch.arange(1_000) % 4
    evidence = Evidence(*narrow[:2], torch.ones(4) / 4, real=Batch(narrow[1].features, y), trained=narrow[2], asked=y)
    assert math.isfinite(plugins.load("metrics", name)(evidence).value)
    if name == "fid":
        (m, s), (r, t) = ((part.features.mean().item(), part.features.std().item()) for part in narrow[:2])
        assert fid(evidence).value == pytest.approx((m - r) ** 2 + (s - t) ** 2)


def test_what_does_not_fit_together_is_refused() -> None:
    good = everything(1_000)
    seen = good.samples
    narrow, flat = (seen._replace(features=part) for part in (seen.features[:, :3], seen.features[:, 0]))
    for name, part, refusal in (
        ("fid", {"samples": narrow}, "samples of width 3, features of reference samples of width 4, but fid compares"),
        ("ct", {"trained": narrow}, "features of training samples of width 3"),
        ("kid", {"samples": flat}, r"features of samples of shape \(1000,\)"),
        ("birthday_support", {"samples": seen._replace(logits=seen.logits[:7])}, "Found 7 logits of samples beside"),
        ("ms_ssim", {"x": good.x[:100]}, "Found 100 samples beside the features of 1,000 samples"),  # type: ignore[index]
        ("label_accuracy", {"asked": good.asked[:9]}, "Found 9 asked labels beside"),  # type: ignore[index]
    ):
        with pytest.raises(BenchError, match=refusal):
            plugins.load("metrics", name)(good._replace(**part))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_tensors_that_ask_for_gradients_are_read_as_numbers(metric: Metric) -> None:
    plain = everything(250)._replace(log_likelihood=lambda x: -x.flatten(1).norm(dim=1))
    if not metric.applies(plain) or metric.at_least(4) > 250 or metric.least_trained > 250:
        return

    def asking(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.clone().requires_grad_() if value.is_floating_point() else value
        return type(value)(*map(asking, value)) if isinstance(value, tuple) else value

    as_numbers, said = metric(plain), metric(asking(plain))
    assert said.value == pytest.approx(as_numbers.value, rel=1e-6, nan_ok=True)
