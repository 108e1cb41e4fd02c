"""A suite's file becomes runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ganbench.data.mnist import find_mnist
from ganbench.errors import BadSuite
from ganbench.judges.truth import TruthJudge
from ganbench.metrics.memorisation import ct
from ganbench.runs.budget import Budget
from ganbench.runs.judging import along_budget
from ganbench.runs.spec import RunSpec
from ganbench.suite import loading as suite

SUITES = Path(__file__).parents[2] / "suites"
SHIPPED = sorted(SUITES.glob("*.toml"))
SuiteFile = Callable[..., Path]


def test_a_loaded_suite_knows_the_judge_and_the_metrics_that_were_left_to_the_dataset(suite_file: SuiteFile) -> None:
    loaded = suite.load(suite_file())
    assert loaded.name == "tiny"
    assert {run.judge for run in loaded.runs} == {"truth"}
    assert {run.metrics for run in loaded.runs} == {TruthJudge.metrics}
    assert TruthJudge.metrics[:5] == ("modes", "modes_third", "high_quality", "reverse_kl", "reverse_kl_third")


def test_runs_come_seed_by_seed_so_that_early_results_show_every_row(suite_file: SuiteFile) -> None:
    runs = suite.load(suite_file()).runs
    assert [str(run) for run in runs] == [
        f"{label} on ring8, seed {seed}" for seed in (0, 1) for label in ("gan", "real", "noise")
    ]
    assert len({run.id for run in runs}) == len(runs)


def test_seeds_may_be_listed(suite_file: SuiteFile) -> None:
    assert [run.seed for run in suite.load(suite_file(("seeds = 2", "seeds = [7, 3]"))).runs[::3]] == [7, 3]


def test_a_dataset_may_have_seeds_of_its_own(suite_file: SuiteFile) -> None:
    path = suite_file(
        ('name = "ring8"', 'name = "ring8"\nlabel = "near"\nseeds = 3\n\n[[dataset]]\nname = "ring8"\nlabel = "far"'),
        ("controls", "#"),
        ("seeds = 2", "seeds = [7]"),
    )
    runs = [(run.dataset_label, run.seed) for run in suite.load(path).runs if run.label == "gan"]
    assert runs == [("near", 0), ("far", 7), ("near", 1), ("near", 2)]


def test_labels_name_rows_and_options_may_hold_on_one_dataset_only(suite_file: SuiteFile) -> None:
    path = suite_file(
        ('name = "ring8"', 'name = "ring8"\nlabel = "wide"\n\n[[dataset]]\nname = "ring8"\nlabel = "far"'),
        ("controls", "#"),
        ('name = "gan"', 'name = "gan"\nlabel = "old"\non.far = { width = 16, lr = 0.1 }'),
    )
    widths = {run.dataset_label: run.variant.options for run in suite.load(path).runs if run.label == "old"}
    assert widths == {"wide": {"width": 8, "z_dim": 2}, "far": {"width": 16, "z_dim": 2, "lr": 0.1}}


def test_a_variant_may_be_kept_to_some_datasets(suite_file: SuiteFile) -> None:
    path = suite_file(
        (
            "[[variant]]",
            '[[dataset]]\nname = "grid25"\noptions = { points = 500 }\n\n[[variant]]\ndatasets = ["grid25"]',
        )
    )
    runs = suite.load(path).runs
    assert {run.dataset_label for run in runs if run.label == "gan"} == {"grid25"}
    assert {run.dataset_label for run in runs if run.label == "real"} == {"ring8", "grid25"}


def test_a_dataset_may_have_a_budget_samples_judge_and_metrics_of_its_own(suite_file: SuiteFile) -> None:
    own = 'name = "ring8"\nbudget = { seconds = 3 }\nsamples = 50\nevaluations = 7\njudge = "truth"\nmetrics = ["fid"]'
    run = suite.load(suite_file(('name = "ring8"', own))).runs[0]
    assert (run.budget, run.samples, run.evaluations) == (Budget("seconds", 3), 50, 7)
    assert (run.judge, run.metrics) == ("truth", ("fid",))


def test_a_scale_shrinks_every_budget_and_marks_the_name_and_the_runs(suite_file: SuiteFile) -> None:
    whole, scaled = suite.load(suite_file()), suite.load(suite_file(), 0.25)
    assert scaled.name == "tiny@0.25"
    assert {run.budget for run in scaled.runs} == {Budget("updates", 5)}
    assert {run.scale for run in scaled.runs} == {0.25}
    assert not {run.id for run in scaled.runs} & {run.id for run in whole.runs}


def test_a_scale_takes_its_root_of_evaluations_and_of_samples(suite_file: SuiteFile) -> None:
    """So that judging, which is one times the other, shrinks as training does."""
    path = suite_file(("samples = 200", "samples = 2_000"), ("evaluations = 2", "evaluations = 10"))
    run = suite.load(path, 0.04).runs[0]
    assert (run.budget.amount, run.evaluations, run.samples) == (0.8, 2, 400)
    assert suite.load(path, 1e-6).runs[0].evaluations == 1
    longer = suite.load(path, 4).runs[0]
    assert (longer.budget.amount, longer.evaluations, longer.samples) == (80, 10, 2_000)


def test_a_scale_leaves_the_samples_that_a_metric_needs(suite_file: SuiteFile) -> None:
    ring = 'name = "ring8"\nmetrics = ["modes", "ct"]'
    path = suite_file(("samples = 200", "samples = 2_000"), ('name = "ring8"', ring))
    assert {run.samples for run in suite.load(path, 1e-4).runs} == {ct.least}
    few = suite_file(("samples = 200", f"samples = {ct.least + 5}"), ('name = "ring8"', ring))
    assert {run.samples for run in suite.load(few, 0.99).runs} == {ct.least + 5}


def test_curves_are_of_the_chosen_metrics_among_them_the_one_that_selects(suite_file: SuiteFile) -> None:
    def of(*curves: str) -> list[RunSpec]:
        ring = f'name = "ring8"\nmetrics = ["modes", "ct", "reverse_kl_third"]\ncurves = {[*curves]}'
        return [*suite.load(suite_file(("evaluations = 2", "evaluations = 3"), ('name = "ring8"', ring))).runs]

    run = of("reverse_kl_third")[0]
    assert run.curves == ("reverse_kl_third",)
    assert [metric.name for metric in along_budget(run, run.load_metrics())] == ["reverse_kl_third"]
    every = of()[0]
    assert [metric.name for metric in along_budget(every, every.load_metrics())] == ["modes", "reverse_kl_third"]
    assert every.id != run.id and RunSpec.from_dict(run.to_dict()) == run
    with pytest.raises(BadSuite, match="No 'fid' among the metrics of that dataset"):
        of("fid", "reverse_kl_third")
    with pytest.raises(BadSuite, match="Found curves without 'reverse_kl_third'"):
        of("modes")


def test_a_budgets_parameters_become_widths_that_are_part_of_the_run(suite_file: SuiteFile) -> None:
    """Also where a dataset has a budget of its own, unless that says otherwise; what is no GAN has no width."""
    path = suite_file(
        ("updates = 20", "updates = 20, parameters = 100_000"),
        (
            "[[variant]]",
            'budget = { updates = 10 }\n\n[[dataset]]\nname = "ring8"\nlabel = "small"\n'
            'budget = { updates = 20, parameters = 10_000 }\n\n[[variant]]\nname = "dcgan"\n\n[[variant]]',
        ),
        ("width = 8, ", ""),
    )
    loaded, halved = suite.load(path), suite.load(path, 0.5)
    widths = {(run.dataset_label, run.label): run.variant.options.get("width") for run in loaded.runs}
    assert widths == {
        ("ring8", "gan"): 156,
        ("ring8", "dcgan"): 144,
        ("ring8", "real"): None,
        ("ring8", "noise"): None,
        ("small", "gan"): 48,
        ("small", "dcgan"): 37,
        ("small", "real"): None,
        ("small", "noise"): None,
    }
    assert {run.budget for run in loaded.runs} == {Budget("updates", 10), Budget("updates", 20)}
    assert [run.variant for run in halved.runs] == [run.variant for run in loaded.runs], "a scale is of the length only"
    assert len({run.id for run in loaded.runs}) == len(loaded.runs)


def test_options_become_what_the_plugins_annotations_say(suite_file: SuiteFile) -> None:
    path = suite_file(("width = 8", 'width = 8, betas = [0.5, 0.9], loss = "hinge", lr = 1'))
    run = suite.load(path).runs[0]
    made = run.build_variant(run.build_dataset())
    assert made.players[0].optimizer.defaults["betas"] == (0.5, 0.9)
    assert made.loss.name == "hinge"


# The suites that come with ganbench


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_suite_opens_with_its_schema_its_command_the_time_and_what_to_expect(path: Path) -> None:
    schema, *head = path.read_text().partition("\n\n")[0].splitlines()
    assert schema == "#:schema ./suite.schema.json"
    assert all(line.startswith("#") for line in head)
    assert f"`ganbench run suites/{path.name}" in head[0]
    assert re.search(r"(?im)^# time: ", "\n".join(head))
    assert re.search(r"(?im)^# expect: ", "\n".join(head))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_suite_loads_where_its_data_is(path: Path) -> None:
    if path.stem == "folder":
        pytest.skip("takes a folder: tests/suite/test_my_pictures.py")
    if re.search(r'(?m)^name = "(stacked_)?mnist"', path.read_text()) and find_mnist() is None:
        pytest.skip("needs MNIST's files")
    assert suite.load(path).runs


@pytest.mark.parametrize("path", ["pacgan-2d", "pacgan-2d.toml", "suites/pacgan-2d.toml"])
def test_a_shipped_suite_is_found_by_its_name_from_anywhere_with_its_own_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = suite.load(Path(path))
    assert found.name == "pacgan-2d" and found.runs[0].variant.name == "pacgan_networks.py:PacGAN"


@pytest.mark.parametrize("path", ["quikc", "elsewhere/quick.toml", "quick.json", "results/suites/quick.toml"])
def test_a_name_that_no_suite_has_is_told_with_those_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSuite, match=f"No suite at {path}.*pacgan-2d, quick"):
        suite.load(Path(path))
