"""A suite's TOML -> the list of runs it asks for, every name and option checked before the first second of training.

A suite says what is trained on what, for how long, how often, and how it is judged:

    seeds = 3
    budget = { images = 100_000 }        # or updates, seconds, flops: exactly one; and perhaps parameters

    [[dataset]]
    name = "mnist5k"
    options = { size = 16 }

    [[variant]]
    name = "dcgan"
    on.mnist5k = { width = 32 }          # options that hold on this dataset only

The tables below are the whole language; `suites/suite.schema.json` is generated from them.
"""

import json
import math
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from ganbench import plugins
from ganbench.compare.gate import SPEED, Gate, MetricRules
from ganbench.data import Dataset
from ganbench.errors import BadSuite, BenchError, DataMissing, UnknownName
from ganbench.judges import Judged
from ganbench.metrics import Evidence
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget, Unit
from ganbench.runs.spec import RunSpec, complete
from ganbench.suite.capacity import fit

TRIED = 100  # real samples by which a metric is tried
CONTROLS = ["real", "memorizer", "mode_dropper", "noise"]

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Seeds = Annotated[
    Annotated[Count, Tag("count")] | Annotated[list[int], Field(min_length=1), Tag("list")],
    Discriminator(lambda given: "list" if isinstance(given, list) else "count"),
]


class Table(BaseModel):
    """A table of a suite: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BudgetTable(Table):
    """The length of a run, one unit and its amount; and its size, if it is to be the same for all variants."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [unit]} for unit in get_args(Unit)]})

    images: Amount | None = Field(None, description="Real images shown to D.")
    updates: Amount | None = Field(None, description="Updates of the generator.")
    seconds: Amount | None = Field(None, description="Seconds of training.")
    flops: Amount | None = Field(None, description="FLOPs of training.")
    parameters: Count | None = Field(
        None,
        description="A whole number: of D and G together. It chooses every variant's `width`, to within 5 %. "
        "A dataset's budget without it keeps to the suite's.",
    )

    @property
    def lengths(self) -> dict[Unit, float]:
        amounts: dict[Unit, float | None] = {unit: getattr(self, unit) for unit in get_args(Unit)}
        return {unit: amount for unit, amount in amounts.items() if amount is not None}

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if len(self.lengths) != 1:
            raise PydanticCustomError("lengths", f"It needs exactly one of {', '.join(get_args(Unit))}")
        return self


class DatasetTable(Table):
    """What is trained on. Settings here go before those of the suite."""

    name: str = Field(description="An installed dataset, `folder:PATH`, or `file.py:Name` beside the suite.")
    label: str = Field("", description="Its name on the board; by default the dataset's name.")
    options: dict[str, Any] = Field({}, description="See `ganbench show NAME`.")
    budget: BudgetTable | None = Field(None, description="The length of a run on this dataset, and its size.")
    evaluations: Count | None = None
    samples: Count | None = None
    judge: str | None = Field(
        None,
        description="An installed judge, `file.py:Name` of a class or a function, or weights.safetensors; "
        "by default the dataset's own.",
    )
    metrics: list[str] | None = Field(None, description="By default the judge's own.")


class VariantTable(Table):
    """What is trained."""

    name: str = Field(description="An installed variant, or `file.py:Name` beside the suite.")
    label: str = Field("", description="Its name on the board; by default the variant's name.")
    options: dict[str, Any] = Field({}, description="See `ganbench show NAME`.")
    on: dict[str, dict[str, Any]] = Field({}, description="Options that hold on one dataset only, by its label.")
    datasets: list[str] | None = Field(None, description="Labels of the datasets it is trained on; by default all.")


class PublishedTable(Table):
    """What a paper printed of one of the suite's variants on one of its datasets, to be shown beside the results."""

    source: str = Field(min_length=1, description="Paper, and the table in it.")
    dataset: str = Field(description="Label of a dataset of this suite.")
    variant: str = Field(description="Label of a variant of this suite.")
    trials: int = Field(gt=1, description="Training runs behind the numbers.")
    scores: dict[str, tuple[float, float]] = Field(
        description="Metric -> mean and standard error of the mean, in this project's units: shares, nats."
    )


class SuiteTable(Table):
    """A benchmark suite of ganbench."""

    name: str = Field("", pattern=r"^(\w[\w .@+-]*)?$", description="Also of its folder; by default the file's name.")
    description: str = ""
    budget: BudgetTable = Field(description="The length of a run, one unit and its amount, and maybe its size.")
    seeds: Seeds = Field(3, description="How many, or which.")
    evaluations: Count = Field(10, description="How often along its budget a run is judged on the validation split.")
    samples: Count = Field(10_000, description="Drawn from a variant at each judgement.")
    precision: Literal["float32", "tf32", "bfloat16"] = Field("float32", description="Of training; judges use float32.")
    meant_for: Literal["cpu", "cuda"] = Field("cpu", description="Elsewhere `run` says first how long it will take.")
    dataset: list[DatasetTable] = Field(min_length=1, description="What is trained on: a table [[dataset]] for each.")
    variant: list[VariantTable] = Field(min_length=1, description="What is trained: a table [[variant]] for each.")
    controls: list[str] = Field(CONTROLS, description="Rows that are no GAN and show how good `good` is.")
    published: list[PublishedTable] = Field([], description="Numbers of papers: a table [[published]] for each row.")
    gate: Gate = Field(Gate(), description="What counts as a regression: see `docs/ci.md`.")


@dataclass(frozen=True)
class Suite:
    """A checked suite: its name, its runs in the order in which they are worth having, and its own text."""

    name: str
    description: str
    meant_for: str
    runs: tuple[RunSpec, ...]
    text: str
    published: tuple[dict[str, Any], ...] = ()  # one for each number: PUBLISHED_COLUMNS of the store


def load(path: Path, scale: float = 1.0) -> Suite:
    """Read and check a suite. `scale` multiplies the length of every run, and marks the suite's name and every record.

    Raises BadSuite or UnknownName naming the file and the place in it; DataMissing if a dataset is not there.
    """
    if not 0 < scale < math.inf:
        raise BadSuite(f"Found a scale of {scale:g}, but it must be a finite number above 0.")
    text = _read(path)
    table = parse(text, str(path))
    name = (table.name or path.stem) + (f"@{scale:g}" if scale != 1.0 else "")
    _one_name_each(path, "datasets", [entry.label or entry.name for entry in table.dataset])
    _one_name_each(path, "variants", [entry.label or entry.name for entry in table.variant] + table.controls)
    runs = tuple(_expand(table, path, scale, name))
    _each_run_once(path, runs)
    _gate_known_metrics(path, table.gate, runs)
    return Suite(name, table.description, table.meant_for, runs, text, tuple(_published(table, runs, path)))


def parse(text: str, where: str) -> SuiteTable:
    """TOML text -> the suite as written. Raises BadSuite."""
    try:
        return SuiteTable.model_validate_json(json.dumps(tomllib.loads(text), default=str))
    except tomllib.TOMLDecodeError as error:
        raise BadSuite(f"{where} is not TOML: {error}.") from error
    except ValidationError as error:
        raise BadSuite("\n".join(_sentences(error, where))) from error


def schema() -> dict[str, Any]:
    """JSON Schema of suites, for editors."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", **SuiteTable.model_json_schema()}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        shipped = plugins.shipped_suites()
        if str(path) in shipped:
            return shipped[str(path)].read_text(encoding="utf-8")
        raise BadSuite(f"No suite at {path}. These come with ganbench: {', '.join(sorted(shipped))}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadSuite(f"{path} cannot be read: {error}.") from error


def _expand(table: SuiteTable, path: Path, scale: float, suite: str) -> Iterable[RunSpec]:
    """Seed by seed, so that a suite that is stopped early has something to show of every row."""
    seeds = table.seeds if isinstance(table.seeds, list) else range(table.seeds)
    variants = [*table.variant, *(VariantTable(name=name) for name in table.controls)]
    labels = [entry.label or entry.name for entry in table.dataset]
    for variant in variants:
        for label in (*variant.on, *(variant.datasets or [])):
            if label not in labels:
                raise UnknownName("datasets of this suite", label, labels, f"{path}, {variant.name}: ")
    checked: list[RunSpec] = []
    for entry, label in zip(table.dataset, labels, strict=True):
        trained = [variant for variant in variants if variant.datasets is None or label in variant.datasets]
        if not trained:
            raise BadSuite(f"{path}, {label}: no variant is trained on it. Remove it, or name it in `datasets`.")
        size = (entry.budget and entry.budget.parameters) or table.budget.parameters
        everyone = _of_every_variant(table, entry, path.parent, scale, suite)
        checked += _of_each_variant(everyone, trained, size, f"{path}, {label}")
    return [replace(spec, seed=seed) for seed in seeds for spec in checked]


def _published(table: SuiteTable, runs: Iterable[RunSpec], path: Path) -> Iterable[dict[str, Any]]:
    """The papers' numbers, each of a metric that the suite's own runs have."""
    metrics = {(run.dataset_label, run.label): run.metrics for run in runs}
    for entry in table.published:
        where = f"{path}, published, {entry.variant} on {entry.dataset}: "
        if (entry.dataset, entry.variant) not in metrics:
            raise UnknownName("rows of this suite", f"{entry.variant} on {entry.dataset}",
                              [f"{label} on {data}" for data, label in metrics], f"{path}, published: ")  # fmt: skip
        for metric, (mean, stderr) in entry.scores.items():
            if metric not in metrics[entry.dataset, entry.variant]:
                raise UnknownName("metrics of that dataset", metric, metrics[entry.dataset, entry.variant], where)
            yield {
                "dataset": entry.dataset, "label": entry.variant, "metric": metric, "mean": mean, "stderr": stderr,
                "trials": entry.trials, "source": entry.source,
            }  # fmt: skip


def _of_every_variant(table: SuiteTable, entry: DatasetTable, folder: Path, scale: float, suite: str) -> RunSpec:
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
        budget=Budget(unit, amount * scale),
        evaluations=entry.evaluations or table.evaluations,
        samples=entry.samples or table.samples,
        precision=table.precision,
        scale=scale,
    )


def _of_each_variant(
    everyone: RunSpec, variants: Iterable[VariantTable], size: int | None, where: str
) -> Iterable[RunSpec]:
    """The runs on one dataset, complete but for the seed. Everything that they need is built once."""
    specs, place = [], where
    try:
        dataset = everyone.build_dataset()
        everyone = complete(everyone, dataset)
        _try_metrics(everyone, dataset)
        for variant in variants:
            spec = _of_variant(everyone, variant)
            place = f"{where}, {spec.label}"
            specs.append(fit(spec, dataset, size) if size else spec)
            _check_domains(specs[-1], dataset)
    except DataMissing:
        raise
    except BenchError as error:
        raise BadSuite(f"{place}: {error}") from error
    return specs


def _of_variant(everyone: RunSpec, variant: VariantTable) -> RunSpec:
    options = {**variant.options, **variant.on.get(everyone.dataset_label, {})}
    plugin = replace(everyone.variant, name=variant.name, options=options).written_out("variants")
    return replace(everyone, label=variant.label or variant.name, variant=plugin)


def _check_domains(spec: RunSpec, dataset: Dataset) -> None:
    """Build the variant, and see that its data have as many domains as it learns."""
    if spec.build_variant(dataset).domains > 1 and dataset.other is None:
        raise BadSuite(
            f"{spec.variant.name} learns two domains, but {spec.dataset.name} has only one. "
            "Choose a dataset with a second domain, or name others in the variant's `datasets`."
        )


def _try_metrics(spec: RunSpec, dataset: Dataset) -> None:
    """Judge a few real data by each metric that needs no more, and ask the others whether the samples suffice."""
    reference = spec.build_judge(dataset).reference("validation")
    width = reference.features.shape[1]
    for metric in spec.load_metrics():
        if "mixture" in metric.needs and dataset.mixture is None:
            raise BadSuite(
                f"the metric {metric.name!r} needs an exact density, which {spec.dataset.name} lacks. "
                "Use it on mixtures only."
            )
        if "real" in metric.needs:
            dataset.reference("validation")  # raises DataMissing, where its features are all that is there
        metric.check(spec.samples, reference)
        few = Judged(*(seen[: max(TRIED, metric.at_least(width))] for seen in reference))
        evidence = Evidence(few, few, dataset.prior, dataset.mixture)
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


def _gate_known_metrics(path: Path, gate: Gate, runs: Iterable[RunSpec]) -> None:
    known = {SPEED, *(metric for run in runs for metric in run.metrics)}
    for metric in gate.metrics:
        if metric not in known:
            raise UnknownName("metrics of this suite", metric, known, f"{path}, gate, metrics: ")


def _sentences(error: ValidationError, where: str) -> Iterable[str]:
    """Pydantic's findings in our words: where, what was found, what was needed, what is near."""
    for finding in error.errors():
        *table, last = place = [part for part in finding["loc"] if part not in ("count", "list", "[key]")]
        name, known = str(last), _fields_at(table)
        spoken = ", ".join(f"number {part + 1}" if isinstance(part, int) else part for part in place)
        meaning = f" {known[name].description}" if name in known and known[name].description else ""
        if finding["type"] == "extra_forbidden":
            yield str(UnknownName("settings here", name, known, f"{where}, {spoken}: "))
        elif finding["type"] == "missing":
            yield f"{where}: found no {spoken}, which is needed.{meaning}"
        else:
            yield f"{where}, {spoken}: found {finding['input']!r}. {finding['msg']}.{meaning}"


def _fields_at(table: list[int | str]) -> dict[str, FieldInfo]:
    """The settings of the table at that place; of a place inside a setting, none."""
    match table:
        case []:
            return SuiteTable.model_fields
        case ["dataset", int()]:
            return DatasetTable.model_fields
        case [*_, "budget"]:
            return BudgetTable.model_fields
        case ["variant", int()]:
            return VariantTable.model_fields
        case ["published", int()]:
            return PublishedTable.model_fields
        case ["gate"]:
            return Gate.model_fields
        case ["gate", "metrics", str()]:
            return MetricRules.model_fields
    return {}
