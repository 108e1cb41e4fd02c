"""What every metric owes its readers."""

import inspect
import pkgutil
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import ganbench.metrics
from ganbench.metrics import Metric

FAMILIES = [
    import_module(f"ganbench.metrics.{module.name}") for module in pkgutil.iter_modules(ganbench.metrics.__path__)
]
METRICS = {
    f"{family.__name__}:{name}": value
    for family in FAMILIES
    for name, value in vars(family).items()
    if isinstance(value, Metric) and value.compute.__module__ == family.__name__
}
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_says_where_it_comes_from_and_what_it_cannot_see(metric):
    assert metric.direction in ("higher", "lower") or "No score" in (inspect.getdoc(metric) or "")
    assert "https://" in metric.source
    explanation = inspect.getdoc(metric) or ""
    assert "From " in explanation or "0 " in explanation, "its range"
    assert "real data" in explanation.lower() or "perfect samples" in explanation, "what a perfect generator gets"
    assert "Blind to" in explanation


def test_every_metric_is_an_entry_point_under_its_own_name():
    listed = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["ganbench.metrics"]
    assert {metric.name: place for place, metric in METRICS.items()} == listed
