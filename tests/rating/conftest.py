"""Made-up results of three variants on digits and on points, and a study of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.rating.answers import Answers
from ganbench.rating.study import Design, Study

LABELS = ("real", "good", "middling", "poor")
BOTH = Design(("real-or-fake", "which-is-better"), trials=24, limit=0)


@dataclass
class Made:
    """What a study reads of results."""

    path: Path = Path("results/made")
    runs: DataFrame = field(default_factory=DataFrame)
    shown: dict[str, NDArray[Any]] = field(default_factory=dict)

    def samples(self, run: str) -> NDArray[Any] | None:
        return self.shown.get(run)

    def exhibits(self, run: str) -> dict[str, NDArray[Any]]:
        return {}


def made_up(datasets: tuple[str, ...] = ("digits", "ring"), seeds: int = 2) -> Made:
    rng, made, rows = np.random.default_rng(0), Made(), []
    for dataset in datasets:
        for label in LABELS:
            for seed in range(seeds):
                run = f"{dataset}-{label}-{seed}"
                points = rng.normal(size=(300, 2)).astype(np.float32)
                images = rng.integers(0, 256, (64, 8, 8, 1), np.uint8)
                made.shown[run] = points if dataset == "ring" else images
                rows.append(
                    {"suite": "made", "run": run, "variant": label, "label": label, "dataset": dataset, "seed": seed,
                     "status": "done", "control": label == "real", "images": 1_000}
                )  # fmt: skip
    made.runs = DataFrame(rows)
    return made


@pytest.fixture(autouse=True)
def _same_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rater is asked is drawn alike each time."""
    monkeypatch.setattr("ganbench.rating.answers.randbits", Random(0).getrandbits)


@pytest.fixture
def study() -> Study:
    return Study(made_up(), BOTH)  # type: ignore[arg-type]


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """`make_study(trials=6)`: of other results, or asked otherwise."""

    def make(results: Any = None, datasets: tuple[str, ...] = (), **design: Any) -> Study:
        asked = {"kinds": BOTH.kinds, "trials": BOTH.trials, "limit": 0.0} | design
        return Study(results or made_up(), Design(**asked), datasets)

    return make


@pytest.fixture
def results() -> Callable[..., Made]:
    return made_up


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(f"sqlite:///{tmp_path / 'answers.sqlite'}")
