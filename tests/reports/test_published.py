"""Numbers of papers beside ours."""

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.published import published_and_ours
from ganbench.reports.frames.summary import summary
from ganbench.reports.html.page import render


def test_published_numbers_stand_beside_ours_with_both_intervals(full: Any) -> None:
    row = {
        "dataset": "ring8",
        "label": "gan",
        "metric": "modes",
        "mean": 6.3,
        "stderr": 0.5,
        "trials": 10,
        "source": "T1",
    }
    results = replace(full, published=pd.DataFrame([row, {**row, "label": "nobody"}]))
    found = published_and_ours(Chapter(Report(results), "ring8"))
    ours = summary(full).query("dataset == 'ring8' and checkpoint == 'last' and metric == 'modes'")
    ours = ours[ours["label"] == "gan"]
    assert found["theirs_high"][0] == pytest.approx(6.3 + 2.262 * 0.5, abs=1e-3)  # Student's t with 9 degrees
    assert found["ours"][0] == ours["mean"].iloc[0] and found["ours_low"][0] == ours["low"].iloc[0]
    assert list(found["n"]) == [3, 0] and math.isnan(found["ours"][1])
    assert (
        published_and_ours(Chapter(Report(results), "mnist5k")).empty
        and published_and_ours(Chapter(Report(full), "ring8")).empty
    )
    page = render(replace(results, published=pd.DataFrame([row])))
    assert "Published and here" in page and "Published and here" not in render(full)
