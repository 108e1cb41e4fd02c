"""A history's page draws every line, and no name in it is more than text."""

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from ganbench.compare.baseline import Baseline, Runs, Score
from ganbench.compare.gate import Gate
from ganbench.compare.history import CommitResult, History, follow
from ganbench.reports.figures.history import history_lines
from ganbench.reports.formats import history as text
from ganbench.reports.frames.history import steps_answer
from ganbench.reports.html.history import render_history

EVIL = "<script>alert(1)</script>[bold]"


def made_up(variants: tuple[str, ...] = ("gan", "wgan"), step: float = 2.0, results: int = 8) -> History:
    """The first variant steps in the middle, the key changes before the last."""
    rng, entries = np.random.default_rng(0), []
    for place in range(results):
        scores = {}
        for i, variant in enumerate(variants):
            level = step if i == 0 and place >= results // 2 else 1.0
            for metric, key in (("fid", "k"), ("modes", f"k{place == results - 1}")):
                values = map(float, 10 * level * np.exp(rng.normal(0, 0.02, 3)))
                score = Score("d", variant, metric, "lower", "", key, None, dict(enumerate(values)))
                scores["d", variant, metric] = score
        runs = {("d", variant): Runs("d", variant, "100 images", "fid", [0, 1, 2], {}, {}) for variant in variants}
        board = Baseline("quick", f"c{place}", {"device": EVIL}, runs, scores)
        entries.append(CommitResult(f"folder/{place}", board, f"2026-01-{place + 1:02d}T00:00:00Z"))
    return follow(entries, Gate(metrics={"modes": {"weight": 0.0}}), [EVIL])


def printed(found: History, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width, emoji=False)
    console.print(text.terminal(found))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_every_line_is_drawn_and_a_new_key_begins_a_new_one() -> None:
    found = made_up()
    traces = history_lines(found, "d").data
    drawn = [trace for trace in traces if trace.mode == "lines+markers"]
    assert len(drawn) == found.points["line"].nunique() == 6, "one of FID and two of modes, for each variant"
    assert sorted(len(trace.x) for trace in drawn) == [1, 1, 7, 7, 8, 8]
    assert {trace.meta for trace in drawn} == {"gan", "wgan"}, "by which the page's legend hides them"


def test_limits_of_a_point_are_its_interval() -> None:
    found = made_up()
    line = found.points[found.points["line"] == found.points["line"].iloc[0]]
    trace = history_lines(found, "d").data[0]
    assert trace.y + trace.error_y.array == pytest.approx(line["high"].to_numpy())
    assert trace.y - trace.error_y.arrayminus == pytest.approx(line["low"].to_numpy())


def test_a_step_is_a_star_on_the_first_result_after_it() -> None:
    stars = [trace for trace in history_lines(made_up(), "d").data if trace.marker.symbol == "star"]
    assert [(trace.meta, list(trace.x)) for trace in stars] == [("gan", [4])]
    assert stars[0].customdata[0].startswith("after a step of +")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_of_any_width_names_the_step(width: int) -> None:
    shown = printed(made_up(), width).replace("\n", " ")
    assert "8 results of quick, 6 lines: 1 step, 1 for the worse." in shown
    assert "worse since c4 of 2026-01-05: gan on d, fid went from " in shown


def test_without_a_step_that_is_said() -> None:
    found = made_up(step=1.0)
    assert steps_answer(found).endswith("no step.") and "No step." in render_history(found)


def test_names_are_text() -> None:
    found = made_up(variants=(EVIL, "gan"))
    page, shown = render_history(found), printed(found, 200)
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    assert EVIL in shown, "as it is, not as markup"


def test_the_page_is_whole() -> None:
    page = render_history(made_up())
    assert "$" not in page[: page.index("<script>")], "every place of the template is filled"
    assert page.count('data-figure="lines-dataset-0"') == 1 and 'id="results"' in page
