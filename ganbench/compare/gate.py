"""The rules of a gate: what counts as a regression. The table [gate] of a suite is this model.

A baseline keeps the rules under which it was made, and later results are held to those: who changes the code and the
suite cannot change what the gate looks at. Descriptions stand in the schema of suites, `suites/suite.schema.json`. No
torch, no pandas.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ganbench.errors import BadResults, UnknownName

SPEED = "images_per_second"
# Machines have moods, and all seeds of a session share them: no test of seeds knows how far two sessions are apart.
SPEED_TOLERANCE = 0.3
FLOOR = 1e-4  # the share of one sample in ten thousand; a KID or a divergence below is that of equal distributions
PRIMARY = 10.0  # weight of the metric that verdicts are of: the one that variants are tuned for

Share = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Floor = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Limit(NamedTuple):
    """When a metric's change counts."""

    tolerance: float  # share of what it was; less is no regression, however sure it is
    weight: float  # share of the allowed error, relative to other rows; 0: the metric is not looked at
    floor: float = FLOOR  # in the metric's unit; less is no regression either, however many times as much it is


class MetricRules(BaseModel):
    """What the gate makes of one metric."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    tolerance: Share | None = Field(
        None, description=f"For this metric; by default the gate's, and {SPEED_TOLERANCE:g} for speed.", examples=[0.3]
    )
    floor: Floor | None = Field(
        None, description="For this metric, in its unit; by default the gate's.", examples=[0.5]
    )
    weight: Share | None = Field(
        None,
        description="Share of the allowed error, relative to other metrics; 0: not looked at. By default 1, and "
        f"{PRIMARY:g} for the dataset's primary metric.",
        examples=[0],
    )


class Gate(BaseModel):
    """What counts as a regression when results are held against a baseline."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    error: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="How often a board on which nothing has changed may raise an alarm.",
        examples=[0.01],
    )
    tolerance: Share = Field(
        0.1, description="A change by less than this share of what the baseline has is none.", examples=[0.2]
    )
    floor: Floor = Field(
        FLOOR,
        description="A change by less than this, in the metric's unit, is none: a tolerance alone is nothing where the "
        "baseline has nearly nothing.",
        examples=[0.001],
    )
    failures: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of a variant's runs that may fail, or lose a score, though they ended in the baseline.",
        examples=[0.25],
    )
    metrics: dict[str, MetricRules] = Field(
        {},
        description="Exceptions: a metric, or images_per_second for speed.",
        examples=[{"fid": {"tolerance": 0.3}, "images_per_second": {"weight": 0}}],
    )

    @classmethod
    def of_results(cls, folder: Path) -> "Gate":
        """Read the rules of the suite of which the results in `folder` are. Raises BadResults if they break them."""
        from ganbench.store.files import damaged, fields, read_json  # with pandas: a suite need not wait for it
        from ganbench.store.layout import SUITE

        file = folder / SUITE
        try:
            suite = tomllib.loads(fields(read_json(file), {"text": str}, file)["text"])
        except ValueError as error:
            raise damaged(file, error) from error
        try:
            return cls.model_validate_json(json.dumps(suite.get("gate", {}), default=str))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, ("gate", *first["loc"])))
            raise BadResults(
                f"{file}: in the suite's text {place} is {first['input']!r}. {first['msg']}. "
                "Correct the suite and run it again: what has been trained is kept."
            ) from error

    def changed(self, error: float | None, tolerances: Mapping[str, float]) -> "Gate":
        """Put other rules in place of these: the error, and tolerances by metric; "" stands for all other metrics."""
        metrics = dict(self.metrics)
        for name in tolerances.keys() - {""}:
            metrics[name] = metrics.get(name, MetricRules()).model_copy(update={"tolerance": tolerances[name]})
        changes = {"error": error, "tolerance": tolerances.get(""), "metrics": metrics}
        return self.model_copy(update={name: value for name, value in changes.items() if value is not None})

    def differences(self, other: "Gate") -> list[str]:
        """What `other` says otherwise: `metrics.fid.weight = 0 (here: by default)`."""
        here, there = self._rules(), other._rules()
        return [
            f"{name} = {there.get(name, 'by default')} (here: {here.get(name, 'by default')})"
            for name in sorted({*here, *there})
            if here.get(name) != there.get(name)
        ]

    def _rules(self) -> dict[str, str]:
        """Each by its place in the table; those of a metric only where it has its own."""
        tables: dict[str, BaseModel] = {"": self}
        tables |= {f"metrics.{metric}.": rules for metric, rules in self.metrics.items()}
        return {
            f"{place}{name}": f"{value:g}"
            for place, rules in tables.items()
            for name, value in rules
            if isinstance(value, float)
        }

    def check_metrics(self, known: Iterable[str], where: str) -> None:
        """Raise UnknownName at `where`, if a metric that has rules of its own is neither speed nor among the known."""
        names = {SPEED, *known}
        for metric in self.metrics:
            if metric not in names:
                raise UnknownName("metrics of this suite", metric, names, where)

    def limit(self, metric: str, primary: bool) -> Limit:
        """Tell when a change of `metric` counts. `primary`: it is the one that verdicts are of."""
        rules = self.metrics.get(metric, MetricRules())
        tolerance = SPEED_TOLERANCE if metric == SPEED else self.tolerance
        weight = PRIMARY if primary else 1.0
        return Limit(
            tolerance if rules.tolerance is None else rules.tolerance,
            weight if rules.weight is None else rules.weight,
            self.floor if rules.floor is None else rules.floor,
        )


def held_to(kept: Gate | None, suite: Gate) -> tuple[Gate, list[str]]:
    """The rules that a baseline keeps and those of the suite now -> those that hold, and what is to be said of them."""
    if kept is None:
        cure = "Write it anew, that it keeps them: `--update --reason WHY`."
        return suite, [f"The baseline is of an older format and keeps no rules, so those of the suite hold. {cure}"]
    if not (other := kept.differences(suite)):
        return kept, []
    remark = f"The suite has other rules than the baseline, whose rules hold: {'; '.join(other)}."
    return kept, [f"{remark} `--update --reason WHY` accepts them together with the results."]
