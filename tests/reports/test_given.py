"""Rows that were given the same are compared; one that was given real images of the content is set apart everywhere."""

import json
from types import ModuleType
from typing import Any

import pytest

from ganbench.compare.compare import compare
from ganbench.reports import figures, formats
from ganbench.reports.formats.sentences import answer
from ganbench.reports.formats.terminal import summary_boards
from ganbench.reports.frames import disagreement, ranking
from ganbench.reports.frames.board import board
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.order import WHY_APART
from ganbench.reports.frames.trajectories import seed_values
from ganbench.reports.html.page import render

GIVEN = {"wgan": "real images", "dcgan": "labels", "gan": "nothing"}


@pytest.fixture(scope="module")
def unequal(synthetic: ModuleType) -> Any:
    """`wgan`, the best on the ring by far, was given real images."""
    return _given(synthetic.make(), GIVEN)


def _given(results: Any, given: dict[str, str]) -> Any:
    results.runs["given"] = results.runs["label"].map(lambda label: given.get(label, "nothing"))
    return results


def test_what_was_given_is_a_column_of_every_format(unequal: Any) -> None:
    rows = board(Chapter(Report(unequal), "ring8")).cells().set_index("Variant")
    assert rows["Given"].to_dict()["wgan"] == "real images" and rows["Given"].to_dict()["dcgan"] == "labels"
    texts = {name: formats.report(unequal, name).decode() for name in ("html", "md", "latex", "json", "csv")}
    for name, text in texts.items():
        assert "real images" in text and ("Given" in text or "given" in text), name
    summary = json.loads(texts["json"])["summary"]
    assert {row["label"]: row["given"] for row in summary if not row["control"]} == GIVEN


def test_a_row_that_was_given_real_images_is_in_no_ranking(unequal: Any) -> None:
    report = Report(unequal)
    chapter = Chapter(report, "ring8")
    rows = board(chapter).rows.set_index("label")
    assert list(rows.index)[:4] == ["dcgan", "gan", "wgan", "real"], "after those that are ranked, before controls"
    assert rows["rank"].to_dict()["dcgan"] == 1 and rows["rank"].isna()["wgan"] and rows["tier"]["wgan"] == ""
    assert not rows["tied"]["wgan"]
    assert all(set(entry.runs) == {"gan", "dcgan"} for entry in ranking.ranked_datasets(report))
    assert "wgan" not in set(ranking.overall_ranks(ranking.ranked_datasets(report))["label"])
    assert not set(disagreement.reversals(report.scores)[["a", "b"]].to_numpy().ravel()) & {"wgan"}
    of_wgan = set(chapter.runs.loc[chapter.runs["label"] == "wgan", "run"])
    assert not of_wgan & set(disagreement.table_of(chapter.scores).index)
    seeds = seed_values(chapter.scores, chapter.runs, "reverse_kl")
    assert list(dict.fromkeys(seeds["label"])) == ["dcgan", "gan", "wgan"]


def test_a_row_that_was_given_real_images_is_not_on_the_front_of_quality_and_cost(unequal: Any) -> None:
    chapter = Chapter(Report(unequal), "ring8")
    rows = chapter.summary[~chapter.summary["control"]]
    figure = figures.cost(rows, mean_ledger(chapter), "reverse_kl", "seconds")
    hollow = {trace.meta: trace.marker.symbol.endswith("-open") for trace in figure.data if trace.meta}
    assert hollow["wgan"] and not hollow["dcgan"]


def test_the_answer_names_the_best_of_each_and_says_who_is_not_ranked(unequal: Any) -> None:
    sentence = answer(Chapter(Report(unequal), "ring8"))
    assert sentence.startswith("dcgan leads on ring8: Reverse KL")
    assert "The best Reverse KL of those given nothing: gan, 0.9" in sentence
    assert "; given labels: dcgan, 0.33 [" in sentence
    assert f"is not ranked among generators: it was {WHY_APART}" in sentence
    assert f"Not ranked among generators: {WHY_APART}" in render(unequal)


def test_rows_that_were_all_given_alike_are_not_told_apart(synthetic: ModuleType) -> None:
    sentence = answer(Chapter(Report(_given(synthetic.make(datasets=("ring8",)), {})), "ring8"))
    assert sentence.startswith("wgan leads on ring8") and "those given" not in sentence


def test_without_a_generator_nobody_leads(synthetic: ModuleType) -> None:
    results = _given(synthetic.make(datasets=("ring8",), variants=("wgan",)), GIVEN)
    assert answer(Chapter(Report(results), "ring8")).startswith("No generator was run on ring8. wgan, Reverse KL")


def test_labels_and_a_second_domain_are_ranked_with_nothing(synthetic: ModuleType) -> None:
    given = {"wgan": "labels and second domain", "dcgan": "second domain"}
    rows = board(Chapter(Report(_given(synthetic.make(datasets=("ring8",)), given)), "ring8")).rows.set_index("label")
    assert rows.loc[["wgan", "dcgan", "gan"], "rank"].notna().all()


def test_results_that_do_not_say_what_was_given_rank_as_ever(full: Any) -> None:
    rows = board(Chapter(Report(full), "ring8"))
    assert set(rows.cells()["Given"]) == {"–"} and rows.rows["rank"].notna().sum() == 3


def test_a_crashed_run_learns_from_its_row_what_it_was_given(synthetic: ModuleType) -> None:
    results = _given(synthetic.make(datasets=("ring8",)), GIVEN)
    results.runs.loc[(results.runs["label"] == "wgan") & (results.runs["seed"] == 1), "given"] = None
    runs = Chapter(Report(results), "ring8").runs
    assert set(runs.loc[runs["label"] == "wgan", "given"]) == {"real images"}


def test_a_translator_and_a_generator_are_not_comparable(unequal: Any) -> None:
    found = compare(unequal, unequal, ("wgan", "dcgan")).rows
    assert set(found["verdict"]) == {"not comparable"}
    assert set(found["why"]) == {"given: real images in A, labels in B"}
    assert "not comparable" not in set(compare(unequal, unequal, ("gan", "dcgan")).rows["verdict"])


def test_the_terminal_says_what_was_given(unequal: Any) -> None:
    from io import StringIO

    from rich.console import Console

    terminal = StringIO()
    Console(file=terminal, width=200).print(summary_boards(unequal))
    assert "real images" in terminal.getvalue() and "Given" in terminal.getvalue()
