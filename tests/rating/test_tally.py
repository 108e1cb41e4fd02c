"""Answers become error rates, strengths, agreement and scores, and who did not look is left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas import DataFrame, Series

from ganbench.rating.answers import Answers
from ganbench.rating.study import Study
from ganbench.rating.tally import PEOPLE, SIMULATED, judged_raters, tally
from ganbench.statistics.agreement import krippendorff
from ganbench.statistics.crossed import clustered_share, clustered_variance
from ganbench.statistics.pairs import bradley_terry
from ganbench.store.columns import SCORE_COLUMNS

QUALITY = {"good": 2, "middling": 1, "poor": 0}
Answerer = Callable[[Any], str]


def fooled_by_good(trial: Any) -> str:
    """Takes every picture of `good` for real and is right otherwise; of two finds the better one."""
    if trial.truth:
        return "real" if "good" in trial.first.run else str(trial.truth)
    first, second = (QUALITY[picture.run.split("-")[1]] for picture in (trial.first, trial.second))
    return "first" if first > second else "second"


def answer(answers: Answers, study: Study, answerer: Answerer, raters: int, simulated: bool = False) -> DataFrame:
    for _ in range(raters):
        rater = answers.add_rater(study, simulated=simulated)
        while (asked := answers.next_question(study, rater)[0]) is not None:
            answers.answer(rater, asked.id, answerer(asked.trial))
    return answers.frame().assign(seconds=2.0)


def test_a_row_that_fools_everybody_has_the_errors_and_strengths_of_it(study: Study, answers: Answers) -> None:
    found = tally(study, answer(answers, study, fooled_by_good, 6))
    errors = found.errors.set_index(["dataset", "label"])
    for dataset in ("digits", "ring"):
        assert errors.loc[(dataset, "good"), "on_fakes"].mean == pytest.approx(1)
        assert errors.loc[(dataset, "poor"), "on_fakes"].mean == 0
        assert errors.loc[(dataset, "good"), "on_reals"].mean == 0
        assert errors.loc[(dataset, "good"), "human_error"].mean == pytest.approx(0.5)
        own = found.strengths[found.strengths["dataset"] == dataset].set_index("label")["strength"]
        assert own["good"].mean > own["middling"].mean > own["poor"].mean
        assert sum(strength.mean for strength in own) == pytest.approx(0, abs=1e-9)


def test_scores_are_rows_of_the_store_one_for_each_run(study: Study, answers: Answers) -> None:
    scores = tally(study, answer(answers, study, fooled_by_good, 16)).scores  # who see every run
    assert list(scores.columns) == SCORE_COLUMNS
    errors = scores[scores["metric"] == "human_error"].set_index("run")["value"]
    assert errors[["digits-good-0", "digits-good-1", "ring-poor-0"]].tolist() == pytest.approx([0.5, 0.5, 0])
    strengths = scores[scores["metric"] == "human_strength"]
    assert strengths.groupby(["dataset", "seed"])["value"].sum().abs().max() < 1e-9
    assert set(scores["judge"]) == {PEOPLE} and set(scores["direction"]) == {"higher"}
    assert scores.groupby("metric")["key"].nunique().eq(1).all() and scores["key"].nunique() == 2


def test_simulated_raters_are_never_counted_as_people(study: Study, answers: Answers) -> None:
    given = answer(answers, study, fooled_by_good, 3, simulated=True)
    assert tally(study, given).scores.empty
    found = tally(study, given, simulated=True)
    assert found.judge == SIMULATED and set(found.scores["judge"]) == {SIMULATED}


def test_who_does_not_look_is_left_out_and_told_why(study: Study, answers: Answers) -> None:
    given = answer(answers, study, fooled_by_good, 2)
    wrong = {"fake": "real", "real": "real", "first": "second", "second": "first", "": "first"}
    given = answer(answers, study, lambda trial: wrong[trial.truth], 1)
    found = tally(study, given)
    assert found.raters["excluded"].ne("").tolist() == [False, False, True]
    assert "everybody knows" in found.raters["excluded"].iloc[2]
    assert found.errors["answers"].sum() == (given["rater"].lt(3) & given["truth"].eq("fake") & ~given["known"]).sum()
    hasty = judged_raters(given.assign(seconds=0.1))
    assert hasty["excluded"].str.contains("within 0.10 s").sum() == 2


def test_answers_to_pictures_that_changed_are_dropped_and_counted(
    study: Study, answers: Answers, make_study: Callable[..., Study], results: Callable[..., Any]
) -> None:
    given = answer(answers, study, fooled_by_good, 3)
    changed = results()
    changed.shown["digits-good-0"] = 255 - changed.shown["digits-good-0"]
    found = tally(make_study(changed), given)
    assert found.dropped == (given["first_run"].eq("digits-good-0") | given["second_run"].eq("digits-good-0")).sum() > 0
    assert "digits-good-0" not in set(found.scores["run"])


def test_a_file_of_scores_is_read_with_the_suites(tmp_path: Path, first_run: Any, results: Any) -> None:
    import shutil

    from ganbench.store import read
    from ganbench.store.people import people_folder, write_people_scores

    folder = tmp_path / "copy"
    shutil.copytree(first_run[0], folder)
    before = read(folder)
    run = before.runs[before.runs["status"] == "done"].iloc[0]
    own = before.scores[before.scores["run"] == run["run"]].head(1)
    said = own.assign(metric="human_error", value=0.25, judge=PEOPLE, key="k", label="an older label")
    write_people_scores(before.path, [said, said.assign(run="gone"), said.iloc[:0]])
    after = read(folder).scores
    added = after[after["metric"] == "human_error"]
    assert len(after) == len(before.scores) + 1
    assert added[["label", "dataset", "value"]].values.tolist() == [[run["label"], run["dataset"], 0.25]]
    write_people_scores(before.path, [])
    assert len(read(folder).scores) == len(before.scores)
    (people_folder(before.path) / "scores.parquet").write_bytes(b"no table")
    from ganbench.errors import BadResults

    with pytest.raises(BadResults, match=r"scores\.parquet"):
        read(folder)


# The statistics


def test_krippendorffs_alpha_is_that_of_his_example() -> None:
    """Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, example C: four observers, alpha 0.743."""
    rows = ["1 1 . 1", "2 2 3 2", "3 3 3 3", "3 3 3 3", "2 2 2 2", "1 2 3 4", "4 4 4 4", "1 1 2 1", "2 2 2 2",
            ". 5 5 5", ". . 1 1", ". 3 . ."]  # fmt: skip
    given = [(unit, value) for unit, row in enumerate(rows) for value in row.split() if value != "."]
    units, values = zip(*given, strict=True)
    assert krippendorff(Series(values), Series(units)) == pytest.approx(0.743, abs=5e-4)
    assert np.isnan(krippendorff(Series(["real"]), Series([1])))


def test_a_variance_of_one_answer_each_is_the_usual_one() -> None:
    rng = np.random.default_rng(0)
    terms = rng.normal(size=50)
    terms -= terms.mean()
    alone = np.arange(50)
    assert clustered_variance(terms / 50, [alone, alone]) == pytest.approx(terms.var(ddof=1) / 50)
    twice = np.concatenate([terms, terms]) / 100
    assert clustered_variance(twice, [np.tile(alone, 2)]) == pytest.approx(terms.var(ddof=1) / 50)


def test_a_share_of_one_rater_has_no_interval_and_of_none_wrong_has_one() -> None:
    pictures = np.arange(20)
    alone = clustered_share(np.zeros(20, bool), np.ones(20), [np.zeros(20), pictures])
    assert np.isnan(alone.low)
    found = clustered_share(np.zeros(20, bool), np.ones(20), [pictures % 4, pictures])
    assert found.mean == 0 and found.low < 1e-9 and 0.05 < found.high < 1


def test_bradley_terry_of_two_is_the_log_of_the_odds() -> None:
    n, won = 4_000, 3_000
    first, second = np.full(n, "a"), np.full(n, "b")
    found = bradley_terry(first, second, np.arange(n) < won, [np.arange(n)])
    assert found["a"].mean - found["b"].mean == pytest.approx(np.log(3), abs=2e-3)
    assert found["a"].high - found["a"].mean == pytest.approx(1.96 * np.sqrt(1 / 3_000 + 1 / 1_000) / 2, rel=0.01)
