"""What `import ganbench` offers, on values."""

import ast
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console
from torch import nn

import ganbench as gb
from ganbench import store
from ganbench.compare import compare as comparing
from ganbench.data.mixtures import Ring8
from ganbench.errors import BadResults, BadSuite, UnknownName
from ganbench.store.columns import SCORE_COLUMNS
from ganbench.suite import terminal
from ganbench.suite.progress import SuiteProgress

STUB = Path(gb.__file__).with_suffix(".pyi")


def python(code: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)


# Its names


def test_importing_imports_neither_torch_nor_pandas() -> None:
    ran = python("import sys, ganbench; print({'torch', 'pandas', 'rich', 'pydantic'} & {*sys.modules})")
    assert ran.stdout.strip() == "set()", ran.stderr


def test_reading_and_ranking_need_no_torch(finished: Path) -> None:
    code = f"import sys, ganbench as gb; gb.read({str(finished)!r}).board(); gb.rank; print('torch' in sys.modules)"
    assert python(code).stdout.strip() == "False"


def test_every_stable_name_is_there_and_has_words() -> None:
    assert sorted(gb.__all__) == gb.__all__
    assert {"run", "read", "rank", "evaluate", "compare", "datasets"} <= {*gb.__all__} <= {*dir(gb)}
    assert [name for name in gb.__all__ if not getattr(gb, name).__doc__] == []
    with pytest.raises(AttributeError, match="has no attribute 'runn'"):
        gb.runn  # type: ignore[attr-defined]  # noqa: B018


def test_the_types_are_of_the_same_names() -> None:
    nodes = ast.parse(STUB.read_text()).body
    imported = {alias.asname for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    (listed,) = (ast.literal_eval(node.value) for node in nodes if isinstance(node, ast.Assign))
    assert imported == {*listed} == {*gb.__all__}


# Results


def test_results_are_those_of_the_store(finished: Path) -> None:
    results = gb.read(str(finished))
    pd.testing.assert_frame_equal(results.scores, store.read(finished).scores)
    assert repr(results) == f"<Results of 'tiny' in {finished}: 6 done runs>"
    with pytest.raises(BadResults, match="holds no results"):
        gb.read(finished / "nothing")


def test_a_board_has_the_means_of_the_scores(finished: Path) -> None:
    results = gb.read(finished)
    board = results.board("ring8")
    last = results.scores.query("checkpoint == 'last'")
    for metric in ("modes", "high_quality"):
        means = last[last["metric"] == metric].groupby("label")["value"].mean()
        assert board.set_index("label")[metric].round(12).to_dict() == means.round(12).to_dict()
        assert (board[f"{metric}_n"] == 2).all()
    assert next(iter(board["label"])) == "gan" and board["rank"].isna().sum() == 2
    pd.testing.assert_frame_equal(results.board(), board)
    with pytest.raises(UnknownName, match="Did you mean 'ring8'"):
        results.board("ring9")


def test_boards_of_all_datasets_are_one_frame(finished: Path) -> None:
    one = gb.read(finished)
    frames = {name: getattr(one, name) for name in ("runs", "scores")}
    others = {name: frame.assign(dataset="other", run=frame["run"] + "0") for name, frame in frames.items()}
    both = replace(one, **{name: pd.concat([frames[name], others[name]], ignore_index=True) for name in frames})
    assert both.board()["dataset"].tolist() == ["ring8"] * 3 + ["other"] * 3
    assert both.board("other")["modes"].tolist() == one.board()["modes"].tolist()


def test_a_notebook_shows_the_answer_and_the_board_and_no_markup_of_names(finished: Path) -> None:
    one = gb.read(finished)
    named = {name: getattr(one, name).replace({"label": {"gan": "<b>gan"}}) for name in ("runs", "scores")}
    shown = replace(one, **named)._repr_html_()
    assert shown.count("<table") == 1 and "<b>gan" not in shown and shown.count("&lt;b&gt;gan") >= 2
    assert shown.startswith('<img alt="') and "&lt;b&gt;gan" in shown[: shown.index("src=")]
    board = replace(one, **named).board()._repr_html_()
    assert board.count("<table") == 1 and "<b>gan" not in board and "&lt;b&gt;gan" in board and "[" in board


def test_what_is_made_of_a_board_is_a_plain_frame(finished: Path) -> None:
    board = gb.read(finished).board()
    assert board.shown and type(board.query("label == 'gan'")) is pd.DataFrame
    assert "gan" in board[["label", "rank"]]._repr_html_()


def test_a_ranking_and_a_comparison_show_themselves(finished: Path) -> None:
    scores = pd.DataFrame({"label": ["<i>a", "<i>a", "b", "b"], "seed": [0, 1, 0, 1], "value": [1.0, 1.1, 9.0, 9.1]})
    ranking = gb.rank(scores, direction="lower")
    assert ranking._repr_html_().startswith("<p>&lt;i&gt;a") and "<th>dataset" not in ranking._repr_html_()
    shown = gb.compare(finished, labels=("gan", "real"))._repr_html_()
    assert "<th>verdict</th>" in shown and shown.count("<tr") > 2


def test_progress_in_a_notebook_without_widgets_is_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(terminal, "find_spec", lambda name: None)
    console = Console(file=StringIO(), force_jupyter=True)
    with terminal.display(SuiteProgress(1), tmp_path, [], console) as show:
        assert "_lines" in show.__qualname__
    monkeypatch.setattr(terminal, "find_spec", lambda name: object())
    assert terminal._redraws(console)


# Doing


def test_a_plain_script_runs_a_suite_and_is_run_once(resources: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import ganbench as gb\nprint('begun')\n"
        f"results = gb.run({str(resources / 'tiny.toml')!r}, only='gan/ring8/0', progress=False)\n"
        "print(results.runs.query(\"status == 'done'\")[['label', 'seed']].to_numpy().tolist())\n"
    )
    ran = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.splitlines() == ["begun", "[['gan', 0]]"] and ran.stderr == ""
    made = gb.read(tmp_path / "results")
    assert made.command == f"ganbench run {resources / 'tiny.toml'} --only gan/ring8/0"
    assert (made.path / "report.html").exists()


def test_what_is_done_is_not_done_again(results_copy: Path, resources: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in results_copy.glob("*/run.json")}
    results = gb.run(resources / "tiny.toml", results=results_copy.parent, progress=False)
    assert {file: file.stat().st_mtime_ns for file in results.path.glob("*/run.json")} == before
    with pytest.raises(BadSuite, match="fits none of the runs"):
        gb.run(resources / "tiny.toml", results=results_copy.parent, only="wgan")


class Ring(nn.Module):
    """Draws near one mode, or from wherever its dropout throws it, if somebody forgets eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.9))
        with torch.no_grad():
            self.layers[0].weight.fill_(0.001)
            self.layers[0].bias.copy_(Ring8().mixture.means[0])

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layers(z)


def test_an_array_a_tensor_a_file_and_a_callable_are_judged_alike(tmp_path: Path) -> None:
    points = Ring8().fresh("test", 600).x
    np.save(tmp_path / "points.npy", points.numpy())
    kinds = [points.numpy(), points, tmp_path / "points.npy", str(tmp_path / "points.npy"), lambda n: points[:n]]
    found = [gb.evaluate(kind, "ring8", count=600) for kind in kinds]
    assert list(found[0].columns) == SCORE_COLUMNS
    assert found[0].set_index("metric")["value"]["modes"] == 8
    for other in found[1:]:
        pd.testing.assert_series_equal(other["value"], found[0]["value"])


def test_several_samples_are_seeds_of_one_row() -> None:
    points = Ring8().fresh("test", 1000).x
    scores = gb.evaluate([points[:500], points[500:]], "ring8", count=500, label="mine")
    assert scores["seed"].unique().tolist() == [0, 1] and {*scores["label"]} == {"mine"}


def test_a_module_is_asked_in_eval_mode_and_left_as_it_was() -> None:
    module, state = Ring(), torch.get_rng_state()
    module.layers[0].eval()
    scores = gb.evaluate(module, "ring8", count=700, z_dim=3).set_index("metric")["value"]
    assert scores["modes"] == 1 and scores["high_quality"] == 1
    assert module.training and module.layers[1].training and not module.layers[0].training
    assert torch.equal(torch.get_rng_state(), state)
    module.z_dim = 3  # type: ignore[assignment]
    assert gb.evaluate(module, "ring8", count=700).set_index("metric")["value"].equals(scores)


def test_a_variant_is_asked_as_a_run_is() -> None:
    from ganbench.zoo.gan import GAN

    assert gb.evaluate(GAN(Ring8().spec), "ring8", count=500)["samples"].tolist()[0] == 500


def test_what_is_no_sample_is_refused() -> None:
    with pytest.raises(BadResults, match=r"not what latents it takes.*z_dim=100"):
        gb.evaluate(Ring(), "ring8")
    with pytest.raises(BadResults, match="What was given has shape"):
        gb.evaluate(np.zeros((5, 3), np.float32), "ring8")
    with pytest.raises(BadResults, match="What was given does not give samples: RuntimeError"):
        gb.evaluate(Ring(), "ring8", z_dim=4)


def test_samples_stand_on_the_board(results_copy: Path) -> None:
    gb.evaluate(Ring8().fresh("test", 2000).x, "ring8", results=results_copy, label="mine")
    board = gb.read(results_copy).board("ring8").set_index("label")
    assert board.loc["mine", "guest"] and board.loc["mine", "modes"] == 8


# Comparing


def test_two_results_are_compared_by_their_folders(made_up: Callable[..., Path]) -> None:
    a = made_up({("d", "gan", "fid"): [10.0, 10.1, 10.2]}, into="a")
    b = made_up({("d", "gan", "fid"): [5.0, 5.1, 5.2]}, into="b")
    found = gb.compare(a, str(b))
    assert found.rows["verdict"].tolist() == ["better"]
    pd.testing.assert_frame_equal(gb.compare(gb.read(a), gb.read(b)).rows, found.rows)
    assert isinstance(found, comparing.Comparison)
    with pytest.raises(BadResults, match="a comparison needs two"):
        gb.compare(a)


def test_anybodys_scores_are_ranked() -> None:
    scores = pd.DataFrame(
        {"label": ["a"] * 5 + ["b"] * 5, "seed": [*range(5)] * 2, "value": [*range(5), *range(9, 14)]}
    )
    assert "a" in gb.rank(scores, "lower").tiers["", ""][0]


def test_datasets_are_loaded_by_name() -> None:
    assert torch.equal(gb.datasets.load("ring8").train().x, Ring8().train().x)
    assert gb.datasets.load("mnist5k", size=16).spec.side == 16
    assert "mnist5k" in gb.datasets.names()
    with pytest.raises(UnknownName, match="Did you mean 'ring8'"):
        gb.datasets.load("ring88")
