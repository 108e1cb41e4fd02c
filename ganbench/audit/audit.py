"""An audit: real data are disturbed step by step, and every metric judges them; two judges also judge the same runs."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pandas import DataFrame
from torch import Tensor

from ganbench import __version__, plugins
from ganbench.audit.disturbances import IMAGES, POOL, Disturbance, RealData, again, disturbances, select
from ganbench.audit.verdicts import NONE, RUNS, VALUES, Audit, judge_agreement
from ganbench.data import Dataset, Split
from ganbench.errors import BadResults, BadSuite, BenchError
from ganbench.judges import Judge
from ganbench.judges.choosing import choose_judge
from ganbench.metrics import Metric
from ganbench.plugins.spec import PluginSpec, build
from ganbench.runs.judging import gather
from ganbench.runs.sampling import Drawn, Sampler, load_run, sampling_seed
from ganbench.store import Results, csv
from ganbench.store.whole import json_rows, write_json
from ganbench.variant import Batch

SPLIT: Split = "test"
CPU = torch.device("cpu")
DRAWS = 5  # of real data, at most, without a sample in common: their scatter is a metric's noise
LEAST = 100  # samples

Row = dict[str, Any]
Announce = Callable[[str], None]  # what is being judged


class Panel(NamedTuple):
    """Who judges: some judges of one dataset, and all metrics."""

    dataset: Dataset
    judges: dict[str, Judge]
    metrics: list[Metric]

    def scores(self, drawn: Drawn, left_out: dict[str, str]) -> Iterator[Row]:
        """Yield one row per judge and metric that applies; note in `left_out` why a metric could not be computed."""
        for name, judge in self.judges.items():
            metrics = [metric for metric in self.metrics if metric.name not in left_out]
            evidence = gather(self.dataset, judge, metrics, SPLIT, drawn)
            for metric in metrics:
                if not metric.applies(evidence):
                    continue
                try:
                    value, stderr = metric(evidence)
                except BenchError as error:
                    left_out[metric.name] = str(error)
                    continue
                row = {"judge": name, "metric": metric.name, "title": metric.title, "direction": metric.direction}
                yield row | {"value": value, "stderr": stderr}


def build_panel(judges: Iterable[str], dataset: Dataset) -> Panel:
    """Load the judges, and every installed metric that says what is better. Raises BadSuite if one cannot judge it."""
    metrics = [plugins.load("metrics", name) for name in plugins.names("metrics")]
    fitting = {name: choose_judge(name, dataset, Path()) for name in judges}
    return Panel(dataset, fitting, [metric for metric in metrics if metric.direction != "none"])


def choose_dataset(judge: str, named: str | None) -> PluginSpec:
    """Return the dataset of that name, or the judge's own: its `home`. Raises BadSuite if there is neither."""
    home = named or getattr(plugins.load("judges", judge, Path()), "home", "")
    if not home:
        raise BadSuite(
            f"Found no dataset, and the judge {judge!r} has none of its own. Name one with --dataset: "
            f"{', '.join(plugins.names('datasets'))}."
        )
    return PluginSpec(home, beside=str(Path.cwd()))


def audit(judges: Iterable[str], spec: PluginSpec, samples: int, announce: Announce = print) -> Audit:
    """Disturb fresh real data of the dataset `spec` in all ways that fit, and compute all metrics that apply.

    Raises BenchError if there are too few samples, or fresh data, for a draw to have any noise.
    """
    started = time.monotonic()
    dataset: Dataset = build("datasets", spec)
    panel = build_panel(judges, dataset)
    real, draws = take(dataset, samples)
    table = disturbances(dataset.spec)
    rows: list[Row] = []
    left_out: dict[str, str] = {}
    examples: dict[str, list[NDArray[np.uint8]]] = {}
    for name, strength, draw, batch in disturbed(real, draws, table):
        announce(f"{name.replace('_', ' ')} {strength or draw + 1}, {time.monotonic() - started:.0f} s so far")
        if name in IMAGES and dataset.spec.is_image:
            examples.setdefault(name, [picture(real.fresh.x[0])]).append(picture(batch.x[0]))
        about = {"disturbance": name, "strength": strength, "draw": draw}
        drawn = Drawn(batch.x, batch, conditional=batch.y is not None)
        rows += [about | row for row in panel.scores(drawn, left_out)]
    values = DataFrame(rows, columns=VALUES)
    return Audit(
        judges=list(panel.judges),
        values=values[~values["metric"].isin(left_out)],
        conditions=audit_conditions(panel, spec, samples, len(draws)) | {"seconds": round(time.monotonic() - started)},
        meanings={name: (one.meaning, list(one.amounts)) for name, one in table.items()},
        left_out=left_out,
        examples=examples,
    )


def picture(x: Tensor) -> NDArray[np.uint8]:
    """An image (1 or 3, h, w) in [-1, 1] as bytes (h, w, 3)."""
    shades = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    array: NDArray[np.uint8] = shades.expand(3, -1, -1).permute(1, 2, 0).numpy()
    return array


def disturbed(
    real: RealData, draws: list[Batch], table: dict[str, Disturbance]
) -> Iterator[tuple[str, int, int, Batch]]:
    """Yield all that is judged, disturbance, strength, draw and samples: first the draws, which nothing disturbs."""
    yield from ((NONE, 0, i, draw) for i, draw in enumerate(draws))
    for name, disturbance in table.items():
        for strength in range(1, len(disturbance.amounts) + 1):
            yield name, strength, 0, disturbance(real, strength)


def take(dataset: Dataset, n: int) -> tuple[RealData, list[Batch]]:
    """Return what disturbances draw from, and two to DRAWS draws of `n` fresh samples that have none in common.

    Fresh samples are shuffled: in a file's order draws would differ by more than chance, as by who wrote the digits.
    Raises BenchError if there are not enough for two draws.
    """
    ordered = dataset.fresh(SPLIT, POOL * n)
    there = count_different(ordered.x)
    order = torch.randperm(there, generator=torch.Generator().manual_seed(0))
    fresh = select(ordered, again(order, len(ordered.x)))
    draws = min(DRAWS, there // n)
    if n < LEAST or draws < 2:
        raise BenchError(
            f"Found {n:,} samples to audit with, and {there:,} fresh real ones that differ, but an audit needs at "
            f"least {LEAST} samples, and twice as many fresh ones. Choose --samples between {LEAST} and {there // 2:,}."
        )
    return RealData(n, fresh, dataset.train()), [select(fresh, torch.arange(i * n, (i + 1) * n)) for i in range(draws)]


def count_different(x: Tensor) -> int:
    """Count the different ones of (n, *shape) samples; fresh samples come round again where a dataset runs out."""
    direction = torch.randn(x[0].numel(), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return len(np.unique((x.flatten(1).double() @ direction).numpy()))


def audit_conditions(panel: Panel, spec: PluginSpec, samples: int, draws: int) -> dict[str, Any]:
    """What the values depend on, in words and numbers."""
    data = panel.dataset
    return {
        "dataset": spec.name,
        "fingerprint": data.fingerprint,
        "preprocessing": data.preprocessing,
        "split": SPLIT,
        "samples": samples,
        "draws of real data": draws,
        **{f"key of {name}": judge.key for name, judge in panel.judges.items()},
        "metrics": {metric.name: metric.version for metric in panel.metrics},
        "ganbench": __version__,
        "torch": torch.__version__,
    }


def add_runs(audit: Audit, results: Results, announce: Announce = print, allow_plugins: bool = False) -> Audit:
    """Return the audit with what its judges say of every finished run of a suite.

    Samples, as many as were disturbed, are drawn anew from the weights of the selected checkpoint. Runs on data that
    one of the judges cannot judge are left out. Raises BadResults if none is left, or as `load_run` does.
    """
    rows: list[Row] = []
    panels: dict[str, Panel | None] = {}
    for run in results.runs[results.runs["status"] == "done"].to_dict("records"):
        spec, dataset, variant = load_run(results.path / run["run"], "selected", CPU, allow_plugins)
        if spec.dataset_label not in panels:
            panels[spec.dataset_label] = _panel_if_fit(audit.judges, dataset)
        if panel := panels[spec.dataset_label]:
            announce(str(spec))
            drawn = Sampler(variant, dataset, CPU).drawn(SPLIT, int(audit.conditions["samples"]), sampling_seed(spec))
            about = {name: run[name] for name in ("run", "label", "dataset", "seed")}
            rows += [about | row for row in panel.scores(drawn, {})]
    if not rows:
        raise BadResults(
            f"{results.path} holds no finished run on data that {' and '.join(audit.judges)} both judge. Name other "
            "results."
        )
    runs = DataFrame(rows, columns=RUNS)
    condition = {"runs": f"{runs['run'].nunique()} of the suite {results.suite}"}
    return replace(audit, runs=runs, conditions=audit.conditions | condition)


def _panel_if_fit(judges: list[str], dataset: Dataset) -> Panel | None:
    try:
        return build_panel(judges, dataset)
    except BadSuite:
        return None


def write_audit(audit: Audit, out: Path) -> None:
    """Write `audit.csv`, a row per value, and `audit.json`, which is `to_plain`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "audit.csv").write_text(csv.to_csv(audit.values), encoding="utf-8")
    write_json(out / "audit.json", to_plain(audit))


def to_plain(audit: Audit) -> dict[str, Any]:
    """For programs: conditions, disturbances, verdicts and agreement."""
    return {
        "conditions": audit.conditions,
        "disturbances": {
            name: {"meaning": text, "amounts": amounts} for name, (text, amounts) in audit.meanings.items()
        },
        "verdicts": json_rows(audit.verdicts),
        "left_out": audit.left_out,
        "agreement": json_rows(judge_agreement(audit, *audit.judges)) if len(audit.judges) == 2 else [],
        "runs": json_rows(audit.runs),
    }
