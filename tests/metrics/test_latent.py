import math

import pytest
import torch
from torch import Generator, Tensor

from ganbench.data.mixtures import Ring8
from ganbench.judges import Judged
from ganbench.judges.truth import TruthJudge
from ganbench.metrics import Evidence, latent
from ganbench.metrics.latent import ppl, trimmed_mean
from ganbench.runs.judging import gather
from ganbench.runs.sampling import Sampler
from ganbench.variant import Batch, Variant


class Open(Variant):
    """Shows its latents as they are, or stretched."""

    z_dim = 2

    def __init__(self, stretch: float = 1.0):
        super().__init__()
        self.players, self.stretch = [], stretch

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        return self.stretch * z


def evidence_of(variant: Variant, seed: int = 0) -> Evidence:
    ring = Ring8(points=100)
    drawn = Sampler(variant, ring, torch.device("cpu")).drawn("test", 50, seed)
    return gather(ring, TruthJudge(ring), [ppl], "test", drawn)


def walking(speed: Tensor) -> Evidence:
    """Features that move by a given distance in a whole walk, each along an axis of its own."""

    def walk(n: int, step: float) -> tuple[Judged, Judged]:
        here = torch.zeros(n, 2, dtype=torch.float64)
        there = torch.stack([step * speed[:n], torch.zeros(n)], 1)
        return Judged(here, here), Judged(there, there)

    seen = Judged(torch.zeros(10, 2), torch.zeros(10, 2))
    return Evidence(seen, seen, torch.ones(1), walk=walk)


def test_it_is_the_mean_square_of_the_speed():
    assert ppl(walking(torch.full((2000,), 3.0))) == pytest.approx((9, 0), abs=1e-5)


def test_the_extremes_are_dropped():
    speed = torch.full((2000,), 2.0, dtype=torch.float64)
    speed[:15], speed[-15:] = 1e6, 0
    assert ppl(walking(speed)).value == pytest.approx(4)


def test_latents_shown_as_they_are_move_on_circles_between_their_lengths():
    """The speed is then known: along the circle the length times the angle, across it the difference of the lengths."""
    generator = Generator().manual_seed(7)
    start, goal = (torch.randn(100_000, 2, dtype=torch.float64, generator=generator) for _ in range(2))
    a, b = start.norm(dim=1), goal.norm(dim=1)
    angle = ((start * goal).sum(1) / (a * b)).acos()
    length = a + torch.rand(100_000, dtype=torch.float64, generator=generator) * (b - a)
    expected = trimmed_mean((b - a).square() + (length * angle).square())
    found = ppl(evidence_of(Open()))
    assert abs(found.value - expected.value) < 3 * math.hypot(found.stderr, expected.stderr)


def test_it_grows_with_the_square_of_the_features_and_not_with_the_step(monkeypatch):
    found = ppl(evidence_of(Open()))
    assert ppl(evidence_of(Open(stretch=3))).value == pytest.approx(9 * found.value, rel=1e-2)
    monkeypatch.setattr(latent, "STEP", 1e-3)
    assert ppl(evidence_of(Open())).value == pytest.approx(found.value, rel=1e-2)


def test_one_sample_for_all_latents_is_no_way_at_all():
    assert ppl(evidence_of(Open(stretch=0))) == (0, 0)


def test_the_stated_error_is_that_of_redrawn_walks(monkeypatch):
    monkeypatch.setattr(latent, "WALKED", 300)
    found = torch.tensor([ppl(evidence_of(Open(), seed)) for seed in range(60)], dtype=torch.float64)
    assert found[:, 1].mean().item() == pytest.approx(found[:, 0].std().item(), rel=0.3)


def test_only_what_draws_from_latents_has_it():
    seen = Judged(torch.zeros(10, 2), torch.zeros(10, 2))
    assert not ppl.applies(Evidence(seen, seen, torch.ones(1)))
    assert not ppl.of_any_variant and not ppl.on_curves


def test_walks_leave_no_trace_in_random_numbers():
    evidence, before = evidence_of(Open()), torch.get_rng_state()
    assert ppl(evidence) == ppl(evidence)
    assert torch.equal(torch.get_rng_state(), before)
