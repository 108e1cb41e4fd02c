"""An audit: real data, spoilt step by step, judged by every metric; and what two judges make of the same samples."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pandas import DataFrame
from torch import Tensor

from ganbench import __version__, plugins
from ganbench.audit.disturbances import POOL, Disturbance, Real, disturbances, rows
from ganbench.audit.verdicts import NONE, RUNS, VALUES, Audit, agreement
from ganbench.data import Dataset, Split
from ganbench.errors import BadResults, BadSuite, BenchError
from ganbench.judges import Judge
from ganbench.judges.choosing import choose
from ganbench.metrics import Metric
from ganbench.plugins.spec import PluginSpec, build
from ganbench.runs.judging import gather
from ganbench.runs.sampling import Drawn, Sampler, load_run, sampling_seed
from ganbench.store import Results
from ganbench.store.whole import write_json
from ganbench.variant import Batch

SPLIT: Split = "test"
CPU = torch.device("cpu")
DRAWS = 5  # of real data, at most, without a sample in common: their scatter is a metric's noise
LEAST = 100  # samples

Row = dict[str, Any]
Progress = Callable[[str], None]


class Jury(NamedTuple):
    """Who judges: some judges of one dataset, and all metrics."""

    dataset: Dataset
    judges: dict[str, Judge]
    metrics: list[Metric]

    def says(self, drawn: Drawn, left_out: dict[str, str]) -> Iterator[Row]:
        """One row per judge and metric that applies; why one could not be computed is noted in `left_out`."""
        for name, judge in self.judges.items():
            metrics = [metric for metric in self.metrics if metric.name not in left_out]
            evidence = gather(self.dataset, judge, metrics, SPLIT, drawn)
            for metric in metrics:
                if metric.applies(evidence):
                    try:
                        value, stderr = metric(evidence)
                    except BenchError as error:
                        left_out[metric.name] = str(error)
                        continue
                    said = {"judge": name, "metric": metric.name, "title": metric.title, "direction": metric.direction}
                    yield said | {"value": value, "stderr": stderr}


def summon(judges: Iterable[str], dataset: Dataset) -> Jury:
    """Those judges, and every installed metric that says what is better. Raises BadSuite if one cannot judge it."""
    metrics = [plugins.load("metrics", name) for name in plugins.names("metrics")]
    made = {name: choose(name, dataset, Path()) for name in judges}
    return Jury(dataset, made, [metric for metric in metrics if metric.direction != "none"])


def choose_dataset(judge: str, named: str | None) -> PluginSpec:
    """The dataset of that name, or the judge's own: its `home`."""
    home = named or getattr(plugins.load("judges", judge, Path()), "home", "")
    if not home:
        raise BadSuite(
            f"Found no dataset, and the judge {judge!r} has none of its own. Name one with --dataset: "
            f"{', '.join(plugins.names('datasets'))}."
        )
    return PluginSpec(home, beside=str(Path.cwd()))


def audit(judges: Iterable[str], made: PluginSpec, samples: int, progress: Progress = print) -> Audit:
    """Disturb fresh real data in all ways that fit them, and compute all metrics that apply.

    Raises BenchError if there are too few samples, or fresh data, for a draw to have any noise.
    """
    started = time.monotonic()
    dataset: Dataset = build("datasets", made)
    jury = summon(judges, dataset)
    real, draws = take(dataset, samples)
    table = disturbances(dataset.spec)
    found: list[Row] = []
    left_out: dict[str, str] = {}
    for name, strength, draw, batch in spoilt(real, draws, table):
        progress(f"{name.replace('_', ' ')} {strength or draw + 1}, {time.monotonic() - started:.0f} s so far")
        about = {"disturbance": name, "strength": strength, "draw": draw}
        found += [about | row for row in jury.says(Drawn(batch.x, batch, conditional=batch.y is not None), left_out)]
    values = DataFrame(found, columns=VALUES)
    return Audit(
        judges=list(jury.judges),
        values=values[~values["metric"].isin(left_out)],
        conditions=conditions(jury, made, samples, len(draws)) | {"seconds": round(time.monotonic() - started)},
        meanings={name: (one.meaning, list(one.amounts)) for name, one in table.items()},
        left_out=left_out,
    )


def spoilt(real: Real, draws: list[Batch], table: dict[str, Disturbance]) -> Iterator[tuple[str, int, int, Batch]]:
    """All that is judged: disturbance, strength, draw, and the samples; first the draws, which nothing disturbs."""
    yield from ((NONE, 0, i, draw) for i, draw in enumerate(draws))
    for name, disturbance in table.items():
        for strength in range(1, len(disturbance.amounts) + 1):
            yield name, strength, 0, disturbance(real, strength)


def take(dataset: Dataset, n: int) -> tuple[Real, list[Batch]]:
    """What disturbances draw from, and some draws of `n` fresh samples each that have none in common.

    Raises BenchError if there are not enough for two draws.
    """
    fresh = dataset.fresh(SPLIT, POOL * n)
    there = different(fresh.x)
    draws = min(DRAWS, there // n)
    if n < LEAST or draws < 2:
        raise BenchError(
            f"Found {n:,} samples to audit with, and {there:,} fresh real ones that differ, but an audit needs at "
            f"least {LEAST} samples, and twice as many fresh ones. Choose --samples between {LEAST} and {there // 2:,}."
        )
    return Real(n, fresh, dataset.train()), [rows(fresh, torch.arange(i * n, (i + 1) * n)) for i in range(draws)]


def different(x: Tensor) -> int:
    """How many of (n, *shape) samples are different; a dataset's fresh samples come round again where they run out."""
    direction = torch.randn(x[0].numel(), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return len(np.unique((x.flatten(1).double() @ direction).numpy()))


def conditions(jury: Jury, made: PluginSpec, samples: int, draws: int) -> dict[str, Any]:
    """What the values depend on, in words and numbers."""
    data = jury.dataset
    return {
        "dataset": made.name,
        "fingerprint": data.fingerprint,
        "preprocessing": data.preprocessing,
        "split": SPLIT,
        "samples": samples,
        "draws of real data": draws,
        **{f"key of {name}": judge.key for name, judge in jury.judges.items()},
        "metrics": {metric.name: metric.version for metric in jury.metrics},
        "ganbench": __version__,
        "torch": torch.__version__,
    }


def add_runs(found: Audit, results: Results, progress: Progress = print) -> Audit:
    """The audit, and what its judges say of every finished run of a suite.

    Samples, as many as were disturbed, are drawn anew from the weights of the selected checkpoint. Runs on data that
    one of the judges cannot judge are left out. Raises BadResults if none is left.
    """
    rows: list[Row] = []
    juries: dict[str, Jury | None] = {}
    for run in results.runs[results.runs["status"] == "done"].to_dict("records"):
        spec, dataset, variant = load_run(results.path / run["run"], "selected", CPU)
        if spec.dataset_label not in juries:
            juries[spec.dataset_label] = _jury_if_fit(found.judges, dataset)
        if jury := juries[spec.dataset_label]:
            progress(str(spec))
            drawn = Sampler(variant, dataset, CPU).drawn(SPLIT, int(found.conditions["samples"]), sampling_seed(spec))
            about = {name: run[name] for name in ("run", "label", "dataset", "seed")}
            rows += [about | row for row in jury.says(drawn, {})]
    if not rows:
        raise BadResults(
            f"{results.path} holds no finished run on data that {' and '.join(found.judges)} both judge. Name other "
            "results."
        )
    runs = DataFrame(rows, columns=RUNS)
    told = {"runs": f"{runs['run'].nunique()} of the suite {results.suite}"}
    return replace(found, runs=runs, conditions=found.conditions | told)


def _jury_if_fit(judges: list[str], dataset: Dataset) -> Jury | None:
    try:
        return summon(judges, dataset)
    except BadSuite:
        return None


def write(found: Audit, out: Path) -> None:
    """Write `audit.csv`, a row per value, and `audit.json`: conditions, disturbances, verdicts and agreement."""
    out.mkdir(parents=True, exist_ok=True)
    found.values.to_csv(out / "audit.csv", index=False, lineterminator="\n")
    write_json(
        out / "audit.json",
        {
            "conditions": found.conditions,
            "disturbances": {
                name: {"meaning": text, "amounts": amounts} for name, (text, amounts) in found.meanings.items()
            },
            "verdicts": _records(found.verdicts),
            "left_out": found.left_out,
            "agreement": _records(agreement(found, *found.judges)) if len(found.judges) == 2 else [],
            "runs": _records(found.runs),
        },
    )


def _records(frame: DataFrame) -> Any:
    """Rows as JSON has them: what is no finite number is null."""
    return json.loads(frame.to_json(orient="records", double_precision=15))
