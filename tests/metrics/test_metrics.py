"""What every metric owes its readers."""

import inspect
import pkgutil
import tomllib
from importlib import import_module
from math import inf
from pathlib import Path

import ganbench.metrics
from ganbench import plugins
from ganbench.metrics import Estimate, Evidence, Metric, metric

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


def test_a_metric_says_what_its_readers_must_know():
    for name in plugins.names("metrics"):
        metric = plugins.load("metrics", name)
        explanation = inspect.getdoc(metric) or ""
        assert metric.direction in ("higher", "lower") or "No score" in explanation, name
        assert "https://" in metric.source, name
        assert "From " in explanation or "0 " in explanation, f"{name}: its range"
        assert "real data" in explanation.lower() or "perfect samples" in explanation, f"{name}: what perfection gets"
        assert metric.title != name, f"{name}: what a board calls it"
        assert metric.bounds[0] < metric.bounds[1], f"{name}: where its values lie"
        assert metric.meaning.endswith(".") and len(metric.meaning) < 200, f"{name}: what it means, in a sentence"
        assert metric.blind_to.endswith("."), f"{name}: what it cannot see"


def test_what_reports_say_of_a_metric_is_read_from_its_docstring():
    @metric("mine", title="Mine", bounds=(0, 1), direction="lower", unit="", source="")
    def mine(evidence: Evidence) -> Estimate:
        """How blue samples are,
        on average.

        From 0 to 1. Blind to nothing else.

        Blind to: red; and
        to green.
        """
        return Estimate(0)

    assert mine.meaning == "How blue samples are, on average."
    assert mine.blind_to == "red; and to green."


def test_a_metric_that_says_nothing_has_its_name_for_a_title_and_no_bounds():
    silent = metric("mine", direction="lower", unit="", source="")(lambda evidence: Estimate(0))
    assert (silent.title, silent.bounds, silent.meaning, silent.blind_to) == ("mine", (-inf, inf), "", "")


def test_every_metric_is_an_entry_point_under_its_own_name():
    listed = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["ganbench.metrics"]
    assert {metric.name: place for place, metric in METRICS.items()} == listed
