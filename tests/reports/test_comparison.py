"""A comparison reads well, and no name in it is more than text."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pandas import DataFrame
from rich.console import Console

from ganbench.compare.compare import Comparison, compare
from ganbench.reports.formats import comparison
from ganbench.reports.formats.comparison import (
    comparison_answer,
    comparison_cells,
    comparison_markdown,
    conditions_compared,
)


@pytest.fixture(scope="module")
def compared(full: Any, synthetic: Any) -> Comparison:
    """One diverged run, a metric that nobody can tell apart, and many rows."""
    other = synthetic.make(rename={"": "again"}, diverged=())
    return compare(full, other, tolerance=0.05)


def printed(found: Comparison, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width, emoji=False)
    console.print(comparison.comparison_in_terminal(found), crop=False)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_answer_counts_every_verdict(compared: Comparison) -> None:
    counts = compared.rows["verdict"].value_counts()
    said = comparison_answer(compared)
    assert said.startswith(f"B against A in {len(compared.rows)} rows: ")
    assert all(f"{n} {verdict}" in said for verdict, n in counts.items())


def test_how_many_rows_share_the_error_rate_is_said(compared: Comparison) -> None:
    said = conditions_compared(compared)
    assert said.startswith("Last checkpoint; tolerance 5 % of A's mean; ")
    assert f"{compared.compared} rows tested, with a chance of any false verdict of at most 5 % (Holm)" in said


def test_every_row_is_a_line_with_all_that_was_found(compared: Comparison) -> None:
    lines = comparison_cells(compared.rows[compared.rows["dataset"] == "mnist5k"])
    assert lines["variant"].unique().tolist() == ["gan", "dcgan", "wgan"]
    assert lines.loc[0, "metric"] == "fid ↓", "in the order of the scores"
    assert lines.loc[0, "seeds"] == "2 of 3; 3", "a run of A diverged"
    assert not lines.isna().any().any() and (lines.drop(columns="why") != "").all().all()
    assert "variant" not in comparison_cells(compared.rows[compared.rows["a_label"] == "gan"])


def test_seeds_that_are_needed_are_told(compared: Comparison) -> None:
    rows = compared.rows[compared.rows["seeds"].notna()]
    assert len(rows), "something is undecided"
    assert comparison_cells(rows.head(1)).loc[0, "needed"] == f"{rows.iloc[0]['seeds']:,}"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_of_any_width_shows_verdicts_and_remarks(compared: Comparison, width: int) -> None:
    shown = printed(compared, width)
    assert "undecided" in shown and "diverged" in shown and "mnist5k" in shown
    assert shown.startswith(f"A: {compared.a}\nB: {compared.b}\n")


def test_why_is_told_below_the_table(full: Any, synthetic: Any) -> None:
    one = compare(full, synthetic.make(seeds=(0,), diverged=()))
    assert "undecided, one seed of B: all" in printed(one)
    assert "one seed of B" in comparison_markdown(one)


def test_markdown_has_a_table_per_dataset(compared: Comparison) -> None:
    written = comparison_markdown(compared)
    tables = [block for block in written.split("\n\n") if block.startswith("| dataset |")]
    assert len(tables) == 2
    assert all(len({line.count(" | ") for line in table.splitlines()}) == 1 for table in tables)
    assert sum(len(table.splitlines()) - 2 for table in tables) == len(compared.rows)
    assert "To be known" in written and "P, 95 %" in written


def test_names_are_text(hostile: Any) -> None:
    found = compare(hostile, hostile)
    shown, written = printed(found, 200), comparison_markdown(found)
    assert "<script>alert(1)</script>" in shown, "as it is, not as markup"
    assert "<script>" not in written and r"\<script\>" in written
    assert "\u202e" not in shown + written


def test_markup_of_rich_is_text_too() -> None:
    row = {
        **dict.fromkeys(("a_mean", "b_mean", "difference", "low", "high", "improvement", "improvement_low"), 0.5),
        **{"dataset": "[bold]ring[/bold]", "a_label": "[red]a", "b_label": "b", "metric": "[/]", "direction": "lower"},
        **{"a_n": 2, "b_n": 2, "a_lost": 0, "b_lost": 0, "improvement_high": 0.6, "verdict": "same", "why": ""},
        **{"seeds": None, "p": 0.5},
    }
    found = Comparison("[red]A", "B", "last", None, DataFrame([row]), ["[blink]remark"])
    assert all(text in printed(found) for text in ("[bold]ring[/bold]", "[/] ↓", "[red]A", "[blink]remark"))
    assert Path(found.b).name == "B"
