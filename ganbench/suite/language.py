"""The language of suites: the tables of their TOML, and what to say where a text does not fit them.

A suite says what is trained on what, for how long, how often, and how it is judged:

    seeds = 3
    budget = { images = 100_000 }        # or updates, seconds, flops: exactly one; and perhaps parameters

    [[dataset]]
    name = "mnist5k"
    options = { size = 16 }

    [[variant]]
    name = "dcgan"
    on.mnist5k = { width = 32 }          # options that hold on this dataset only

The tables below are the whole language; `suites/suite.schema.json` is generated from them. `loading.py` makes runs of
them.
"""

import json
import tomllib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from ganbench.compare.gate import Gate, MetricRules
from ganbench.errors import BadSuite, UnknownName
from ganbench.runs.budget import Unit

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


def _sentences(error: ValidationError, where: str) -> Iterable[str]:
    """Say each finding of pydantic's: where it is, what was found, what is needed, and what is near."""
    for finding in error.errors():
        *table, last = place = [part for part in finding["loc"] if part not in ("count", "list", "[key]")]
        name, settings = str(last), _fields_at(table)
        words = ", ".join(f"number {part + 1}" if isinstance(part, int) else part for part in place)
        meaning = f" {settings[name].description}" if name in settings and settings[name].description else ""
        if finding["type"] == "extra_forbidden":
            yield str(UnknownName("settings here", name, settings, f"{where}, {words}: "))
        elif finding["type"] == "missing":
            yield f"{where}: found no {words}, which is needed.{meaning}"
        else:
            yield f"{where}, {words}: found {finding['input']!r}. {finding['msg']}.{meaning}"


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
