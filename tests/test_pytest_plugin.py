"""`pytest --ganbench`: every row of a gate is a test, and pytest-benchmark gets quality and time side by side."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ganbench import interface

pytest_plugins = ["pytester"]

SCORES = {("ring8", variant, "fid"): [10.0, 10.4, 9.7, 10.1] for variant in ("gan", "wgan")}
# A session within this one forgets what it was the first to import; torch and pyarrow do not bear a second time.
for module in (
    "pandas.core.arrays.arrow.extension_types",
    "ganbench.suite.driver",
    "ganbench.pytest_plugin",
    "ganbench.reports.formats.gate",
):
    import_module(module)

QUIET = ("-p", "no:xdist", "-p", "no:cacheprovider", "--benchmark-disable")


@pytest.fixture
def gate(ganbench: Callable[..., Any], made_up: Callable[..., Path], tmp_path: Path) -> Callable[..., list[str]]:
    """`gate(wgan=3.0)`: arguments that hold results against a baseline, some of them so many times as high as there."""
    file = tmp_path / "quick.json"
    assert ganbench("baseline", made_up(SCORES, into="good"), "--out", file).code == 0

    def arguments(**factors: float) -> list[str]:
        now = {name: [1.01 * v * factors.get(name[1], 1.0) for v in values] for name, values in SCORES.items()}
        return ["--ganbench", str(made_up(now, into="now")), "--ganbench-baseline", str(file)]

    return arguments


def test_rows_are_tests_and_the_only_ones(pytester: pytest.Pytester, gate: Callable[..., list[str]]) -> None:
    pytester.makepyfile(test_own="def test_own(): raise AssertionError('not asked for')")
    found = pytester.runpytest_inprocess(*gate(), *QUIET, "-v")
    found.assert_outcomes(passed=4 + 1, failed=0)
    found.stdout.fnmatch_lines(["*ring8/wgan/fid PASSED*", "*ring8/gan/images_per_second PASSED*"])


def test_a_regression_fails_in_one_line_and_can_be_chosen(
    pytester: pytest.Pytester, gate: Callable[..., list[str]]
) -> None:
    arguments = gate(wgan=4.0)
    found = pytester.runpytest_inprocess(*arguments, *QUIET, "-k", "wgan and fid")
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.assert_outcomes(failed=1, deselected=4)
    found.stdout.fnmatch_lines(["regression: wgan on ring8: fid went from 10.0 to 40.6*", "FAILED *ring8/wgan/fid*"])
    found.stdout.no_fnmatch_line("*Traceback*")


def test_own_tests_run_too_where_they_are_named(pytester: pytest.Pytester, gate: Callable[..., list[str]]) -> None:
    own = pytester.makepyfile(test_own="def test_own(): pass")
    pytester.runpytest_inprocess(*gate(), own, *QUIET).assert_outcomes(passed=6)


def test_what_says_nothing_is_skipped(
    pytester: pytest.Pytester, ganbench: Callable[..., Any], made_up: Callable[..., Path], tmp_path: Path
) -> None:
    now = {**SCORES, ("ring8", "new", "fid"): [9.0]}
    assert ganbench("baseline", made_up(SCORES, into="a"), "--out", tmp_path / "b.json").code == 0
    asked = ["--ganbench", made_up(now, into="b"), "--ganbench-baseline", tmp_path / "b.json"]
    found = pytester.runpytest_inprocess(*asked, *QUIET, "-rs")
    found.assert_outcomes(skipped=2, passed=4)
    found.stdout.fnmatch_lines(["*new: new on ring8: fid*"])


def test_where_nothing_could_fail_nothing_passes(
    pytester: pytest.Pytester, ganbench: Callable[..., Any], made_up: Callable[..., Path], tmp_path: Path
) -> None:
    once, now = ({("ring8", "gan", "fid"): [value]} for value in (10.0, 99.0))
    assert ganbench("baseline", made_up(once, into="a"), "--out", tmp_path / "b.json").code == 0
    asked = ["--ganbench", made_up(now, into="b"), "--ganbench-baseline", tmp_path / "b.json"]
    found = pytester.runpytest_inprocess(*asked, *QUIET)
    assert found.ret == pytest.ExitCode.USAGE_ERROR and "no row could be tested" in found.stderr.str()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ganbench", "results"], "needs a baseline as well: --ganbench-baseline FILE"),
        (["--ganbench", "no.toml", "--ganbench-baseline", "b.json"], "No suite at no.toml"),
        (["--ganbench", ".", "--ganbench-baseline", "b.json"], "holds no results of ganbench"),
    ],
)
def test_what_cannot_be_done_is_a_usage_error(pytester: pytest.Pytester, arguments: list[str], said: str) -> None:
    found = pytester.runpytest_inprocess(*arguments, *QUIET)
    assert found.ret == pytest.ExitCode.USAGE_ERROR and said in found.stderr.str()


def test_a_suite_is_run_as_the_command_does_it(
    pytester: pytest.Pytester, gate: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its search, and with the seeds that are added until decided."""
    _, folder, *baseline = gate()
    asked = []

    def run(suite: Path, *, results: Path) -> Any:
        asked.append((suite, results))
        return interface.read(folder)

    monkeypatch.setattr(interface, "run", run)
    pytester.runpytest_inprocess("--ganbench", "mine.toml", *baseline, *QUIET).assert_outcomes(passed=5)
    assert asked == [(Path("mine.toml"), Path("results"))]


def test_without_the_option_it_does_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(): pass")
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=1)


def test_pytest_benchmark_gets_seconds_per_image_and_the_scores(
    pytester: pytest.Pytester, gate: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pytest_benchmark")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # pytest-benchmark does nothing in one
    pytester.runpytest_inprocess(*gate(wgan=2.0), "-p", "no:xdist", "--benchmark-json=b.json")
    found = {entry["name"]: entry for entry in json.loads((pytester.path / "b.json").read_text())["benchmarks"]}
    assert list(found) == ["gan[fid=10.15]", "wgan[fid=20.3]"]
    entry = found["wgan[fid=20.3]"]
    assert (entry["group"], entry["fullname"], entry["stats"]["rounds"]) == ("ring8", "quick::ring8::wgan", 4)
    assert entry["stats"]["ops"] == pytest.approx(100.0), "images per second"
    assert entry["extra_info"]["fid"]["0"] == pytest.approx(20.2)
