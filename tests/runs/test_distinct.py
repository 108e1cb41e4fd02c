"""Real data are given out once: a row that repeats them would be judged for the repetition."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ganbench.controls import Memorizer, ModeDropper, Noise, Real
from ganbench.data import Dataset
from ganbench.data.mixtures import Ring8
from ganbench.data.mnist import Mnist5k
from ganbench.judges import Judged
from ganbench.metrics import Estimate, metric
from ganbench.runs.judging import Judgement
from ganbench.runs.sampling import Sampler, before_repetition
from ganbench.variant import Batch, DataSpec, Variant

CPU = torch.device("cpu")
JUDGED = Judged(torch.zeros(30, 2), torch.zeros(30, 2))


class Few(Dataset):
    """Points of a line: 30 that train, 20 fresh ones, which come round again."""

    spec = DataSpec((2,), classes=2)
    fingerprint, preprocessing, judge = "few", "none", "truth"
    prior = torch.tensor([0.5, 0.5])

    def train(self) -> Batch:
        return _line(range(100, 130))

    def fresh(self, split: Any, n: int) -> Batch:
        return _line(i % 20 for i in range(n))

    def reference(self, split: Any) -> Batch:
        return _line(range(200, 230))


def _line(places: Any) -> Batch:
    x = torch.tensor([[float(place), 0.0] for place in places])
    return Batch(x, (x[:, 0] % 2).long())


class Translator(Variant):
    given_real = True

    def sample(self, like: Batch) -> torch.Tensor:
        return like.x + torch.rand_like(like.x)


@pytest.mark.parametrize(
    ("variant", "asked", "given"),
    [(Real, 15, 15), (Real, 50, 20), (Memorizer, 50, 30), (Memorizer, 30, 30), (ModeDropper, 50, 10), (Noise, 50, 50)],
)
def test_controls_give_as_many_samples_as_are_distinct(variant: Any, asked: int, given: int) -> None:
    made = variant(Few.spec)
    made.prepare(Few().train())
    drawn = Sampler(made, Few(), CPU).drawn("test", asked, 0)
    assert len(drawn.x) == given == len(drawn.x.unique(dim=0))
    assert drawn.like is not None and len(drawn.like.x) == len(drawn.like.y) == given, "asked classes go with samples"
    if variant is Real:
        assert drawn.x.equal(Few().fresh("test", given).x)


def test_what_is_made_of_real_data_is_made_of_each_once() -> None:
    assert len(Sampler(Translator(), Few(), CPU).drawn("test", 50, 0).x) == 20


def test_samples_that_are_made_of_nothing_may_repeat() -> None:
    class Constant(Variant):
        def sample(self, like: Batch) -> torch.Tensor:
            return torch.zeros_like(like.x)

    assert len(Sampler(Constant(), Few(), CPU).drawn("test", 50, 0).x) == 50, "that is its fault"


def test_where_samples_come_round_again() -> None:
    x = torch.tensor([0.0, 1, 0, 2])[:, None]
    assert before_repetition(x) == 4, "equal samples are no repetition of all"
    assert before_repetition(x.repeat(3, 1)[:11]) == 4
    assert before_repetition(x[:1].repeat(5, 1)) == 1
    assert before_repetition(Ring8(points=100).fresh("test", 5_000).x) == 5_000
    assert before_repetition(Mnist5k(size=8).fresh("test", 2_500).x) == 2_000


def test_held_out_digits_are_of_the_training_digits_own_file() -> None:
    held_out, data = Mnist5k(size=8).held_out("test"), Mnist5k(size=8)
    assert held_out is not None and len(held_out.x) == 2_000
    assert held_out.y.bincount().tolist() == [200] * 10
    assert Ring8(points=100).held_out("test") is None
    assert not (data.train().x[:300, None] == held_out.x[None, :50]).flatten(2).all(2).any()


@pytest.mark.parametrize("asked", [15, 50])
def test_a_row_of_fewer_samples_has_a_key_of_its_own_and_names_the_board_that_it_stands_on(asked: int) -> None:
    def row(variant: Variant, direction: str = "higher") -> dict[str, Any]:
        spread = metric("spread", direction=direction, unit="", source="")(lambda _: Estimate(1.0))
        judge = SimpleNamespace(key="judge", reference=lambda split: JUDGED)
        work: Any = SimpleNamespace(dataset=Few(), judge=judge, metrics=[spread], variant=variant, device=CPU)
        judgement = Judgement(SimpleNamespace(seed=0, samples=asked), work)  # type: ignore[arg-type]
        drawn = judgement.sampler.drawn("test", asked, 0)
        judgement.last_judged = drawn.x, Judged(drawn.x, drawn.x)
        return judgement.scores(drawn, "test", "last", 0)[0][0]

    real, noise, turned = row(Real(Few.spec)), row(Noise(Few.spec)), row(Noise(Few.spec), "lower")
    assert real["board_key"] == noise["board_key"] == noise["key"]
    assert (real["key"] == real["board_key"]) == (asked == 15)
    assert turned["key"] != noise["key"], "which way is better is part of the key"
