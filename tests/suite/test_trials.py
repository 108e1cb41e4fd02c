"""Stacked trials of `tests/bench/pacgan.py`: each is what it would be alone."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganbench import plugins
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.suite.loading import load
from ganbench.twoplayers import TwoPlayers
from ganbench.variant import Batch

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "tests" / "bench" / "pacgan.py"


@pytest.fixture(scope="module")
def trials_of() -> Any:
    return plugins.load("callables", f"{BENCH}:trials_of")


def specs(label: str, n: int = 2) -> list[Any]:
    runs = [run for run in load(ROOT / "suites" / "pacgan-2d.toml").runs if run.label == label][:n]
    small = {"width": 16, "batch": 5}
    return [
        dataclasses.replace(r, variant=dataclasses.replace(r.variant, options={**r.variant.options, **small}))
        for r in runs
    ]


def alone(spec: Any) -> TwoPlayers:
    torch.manual_seed(spec.seed)
    return spec.build_variant(spec.build_dataset())  # type: ignore[no-any-return]


def own_weights(stack: Any, name: str, trial: int) -> Tensor:
    return getattr(stack, name.replace(".", "_"))[trial]  # type: ignore[no-any-return]


def step(variant: Any, real: Tensor, z: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """D's step and G's, on given real points and latents."""
    monkeypatch.setattr(torch, "randn", lambda *shape, **_: z)
    for player in variant.players:
        loss = player.loss(Batch(real))["loss"]
        player.optimizer.zero_grad()
        loss.backward()
        player.optimizer.step()
    monkeypatch.undo()


@pytest.mark.parametrize("label", ["gan", "pacgan3"])
def test_each_of_the_stacked_trials_moves_as_it_would_alone(label: str, trials_of: Any, monkeypatch) -> None:
    stacked, games = trials_of(specs(label)), [alone(spec) for spec in specs(label)]
    n = games[0].batch
    assert stacked.batch == 2 * n and n == (5 if label == "gan" else 15)
    for _ in range(3):
        real, z = torch.randn(2, n, 2), torch.randn(2, n, 2)
        step(stacked, real.flatten(0, 1), z, monkeypatch)
        for game, x, latent in zip(games, real, z, strict=True):
            step(game, x, latent, monkeypatch)
    for trial, game in enumerate(games):
        for mine, its in ((stacked.G, game.G), (stacked.D, game.D)):
            for name, tensor in its.state_dict().items():
                torch.testing.assert_close(own_weights(mine, name, trial), tensor, rtol=1e-4, atol=1e-6)
    assert any(isinstance(m, nn.BatchNorm1d) for m in games[0].G.modules()), "its averages among them"


def test_stacked_trials_train_in_the_usual_loop_and_can_be_captured(trials_of: Any, monkeypatch, resources) -> None:
    tape = plugins.load("callables", f"{resources.parent / 'runs' / 'tape.py'}:Tape")
    data, curves = Batch(torch.randn(50, 2)), []
    for graph in (None, tape):
        variant = trials_of(specs("pacgan2"))
        monkeypatch.setattr("ganbench.runs.training.graph_of", lambda device, graph=graph: graph and graph())
        torch.manual_seed(1)
        curves.append([*train(variant, data, Budget("updates", 6), Ledger(), intervals=2)])
    assert curves[0] == curves[1]
