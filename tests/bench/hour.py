"""What a suite would take on a GPU that is not at hand: an estimate by a formula, not a measurement.

    python tests/bench/hour.py [suites/standard.toml] [--workers 4]

A round takes the largest of its operations over the rate, its bytes over the bandwidth, and its kernels times what a
kernel costs; `ganbench.runs.operations` counts all three on the device `meta`. To that come the start of each run, and
its judgements, both on the host. A GPU trains one run after the other: nothing is gained by sharing it but that one run
trains while others start or are judged. Even that is not counted on: the host's work, by as many workers as there are,
is added to the GPU's.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from ganbench.runs.operations import Stage, stages
from ganbench.runs.spec import RunSpec
from ganbench.suite.loading import load

ROOT = Path(__file__).parents[2]


class Card(NamedTuple):
    """What a GPU does in a second, as far as small networks get it to."""

    operations: float  # of matrix products and convolutions
    bytes: float
    kernel_s: float  # from one kernel of a graph to the next


# Calibrated on the H200 of docs/performance.md, whose processors are an H100's: float32 convolutions of these networks
# reached 18 to 64 TFLOP/s there, a kernel of a replayed graph took 2.0 to 3.4 microseconds. TF32 is counted as float32,
# since it was not measured in replayed steps. Memory: three quarters of NVIDIA's 3.35 TB/s.
H100 = Card(operations=40e12, bytes=2.5e12, kernel_s=3.2e-6)

# Seconds on the host. Starting: a guess, for a process that also has to bring up CUDA and record graphs. Judging: an
# evaluation along the budget by standard's `curves`, and one at the end by all metrics, in seconds of one core of the
# machine of docs/performance.md, less what a GPU does: drawing, the judge's pass, neighbours, KID and bins.
START_S = 4.0
JUDGING_S = {"points": (0.1, 3.6), "images": (0.5, 12.0)}


def training_s(found: Iterable[Stage], card: Card) -> float:
    """Seconds of all rounds of a run."""
    return sum(stage.rounds * round_s(stage, card) for stage in found)


def round_s(stage: Stage, card: Card) -> float:
    """Seconds of one round of a stage: what takes longest hides the rest."""
    work = stage.operations
    return max(work.flops / card.operations, work.bytes / card.bytes, work.kernels * card.kernel_s)


def host_s(run: RunSpec, is_image: bool, trained: bool) -> float:
    """Seconds of the host for one run: its start, its evaluations, and both of its final judgements."""
    evaluation, end = JUDGING_S["images" if is_image else "points"]
    return START_S + (run.evaluations if trained else 1) * evaluation + (2 if trained else 1) * end


def pairs(path: Path, card: Card) -> Iterator[dict[str, Any]]:
    """A row for each pair of variant and dataset: seconds of the card and of the host, a run."""
    runs = load(path).runs
    for run in {(run.dataset_label, run.label): run for run in reversed(runs)}.values():
        dataset = run.build_dataset()
        found = stages(lambda run=run, dataset=dataset: run.build_variant(dataset), dataset.spec, run.budget)  # type: ignore[misc]
        last = found[-1].operations if found else None
        yield {
            "variant": run.label, "dataset": run.dataset_label,
            "runs": sum((one.label, one.dataset_label) == (run.label, run.dataset_label) for one in runs),
            "parameters": sum(run.build_variant(dataset).count_weights()),
            "rounds": round(sum(stage.rounds for stage in found)),
            "kernels": last.kernels if last else 0, "gflop": last.flops / 1e9 if last else 0.0,
            "training_s": training_s(found, card), "host_s": host_s(run, dataset.spec.is_image, bool(found)),
        }  # fmt: skip


def whole_s(rows: Iterable[dict[str, Any]], workers: int) -> float:
    """Seconds of the suite: the card's, and the host's by so many workers at a time."""
    rows = list(rows)
    return sum(row["runs"] * (row["training_s"] + row["host_s"] / workers) for row in rows)


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Markdown for docs/performance.md."""
    rows = [row for row in rows if row["training_s"]]
    titles = ("variant", "dataset", "parameters", "rounds", "kernels a round", "GFLOP a round", "seconds of training")
    lines = ["| " + " | ".join(titles) + " |", "| --- | --- | --: | --: | --: | --: | --: |"]
    for row in rows:
        lines.append(
            f"| `{row['variant']}` | {row['dataset']} | {row['parameters']:,} | {row['rounds']:,} | {row['kernels']:,} "
            f"| {row['gflop']:.1f} | {row['training_s']:.0f} |"
        )
    return "\n".join(lines)


def spread(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Of each dataset, how many times the median variant the slowest takes."""
    times: dict[str, list[float]] = {}
    for row in rows:
        if row["training_s"]:
            times.setdefault(row["dataset"], []).append(row["training_s"])
    return {name: round(max(found) / median(found), 1) for name, found in times.items()}


def main() -> None:
    ask = argparse.ArgumentParser(description="What a suite would take on an H100, by a formula.")
    ask.add_argument("suite", type=Path, nargs="?", default=ROOT / "suites" / "standard.toml")
    ask.add_argument("--workers", type=int, default=4, help="runs at a time, for the host's work")
    given = ask.parse_args()
    rows = []
    for row in pairs(given.suite, H100):
        rows.append(row)
        print(json.dumps(row), flush=True)
    print(table(rows))
    print("slowest over median:", spread(rows))
    card = sum(row["runs"] * row["training_s"] for row in rows)
    host = sum(row["runs"] * row["host_s"] for row in rows)
    print(f"card {card / 60:.1f} minutes, host {host / 60:.1f} of one core,", end=" ")
    print(f"in all {whole_s(rows, given.workers) / 60:.1f} minutes with {given.workers} workers")


if __name__ == "__main__":
    main()
