"""JSON: one strict document, with every score of the CSV."""

import json
import math
from types import ModuleType
from typing import Any

import pytest

from ganbench.reports.formats.as_json import to_json
from ganbench.reports.frames.scores import tidy


def _strict(source: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(source, parse_constant=refuse)


@pytest.mark.parametrize("kind", ["make", "empty", "half_finished", "all_failed", "theory"])
def test_it_is_strict_json_with_all_frames(synthetic: ModuleType, kind: str) -> None:
    results = getattr(synthetic, kind)()
    found = _strict(to_json(results))
    assert list(found) == ["format", "suite", "path", "runs", "scores", "summary", "published", "boards"]
    assert len(found["runs"]) == len(results.runs) and len(found["scores"]) == len(tidy(results))


def test_values_come_back_exactly_and_what_is_unknown_is_null(full: Any) -> None:
    found = _strict(to_json(full))["scores"]
    for row, value in zip(found, tidy(full)["value"], strict=True):
        assert row["value"] == value or (row["value"] is None and math.isnan(value))
    assert any(row["value"] is None for row in found)
    assert {type(row["seed"]) for row in found} == {int} and {type(row["control"]) for row in found} == {bool}


def test_infinities_are_words_that_other_programs_read(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), datasets=("ring8",))
    results.scores["value"] = [math.inf, -math.inf, *results.scores["value"].iloc[2:]]
    found = _strict(to_json(results))["scores"]
    assert [row["value"] for row in found[:2]] == ["Infinity", "-Infinity"]
    assert [float(row["value"]) for row in found[:2]] == [math.inf, -math.inf]


def test_names_stay_what_they_are(hostile: Any) -> None:
    found = _strict(to_json(hostile))
    assert found["suite"] == hostile.suite
    assert {row["label"] for row in found["runs"]} == set(hostile.runs["label"])
