"""The record: all that is kept of a run, in the columns of `ganbench.store.columns`."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ganbench import __version__
from ganbench.data import Dataset
from ganbench.runs.budget import DERIVED, Ledger
from ganbench.runs.judging import Row, Work, row_without_value
from ganbench.runs.sampling import to_array, write_grid
from ganbench.runs.spec import RunSpec
from ganbench.store.columns import FINAL_CHECKPOINTS, LOSS_COLUMNS, REAL_IMAGES, SCORE_COLUMNS, Given, Status
from ganbench.store.folder import remove_state
from ganbench.store.layout import RUN
from ganbench.store.whole import write_json
from ganbench.variant import Variant, VariantKind


@dataclass
class State:
    """All that a run must remember, besides weights and random numbers, to go on as if it had never stopped."""

    ledger: Ledger = field(default_factory=Ledger)
    evaluated: int = 0  # points of the validation curve
    scores: list[Row] = field(default_factory=list)
    losses: list[Row] = field(default_factory=list)
    frames: list[Tensor] = field(default_factory=list)  # samples of each point of that curve, to be looked at
    occupancy: list[Tensor] = field(default_factory=list)  # how many samples each mode or class had there
    best: dict[str, Tensor] | None = None  # weights of the selected checkpoint
    best_value: float = nan
    best_images: int = 0
    given: str | None = None  # what the maker of samples from elsewhere was given; None: what the variant declares
    judging_s: float = 0.0  # drawing samples and judging them
    start_s: float = 0.0  # all else that is not training: data, networks, what is saved

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "ledger": asdict(self.ledger)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "State":
        return cls(**{**plain, "ledger": Ledger(**plain["ledger"])})


def write_record(
    spec: RunSpec, workdir: Path, status: Status, reason: str, state: State, work: Work | None, external: bool = False
) -> None:
    """Write the record, whole, in the workdir; the training state goes, unless another try may go on from there.

    A run that failed has a row without a value for every score it still owes. `work` is None if it failed
    before it could begin. `external` says that the samples come from elsewhere: nobody knows their cost.
    """
    kind: VariantKind = "variant" if external else spec.variant.load("variants").kind
    given = state.given
    if given is None:
        given = given_to(work.variant if work else spec.variant.load("variants"))
    own = asdict(spec.identity)
    owed = [] if status == "done" else _owed(spec, state)
    more = {"judge": spec.judge, "status": status}
    scores = pd.DataFrame([{**own, **more, **row} for row in state.scores + owed], columns=SCORE_COLUMNS)
    losses = pd.DataFrame([{**own, **row} for row in state.losses], columns=LOSS_COLUMNS)
    scores.to_parquet(workdir / "scores.parquet", index=False)
    losses.to_parquet(workdir / "losses.parquet", index=False)
    ledger = asdict(state.ledger) | {name: getattr(state.ledger, name) for name in DERIVED}
    record = {
        "status": status,
        "reason": reason,
        "summary": {**own, **of_kind(kind), "guest": external, "given": given, "scale": spec.scale},
        "ledger": dict.fromkeys(ledger) if external else ledger,
        "seconds": {"start": state.start_s, "training": state.ledger.seconds, "judging": state.judging_s},
        "conditions": {**_conditions(spec), **(_measured_with(work) if work else {})},
        "truth": _truth(work.dataset) if work else None,
        "spec": spec.to_dict(),
        "sources": spec.plugin_files(),
    }
    if status != "out_of_memory":
        remove_state(workdir)
    write_json(workdir / RUN, record)


def of_kind(kind: VariantKind) -> dict[str, bool]:
    """The columns that say of a row's kind whether it is set apart."""
    return {"control": kind == "control", "reference": kind == "reference"}


def given_to(variant: Variant | type[Variant]) -> Given:
    """What a variant, or its class, declares that it gets beside samples to learn from."""
    if getattr(variant, "given_real", False):
        return REAL_IMAGES
    labels, paired = getattr(variant, "conditional", False), getattr(variant, "domains", 1) > 1
    if labels:
        return "labels and second domain" if paired else "labels"
    return "second domain" if paired else "nothing"


def _owed(spec: RunSpec, state: State) -> list[Row]:
    """Of a metric that not every variant has, only if this run has had it before."""
    there = {(row["checkpoint"], row["metric"]) for row in state.scores}
    known = {metric for _, metric in there}
    return [
        row_without_value(metric, checkpoint, state.ledger.images, spec.samples)
        for checkpoint in FINAL_CHECKPOINTS
        for metric in spec.load_metrics()
        if (checkpoint, metric.name) not in there and (metric.of_any_variant or metric.name in known)
    ]


def _conditions(spec: RunSpec) -> Row:
    return {
        "ganbench": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "judge": spec.judge,
        "precision": spec.precision,
        "budget_unit": spec.budget.unit,
        "budget_amount": spec.budget.amount,
        "samples": spec.samples,
        "evaluations": spec.evaluations,
        "primary_when_run": spec.primary,
        **spec.about_look,
        **spec.about_search,
    }


def _measured_with(work: Work) -> Row:
    return {
        "device": device_name(work.device),
        "select": work.judge.select,
        "judge_key": work.judge.key,
        "judge_about": work.judge.about,
        "fingerprint": work.dataset.fingerprint,
        "preprocessing": work.dataset.preprocessing,
    }


def device_name(device: torch.device) -> str:
    """The GPU's name; for a CPU, its number of cores, which is what matters here; of other devices their type."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {os.cpu_count()} cores" if device.type == "cpu" else device.type.upper()


@cache
def processor_name() -> str:
    """The processor's model, as the system names it: "AMD EPYC 7B13". Cores alone do not say how fast they are."""
    with suppress(OSError):  # Linux; an ARM processor names its part rather than a model
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        named = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
        if model := named.get("model name") or named.get("CPU part"):
            return model
    if sys.platform == "darwin":
        with suppress(OSError, subprocess.SubprocessError):
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    return platform.processor() or platform.machine()


def _truth(dataset: Dataset) -> Row | None:
    if (mixture := dataset.mixture) is None:
        return None
    return {"means": mixture.means.tolist(), "sigma": mixture.sigma, "weights": mixture.weights.tolist()}


def write_shown(workdir: Path, samples: Tensor) -> None:
    """Keep some samples: as numbers, and images also as a picture."""
    array = to_array(samples)
    np.save(workdir / "samples.npy", array)
    if array.ndim == 4:
        write_grid(array, workdir / "grid.png")


def write_exhibits(workdir: Path, state: State, collected: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Keep what is to be looked at: along the budget, and of the selected checkpoint."""
    kept: dict[str, Any] = {name: x for name, x in (("frames", state.frames), ("occupancy", state.occupancy)) if x}
    kept = {name: torch.stack(x).numpy() for name, x in kept.items()}
    images = {row["images"] for row in state.scores if row["checkpoint"] == "curve"}
    np.savez_compressed(workdir / "exhibits.npz", images=np.array(sorted(images)), **kept, **dict[str, Any](collected))
