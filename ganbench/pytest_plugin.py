"""`pytest --ganbench SUITE_OR_RESULTS --ganbench-baseline FILE`: every row of a gate becomes a test.

A suite is run first, as `ganbench run` does it: only what is missing. Without paths on the command line these tests are
the only ones. A row fails where `ganbench check` would not pass, and is skipped where it can say nothing. The session
is an error if no row can say anything.

pytest-benchmark, where it is installed, gets the time of each variant: seconds for one image shown to D, with each seed
as a round, so that its OPS are images per second. The name holds the score by which checkpoints are selected;
`extra_info` holds all others. `docs/ci.md` says how to use both.

Every pytest of this environment loads this module, so it imports nothing before it is asked for.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ganbench.compare.baseline import Baseline


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--ganbench`, `--ganbench-baseline` and `--ganbench-results`."""
    group = parser.getgroup("ganbench", "results of ganbench held against a baseline")
    group.addoption("--ganbench", metavar="PATH", help="A suite, which is run first, or a folder of results.")
    group.addoption("--ganbench-baseline", metavar="FILE", help="As `ganbench baseline` wrote it.")
    group.addoption("--ganbench-results", metavar="FOLDER", default="results", help="Where a suite's results go.")


def pytest_configure(config: pytest.Config) -> None:
    """Make a gate of a session that asks for one. Raises UsageError if it names no baseline."""
    if config.getoption("ganbench"):
        if not config.getoption("ganbench_baseline"):
            raise pytest.UsageError("Found --ganbench, but it needs a baseline as well: --ganbench-baseline FILE.")
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = []
        config.pluginmanager.register(GateSession(config), "ganbench-gate")


class GateSession:
    """The hooks of a session that has a gate."""

    def __init__(self, config: pytest.Config):
        self.path = Path(config.getoption("ganbench"))
        self.baseline = Path(config.getoption("ganbench_baseline"))
        self.results = Path(config.getoption("ganbench_results"))
        self.rows: list[Any] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Run the suite, once: before xdist starts its workers, which find the results."""
        from ganbench import interface
        from ganbench.errors import BenchError

        capture: Any = session.config.pluginmanager.get_plugin("capturemanager")
        try:
            if not self.path.is_dir():
                with capture.global_and_fixture_disabled():
                    self.path = interface.run(self.path, results=self.results).path
        except BenchError as error:
            raise pytest.UsageError(str(error)) from error

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        from ganbench.compare.baseline import measure
        from ganbench.compare.baseline_file import read_baseline
        from ganbench.compare.gate import Gate, held_to
        from ganbench.compare.regression import check
        from ganbench.errors import BenchError
        from ganbench.interface import read
        from ganbench.reports.formats.gate import check_answer

        try:
            results = read(self.path)
            now, before = measure(results), read_baseline(self.baseline)
            checked = check(now, before, *held_to(before.gate, Gate.of_results(results.path)))
        except BenchError as error:
            raise pytest.UsageError(str(error)) from error
        if checked.tested.empty:
            raise pytest.UsageError(check_answer(checked))
        file = BaselineFile.from_parent(session, path=self.baseline.resolve())
        items += file.items(checked.rows.itertuples(index=False))
        _hand_to_pytest_benchmark(session.config, now)


class BaselineFile(pytest.File):
    """The parent of the rows, after which they are called."""

    def collect(self) -> list[pytest.Item]:
        return []

    def items(self, rows: Any) -> Iterator[pytest.Item]:
        for row in rows:
            yield GateRow.from_parent(self, name=f"{row.dataset}/{row.variant}/{row.metric}", row=row)


class NotPassed(Exception):
    """A row that does not pass."""


class GateRow(pytest.Item):
    """One verdict."""

    def __init__(self, *, row: Any, **about: Any):
        super().__init__(**about)
        self.row = row

    def runtest(self) -> None:
        from ganbench.compare.regression import FAILS, SILENT
        from ganbench.reports.formats.gate import verdict_sentence

        message = f"{self.row.verdict}: {verdict_sentence(self.row)}"
        if self.row.verdict in FAILS:
            raise NotPassed(message)
        if self.row.verdict in SILENT:
            pytest.skip(message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, NotPassed) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name


def _hand_to_pytest_benchmark(config: pytest.Config, now: "Baseline") -> None:
    session = config.pluginmanager.get_plugin("pytest-benchmark")
    if session is None or session.disabled:
        return
    from pytest_benchmark.stats import Metadata

    from ganbench.compare.gate import SPEED

    for (dataset, variant), runs in now.runs.items():
        scores = {name[2]: score for name, score in now.scores.items() if name[:2] == (dataset, variant)}
        quality = [value for value in scores[runs.decides].values.values() if value is not None]
        mean = f"{sum(quality) / len(quality):.4g}" if quality else "none"
        benchmark = SimpleNamespace(
            name=f"{variant}[{runs.decides}={mean}]", fullname=f"{now.suite}::{dataset}::{variant}", group=dataset,
            param=None, params=None, cprofile_stats=None, has_error=False,
            extra_info={metric: score.values for metric, score in scores.items()},
        )  # fmt: skip
        times: Any = Metadata(benchmark, iterations=1, options={"timer": "ledger"})  # type: ignore[no-untyped-call]
        for speed in scores[SPEED].values.values():
            if speed:
                times.update(1 / speed)
        if times:
            session.benchmarks.append(times)
