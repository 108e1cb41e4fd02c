"""A suite's text becomes runs; their names are hashes of all that matters."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ganbench.data.mnist import find_mnist
from ganbench.judges.truth import TruthJudge
from ganbench.runs.budget import Budget
from ganbench.runs.spec import PluginSpec, RunSpec
from ganbench.suite import language as suite
from ganbench.suite.language import CONTROLS

SUITES = Path(__file__).parents[2] / "suites"
SHIPPED = sorted(SUITES.glob("*.toml"))

SPEC = RunSpec(
    suite="mine",
    label="gan",
    variant=PluginSpec("gan", {"width": 8}),
    dataset_label="ring8",
    dataset=PluginSpec("ring8", {"points": 500}),
    judge="truth",
    metrics=("modes",),
    seed=0,
    budget=Budget("images", 1000),
    evaluations=2,
    samples=100,
    precision="float32",
)

MATTERS: list[dict[str, Any]] = [
    {"variant": PluginSpec("wgan", {"width": 8})},
    {"variant": PluginSpec("gan", {"width": 9})},
    {"variant": PluginSpec("gan", {})},
    {"dataset": PluginSpec("grid25", {"points": 500})},
    {"dataset": PluginSpec("ring8", {"points": 501})},
    {"judge": "mnist"},
    {"metrics": ("modes", "fid")},
    {"seed": 1},
    {"budget": Budget("images", 1001)},
    {"budget": Budget("updates", 1000)},
    {"evaluations": 3},
    {"samples": 101},
    {"precision": "tf32"},
    {"scale": 0.5},
    {"fingerprint": "of other data"},
]
MATTERS_NOT: list[dict[str, Any]] = [
    {"suite": "yours"},
    {"label": "GAN of Goodfellow"},
    {"dataset_label": "a ring"},
    {"variant": PluginSpec("gan", {"width": 8}, beside="/elsewhere")},
    {"dataset": PluginSpec("ring8", {"points": 500}, beside="/elsewhere")},
]

SuiteFile = Callable[..., Path]


# Names of runs


@pytest.mark.parametrize("change", MATTERS, ids=str)
def test_what_matters_changes_a_runs_id(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).id != SPEC.id


@pytest.mark.parametrize("change", MATTERS_NOT, ids=str)
def test_labels_and_folders_do_not_change_a_runs_id(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).id == SPEC.id


def test_every_part_of_a_run_is_known_to_matter_or_not() -> None:
    assert {name for change in MATTERS + MATTERS_NOT for name in change} == {field.name for field in fields(RunSpec)}


def test_the_text_of_a_file_plugin_changes_a_runs_id(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "mine.py").write_text("class Mine: pass\n")
    shutil.copytree(here, there)
    one = replace(SPEC, variant=PluginSpec("mine.py:Mine", {}, str(here)))
    assert replace(SPEC, variant=PluginSpec("mine.py:Mine", {}, str(there))).id == one.id
    (there / "mine.py").write_text("class Mine: width = 2\n")
    assert replace(SPEC, variant=PluginSpec("mine.py:Mine", {}, str(there))).id != one.id


def test_a_run_survives_the_way_to_json_and_back() -> None:
    assert RunSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC


# From text to runs


def test_a_suite_may_leave_out_all_but_budget_dataset_and_variant() -> None:
    table = suite.parse(
        'budget = { images = 10 }\ndataset = [{ name = "ring8" }]\nvariant = [{ name = "gan" }]', "here"
    )
    assert (table.seeds, table.evaluations, table.samples, table.precision) == (3, 10, 10_000, "float32")
    assert table.controls == CONTROLS == ["real", "memorizer", "mode_dropper", "noise"]
    assert table.meant_for == "cpu"


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
def test_a_shipped_suite_parses(path: Path) -> None:
    suite.parse(path.read_text(), str(path))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_suite_opens_with_its_schema_its_command_the_time_and_what_to_expect(path: Path) -> None:
    schema, *head = path.read_text().partition("\n\n")[0].splitlines()
    assert schema == "#:schema ./suite.schema.json"
    assert all(line.startswith("#") for line in head)
    assert f"`ganbench run suites/{path.name}`" in head[0]
    assert re.search(r"(?im)^# time: ", "\n".join(head))
    assert re.search(r"(?im)^# expect: ", "\n".join(head))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_suite_loads_where_its_data_is(path: Path) -> None:
    if re.search(r'(?m)^name = "(stacked_)?mnist"', path.read_text()) and find_mnist() is None:
        pytest.skip("needs MNIST's files")
    assert suite.load(path).runs


def test_a_shipped_suite_is_found_by_its_name_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert suite.load(Path("quick")).runs


def test_the_schema_for_editors_is_that_of_the_code() -> None:
    """If it is not, `nox -s schema` writes it anew."""
    assert json.loads((SUITES / "suite.schema.json").read_text()) == suite.schema()


def test_every_setting_of_a_suite_is_described_in_the_schema() -> None:
    schema = suite.schema()
    assert schema["required"] == ["budget", "dataset", "variant"]
    assert schema["additionalProperties"] is False
    tables = [schema, schema["$defs"]["DatasetTable"], schema["$defs"]["VariantTable"]]
    assert all(table["description"] for table in tables)
