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
import re
import tomllib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from ganbench.compare.gate import Gate, MetricRules
from ganbench.errors import BadSuite, UnknownName, shortened
from ganbench.runs.budget import Unit
from ganbench.suite import OnFailure
from ganbench.suite.settings import with_settings

CONTROLS = ["real", "memorizer", "mode_dropper", "noise"]

MOST_SEEDS = 10_000
BRACKETS, DIGITS = r"[\[{ ]+", r"[0-9a-fA-F_]+"
SHORTEST = 1e-3  # of any unit
MOST_FINDINGS = 10  # that one message names
DEEPEST = 50  # parts of a dotted key: reading it takes the square of their number


def _each_once(names: list[str]) -> list[str]:
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise PydanticCustomError("twice", "{name} stands there twice. Name it once", {"name": repr(twice)})
    return names


# Bounds are far beyond what anybody trains: what they refuse is a slip of the finger, or would take all memory.
Amount = Annotated[float, Field(gt=0, le=1e12)]
Count = Annotated[int, Field(gt=0, le=10_000_000)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # as a table's column holds it
Name = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]  # of a plugin, or a row
Names = Annotated[list[Name], AfterValidator(_each_once), Field(max_length=100)]
Label = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")]
Text = Annotated[str, Field(max_length=10_000)]
Options = dict[Name, Any]
Values = Annotated[list[Any], Field(min_length=1, max_length=1_000)]  # of one option


class Table(BaseModel):
    """A table of a suite: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class LooksTable(Table):
    """Seeds that are added until it is decided who leads: a look after every `first` of them."""

    first: Annotated[int, Field(ge=2, le=MOST_SEEDS)] = Field(
        description="Seeds of every row, and added at each look.", examples=[4]
    )
    most: Annotated[int, Field(ge=4, le=MOST_SEEDS)] = Field(
        description="Seeds of a row in all, a multiple of `first`.", examples=[16]
    )

    @model_validator(mode="after")
    def _whole_looks(self) -> Self:
        if self.most % self.first or self.most == self.first:
            raise PydanticCustomError("looks", "`most` needs to be `first` times 2, 3, 4 or more")
        return self


class SearchTable(Table):
    """Equal search, before the board: each variant's options are chosen among so many trials of declared values.

    The same points of the grid of all values are tried by all who search the same values, on seeds of their own. The
    best by the primary metric on the validation split, at the end of the budget, trains the seeds of the board.
    """

    trials: Annotated[int, Field(ge=2, le=1_000)] = Field(description="Of each variant on each dataset.", examples=[4])
    over: dict[Name, Values] = Field(
        {},
        description="Option -> its values; a variant with other options has an `over` of its own.",
        examples=[{"lr": [2e-4, 1e-3], "width": [32, 64]}],
    )
    seeds: Annotated[int, Field(gt=0, le=100)] = Field(
        1, description="Of each trial; the board uses none of them.", examples=[2]
    )


def _kind_of_seeds(given: object) -> str:
    return "list" if isinstance(given, list) else "looks" if isinstance(given, dict | LooksTable) else "count"


Seeds = Annotated[
    Annotated[int, Field(gt=0, le=MOST_SEEDS), Tag("count")]
    | Annotated[list[Seed], Field(min_length=1, max_length=MOST_SEEDS), Tag("list")]
    | Annotated[LooksTable, Tag("looks")],
    Discriminator(_kind_of_seeds),
]


class BudgetTable(Table):
    """The length of a run, one unit and its amount; and its size, if it is to be the same for all variants."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [unit]} for unit in get_args(Unit)]})

    images: Amount | None = Field(None, description="Real images shown to D.", examples=[100_000])
    updates: Amount | None = Field(None, description="Updates of the generator.", examples=[2_000])
    seconds: Amount | None = Field(None, description="Seconds of training.", examples=[60])
    flops: Annotated[float, Field(gt=0, le=1e24)] | None = Field(
        None, description="FLOPs of training.", examples=[1e13]
    )
    parameters: Annotated[int, Field(gt=0, le=10**12)] | None = Field(
        None,
        description="A whole number: of D and G together. It chooses every variant's `width`, to within 5 %. "
        "A dataset's budget without it keeps to the suite's.",
        examples=[500_000],
    )

    @property
    def lengths(self) -> dict[Unit, float]:
        amounts: dict[Unit, float | None] = {unit: getattr(self, unit) for unit in get_args(Unit)}
        return {unit: amount for unit, amount in amounts.items() if amount is not None}

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if len(self.lengths) != 1:
            raise PydanticCustomError("lengths", f"It needs exactly one of {', '.join(get_args(Unit))}")
        if min(self.lengths.values()) < SHORTEST:
            raise PydanticCustomError("lengths", f"It needs at least {SHORTEST:g}")
        return self


class DatasetTable(Table):
    """What is trained on. Settings here go before those of the suite."""

    name: Name = Field(
        description="An installed dataset, `folder:PATH`, or `file.py:Name` beside the suite.",
        examples=["folder:~/flowers"],
    )
    label: Label = Field("", description="Its name on the board; by default the dataset's name.", examples=["digits"])
    options: Options = Field({}, description="See `ganbench show NAME`.", examples=[{"size": 16}])
    budget: BudgetTable | None = Field(
        None, description="The length of a run on this dataset, and its size.", examples=[{"images": 200_000}]
    )
    seeds: Seeds | None = Field(None, description="As the suite's, which holds by default.", examples=[5])
    evaluations: Annotated[int, Field(gt=0, le=10_000)] | None = Field(
        None, description="As the suite's.", examples=[20]
    )
    samples: Count | None = Field(None, description="As the suite's.", examples=[2_000])
    judge: Name | None = Field(
        None,
        description="An installed judge, `file.py:Name` of a class or a function, or weights.safetensors; "
        "by default the dataset's own.",
        examples=["random"],
    )
    metrics: Names | None = Field(None, description="By default the judge's own.", examples=[["fid", "kid", "recall"]])
    primary: Name | None = Field(
        None,
        description="The one of the metrics that verdicts are of; by default that by which checkpoints are selected.",
        examples=["kid"],
    )
    curves: Names = Field(
        [],
        description="Those of the metrics that runs are judged by along their budget; by default all that are cheap.",
        examples=[["fid"]],
    )


class VariantTable(Table):
    """What is trained."""

    name: Name = Field(
        description="An installed variant, or `file.py:Name` beside the suite.", examples=["mine.py:MyGAN"]
    )
    label: Label = Field(
        "", description="Its name on the board; by default the variant's name.", examples=["mine, wide"]
    )
    options: Options = Field(
        {}, description="See `ganbench show NAME`.", examples=[{"penalty": {"name": "gradient", "weight": 1}}]
    )
    on: dict[Name, Options] = Field(
        {}, description="Options that hold on one dataset only, by its label.", examples=[{"digits": {"width": 32}}]
    )
    datasets: Names | None = Field(
        None, description="Labels of the datasets it is trained on; by default all.", examples=[["digits"]]
    )
    over: dict[Name, Values] | None = Field(
        None,
        description="What the suite's search tries of this variant, in place of its `over`.",
        examples=[{"lr": [5e-5, 2e-4], "n_critic": [1, 5]}],
    )


class PublishedTable(Table):
    """What a paper printed of one of the suite's variants on one of its datasets, to be shown beside the results."""

    source: Text = Field(
        min_length=1, description="Paper, and the table in it.", examples=["Lin et al., PacGAN, 2018, table 1"]
    )
    dataset: Name = Field(description="Label of a dataset of this suite.", examples=["grid25"])
    variant: Name = Field(description="Label of a variant of this suite.", examples=["gan"])
    trials: int = Field(gt=1, le=10**6, description="Training runs behind the numbers.", examples=[10])
    scores: dict[Name, tuple[float, Annotated[float, Field(ge=0)]]] = Field(
        description="Metric -> mean and standard error of the mean, in this project's units: shares, nats.",
        examples=[{"modes": [17.3, 0.8]}],
    )


class SuiteTable(Table):
    """A benchmark suite of ganbench."""

    name: str = Field(
        "",
        max_length=60,
        pattern=r"^(\w[\w .@+-]*)?$",
        description="Also of its folder; by default the file's name.",
        examples=["digits"],
    )
    description: Text = Field(
        "", description="What the suite asks, for who reads it.", examples=["Which penalty, on digits?"]
    )
    budget: BudgetTable = Field(
        description="The length of a run, one unit and its amount, and maybe its size.", examples=[{"images": 100_000}]
    )
    seeds: Seeds = Field(
        3,
        description="How many, which, or { first, most }: added until it is decided who leads.",
        examples=[{"first": 4, "most": 16}],
    )
    evaluations: Annotated[int, Field(gt=0, le=10_000)] = Field(
        10, description="How often along its budget a run is judged on the validation split.", examples=[5]
    )
    samples: Count = Field(10_000, description="Drawn from a variant at each judgement.", examples=[2_000])
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32", description="Of training; judges use float32.", examples=["tf32"]
    )
    threads: Annotated[int, Field(gt=0, le=1_024)] = Field(
        1,
        description="Of a run on a CPU, whatever the number of workers: sums in another order are other numbers.",
        examples=[2],
    )
    meant_for: Literal["cpu", "cuda"] = Field(
        "cpu", description="Elsewhere `run` says first how long it will take.", examples=["cuda"]
    )
    on_failure: OnFailure = Field(
        "retry",
        description="retry: what something outside of a run ended, as a kill or a lack of memory, is done once more. "
        "record: it is not. stop: the first run that does not end well ends the suite.",
        examples=["stop"],
    )
    dataset: list[DatasetTable] = Field(
        min_length=1,
        max_length=100,
        description="What is trained on: a table [[dataset]] for each.",
        examples=[[{"name": "ring8"}]],
    )
    variant: list[VariantTable] = Field(
        min_length=1,
        max_length=500,
        description="What is trained: a table [[variant]] for each.",
        examples=[[{"name": "gan"}, {"name": "wgan"}]],
    )
    controls: Names = Field(
        CONTROLS, description="Rows that are no GAN and show how good `good` is.", examples=[["real", "noise"]]
    )
    published: list[PublishedTable] = Field(
        [],
        max_length=10_000,
        description="Numbers of papers: a table [[published]] for each row.",
        examples=[
            [
                {
                    "source": "Lin et al., PacGAN, 2018, table 1",
                    "dataset": "grid25",
                    "variant": "gan",
                    "trials": 10,
                    "scores": {"modes": [17.3, 0.8]},
                }
            ]
        ],
    )
    gate: Gate = Field(
        Gate(), description="What counts as a regression: see `docs/ci.md`.", examples=[{"tolerance": 0.2}]
    )
    search: SearchTable | None = Field(
        None,
        description="Options are chosen by equally many trials of every variant before the board.",
        examples=[{"trials": 4, "over": {"lr": [2e-4, 1e-3], "width": [32, 64]}}],
    )


OWN_KEYS = {"dataset": DatasetTable.model_fields, "variant": VariantTable.model_fields}


def parse(text: str, where: str) -> SuiteTable:
    """TOML text -> the suite as written. Raises BadSuite."""
    if deep := _deep_key(text):
        raise BadSuite(f"{where}: found a key of more than {DEEPEST} parts, {shortened(deep, 60)}. Write tables.")
    try:
        suite = with_settings(tomllib.loads(text), text, OWN_KEYS)
        return SuiteTable.model_validate_json(json.dumps(suite, default=_date))
    except tomllib.TOMLDecodeError as error:
        raise BadSuite(f"{where} is not TOML: {error}.") from error
    except ValidationError as error:
        raise BadSuite("\n".join(_sentences(error, where))) from error
    except RecursionError as error:
        raise BadSuite(f"{where}, {_line_of_longest(BRACKETS, text)}: too many brackets in brackets.") from error
    except ValueError as error:  # of numbers beyond what Python reads
        raise BadSuite(f"{where}, {_line_of_longest(DIGITS, text)}: {error}.") from error


def _deep_key(text: str) -> str:
    """A dotted key of too many parts, or nothing."""
    headers = (line for line in text.splitlines() if line.lstrip().startswith("["))
    keys = (re.split(r"[\n{,\[]", piece)[-1] for piece in text.split("="))
    return next((key for key in (*headers, *keys) if key.count(".") > DEEPEST), "")


def _date(found: object) -> dict[str, str]:
    """What no setting is, so that it is refused where it stands."""
    return {"a date or a time": str(found)}


def _line(text: str, place: int) -> str:
    """`line 3, seeds`: where in a text, and the key that is set there."""
    start = text.rfind("\n", 0, place) + 1
    return f"line {text.count(chr(10), 0, place) + 1}, {shortened(text[start:].partition('=')[0].strip(), 60)}"


def _line_of_longest(pattern: str, text: str) -> str:
    return _line(text, max(re.finditer(pattern, text), key=lambda found: len(found.group())).start())


def schema() -> dict[str, Any]:
    """JSON Schema of suites, for editors."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", **SuiteTable.model_json_schema()}


def _sentences(error: ValidationError, where: str) -> Iterable[str]:
    """Say each finding of pydantic's: where it is, what was found, what is needed, and what is near."""
    if len(findings := error.errors(include_url=False)) > MOST_FINDINGS:
        yield f"{where}: {len(findings):,} settings do not fit. The first {MOST_FINDINGS} are:"
    for finding in findings[:MOST_FINDINGS]:
        place = [part for part in finding["loc"] if part not in ("count", "list", "looks", "[key]")]
        *table, last = place or ["the text"]
        name, settings = str(last), _fields_at(table)
        words = ", ".join(f"number {part + 1}" if isinstance(part, int) else shortened(part, 60) for part in place)
        meaning = f" {settings[name].description}" if name in settings and settings[name].description else ""
        if finding["type"] == "extra_forbidden":
            yield str(UnknownName("settings here", name, settings, f"{where}, {words}: "))
        elif finding["type"] == "missing":
            yield f"{where}: found no {words}, which is needed.{meaning}"
        else:
            yield f"{where}, {words}: found {shortened(repr(finding['input']), 100)}. {finding['msg']}.{meaning}"


def _fields_at(table: list[int | str]) -> dict[str, FieldInfo]:
    """The settings of the table at that place; of a place inside a setting, none."""
    match table:
        case []:
            return SuiteTable.model_fields
        case ["dataset", int()]:
            return DatasetTable.model_fields
        case [*_, "seeds"]:
            return LooksTable.model_fields
        case [*_, "budget"]:
            return BudgetTable.model_fields
        case ["variant", int()]:
            return VariantTable.model_fields
        case ["published", int()]:
            return PublishedTable.model_fields
        case ["search"]:
            return SearchTable.model_fields
        case ["gate"]:
            return Gate.model_fields
        case ["gate", "metrics", str()]:
            return MetricRules.model_fields
    return {}
