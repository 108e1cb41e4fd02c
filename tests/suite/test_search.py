"""Equal search: which trials a suite asks for, which of them its board follows, and what the report says of them."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas import DataFrame

from ganbench.compare.baseline import measure
from ganbench.errors import BadSuite
from ganbench.reports.frames import search as frames
from ganbench.reports.frames.chapter import Report
from ganbench.statistics.best_of import expected_best
from ganbench.store import read
from ganbench.store.search import best_trials, of_trials, outcomes
from ganbench.suite import loading as suite
from ganbench.suite.again import fresh
from ganbench.suite.chosen import resolved
from ganbench.suite.search import FIRST_SEED

SuiteFile = Callable[..., Path]
DOCS = Path(__file__).parents[2] / "docs" / "suite.md"
OVER = "over = { lr = [1e-4, 1e-3, 1e-2], width = [4, 8] }"
SEARCH = ("seeds = 2", f"seeds = 2\nsearch = {{ trials = 4, {OVER} }}")
WGAN = ('[[variant]]\nname = "gan"', '[[variant]]\nname = "wgan"\noptions = { z_dim = 2 }\n\n[[variant]]\nname = "gan"')


@pytest.fixture(scope="module")
def ran(ganbench: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The example of docs/suite.md, shortened; and what the command said."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "example.toml").write_text(DOCS.read_text().rpartition("```toml\n")[2].partition("```")[0])
    ended = ganbench("run", folder / "example.toml", "--scale", "0.01", "--results", folder)
    assert ended.code == 0, ended.err
    return folder / "example@0.01", ended


# Which trials


def test_every_variant_has_the_same_trials_on_seeds_of_their_own(suite_file: SuiteFile) -> None:
    loaded = suite.load(suite_file(SEARCH, WGAN))
    trials = [run for run in loaded.runs if run.is_trial]
    tried = {run.label: [] for run in trials}
    for run in trials:
        tried[run.label].append((run.seed, run.variant.options["lr"], run.variant.options["width"]))
    assert tried["gan"] == tried["wgan"] and len(set(tried["gan"])) == 4
    assert [seed for seed, *_ in tried["gan"]] == [FIRST_SEED + place for place in range(4)]
    assert [f"{run.label} {run.seed}" for run in loaded.searched] == ["wgan 0", "gan 0", "wgan 1", "gan 1"]
    assert {run.label for run in loaded.runs if not run.is_trial} == {"real", "noise"}, "controls are not searched"


def test_more_trials_add_to_those_that_there_are(suite_file: SuiteFile) -> None:
    few, many = (suite.load(suite_file((SEARCH[0], SEARCH[1].replace("= 4,", f"= {n},")))) for n in (3, 6))
    assert [run.id for run in few.runs if run.is_trial] == [run.id for run in many.runs if run.is_trial][:3]
    points = {(run.variant.options["lr"], run.variant.options["width"]) for run in many.runs if run.is_trial}
    assert len(points) == 6, "the whole grid"


def test_a_trial_is_the_run_that_its_options_make(suite_file: SuiteFile) -> None:
    trial = next(run for run in suite.load(suite_file(SEARCH)).runs if run.is_trial)
    changes = [("width = 8", f"width = {trial.variant.options['width']}, lr = {trial.variant.options['lr']}")]
    same = suite.load(suite_file(("seeds = 2", f"seeds = [{FIRST_SEED}]"), *changes)).runs[0]
    assert same.id == trial.id and trial.candidate and trial.candidate.options.startswith("lr = ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([(SEARCH[0], SEARCH[1].replace("= 4,", "= 9,"))], "`over` of gan makes 6 different ones"),
        ([(SEARCH[0], SEARCH[1].replace("= 4,", "= 1,"))], "search, trials: found 1"),
        ([(SEARCH[0], "seeds = 2\nsearch = { trials = 4 }")], "a search without options of gan"),
        ([(SEARCH[0], SEARCH[1].replace("lr = [1e-4, 1e-3", "lr = [1e-4, 1e-4"))], "0.0001 twice"),
        ([(SEARCH[0], SEARCH[1].replace("lr =", "rate ="))], "ring8, gan, rate = "),
        ([(SEARCH[0], SEARCH[1].replace("lr = [1e-4", "lr = [-1.0"))], "lr"),
        ([(SEARCH[0], SEARCH[1].replace("trials", "trails"))], "Did you mean 'trials'"),
        ([(SEARCH[0], SEARCH[1].replace("seeds = 2", f"seeds = [{FIRST_SEED}]"))], "but a search uses those from"),
        ([("name = \"gan\"", f"name = \"gan\"\n{OVER}")], "but the suite has no search"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(suite_file: SuiteFile, changes: list[Any], said: str) -> None:
    with pytest.raises(BadSuite) as error:
        suite.load(suite_file(*changes))
    assert said in str(error.value)


# Which is the best


def found(values: list[float], direction: str = "lower", seeds: int = 1) -> DataFrame:
    """Trials of one row, `seeds` runs each; NaN: failed."""
    return DataFrame({
        "dataset": "d", "label": "a", "run": [str(i) for i in range(len(values))],
        "trial": [1 + i // seeds for i in range(len(values))], "trials": len(values) // seeds, "tried": "",
        "seed": range(len(values)), "status": "done", "metric": "fid", "direction": direction, "value": values,
        "images": 10, "seconds": 1.0,
    })  # fmt: skip


def test_the_best_trial_has_failed_least_then_the_best_mean_and_comes_first() -> None:
    assert best_trials(found([3.0, 1.0, 2.0])) == {("d", "a"): 2}
    assert best_trials(found([3.0, 1.0, 2.0], "higher")) == {("d", "a"): 1}
    assert best_trials(found([2.0, 2.0])) == {("d", "a"): 1}
    assert best_trials(found([1.0, np.nan, 5.0, 5.0], seeds=2)) == {("d", "a"): 2}
    assert best_trials(found([np.nan, np.nan])) == {("d", "a"): 1}


def test_the_expected_best_of_k_is_the_mean_over_all_sets_of_k() -> None:
    values = [4.0, 1.0, 3.0, 8.0]
    sets = [np.mean([min(some) for some in combinations(values, k)]) for k in range(1, 5)]
    assert expected_best(values, True) == pytest.approx(sets)
    assert expected_best(values, False)[[0, 3]] == pytest.approx([4.0, 8.0])
    failed = expected_best([*values[:3], np.nan], True)
    assert np.isnan(failed[0]) and failed[1] == pytest.approx(np.mean([1, 3, 4, 1, 1, 3])), "a failed one is the worst"


# A search that was run


def test_the_board_has_the_options_of_the_best_trial(ran: tuple[Path, Any]) -> None:
    folder, ended = ran
    results = read(folder)
    assert results.search is not None and not results.runs["searching"].eq(True).any()
    best = best_trials(outcomes(results.search))
    trials = of_trials(outcomes(results.search))
    assert len(trials) == 8 and trials["value"].notna().all() and set(trials["trials"]) == {4}
    for (dataset, label), number in best.items():
        own = results.runs[(results.runs["label"] == label) & (results.runs["dataset"] == dataset)]
        assert set(own["trial"]) == {number} and len(own) == 3 and (own["status"] == "done").all()
        tried = trials.set_index(["label", "trial"])["tried"][label, number]
        assert set(own["tried"]) == {tried} and f"{label} takes {tried}" in ended.err.replace("\n", " ")
    assert all(seed < FIRST_SEED for runs in measure(results).runs.values() for seed in runs.seeds), "as the gate"


def test_the_report_says_what_a_search_found_and_cost(ran: tuple[Path, Any]) -> None:
    folder, _ = ran
    (chapter,) = Report(read(folder)).chapters
    trials = frames.trials(chapter)
    table = frames.searched(trials).set_index("label")
    assert list(table.index) == ["gan", "wgan"] and trials["chosen"].sum() == 2
    own = trials[trials["label"] == "gan"]
    assert table.loc["gan", "best"] == own["value"].min() and table.loc["gan", "one"] == pytest.approx(
        own["value"].mean()
    )
    assert table.loc["gan", "images"] == own["images"].sum() > 0
    lines = frames.quality(trials)
    assert lines.groupby("label")["value"].apply(lambda values: values.is_monotonic_decreasing).all()
    assert "Quality over trials" in (folder / "report.html").read_text()
    assert str(frames.searched(frames.trials(chapter)).loc[0, "tried"]) in str(trials["tried"].tolist())


def test_the_same_command_finds_nothing_to_do_and_status_counts_trials(ganbench: Any, ran: tuple[Path, Any]) -> None:
    folder, _ = ran
    again = ganbench("run", folder.parent / "example.toml", "--scale", "0.01", "--results", folder.parent)
    assert again.code == 0 and "26 of 26 already done" in again.err
    assert "example@0.01: 26 of 26 runs done" in ganbench("status", folder).out


def test_fresh_seeds_have_the_options_that_were_chosen(ran: tuple[Path, Any]) -> None:
    folder, _ = ran
    loaded = suite.load(folder.parent / "example.toml", 0.01)
    known = resolved(loaded, folder)
    assert loaded.searched and not known.searched and len(known.runs) == 26
    (one,) = fresh(known, [("ring8", "gan")], [7]).runs
    own = next(run for run in known.runs if run.label == "gan" and run.seed == 0)
    assert one.variant == own.variant and one.seed == 7
