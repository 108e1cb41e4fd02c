"""What reports say of a metric is what it said of itself in its scores."""

from io import StringIO
from math import inf
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from ganbench.reports import formats
from ganbench.reports.frames import glossary
from ganbench.reports.frames.board import board
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.glossary import Term
from ganbench.reports.frames.order import metrics_in_order
from ganbench.reports.frames.summary import summary
from ganbench.reports.html import page


@pytest.fixture(scope="module")
def strange(synthetic: ModuleType) -> Any:
    """The ring, one of whose metrics is a stranger's with a title and a bound of its own."""
    results = synthetic.make(datasets=("ring8",), seeds=(0, 1))
    of_stranger = results.scores["metric"] == "modes_third"
    about = {"title": "Blue & green", "upper_bound": 9.5, "meaning": "How blue it is, see `fid`.", "blind_to": "<red>."}
    results.scores = results.scores.assign(
        **{name: results.scores[name].mask(of_stranger, value) for name, value in about.items()}
    )
    return results


def test_a_glossary_has_the_metrics_in_the_order_of_the_scores() -> None:
    scores = pd.DataFrame({"metric": ["b", "a", "b"], "title": ["B", "A", "B"], "lower_bound": [0.0, -inf, 0.0]})
    found = glossary.read(scores)
    assert list(found.items()) == [("b", Term("B", low=0)), ("a", Term("A"))]
    assert found["c"] == Term("c", "", "", -inf, inf), "a metric without a score is called by its name"
    assert glossary.read(scores.iloc[:0]) == {}


def test_the_first_metric_goes_before_the_others() -> None:
    assert metrics_in_order(["b", "a", "c", "a"], "c") == ["c", "b", "a"]
    assert metrics_in_order(["b", "a"], "c") == ["b", "a"]


def test_a_strangers_metric_has_its_title_and_bounds_on_the_board_and_in_the_csv(strange: Any) -> None:
    made = board(Chapter(Report(strange), "ring8"))
    assert [about["title"] for about in made.metrics.values()] == [
        "Reverse KL", "Modes", "Blue & green", "High quality",
    ]  # fmt: skip
    highest = summary(strange).query("metric == 'modes_third'")["high"]
    assert highest.max() == 9.5, "where Student's limit lies above"
    rows = pd.read_csv(StringIO(formats.report(strange, "csv").decode()))
    facts = rows.loc[rows["metric"] == "modes_third", ["title", "lower_bound", "upper_bound"]].drop_duplicates()
    assert facts.to_numpy().tolist() == [["Blue & green", 0, 9.5]]
    assert not {"meaning", "blind_to"} & {*rows}, "sentences, which each row would repeat"


def test_the_page_says_what_a_metric_means_and_cannot_see(strange: Any) -> None:
    source = page.render(strange)
    assert '<bdi title="modes_third">Blue &amp; green</bdi>' in source
    assert "How blue it is, see <code>fid</code>. Blind to: &lt;red&gt;." in source
