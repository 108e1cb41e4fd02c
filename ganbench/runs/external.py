"""Samples from elsewhere: judged as a run's own are, and set on the same board.

Nobody knows what they have cost, so their rows say that the budget is unverified.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, get_args

import pandas as pd
import torch
from torch import Tensor

from ganbench.errors import BadResults, BadSuite, UnknownName
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget
from ganbench.runs.judging import Judgement, Work
from ganbench.runs.record import State, given_to, write_record, write_shown
from ganbench.runs.run import SHOWN
from ganbench.runs.sources import Range, Source, read_samples
from ganbench.runs.spec import RunSpec, check_trust, complete, recorded
from ganbench.store.columns import NOT_SAID, SCORE_COLUMNS, Given
from ganbench.store.folder import Store
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
    for file in sorted(results.glob("*/run.json")):
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
        spec = replace(like, label=label, seed=seed, samples=len(drawn.x), variant=content)
        rows, _ = Judgement(spec, work).scores(drawn, "test", "last", images=0)
        told = given or (NOT_SAID if drawn.variant is None else given_to(drawn.variant))
        state = State(scores=rows + [{**row, "checkpoint": "selected"} for row in rows], given=told)
        judged.append(JudgedSamples(spec, state, work, drawn.x))
    return judged


def add_to_results(results: Path, judged: list[JudgedSamples]) -> None:
    """Set them beside a suite's runs, in place of earlier ones of that label on that dataset."""
    store = Store(results.parent, results.name)
    for spec, state, work, x in judged:
        workdir = store.external_workdir()
        write_record(replace(spec, suite=results.name), workdir, "done", "", state, work, external=True)
        write_shown(workdir, x[: SHOWN[work.dataset.spec.is_image]])
        store.publish_external(workdir, spec.label, spec.dataset_label, spec.seed)


def score_table(judged: list[JudgedSamples]) -> pd.DataFrame:
    """Their scores in the columns of the store, one row for each."""
    rows = [
        {**asdict(spec.identity), "judge": spec.judge, "status": "done", **row}
        for spec, state, _, _ in judged
        for row in state.scores
        if row["checkpoint"] == "last"
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)
