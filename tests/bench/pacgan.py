"""Table 1 of the PacGAN paper with all trials of a row trained as one stacked model.

    python tests/bench/pacgan.py --out DIR [--rows gan,pacgan2] [--dataset ring8] [--scale 1] [--device cuda]

The networks are so small that a GPU waits for launches: ten stacked trials take about the kernels of one. Each trial
begins with the weights that `ganbench run suites/pacgan-2d.toml` gives that seed, and takes the same updates on batches
of its own; only the random draws are others. Samples go to DIR/ROW/DATASET/SEED.npy, which `ganbench evaluate` sets
beside the suite's runs; what is stopped leaves those of its last twentieth. At the end the rows are printed beside the
paper's, for docs/reproductions.md.

`--scale 0.1` is a tenth of the length. It shows a trend and no more, and the output says so.
"""

import argparse
import time
import tomllib
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.external import judge_external, score_table
from ganbench.runs.run import make_deterministic
from ganbench.runs.sampling import training_data
from ganbench.runs.spec import RunSpec
from ganbench.runs.training import train
from ganbench.suite.loading import load
from ganbench.twoplayers import TwoPlayers
from ganbench.variant import Batch, Player, Variant
from ganbench.zoo.parts import adam

SUITE = Path(__file__).parents[2] / "suites" / "pacgan-2d.toml"


class Stack(nn.Module):
    """Networks of one shape as one: (trials, n, ...) -> (trials, m, ...), each trial by its own weights."""

    def __init__(self, networks: list[nn.Module]):
        super().__init__()
        weights, buffers = stack_module_state(networks)
        self.names = {name.replace(".", "_"): name for name in (*weights, *buffers)}
        for name, weight in weights.items():
            self.register_parameter(name.replace(".", "_"), nn.Parameter(weight.detach().clone()))
        for name, buffer in buffers.items():
            self.register_buffer(name.replace(".", "_"), buffer)
        self.shape = (deepcopy(networks[0]).to("meta"),)  # in a tuple it is no submodule

    def forward(self, x: Tensor) -> Tensor:
        network = self.shape[0].train(self.training)
        state = {self.names[name]: tensor for name, tensor in (*self.named_parameters(), *self.named_buffers())}
        scores: Tensor = torch.vmap(lambda own, part: functional_call(network, own, (part,)))(state, x)
        return scores


class Trials(Variant):
    """Games of one shape, each on batches of its own: what each minimises is as if it were alone.

    D's loss and G's are sums over the trials. A trial's weights are in its own term alone, so that their gradients, and
    with them Adam's steps, are those of the trial by itself.
    """

    def __init__(self, games: list[TwoPlayers]):
        super().__init__()
        self.n, self.game, self.z_dim = len(games), (games[0],), games[0].z_dim
        self.batch = self.n * games[0].batch
        self.G, self.D = Stack([game.G for game in games]), Stack([game.D for game in games])
        optimizers = [
            adam(network, *self.rates(player))
            for network, player in zip((self.D, self.G), games[0].players, strict=True)
        ]
        self.players = [
            Player("D", self.D, self.d_loss, optimizers[0], sees_data=True),
            Player("G", self.G, self.g_loss, optimizers[1], makes_samples=True),
        ]

    @staticmethod
    def rates(player: Player) -> tuple[float, tuple[float, float]]:
        (group,) = player.optimizer.param_groups
        return group["lr"], group["betas"]

    def fakes(self, n: int) -> Tensor:
        """(trials, n, numbers) samples, of each trial as many."""
        device = next(self.parameters()).device
        return self.G(torch.randn(self.n, n, self.z_dim, device=device))

    def d_loss(self, batch: Batch) -> dict[str, Tensor]:
        real = batch.x.view(self.n, -1, *batch.x.shape[1:])
        scores = self.D(torch.cat([real, self.fakes(real.shape[1])], 1)).chunk(2, 1)
        return {"loss": self.n * self.game[0].loss.d(*scores)}

    def g_loss(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": self.n * self.game[0].loss.g(None, self.D(self.fakes(len(batch.x) // self.n)))}


def trials_of(specs: list[RunSpec]) -> Trials:
    """The runs of a row, one for each seed, as one model with the weights that each begins with."""
    dataset, games = specs[0].build_dataset(), []
    for spec in specs:
        make_deterministic(spec.seed)
        game = spec.build_variant(dataset)
        assert isinstance(game, TwoPlayers)
        games.append(game)
    return Trials(games)


def run_row(specs: list[RunSpec], out: Path, scale: float, device: torch.device) -> list[str]:
    """Train a row's trials and save each one's samples, at every twentieth of the length anew; return the files."""
    variant, dataset = trials_of(specs).to(device), specs[0].build_dataset()
    data, ledger = training_data(variant, dataset, device), Ledger()
    budget, started = Budget("updates", max(specs[0].budget.amount * scale, 1)), time.perf_counter()
    files = [out / specs[0].label / specs[0].dataset_label / f"{spec.seed}.npy" for spec in specs]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for i, curves in enumerate(train(variant, data, budget, ledger, intervals=20), 1):
        save_samples(variant, specs[0].samples, files, device)
        print(
            f"  {5 * i} %, {time.perf_counter() - started:.0f} s, D {curves['D.loss']:.3g}, G {curves['G.loss']:.3g}",
            flush=True,
        )
    return [str(file) for file in files]


@torch.no_grad()
def save_samples(variant: Trials, n: int, files: list[Path], device: torch.device) -> None:
    """Write samples of each trial to its file; training goes on as if none had been drawn."""
    variant.eval()
    with torch.random.fork_rng([torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.manual_seed(0)
        samples = variant.fakes(n).cpu().numpy()
    variant.train()
    for file, x in zip(files, samples, strict=True):
        np.save(file, x)


def beside_the_paper(specs: list[RunSpec], files: list[str], device: torch.device) -> list[dict[str, Any]]:
    """Our mean and standard error of each published score, and how many standard errors of both lie between."""
    like = replace(specs[0], budget=Budget("images", 0))
    scores = score_table(judge_external(files, specs[0].label, like, device))
    rows = []
    for table in tomllib.loads(SUITE.read_text())["published"]:
        if (table["variant"], table["dataset"]) == (specs[0].label, specs[0].dataset_label):
            for metric, (mean, stderr) in table["scores"].items():
                ours = scores[scores["metric"] == metric]["value"]
                row = {"metric": metric, "paper": mean, "of": stderr, "here": ours.mean()}
                if len(ours) > 1:
                    row["error"] = stats.sem(ours)
                    row["apart"] = (row["here"] - mean) / np.hypot(row["error"], stderr)
                rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", default="gan,pacgan2")
    parser.add_argument("--dataset", default="ring8")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    device, runs = torch.device(asked.device), load(SUITE).runs
    for label in asked.rows.split(","):
        specs = [r for r in runs if (r.label, r.dataset_label) == (label, asked.dataset)][: asked.trials]
        print(
            f"{label} on {asked.dataset}, {len(specs)} trials"
            + (f", {asked.scale:g} of the length: a trend" if asked.scale < 1 else "")
        )
        files = run_row(specs, asked.out, asked.scale, device)
        for row in beside_the_paper(specs, files, device):
            scatter = " ± {error:.2g}, apart {apart:+.1f}" if "error" in row else ", one trial"
            print(("  {metric}: paper {paper:g} ± {of:g}, here {here:.3g}" + scatter).format(**row))


if __name__ == "__main__":
    main()
