"""The rules of a gate: what counts as a regression. The table [gate] of a suite is this model.

Its descriptions stand in the schema of suites, `suites/suite.schema.json`. No torch, no pandas.
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
SELECTING = 10.0  # weight of the metric by which checkpoints are selected: the one that variants are tuned for

Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Limit(NamedTuple):
    """When a metric's change counts."""

    tolerance: float  # share of what it was; less is no regression, however sure it is
    weight: float  # share of the allowed error, relative to other rows; 0: the metric is not looked at


class MetricRules(BaseModel):
    """What the gate makes of one metric."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    tolerance: Share | None = Field(
        None, description=f"For this metric; by default the gate's, and {SPEED_TOLERANCE:g} for speed."
    )
    weight: Share | None = Field(
        None,
        description="Share of the allowed error, relative to other metrics; 0: not looked at. By default 1, and "
        f"{SELECTING:g} for the metric by which checkpoints are selected.",
    )


class Gate(BaseModel):
    """What counts as a regression when results are held against a baseline."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    error: float = Field(
        0.05, gt=0, lt=1, description="How often a board on which nothing has changed may raise an alarm."
    )
    tolerance: Share = Field(0.1, description="A change by less than this share of what the baseline has is none.")
    metrics: dict[str, MetricRules] = Field({}, description="Exceptions: a metric, or images_per_second for speed.")

    @classmethod
    def of_results(cls, folder: Path) -> "Gate":
        """Read the rules of the suite of which the results in `folder` are. Raises BadResults if they break them."""
        file = folder / "suite.json"
        suite = tomllib.loads(json.loads(file.read_text(encoding="utf-8"))["text"])
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
            weight = metrics[name].weight if name in metrics else None
            metrics[name] = MetricRules(tolerance=tolerances[name], weight=weight)
        return Gate(
            error=self.error if error is None else error,
            tolerance=tolerances.get("", self.tolerance),
            metrics=metrics,
        )

    def check_metrics(self, known: Iterable[str], where: str) -> None:
        """Raise UnknownName at `where`, if a metric that has rules of its own is neither speed nor among the known."""
        names = {SPEED, *known}
        for metric in self.metrics:
            if metric not in names:
                raise UnknownName("metrics of this suite", metric, names, where)

    def limit(self, metric: str, selecting: bool) -> Limit:
        """Tell when a change of `metric` counts. `selecting`: it is the one by which checkpoints are selected."""
        rules = self.metrics.get(metric, MetricRules())
        tolerance = SPEED_TOLERANCE if metric == SPEED else self.tolerance
        weight = SELECTING if selecting else 1.0
        return Limit(
            tolerance if rules.tolerance is None else rules.tolerance,
            weight if rules.weight is None else rules.weight,
        )
