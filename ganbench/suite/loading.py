"""A suite's file -> the runs it asks for. Every name and option is checked before the first second of training."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.errors import BadSuite, BenchError, DataMissing, UnknownName, said, shortened
from ganbench.judges import Judge, Judged
from ganbench.metrics import Evidence
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget
from ganbench.runs.contract import rehearse, strange
from ganbench.runs.record import given_to, of_kind
from ganbench.runs.spec import SPLITS, RunSpec, complete
from ganbench.suite.capacity import fit
from ganbench.suite.language import DatasetTable, SearchTable, Seeds, SuiteTable, VariantTable, parse
from ganbench.suite.plan import Suite
from ganbench.suite.remembered import Remembered
from ganbench.suite.scaling import least_samples, shorten
from ganbench.suite.search import candidates, check_metric, with_seeds
from ganbench.suite.seeds import count, growing
from ganbench.suite.settings import written_before

TRIED = 100  # real samples by which a metric is tried
LARGEST = 1_000_000  # bytes of a suite's text
LONGEST_NAME = 200  # bytes of its name: a folder may have 255, and a scale comes behind it
MOST_RUNS = 100_000

Say = Callable[[str], None]
Row = tuple[RunSpec, list[RunSpec]]  # a variant on a dataset, and its trials where options are searched


def load(
    path: Path,
    scale: float = 1.0,
    say: Say = lambda said: None,
    until_decided: bool = False,
    settings: Sequence[str] = (),
) -> Suite:
    """Read and check a suite. A `scale` shortens every run and its judgements, and marks the suite's name and every
    record. `say` hears what was found in folders of the user's own, and what was left out. `until_decided` adds seeds
    where the suite says how many. `settings` are those of `ganbench.suite.settings`.

    A suite that comes with ganbench is found from any folder, as `quick` and as `suites/quick.toml`.

    Raises BadSuite or UnknownName naming the file and the place in it; DataMissing if a dataset is not there.
    """
    if not 0 < scale < math.inf:
        raise BadSuite(f"Found a scale of {scale:g}, but it must be a finite number above 0.")
    path = _found(path)
    text, table = read_table(path, settings)
    table = growing(table, str(path)) if until_decided else table
    name = _folder_name(table.name or path.stem, path) + (f"@{scale:g}" if scale != 1.0 else "")
    _one_name_each(path, "datasets", [entry.label or entry.name for entry in table.dataset])
    _one_name_each(path, "variants", [entry.label or entry.name for entry in table.variant] + table.controls)
    every = tuple(_expand(table, path, scale, name, say))
    searched = tuple(run for run in every if run.candidate and not run.candidate.searching)
    known = [run for run in every if run.candidate is None or run.candidate.searching]
    _each_run_once(path, known)
    later = tuple(run for run in known if run.is_added)
    runs = tuple(run for run in known if not run.is_added)
    table.gate.check_metrics((metric for run in runs for metric in run.metrics), f"{path}, gate, metrics: ")
    published = tuple(_published(table, every, path))
    kinds = {label: _kind(run) for label, run in {run.label: run for run in every}.items()}
    return Suite(
        name, table.description, table.meant_for, runs, text, table.on_failure, published, later, searched, kinds
    )


def _kind(run: RunSpec) -> dict[str, Any]:
    """Columns that set a row apart, and what it was given."""
    variant = run.variant.load("variants")
    return {**of_kind(variant.kind), "given": given_to(variant)}


def _found(path: Path) -> Path:
    """The file itself, or that of a suite that comes with ganbench, beside which its own networks lie."""
    shipped = plugins.shipped_suites()
    if not path.is_file() and path in (Path(path.stem), Path(f"{path.stem}.toml"), Path("suites", f"{path.stem}.toml")):
        return shipped.get(path.stem, path)
    return path


def read_table(path: Path, settings: Sequence[str] = ()) -> tuple[str, SuiteTable]:
    """A suite's text, and what it says; that takes a moment, and checks no name. Raises BadSuite."""
    text = written_before(_read(_found(path)), settings)
    return text, parse(text, str(path))


def _read(path: Path) -> str:
    try:
        if not path.exists():
            shipped = ", ".join(sorted(plugins.shipped_suites()))
            raise BadSuite(f"No suite at {path}. These come with ganbench: {shipped}.")
        if not (path.is_file() or path.is_dir()) or path.stat().st_size > LARGEST:
            raise BadSuite(f"{path} is no file of at most {LARGEST:,} bytes, as a suite is. Name another.")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadSuite(f"{shortened(str(path))} cannot be read: {said(error)}. A suite is a text in UTF-8.") from error


def _folder_name(name: str, path: Path) -> str:
    """The name of a suite, if a folder can have it: a file's name may be `..` without its ending."""
    if name.startswith(".") or not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        raise BadSuite(
            f"{path}: found the name {shortened(name, 80)!r}, but the results' folder needs one of at most "
            f"{LONGEST_NAME} bytes that does not begin with a dot. Give the suite a `name`, or its file another."
        )
    return name


def _expand(table: SuiteTable, path: Path, scale: float, suite: str, say: Say) -> Iterable[RunSpec]:
    """Seed by seed, so that a suite that is stopped early has something to show of every row."""
    seeds = [table.seeds if entry.seeds is None else entry.seeds for entry in table.dataset]
    variants = [*table.variant, *(VariantTable(name=name) for name in table.controls)]
    usual = [] if "controls" in table.model_fields_set else table.controls
    labels = [entry.label or entry.name for entry in table.dataset]
    for variant in variants:
        for label in (*variant.on, *(variant.datasets or [])):
            if label not in labels:
                raise UnknownName("datasets of this suite", label, labels, f"{path}, {variant.name}: ")
    tried = 0 if table.search is None else table.search.trials * table.search.seeds * len(table.variant) * len(seeds)
    if (n := len(variants) * sum(map(count, seeds)) + tried) > MOST_RUNS:
        raise BadSuite(f"{path}: found {n:,} runs, of which a suite has at most {MOST_RUNS:,}. Make it several suites.")
    checked: list[tuple[list[Row], Seeds]] = []
    for entry, label, own in zip(table.dataset, labels, seeds, strict=True):
        trained = [variant for variant in variants if variant.datasets is None or label in variant.datasets]
        if not trained:
            raise BadSuite(f"{path}, {label}: no variant is trained on it. Remove it, or name it in `datasets`.")
        size = (entry.budget and entry.budget.parameters) or table.budget.parameters
        everyone = _of_every_variant(table, entry, path.parent, suite)
        where = f"{path}, {label}"
        checked.append((list(_of_each_variant(everyone, trained, scale, size, where, usual, say, table.search)), own))
    for variant in table.variant:
        if variant.datasets == []:
            raise BadSuite(f"{path}, {variant.name}: found datasets = [], on which nothing can be trained. Name some.")
    rows = [
        row for specs, own in checked for spec, tried in specs for row in with_seeds(spec, tried, table.search, own)
    ]
    return [row[turn] for turn in range(max(map(len, rows))) for row in rows if turn < len(row)]


def _published(table: SuiteTable, runs: Iterable[RunSpec], path: Path) -> Iterable[dict[str, Any]]:
    """The papers' numbers, each of a metric that the suite's own runs have."""
    metrics = {(run.dataset_label, run.label): run.metrics for run in runs}
    for entry in table.published:
        where = f"{path}, published, {entry.variant} on {entry.dataset}: "
        if (entry.dataset, entry.variant) not in metrics:
            raise UnknownName("rows of this suite, a variant on a dataset", f"{entry.variant} on {entry.dataset}",
                              [f"{label} on {data}" for data, label in metrics], f"{path}, published: ")  # fmt: skip
        for metric, (mean, stderr) in entry.scores.items():
            if metric not in metrics[entry.dataset, entry.variant]:
                raise UnknownName("metrics of that dataset", metric, metrics[entry.dataset, entry.variant], where)
            yield {
                "dataset": entry.dataset, "label": entry.variant, "metric": metric, "mean": mean, "stderr": stderr,
                "trials": entry.trials, "source": entry.source,
            }  # fmt: skip


def _of_every_variant(table: SuiteTable, entry: DatasetTable, folder: Path, suite: str) -> RunSpec:
    """What the runs on one dataset have in common: all but variant and seed."""
    ((unit, amount),) = (entry.budget or table.budget).lengths.items()
    return RunSpec(
        suite=suite,
        label="",
        variant=PluginSpec("", beside=str(folder.resolve())),
        dataset_label=entry.label or entry.name,
        dataset=PluginSpec(entry.name, entry.options, str(folder.resolve())),
        judge=entry.judge or "",
        metrics=tuple(entry.metrics or ()),
        seed=0,
        budget=Budget(unit, amount),
        evaluations=entry.evaluations or table.evaluations,
        samples=entry.samples or table.samples,
        precision=table.precision,
        threads=table.threads,
        curves=tuple(entry.curves),
        primary=entry.primary or "",
    )


def _of_each_variant(
    everyone: RunSpec,
    variants: Iterable[VariantTable],
    scale: float,
    size: int | None,
    where: str,
    usual: Sequence[str],
    say: Say,
    search: SearchTable | None,
) -> Iterable[Row]:
    """The runs on one dataset, complete but for the seed, and their trials. Everything that they need is built once.

    `usual` are the controls that nobody asked for by name: those that do not apply to the data are left out.
    """
    rows: list[Row] = []
    place = where
    try:
        dataset = everyone.build_dataset()
        if found := dataset.found():
            say(found)
        named, everyone = everyone.metrics, complete(everyone, dataset)
        judge = everyone.build_judge(dataset)
        missing = [name for name in judge.metrics if name not in (named or everyone.metrics)]
        if missing and not named:
            say(f"{everyone.dataset_label}: too few samples for {', '.join(missing)}, which are left out.")
        _check_curves(everyone, judge)
        reference = judge.reference("validation")
        if scale != 1:
            least = least_samples(everyone.load_metrics(), reference.features.shape[1])
            everyone = shorten(everyone, scale, least)
        _try_metrics(everyone, dataset, judge)
        for variant in variants:
            spec = _of_variant(everyone, variant)
            place = f"{where}, {spec.label}"
            if variant.name in usual and not spec.variant.load("variants").applies(dataset.spec):
                say(f"{everyone.dataset_label}: the control {variant.name} does not apply, and is left out.")
                continue
            tried = [fit(one, dataset, size) if size else one for one in candidates(spec, variant, search)]
            if tried:
                check_metric(spec)
            else:
                spec = fit(spec, dataset, size) if size else spec
            rows.append((spec, tried))
            for one in tried or [spec]:
                place = f"{where}, {one.label}" + (f", {one.candidate.options}" if one.candidate else "")
                _check_domains(one, dataset)
                if strange(one):
                    _rehearse_once(one, dataset, judge)
    except DataMissing as error:
        raise DataMissing(f"{place}: {error}") from error
    except BenchError as error:
        raise BadSuite(f"{place}: {error}") from error
    except Exception as error:  # of what the options are given to: a plugin, torch, scipy
        raise BadSuite(f"{place}: {plugins.what_and_where(error)}. Choose other options, or mend that.") from error
    return rows


def _of_variant(everyone: RunSpec, variant: VariantTable) -> RunSpec:
    options = {**variant.options, **variant.on.get(everyone.dataset_label, {})}
    plugin = replace(everyone.variant, name=variant.name, options=options).written_out("variants")
    return replace(everyone, label=variant.label or variant.name, variant=plugin)


def _check_curves(spec: RunSpec, judge: Judge) -> None:
    """See that what is judged along the budget is judged at its end, and that a checkpoint can be selected by it."""
    for name in spec.curves:
        if name not in spec.metrics:
            raise UnknownName("metrics of that dataset", name, spec.metrics, "curves: ")
    select = judge.select
    if spec.curves and select in spec.metrics and select not in spec.curves:
        raise BadSuite(
            f"Found curves without {select!r}, by which the best checkpoint is selected. Add it to `curves`, or leave "
            "it out of `metrics` too: then the last checkpoint is selected."
        )


def _check_domains(spec: RunSpec, dataset: Dataset) -> None:
    """Build the variant, and see that its data have as many domains as it learns."""
    if spec.build_variant(dataset).domains > 1 and dataset.other is None:
        raise BadSuite(
            f"{spec.variant.name} learns two domains, but {spec.dataset.name} has only one. "
            "Choose a dataset with a second domain, or name others in the variant's `datasets`."
        )


def _rehearse_once(spec: RunSpec, dataset: Dataset, judge: Judge) -> None:
    """Try somebody's plugins, unless this machine has done so: the run's id knows their code."""
    remembered = Remembered()
    if (tried := f"rehearsal of {spec.id}") not in remembered:
        remembered(tried, lambda: rehearse(spec, dataset, judge))
        remembered.keep()


def _try_metrics(spec: RunSpec, dataset: Dataset, judge: Judge) -> None:
    """Judge a few real data by each metric that needs no more, and ask the others whether the samples suffice."""
    reference, training = judge.reference("validation"), len(dataset.train().x)
    width, mixture = reference.features.shape[1], dataset.mixture
    for metric in spec.load_metrics():
        if "mixture" in metric.needs and mixture is None:
            raise BadSuite(
                f"the metric {metric.name!r} needs an exact density, which {spec.dataset.name} lacks. "
                "Use it on mixtures only."
            )
        if "mixture" in metric.needs and mixture and not mixture.is_of(reference.features):
            raise BadSuite(
                f"the metric {metric.name!r} needs coordinates, but the judge {spec.judge} gives {width} features. Ask "
                "the judge 'truth', or leave it out."
            )
        if "asked" in metric.needs and not dataset.spec.classes and metric.name not in judge.metrics:
            raise BadSuite(
                f"the metric {metric.name!r} needs classes, which {spec.dataset.name} lacks. Use it on labelled data."
            )
        if "real" in metric.needs:
            dataset.reference("validation")  # raises DataMissing, where its features are all that is there
        for split in SPLITS:
            metric.check(spec.samples, judge.reference(split), training)
        few = Judged(*(part[: max(TRIED, metric.at_least(width))] for part in reference))
        evidence = Evidence(few, few, dataset.prior, mixture if mixture and mixture.is_of(few.features) else None)
        if metric.applies(evidence):
            metric(evidence)


def _one_name_each(path: Path, kind: str, labels: list[str]) -> None:
    twice = [label for label, n in Counter(labels).items() if n > 1]
    if twice:
        raise BadSuite(f"{path}: two {kind} are called {twice[0]!r}. Give one of them a `label` of its own.")


def _each_run_once(path: Path, runs: Iterable[RunSpec]) -> None:
    """Equal runs would be one folder with two names."""
    first: dict[str, RunSpec] = {}
    for run in runs:
        other = first.setdefault(run.id, run)
        if other is not run:
            raise BadSuite(f"{path}: {run} is the same run as {other}. Remove one, or change an option or a seed.")
