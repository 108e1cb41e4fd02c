"""The tables of a suite's text have defaults and descriptions."""

import json
from pathlib import Path

import pytest

from ganbench.suite import language as suite
from ganbench.suite.language import CONTROLS

SUITES = Path(__file__).parents[2] / "suites"
SHIPPED = sorted(SUITES.glob("*.toml"))


def test_a_suite_may_leave_out_all_but_budget_dataset_and_variant() -> None:
    table = suite.parse(
        'budget = { images = 10 }\ndataset = [{ name = "ring8" }]\nvariant = [{ name = "gan" }]', "here"
    )
    assert (table.seeds, table.evaluations, table.samples, table.precision) == (3, 10, 10_000, "float32")
    assert table.controls == CONTROLS == ["real", "memorizer", "mode_dropper", "noise"]
    assert table.meant_for == "cpu"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_suite_parses(path: Path) -> None:
    suite.parse(path.read_text(), str(path))


def test_the_schema_for_editors_is_that_of_the_code() -> None:
    """If it is not, `nox -s schema` writes it anew."""
    assert json.loads((SUITES / "suite.schema.json").read_text()) == suite.schema()


def test_every_setting_of_a_suite_is_described_in_the_schema() -> None:
    schema = suite.schema()
    assert schema["required"] == ["budget", "dataset", "variant"]
    assert schema["additionalProperties"] is False
    tables = [schema, schema["$defs"]["DatasetTable"], schema["$defs"]["VariantTable"]]
    assert all(table["description"] for table in tables)
