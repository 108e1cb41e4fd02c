"""Checks of ganbench: `nox` runs those that every change must pass, in the environment it is called from.

`nox -l` lists the others: benchmarks, which print figures and prove nothing by passing.
"""

import json
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"  # torch takes gigabytes: one environment is enough
nox.options.sessions = ["lint", "types", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict on ganbench, zoo and reports."""
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, one process per core; those that need MNIST's files or Chromium say so where they are absent."""
    session.run("pytest", "-n", "auto", "-q", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Speed: ganbench's loop against a tutorial's, metrics, the page of many runs."""
    session.run("pytest", "tests/bench", "--benchmark-only", "-s", *session.posargs)


@nox.session
def schema(session: nox.Session) -> None:
    """Write suites/suite.schema.json anew, after a change of the suites' language."""
    from ganbench.suite import schema as suite_schema

    Path("suites/suite.schema.json").write_text(json.dumps(suite_schema(), indent=1) + "\n")
