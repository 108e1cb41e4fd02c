"""Samples from elsewhere: judged as a run's own are, and set on the same board.

Nobody knows what they have cost, so their rows say that the budget is unverified.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from hashlib import sha256
from math import nan
from pathlib import Path
from typing import NamedTuple, get_args

import pandas as pd
import torch
from torch import Tensor

from ganbench.errors import BadResults, BadSuite, BenchError, UnknownName
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget
from ganbench.runs.judging import Judgement, Work
from ganbench.runs.record import State, given_to, write_record, write_shown
from ganbench.runs.run import SHOWN
from ganbench.runs.sources import Range, Source, read_samples
from ganbench.runs.spec import RunSpec, check_trust, complete, recorded
from ganbench.store.columns import NOT_SAID, SCORE_COLUMNS, Given
from ganbench.store.folder import Store
from ganbench.store.layout import RUN
from ganbench.store.records import read_manifest
from ganbench.variant import Variant

USUAL = 10_000  # samples, where no suite says how many


class ExternalSamples(Variant):
    """Stands for samples that came from elsewhere; it was not trained here."""

    def __init__(self) -> None:
        super().__init__()
        self.players = []


class JudgedSamples(NamedTuple):
    """One source of samples as a run of no length."""

    spec: RunSpec
    state: State
    work: Work
    x: Tensor  # (n, *shape) on the device


def spec_for(dataset: str, samples: int | None) -> RunSpec:
    """How samples are judged where no suite says it: by the dataset's own judge and that judge's metrics."""
    spec = RunSpec(
        suite="", label="", variant=PluginSpec("external"), dataset_label=dataset, dataset=PluginSpec(dataset),
        judge="", metrics=(), seed=0, budget=Budget("images", 0), evaluations=1, samples=samples or USUAL,
        precision="float32",
    )  # fmt: skip
    return complete(spec, spec.build_dataset())


def spec_from_results(results: Path, dataset: str, allow_plugins: bool = False) -> RunSpec:
    """How the runs of a suite's results are judged on the dataset of that label. Raises BadResults or UnknownName."""
    specs: dict[str, tuple[RunSpec, Path]] = {}
    for file in sorted(results.glob(f"*/{RUN}")):
        spec = replace(recorded(file.parent), variant=PluginSpec("external"))
        specs.setdefault(spec.dataset_label, (spec, file.parent))
    if not specs:
        raise BadResults(f"{results} holds no finished run. Name the folder of a suite: <results>/<suite>.")
    if dataset not in specs:
        raise UnknownName(f"datasets of {results}", dataset, specs)
    spec, folder = specs[dataset]
    check_trust(spec, folder, allow_plugins)
    return replace(spec, budget=Budget("images", 0), scale=1.0)


def judge_external(
    sources: Sequence[Source],
    label: str,
    like: RunSpec,
    device: torch.device,
    skip_corrupt: bool = False,
    allow_plugins: bool = False,
    span: Range | None = None,
    given: str = "",
) -> list[JudgedSamples]:
    """Judge each source as a run is judged at its end, as seeds 0, 1, ... of one row.

    Where no suite asks for them, metrics for which a source has too few samples are left out.

    A source is a folder of images, a .npy or .npz file, a run's folder, `module:callable`, or a callable. `given` is
    what their maker got beside samples to learn from; else it is what a run's variant declares, or not said. Raises
    BenchError if a source holds anything but samples of that dataset, and BadSuite if nothing is given by that name.
    """
    if given not in (NOT_SAID, *get_args(Given)):
        raise BadSuite(f"Found {given!r} as what was given. Say one of: {', '.join(get_args(Given))}.")
    dataset = like.build_dataset()
    work = Work(dataset, like.build_judge(dataset), like.load_metrics(), ExternalSamples(), device)
    judged = []
    for seed, source in enumerate(sources):
        drawn = read_samples(source, dataset, like, device, skip_corrupt, allow_plugins, span)
        content = PluginSpec("external", {"samples": sha256(drawn.x.cpu().numpy().tobytes()).hexdigest()})
        metrics = like.metrics if like.suite else enough_for(like, work, len(drawn.x))
        spec = replace(like, label=label, seed=seed, samples=len(drawn.x), variant=content, metrics=metrics)
        work = replace(work, metrics=spec.load_metrics())
        rows, _ = Judgement(spec, work).scores(drawn, "test", "last", images=0)
        told = given or (NOT_SAID if drawn.variant is None else given_to(drawn.variant))
        state = State(scores=rows + [{**row, "checkpoint": "selected"} for row in rows], given=told)
        judged.append(JudgedSamples(spec, state, work, drawn.x))
    return judged


def enough_for(like: RunSpec, work: Work, samples: int) -> tuple[str, ...]:
    """Those of the metrics that have a number of so many samples; all, if none has."""
    reference, found = work.judge.reference("test"), []
    for name, metric in zip(like.metrics, like.load_metrics(), strict=True):
        with suppress(BenchError):
            metric.check(samples, reference)
            found.append(name)
    return tuple(found) or like.metrics


def refuse_taken(results: Path, label: str) -> None:
    """Raise BadResults if a row that was trained here has that label: two rows of one name would be read as one."""
    taken = sorted({run["label"] for run in read_manifest(results)["runs"]})
    if label in taken:
        raise BadResults(
            f"{results} has a row {label!r} that was trained there, beside {', '.join(taken)}. Give the samples a new "
            "--label."
        )


def add_to_results(results: Path, judged: list[JudgedSamples]) -> Path:
    """Set them beside a suite's runs as one row, in place of an earlier one of that label on that dataset, which stays
    until this one is whole. Returns where they are. Raises BadResults if a trained row has that label.
    """
    first = judged[0].spec
    refuse_taken(results, first.label)
    store = Store(results.parent, results.name)
    row = store.external_workdir()
    for spec, state, work, x in judged:
        workdir = row / str(spec.seed)
        workdir.mkdir()
        write_record(replace(spec, suite=results.name), workdir, "done", "", state, work, external=True)
        write_shown(workdir, x[: SHOWN[work.dataset.spec.is_image]])
    return store.publish_external(row, first.label, first.dataset_label)


def score_table(judged: list[JudgedSamples]) -> pd.DataFrame:
    """Their scores in the columns of the store, one row for each."""
    rows = [
        {**asdict(spec.identity), "judge": spec.judge, "status": "done", **row, "images": nan}
        for spec, state, _, _ in judged
        for row in state.scores
        if row["checkpoint"] == "last"
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)
