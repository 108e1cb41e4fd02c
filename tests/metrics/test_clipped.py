"""Clipped density and coverage fall in proportion to the share of bad samples, whatever the outliers."""

from itertools import pairwise

import pytest
import torch
from torch import Generator, Tensor

from ganbench.data.mixtures import Grid25, Ring8
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence
from ganbench.metrics.clipped import clipped_coverage, clipped_density, expected_coverage
from ganbench.metrics.fidelity import coverage, density, neighbourhoods

BOTH = [clipped_density, clipped_coverage]


def compare(samples: Tensor, reference: Tensor) -> Evidence:
    return Evidence(Judged(samples, samples), Judged(reference, reference), torch.ones(1))


def normal(n: int, width: int, seed: int) -> Tensor:
    return torch.randn(n, width, generator=Generator().manual_seed(seed))


@pytest.mark.parametrize("dataset", [Ring8(points=2_000), Grid25(points=2_000)], ids=["ring8", "grid25"])
@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_they_are_the_share_of_good_samples_of_exact_mixtures(dataset, metric):
    """The bad ones lie where no real data are, all in one place or each elsewhere."""
    good, reference = dataset.fresh("test", 2_000).x, dataset.train().x
    for bad in (torch.full((2_000, 2), 30.0), 30 + 10 * normal(2_000, 2, 0)):
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
            n = int(2_000 * share)
            value, stderr = metric(compare(torch.cat([good[:n], bad[n:]]), reference))
            assert value == pytest.approx(share, abs=0.05), share
            assert (stderr > 0) == (share > 0)


def test_plain_coverage_is_not_the_share_of_good_samples():
    """What the clipped one is for: half of the samples cover most of what all do."""
    good, reference = Ring8(points=2_000).fresh("test", 2_000).x, Ring8(points=2_000).train().x
    half = compare(torch.cat([good[:1_000], torch.full((1_000, 2), 30.0)]), reference)
    assert coverage(half).value > 0.8 and clipped_coverage(half).value < 0.56


def test_an_outlier_of_the_reference_lets_no_bad_sample_pass():
    """Salvy et al., section 2: its ball is huge, so that plain density takes all that is near it for good."""
    reference = torch.cat([normal(500, 4, 0), torch.full((5, 4), 40.0) + 4 * normal(5, 4, 1)])
    bad = compare(torch.full((500, 4), 38.0) + normal(500, 4, 2), reference)
    assert clipped_density(bad).value < 0.05 < density(bad).value


def test_a_sample_that_is_repeated_where_data_are_densest_is_worth_one():
    reference = normal(1_000, 2, 0)
    some = normal(300, 2, 1)
    deepest = some[neighbourhoods(some, reference).depth.argmax()]
    repeated = compare(deepest + 1e-4 * normal(500, 2, 2), reference)
    assert density(repeated).value > 1.5
    assert clipped_density(repeated).value == 1 and clipped_coverage(repeated).value < 0.1


@pytest.mark.parametrize(("n", "m"), [(800, 1_000), (1_500, 700)])
def test_they_are_the_authors_numbers(n, m):
    """Computed by https://github.com/nicolassalvy/ClippedDensityCoverage from the same samples."""
    theirs = {(800, 1_000): AUTHORS[0], (1_500, 700): AUTHORS[1]}[n, m]
    x = torch.cat([normal(n // 2, 8, 1), 12 + normal(n - n // 2, 8, 2)])
    found = [metric(compare(x, normal(m, 8, 3))).value for metric in BOTH]
    assert found == pytest.approx(theirs, abs=1 / n)  # their calibration is a step function of n + 1 steps


AUTHORS = [(0.502034, 0.486891), (0.487418, 0.491672)]  # density and coverage


def test_expected_coverage_is_that_of_samples_of_the_reference_s_own_distribution():
    expected = expected_coverage(300, 300)
    assert expected[0] == 0 and all(a < b for a, b in pairwise(expected))
    # On a line, of 40 draws each; the calibration does not depend on the distribution.
    held = []
    for seed in range(40):
        reference, samples = normal(300, 1, seed), normal(300, 1, 1_000 + seed)
        reach = (reference - reference.T).abs().topk(6, largest=False).values[:, 5:]
        held.append(((reference - samples.T).abs() < reach).sum(1).clamp(max=5).double().mean() / 5)
    assert float(torch.stack(held).mean()) == pytest.approx(float(expected[-1]), abs=0.01)


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_the_standard_error_is_the_scatter_over_redrawn_samples(metric):
    reference = normal(500, 4, 0)
    draws = [torch.cat([normal(300, 4, 10 + i), 9 + normal(200, 4, 90 + i)]) for i in range(25)]
    values, errors = zip(*(metric(compare(draw, reference)) for draw in draws), strict=True)
    # The share of good samples is fixed here, which it is not for the binomial part of density's error.
    assert 0.3 < torch.tensor(values).std() / torch.tensor(errors).mean() < 1.6


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_fewer_than_a_ball_needs_are_refused(metric):
    with pytest.raises(BenchError, match="needs at least 6"):
        metric(compare(normal(5, 2, 0), normal(50, 2, 1)))
