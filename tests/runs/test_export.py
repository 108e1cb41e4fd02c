"""A run as a folder for others, and what reads it back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganbench.errors import BadResults, UnknownName
from ganbench.judges.asking import matrix_precision
from ganbench.runs import export
from ganbench.store.naming import find_run

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def exported(ganbench: Command, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("hub") / "gan"
    ran = ganbench("export", "tiny/gan/ring8/0", "--to", to, "--results", finished.parent)
    assert ran.code == 0, ran.err
    return to


def drawn(ganbench: Command, run: Path, file: Path) -> Any:
    ran = ganbench("sample", run, "--out", file, "--count", 20)
    assert ran.code == 0, ran.err
    return np.load(file)["samples"]


def test_the_folder_has_the_layout_of_the_hub(exported: Path) -> None:
    assert {"README.md", "config.json", "model.safetensors", "run.json"} <= {file.name for file in exported.iterdir()}
    config = json.loads((exported / "config.json").read_text())
    assert (config["model_type"], config["sample_shape"], config["architectures"]) == ("ganbench", [2], ["gan"])
    assert str(Path.home()) not in (exported / "config.json").read_text()


def test_the_card_says_facts_and_scores(exported: Path, finished: Path) -> None:
    card = (exported / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: ganbench\n") and "# gan on ring8" in card
    assert "| modes |" in card and "ganbench sample . --out" in card


def test_samples_of_the_folder_are_the_runs_own(
    ganbench: Command, exported: Path, finished: Path, tmp_path: Path
) -> None:
    run = find_run("gan/ring8/0", finished.parent)
    assert np.array_equal(drawn(ganbench, exported, tmp_path / "a.npz"), drawn(ganbench, run, tmp_path / "b.npz"))
    assert ganbench("evaluate", exported, "--dataset", "ring8", "--count", 200).code == 0


def test_onnx_says_the_same_as_torch(exported: Path) -> None:
    for needed in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(needed)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported / "model.onnx"))
    types = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
    feed = {one.name: np.zeros((3, *one.shape[1:]), types[one.type]) for one in session.get_inputs()}
    (samples,) = session.run(["samples"], feed)
    assert samples.shape == (3, 2) and np.ptp(samples, axis=0).max() == 0
    assert "within" in (exported / "README.md").read_text()


def test_onnx_is_written_also_where_something_was_judged_before(finished: Path, tmp_path: Path) -> None:
    """Judging and training set the precision of convolutions; torch's exporter wants that of all of cuDNN."""
    for needed in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(needed)
    with matrix_precision("ieee"):
        written = export.export_run(find_run("gan/ring8/0", finished.parent), tmp_path / "gan")
    assert "model.onnx" in written.files, written.onnx


def test_without_onnx_the_rest_is_written(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    written = export.export_run(find_run("gan/ring8/1", finished.parent), tmp_path / "gan")
    assert "model.onnx" not in written.files and "ganbench[export]" in written.onnx


def test_a_folder_that_holds_something_is_refused(ganbench: Command, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("dear")
    ran = ganbench("export", find_run("gan/ring8/0", finished.parent), "--to", tmp_path)
    assert ran.code == 2 and "not empty" in ran.err and [*tmp_path.iterdir()] == [tmp_path / "mine.txt"]


def test_a_run_is_found_by_label_dataset_and_seed(finished: Path) -> None:
    found = find_run("gan/ring8/1", finished.parent)
    about = json.loads((found / "run.json").read_text())["summary"]
    assert (about["label"], about["dataset"], about["seed"]) == ("gan", "ring8", 1)
    assert find_run(f"{finished}/gan/ring8/1") == found == find_run(str(found))
    with pytest.raises(UnknownName, match="Did you mean 'gan/ring8/1'"):
        find_run("gann/ring8/1", finished.parent)
    with pytest.raises(BadResults, match="is no run"):
        find_run("gan", finished.parent)


def test_a_run_of_two_suites_is_asked_about(made_up: Command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        made_up({("d", "gan", "fid"): [1.0]}, name=name)
    with pytest.raises(BadResults, match="of several suites"):
        find_run("gan/d/0", tmp_path / "results")
    assert find_run("a/gan/d/0", tmp_path / "results").parent.name == "a"
