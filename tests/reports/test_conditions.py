"""What a row is, and that the command beside a run does it again, to the bit."""

import shlex
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from ganbench import store
from ganbench.reports.formats.as_html import to_html
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.conditions import identities, paper, repeats

Command = Callable[..., Any]


def test_the_command_of_a_run_repeats_it_to_the_bit(
    ganbench: Command, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = store.read(finished)
    run = next(run for run in Chapter(Report(results), "ring8").runs.itertuples() if run.label == "gan")
    program, *words = shlex.split(repeats(run))
    assert program == "ganbench" and ganbench(*words).code == 0
    again = store.read(tmp_path / "again")
    assert again.scores["run"].unique().tolist() == [run.run]
    before = results.scores[results.scores["run"] == run.run].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        again.scores[["metric", "checkpoint", "value"]], before[["metric", "checkpoint", "value"]]
    )


def test_a_name_with_signs_of_a_glob_is_one_run(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), datasets=("ring8",), rename={"gan": "gan [v1], don't*"})
    commands = [repeats(run) for run in Chapter(Report(results), "ring8").runs.itertuples()]
    assert shlex.split(commands[0])[-4:] == ["--only", "gan [[]v1], don't[*]/ring8/0", "--results", "again"]
    results.runs["guest"] = True
    assert repeats(next(Chapter(Report(results), "ring8").runs.itertuples())) == ""


def test_a_row_says_what_it_is(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), datasets=("ring8",), rename={"wgan": "clipped"})
    options = '{"penalty": {"name": "clip", "limit": 0.05}, "width": 128}'
    results.runs["options"] = results.runs["label"].map({"clipped": options, "gan": "no JSON", "dcgan": "{}"})
    found = identities(Chapter(Report(results), "ring8")).set_index("label")
    assert found.loc["clipped", "variant"] == "wgan"
    assert found.loc["clipped", "options"] == "penalty = clip (limit = 0.05), width = 128"
    assert found.loc["clipped", "paper"] == "https://arxiv.org/abs/1701.07875"
    assert found.loc["gan", "options"] == found.loc["dcgan", "options"] == found.loc["real", "paper"] == ""
    assert found.loc["gan", "code"] == "0123abcd"


def test_options_are_those_of_the_record(finished: Path) -> None:
    found = identities(Chapter(Report(store.read(finished)), "ring8")).set_index("label")
    assert "width = " in found.loc["gan", "options"]


def test_only_installed_plugins_have_a_paper_and_metrics_name_theirs() -> None:
    assert paper("metrics", "fid") == "https://arxiv.org/abs/1706.08500"
    assert paper("metrics", "precision") == "https://arxiv.org/abs/1904.06991"  # a name, for its string
    assert paper("variants", "../gan") == paper("variants", "mine.py:GAN") == paper("variants", "real") == ""


def test_the_page_leads_to_papers_definitions_and_what_a_row_is(synthetic: ModuleType) -> None:
    page = to_html(synthetic.make(seeds=(0,), datasets=("mnist5k",), diverged=()))
    assert '<a href="#mnist5k--about-of-wgan">' in page and 'id="mnist5k--about-of-wgan"' in page
    for address in ("https://arxiv.org/abs/1701.07875", "https://arxiv.org/abs/1706.08500"):
        assert f'<a href="{address}" rel="noreferrer">' in page
    assert "ganbench run suites/quick.toml --only" in page and "--results again" in page
