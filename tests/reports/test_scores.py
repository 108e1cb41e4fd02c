"""Tidy scores: a row each, with what it depends on."""

from typing import Any

from ganbench.reports.frames.scores import TIDY, tidy


def test_tidy_has_a_row_per_score_and_the_promised_columns(full: Any) -> None:
    rows = tidy(full)
    assert len(rows) == len(full.scores)
    assert list(rows.columns[: len(TIDY)]) == TIDY
    assert {"device", "seconds", "fingerprint", "command", "images_trained"} <= set(rows)


def test_images_of_a_score_are_where_it_was_measured_not_where_the_run_ended(full: Any) -> None:
    rows = tidy(full)
    assert (rows["images"].to_numpy() == full.scores["images"].to_numpy()).all()
