"""What `init` writes runs as it is."""

import shutil
from pathlib import Path

import pytest

from ganbench.plugins.spec import PluginSpec, build
from ganbench.runs.contract import examine
from ganbench.store import read
from ganbench.variant import DataSpec

SUITE = """
seeds = 1
samples = 100
evaluations = 1
budget = { images = 640 }
controls = []
[[dataset]]
name = "ring8"
judge = "judge.py:embed"
metrics = ["kid", "metric.py:spread"]
[[variant]]
name = "mine.py:MyGAN"
"""


@pytest.mark.parametrize("kind", ["variant", "two-players"])
def test_the_variant_keeps_its_contract(tmp_path: Path, ganbench, monkeypatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    ran = ganbench("init", kind, "mine.py")
    assert ran.code == 0 and "ganbench doctor --plugin mine.py:MyGAN" in ran.err
    assert [one.remark for one in examine("mine.py:MyGAN", str(tmp_path)) if not one.kept] == []


def test_the_variant_has_at_most_forty_lines_and_wraps_ordinary_modules(tmp_path: Path, ganbench) -> None:
    ganbench("init", "variant", tmp_path / "mine.py")
    text = (tmp_path / "mine.py").read_text()
    assert len(text.splitlines()) <= 40 and max(map(len, text.splitlines())) <= 120
    assert "class MyGAN(Variant)" in text and "TwoPlayers" not in text and "FILE" not in text


def test_two_players_take_formulations_penalties_and_remedies(tmp_path: Path, ganbench) -> None:
    ganbench("init", "two-players", tmp_path / "mine.py")
    for options in ({"loss": "hinge", "penalty": "r1"}, {"remedies": ["minibatch_stddev"]}, {"remedies": ["packing"]}):
        variant = build("variants", PluginSpec("mine.py:MyGAN", options, str(tmp_path)), DataSpec((1, 8, 8)))
        assert [player.name for player in variant.players] == ["D", "G"]


def test_a_suite_of_ones_own_variant_metric_and_judge_is_run(tmp_path: Path, ganbench, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, file in (("variant", "mine.py"), ("metric", "metric.py"), ("judge", "judge.py")):
        assert ganbench("init", kind, file).code == 0
    (tmp_path / "suite.toml").write_text(SUITE)
    ran = ganbench("run", "suite.toml", "--device", "cpu")
    assert ran.code == 0, ran.err
    scores = read(tmp_path / "results" / "suite").scores
    assert {"kid", "spread"} <= set(scores["metric"]) and scores["value"].notna().all()


def test_the_suite_is_one_that_is_read(tmp_path: Path, ganbench, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ganbench("init", "variant", "mine.py")
    ganbench("init", "suite", "suite.toml")
    ran = ganbench("run", "suite.toml", "--scale", 0.005, "--only", "mine.py:MyGAN/ring8/0", "--device", "cpu")
    assert ran.code == 0, ran.err


def test_nothing_is_written_over(tmp_path: Path, ganbench) -> None:
    (tmp_path / "mine.py").write_text("precious")
    ran = ganbench("init", "variant", tmp_path / "mine.py")
    assert ran.code == 2 and "is there already" in ran.err
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    assert ganbench("init", "variant", tmp_path / "none" / "mine.py").code == 2
