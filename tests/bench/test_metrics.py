"""How long a judgement takes: `pytest tests/bench --benchmark-only`, best with OMP_NUM_THREADS=1."""

import pytest
import torch
from torch import Generator

from ganbench.data.mixtures import Grid25
from ganbench.judges import Judged
from ganbench.metrics import Evidence, diversity, fidelity, modes

CLASSIFIED = [
    fidelity.inception_score,
    fidelity.fid,
    fidelity.kid,
    fidelity.precision,
    fidelity.recall,
    fidelity.density,
    fidelity.coverage,
    diversity.classes,
    diversity.class_kl,
    diversity.confidence,
    diversity.entropy,
]
COUNTED = [modes.modes, modes.modes_third, modes.high_quality, modes.reverse_kl, modes.reverse_kl_third]
SIZES = [2_000, 10_000]


def judged(n: int, seed: int) -> Judged:
    generator = Generator().manual_seed(seed)
    return Judged(torch.randn(n, 64, generator=generator), 5 * torch.randn(n, 10, generator=generator))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("metric", CLASSIFIED, ids=lambda metric: metric.name)
def test_classified_images(benchmark, metric, n):
    benchmark(metric, Evidence(judged(n, 0), judged(10_000, 1), torch.full((10,), 0.1)))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("metric", COUNTED, ids=lambda metric: metric.name)
def test_points_of_a_mixture(benchmark, metric, n):
    mixture = Grid25().mixture
    x = mixture.sample(n, Generator().manual_seed(0)).x
    seen = Judged(x, mixture.log_posterior(x).float())
    benchmark(metric, Evidence(seen, seen, mixture.weights, mixture))
