"""What is installed has a name, what has a name can be loaded, and a file beside the suite is as good."""

import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.errors import BadSuite, UnknownName
from ganbench.executors import Executor
from ganbench.judges import Judge
from ganbench.losses import Formulation
from ganbench.metrics import Metric
from ganbench.penalties import Penalty
from ganbench.plugins.spec import choose
from ganbench.remedies import Remedy
from ganbench.store import read
from ganbench.trackers import Tracker
from ganbench.variant import Variant

ROOT = Path(__file__).parents[2]
INSTALLED = [(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]
BASES = {"variants": Variant, "datasets": Dataset, "judges": Judge, "executors": Executor, "trackers": Tracker}
VALUES = {"metrics": Metric, "losses": Formulation, "penalties": Penalty, "remedies": Remedy}


def test_what_is_installed_is_what_the_project_declares() -> None:
    """If it is not, install the package again: that is when entry points are written down."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for kind in plugins.KINDS:
        found = {point.name: point.value for point in entry_points(group=f"ganbench.{kind}")}
        assert found.items() >= declared[f"ganbench.{kind}"].items()


def test_an_installed_name_loads_as_what_it_says() -> None:
    for kind, name in INSTALLED:
        if kind in BASES:
            assert issubclass(plugins.load(kind, name), BASES[kind]), name
        else:
            found = plugins.load(kind, name) if kind == "metrics" else choose(kind, name)
            assert isinstance(found, VALUES[kind]) and found.name == name, name


def test_a_name_that_is_not_installed_offers_the_nearest() -> None:
    for ask in (plugins.load, plugins.locate):
        with pytest.raises(
            UnknownName, match=r"No 'wgann' among the variants\. Did you mean 'wgan'\? There are: .*dcgan, "
        ):
            ask("variants", "wgann")
    with pytest.raises(UnknownName, match=r"No 'zzz' among the judges\. There are: .*mnist, .*truth\."):
        plugins.load("judges", "zzz")


def test_a_package_that_is_broken_is_named_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint, EntryPoints

    gone = EntryPoints([EntryPoint("mine", "no_such_package.mine:Mine", "ganbench.variants")])
    monkeypatch.setattr(plugins, "_installed", lambda kind: gone)
    with pytest.raises(
        BadSuite, match=r"'mine' of the variants cannot be imported: ModuleNotFoundError: No module named"
    ):
        plugins.load("variants", "mine")


# A file beside the suite


def test_a_file_is_imported_once_and_only_as_its_own(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"class Mine:\n    home = '{folder}'\n")
    one = plugins.load("variants", "mine.py:Mine", tmp_path / "one")
    assert plugins.load("variants", "mine.py:Mine", tmp_path / "one") is one
    assert plugins.load("variants", "../two/mine.py:Mine", tmp_path / "one").home == "two"


def test_a_file_that_raised_is_tried_again_once_it_is_mended(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("1 / 0")
    with pytest.raises(BadSuite, match=r"ZeroDivisionError: division by zero \(mine\.py, line 1\)"):
        plugins.load("variants", "mine.py:Mine", tmp_path)
    (tmp_path / "mine.py").write_text("class Mine: pass  # mended\n")
    assert plugins.load("variants", "mine.py:Mine", tmp_path).__name__ == "Mine"


def test_a_file_beside_the_suite_trains_like_any_variant(
    ganbench: Callable[..., tuple[int, str, str]], suite_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = suite_file(
        (
            'name = "gan"\noptions = { width = 8, z_dim = 2 }',
            'name = "toys.py:Toy"\nlabel = "toy"\noptions = { lr = 0.1 }',
        ),
        ('["real", "noise"]', "[]"),
    )
    code, out, err = ganbench("run", path, "--results", tmp_path / "results")
    assert code == 0, err
    assert "toy" in out
    results = read(tmp_path / "results")
    assert set(results.runs["variant"]) == {"toys.py:Toy"}
    assert set(results.runs["status"]) == {"done"}
    assert set(results.losses["curve"]) >= {"D.loss", "G.loss"}
    folder = results.path / results.runs["run"].iloc[0]
    assert ganbench("sample", folder, "--out", tmp_path / "s.npz", "--count", 3, "--allow-plugins").code == 0


def test_a_metric_of_a_file_is_called_on_the_board_as_it_calls_itself(
    ganbench: Callable[..., tuple[int, str, str]], suite_file: Callable[..., Path], tmp_path: Path
) -> None:
    named = ("sigma = 0.1 }", 'sigma = 0.1 }\nmetrics = ["reverse_kl_third", "toys.py:leftness"]')
    path = suite_file(named, ("seeds = 2", "seeds = 1"), ('["real", "noise"]', "[]"))
    code, _, err = ganbench("run", path, "--results", tmp_path / "results")
    assert code == 0, err
    scores = read(tmp_path / "results").scores
    columns = ["title", "lower_bound", "upper_bound", "meaning", "blind_to"]
    facts = scores.loc[scores["metric"] == "leftness", columns].drop_duplicates().to_numpy().tolist()
    assert facts == [["Leftness", 0, 1, "The share of samples on the left.", "up and down."]]
    page = (tmp_path / "results" / "tiny" / "report.html").read_text(encoding="utf-8")
    assert '<bdi title="leftness">Leftness</bdi>' in page and "Blind to: up and down." in page


def test_what_a_suite_may_set_are_keyword_only_arguments() -> None:
    def plugin(spec: object, other: int = 1, *, lr: float = 0.1, batch: int) -> None: ...

    assert [*plugins.options(plugin)] == ["lr", "batch"]
