"""Whatever a suite may name as its judge becomes one, and its text and weights are part of a run."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.data.mixtures import Ring8
from ganbench.errors import BadSuite, DataMissing, UnknownName
from ganbench.judges.choosing import choose_judge, judge_files
from ganbench.judges.image_classifier import weights_file
from ganbench.judges.own import OwnJudge
from ganbench.judges.trained import TrainedJudge
from ganbench.judges.training.images import train_image_classifier
from ganbench.judges.truth import TruthJudge
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget
from ganbench.runs.spec import RunSpec

MINE = '''
import torch
from ganbench.judges.truth import TruthJudge

class Mine(TruthJudge):
    """A judge class."""

def embed(x):
    return x.flatten(1)

class Module(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1)

module = Module()
number = 3
'''
SQUARES = str(Path(__file__).with_name("squares.py")) + ":Squares"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    train_image_classifier(SQUARES, folder, epochs=1, width=2, progress=lambda _: None)
    return folder / "Squares.safetensors"


def test_an_installed_name_and_a_class_are_judges(beside: Path) -> None:
    assert isinstance(choose_judge("truth", Ring8(points=9), beside), TruthJudge)
    assert type(choose_judge("mine.py:Mine", Ring8(points=9), beside)).__name__ == "Mine"


@pytest.mark.parametrize("name", ["mine.py:embed", "mine.py:module"])
def test_whatever_else_can_be_called_gives_features(name: str, beside: Path, squares: Dataset) -> None:
    judge = choose_judge(name, squares, beside)
    assert isinstance(judge, OwnJudge)
    assert judge(squares.train().x).features.shape == (600, 64)


@pytest.mark.parametrize(("name", "found"), [("Module", "the class Module"), ("number", "of type int")])
def test_what_is_neither_is_refused(name: str, found: str, beside: Path) -> None:
    with pytest.raises(BadSuite, match=rf"mine\.py:{name} is {found}, but a judge needs to be a class derived from"):
        choose_judge(f"mine.py:{name}", Ring8(points=9), beside)


def test_an_installed_function_has_the_text_of_its_module(
    beside: Path, squares: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import EntryPoint, EntryPoints

    monkeypatch.syspath_prepend(beside)
    mine = EntryPoints([EntryPoint("mine", "mine:embed", "ganbench.judges")])
    monkeypatch.setattr(plugins, "_installed", lambda kind: mine)
    installed = choose_judge("mine", squares, Path("elsewhere"))
    named = choose_judge("mine.py:embed", squares, beside)
    assert installed.key.split()[0] == named.key.split()[0]


def test_weights_may_lie_beside_the_suite(weights: Path, squares: Dataset, beside: Path) -> None:
    (beside / "sub").mkdir()
    shutil.copy(weights, beside / "sub" / "w.safetensors")
    judge = choose_judge("sub/w.safetensors", squares, beside)
    assert isinstance(judge, TrainedJudge)
    with pytest.raises(DataMissing, match=r"No trained judge at .*none\.safetensors\. `ganbench judge train FILE"):
        choose_judge("none.safetensors", squares, beside)


def test_a_name_that_is_not_there_offers_the_nearest(beside: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'truth'"):
        choose_judge("thruth", Ring8(points=9), beside)


# Part of a run


def spec(judge: str, beside: Path) -> RunSpec:
    return RunSpec(
        suite="", label="", variant=PluginSpec("noise", {}, str(beside)), dataset_label="", judge=judge, metrics=(),
        seed=0, dataset=PluginSpec(SQUARES, {}, str(beside)), budget=Budget("updates", 1), evaluations=1, samples=5,
        precision="float32",
    )  # fmt: skip


def test_a_run_knows_the_code_of_its_judge(beside: Path) -> None:
    before = spec("mine.py:embed", beside).id
    assert spec("mine.py:embed", beside).id == before
    (beside / "mine.py").write_text(MINE + "# changed")
    assert spec("mine.py:embed", beside).id == before, "words about code are no code"
    (beside / "mine.py").write_text(MINE + "changed = 1")
    assert spec("mine.py:embed", beside).id != before


def test_a_run_knows_the_weights_of_its_judge(beside: Path, weights: Path) -> None:
    mine = beside / "w.safetensors"
    shutil.copy(weights, mine)
    named, default = spec("w.safetensors", beside), spec("trained", beside)
    before = named.id, default.id
    shutil.copy(weights, mine)
    assert replace(named).id == before[0]
    mine.write_bytes(weights.read_bytes() + b"!")
    assert replace(named).id != before[0]
    weights_file("Squares").parent.mkdir(parents=True)
    shutil.copy(weights, weights_file("Squares"))
    assert replace(default).id != before[1]


def test_weights_are_looked_for_under_the_datasets_name(cache: Path) -> None:
    assert judge_files("trained", "mnist5k", Path()) == (cache / "judges" / "mnist5k.safetensors",)
    assert judge_files("trained", "mine.py:Mine", Path()) == (cache / "judges" / "Mine.safetensors",)
    assert judge_files("truth", "ring8", Path()) == ()


def test_a_run_is_judged_by_named_weights(beside: Path, weights: Path) -> None:
    shutil.copy(weights, beside / "w.safetensors")
    run = spec("w.safetensors", beside)
    judge = run.build_judge(run.build_dataset())
    x = run.build_dataset().train().x
    assert torch.isfinite(judge(x).logits).all()
