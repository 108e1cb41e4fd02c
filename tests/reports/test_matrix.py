"""One table of all rows on all datasets: what stands in it follows from the scores, whatever there is of them."""

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ganbench.reports.formats.as_latex import to_latex
from ganbench.reports.formats.as_md import to_md
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.matrix import Matrix, matrix, matrix_cells, outcome
from ganbench.reports.html import page
from ganbench.reports.html.matrix import bar
from ganbench.reports.html.thumbnails import Cloud, Strip, thumbnail


def _matrix(results: Any) -> Matrix:
    return matrix(Report(results))


def _row(found: Matrix, label: str) -> Any:
    return next(row for row in found.rows if row.label == label)


def test_rows_count_seeds_failures_and_cost(full: Any) -> None:
    found = _matrix(full)
    gan, dcgan = _row(found, "gan"), _row(found, "dcgan")
    assert (gan.seeds, gan.failed, gan.runs) == ("2 to 3 of 3", 1, 6) and (dcgan.seeds, dcgan.failed) == ("3", 0)
    spent = full.runs.query("label == 'dcgan' and status == 'done'").groupby("dataset")["seconds"].mean().sum()
    assert dcgan.seconds == pytest.approx(spent) and gan.cost == 1 and dcgan.cost == pytest.approx(spent / gan.seconds)
    assert math.isnan(_row(found, "noise").cost)
    assert outcome(found) == "1 of 42 runs failed."


def test_a_score_stands_between_noise_and_real_data_on_the_scale_of_the_tests(full: Any) -> None:
    found = _matrix(full)
    digits = found.datasets[1]
    cell = digits.cells["dcgan"]
    values = full.scores.query("dataset == 'mnist5k' and label == 'dcgan' and metric == 'fid' and checkpoint == 'last'")
    assert cell.mean == pytest.approx(float(np.exp(np.log(values["value"]).mean())))
    way = math.log(digits.worst / cell.mean) / math.log(digits.worst / digits.best)
    assert cell.place[0] == pytest.approx(way) and 0 < cell.place[2] < way < cell.place[1] < 1
    assert digits.cells["noise"].place[0] == 0 and digits.cells["real"].place[0] == 1


def test_a_metric_of_which_more_is_better_has_noise_at_the_left_too(full: Any) -> None:
    full_of_shares = full.scores["metric"] == "high_quality"
    results = type(full)(runs=full.runs.assign(select="high_quality"), scores=full.scores[full_of_shares])
    cells = _matrix(results).datasets[0].cells
    assert cells["noise"].place[0] == 0 < cells["wgan"].place[0] < cells["dcgan"].place[0] < 1


def test_groups_are_by_what_was_given_and_controls_last(full: Any) -> None:
    given = {"gan": "labels", "dcgan": "nothing", "wgan": "real images", "noise": "nothing"}
    full = type(full)(runs=full.runs.assign(given=full.runs["label"].map(given).fillna("nothing")), scores=full.scores)
    groups = {title: [row.label for row in rows] for title, rows in _matrix(full).groups.items()}
    assert list(groups) == [
        "Given nothing", "Given labels", "Given real images of the other domain: not ranked",
        "Controls: no GAN, they show what a metric sees",
    ]  # fmt: skip
    assert [len(own) for own in groups.values()] == [1, 1, 1, 4]


def test_tiers_stand_only_where_there_are_several(full: Any, synthetic: ModuleType) -> None:
    assert _matrix(full).datasets[0].leader == "wgan" and _matrix(full).datasets[0].tiers
    one = _matrix(synthetic.make(seeds=(0,)))
    assert not any(dataset.tiers or dataset.leader for dataset in one.datasets)
    assert not any("tier" in column for column in matrix_cells(one))


def test_what_is_missing_is_said(synthetic: ModuleType) -> None:
    failed = _matrix(synthetic.all_failed())
    assert failed.datasets[0].cells["gan"].lacking == "diverged: D.loss is nan"
    assert outcome(failed) == "6 of 14 runs failed."
    half = _matrix(synthetic.half_finished())
    assert _row(half, "gan").seeds == "2 of 3" and outcome(half) == "No run failed, of 14."
    results = synthetic.half_finished()
    results.runs["status"], results.scores = "missing", results.scores.iloc[:0]
    assert {cell.lacking for cell in _matrix(results).datasets[0].cells.values()} == {"not run yet"}
    assert _matrix(synthetic.empty()) == Matrix([], [])


@pytest.mark.parametrize("made", [{"variants": ("gan",)}, {"variants": ()}, {"seeds": (3,)}, {"scale": 0.1}])
def test_few_results_are_a_page(synthetic: ModuleType, made: dict[str, Any]) -> None:
    results = synthetic.make(datasets=("ring8",), **made)
    assert len(matrix_cells(_matrix(results))) == results.runs["label"].nunique()
    assert 'id="matrix"' in page.render(results)


def test_sixty_variants_and_thirty_datasets_are_a_row_and_a_column_each(synthetic: ModuleType) -> None:
    many = synthetic.make(seeds=(0,), datasets=("ring8",), variants=("gan",), evaluations=1)
    runs, scores = many.runs, many.scores[many.scores["metric"] == "reverse_kl"]
    grown = {"runs": [], "scores": []}
    for i in range(30):
        for j in range(60 if i == 0 else 1):
            named = {"dataset": f"data{i}", "label": f"gan{j}"}
            for kind, frame in (("runs", runs), ("scores", scores)):
                own = frame[~frame["label"].isin(synthetic.CONTROLS)]
                grown[kind].append(own.assign(**named, run=f"{i:06}{j:06}"))
    results = synthetic.Synthetic(**{kind: synthetic.pd.concat(frames) for kind, frames in grown.items()})
    found = _matrix(results)
    assert len(found.rows) == 60 and len(found.datasets) == 30
    assert found.rows[0].label == "gan0" and "data29" not in {
        own.dataset for own in found.datasets if "gan7" in own.cells
    }


def test_markdown_and_latex_carry_the_answers_and_the_table(full: Any) -> None:
    written = to_md(full)
    first = written[: written.index("## Over all datasets")]
    assert "ring8: wgan leads: Reverse KL" in first and "1 of 42 runs failed." in first
    assert "| variant | given | seeds | failed | cost | ring8: tier | ring8: Reverse KL ↓ |" in first
    assert "| dcgan | – | 3 | 0 | × 1.8 |" in first
    latex = to_latex(full)
    assert latex.index(r"variant & given & seeds & failed & cost") < latex.index(r"\subsection")


def test_names_cut_alike_keep_their_columns_and_a_row_may_be_given_anything(
    synthetic: ModuleType,
) -> None:
    results = synthetic.make(seeds=(0,))
    for frame in (results.runs, results.scores, results.losses):
        frame["dataset"] = frame["dataset"].map(lambda name: "x" * 40 + name)
    results.runs["given"] = "a dream"
    cells = matrix_cells(_matrix(results))
    assert len([head for head in cells.columns if head.startswith("xxxx")]) == 2 and set(cells["given"]) == {"a dream"}


def test_cost_is_held_against_the_cheapest_on_the_same_datasets(synthetic: ModuleType) -> None:
    full = synthetic.make(seeds=(0,), diverged=())
    seconds = {label: row.cost for label in synthetic.VARIANTS if (row := _row(_matrix(full), label))}
    gone = (full.runs["label"] == "gan") & (full.runs["dataset"] == "mnist5k")
    full.scores = full.scores[~full.scores["run"].isin(full.runs.loc[gone, "run"])]
    full.runs = full.runs[~gone]
    fewer = _matrix(full)
    assert _row(fewer, "gan").cost == 1 and _row(fewer, "gan").seconds < _row(fewer, "dcgan").seconds
    assert _row(fewer, "dcgan").cost == 1 < _row(fewer, "wgan").cost
    assert seconds["gan"] == 1 and seconds["wgan"] > seconds["dcgan"] > 1


def test_without_an_interval_nothing_is_drawn_of_one(synthetic: ModuleType) -> None:
    for one in _matrix(synthetic.make(seeds=(0,), diverged=())).datasets:
        drawn = bar(one.cells["gan"])
        assert drawn is not None and drawn.low == drawn.mean == drawn.high


def test_thumbnails_are_small_and_hold_what_they_can() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 128, 128, 3), dtype=np.uint8)
    strip = thumbnail(images, None)
    assert isinstance(strip, Strip) and (strip.width, strip.height) == (6 * 33, 33) and len(strip.source) < 40_000
    truth = {"means": [[0.0, 0.0], [2.0, 2.0]], "sigma": 0.1}
    cloud = thumbnail(np.array([[0.0, 0.0], [2.0, 2.0], [np.nan, 0.0], [99.0, 0.0]], np.float32), truth)
    assert isinstance(cloud, Cloud) and cloud.path.count("M") == 2
    (x, y), (right, above) = cloud.modes
    assert cloud.path.startswith(f"M{x} {y}h0") and right > x and above < y
