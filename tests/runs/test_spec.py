"""A run's name is a hash of all that matters."""

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ganbench.runs.budget import Budget
from ganbench.runs.spec import Candidate, PluginSpec, RunSpec
from ganbench.statistics.looks import Look

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
    {"curves": ("modes",)},
    {"answers": "of other weights"},
    {"threads": 2},
]
MATTERS_NOT: list[dict[str, Any]] = [
    {"suite": "yours"},
    {"label": "GAN of Goodfellow"},
    {"primary": "modes"},
    {"look": Look(1, 3, 0.01)},
    {"candidate": Candidate(1, 4, "lr = 0.1")},
    {"dataset_label": "a ring"},
    {"variant": PluginSpec("gan", {"width": 8}, beside="/elsewhere")},
    {"dataset": PluginSpec("ring8", {"points": 500}, beside="/elsewhere")},
]


@pytest.mark.parametrize("change", MATTERS, ids=str)
def test_what_matters_changes_a_runs_id(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).id != SPEC.id


@pytest.mark.parametrize("change", MATTERS_NOT, ids=str)
def test_labels_and_folders_do_not_change_a_runs_id(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).id == SPEC.id


def test_another_version_makes_other_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = replace(SPEC).id
    monkeypatch.setattr("ganbench.runs.spec.__version__", "next")
    assert replace(SPEC).id != before


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


def of_file(folder: Path) -> str:
    return replace(SPEC, variant=PluginSpec("mine.py:Mine", {}, str(folder))).id


@pytest.mark.parametrize(
    ("name", "text", "changes"),
    [
        ("helper.py", "WIDTH = 3\n", True),
        ("helper.py", '"""Words."""\nWIDTH = 2  # a comment\n\n', False),
        ("package/deep.py", "DEPTH = 2\n", True),
        ("package/__init__.py", "import sys\n", True),
        (
            "mine.py",
            '"""Other words."""\nimport helper\n\nfrom package import deep\n\n\nclass Mine: pass  # :-)\n',
            False,
        ),
        ("other.py", "WIDTH = 3\n", False),
    ],
)
def test_what_a_file_plugin_imports_from_beside_it_is_part_of_a_runs_id(
    tmp_path: Path, name: str, text: str, changes: bool
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "package").mkdir(parents=True)
    texts = {
        "mine.py": '"""Words."""\nimport helper\nfrom package import deep\nclass Mine: pass\n',
        "helper.py": "WIDTH = 2\n", "other.py": "WIDTH = 2\n", "package/__init__.py": "",
        "package/deep.py": "DEPTH = 1\n",
    }  # fmt: skip
    for place, content in texts.items():
        (here / place).write_text(content)
    shutil.copytree(here, there)
    (there / name).write_text(text)
    assert (of_file(here) != of_file(there)) == changes


def test_what_it_imports_is_trusted_by_its_text_too(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("# nothing\n")
    files = replace(
        SPEC, variant=PluginSpec("mine.py:Mine", {}, str(tmp_path)), dataset=PluginSpec("ring8", {}, str(tmp_path))
    ).plugin_files()
    assert sorted(files) == ["helper.py", "mine.py:Mine"] and len({*files.values()}) == 2


def test_a_run_survives_the_way_to_json_and_back() -> None:
    assert RunSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC
