"""Checks of ganbench: `nox` runs those that every change must pass, in the environment it is called from.

`nox -l` lists the others: the gate, which trains for minutes, and benchmarks, which print figures.
"""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

ROOT = Path(__file__).parent
BASELINE, GATE = Path("baselines/quick.json"), "results/gate"
LARGEST_WHEEL = 12 * 2**20  # bytes
INSTALLED = ".nox/installed"  # ganbench as a wheel holds it

nox.options.default_venv_backend = "none"  # torch takes gigabytes: one environment is enough
nox.options.sessions = ["lint", "types", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict on what a wheel holds; an error in zoo/gan.py is said to be in ganbench/zoo/gan.py."""
    session.run("python", "tests/installed.py", INSTALLED)
    with session.chdir(INSTALLED):
        config, cache = ROOT / "pyproject.toml", ROOT / ".mypy_cache"
        session.run("mypy", "-p", "ganbench", "--config-file", config, "--cache-dir", cache)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, one process per core; those that need MNIST's files or Chromium say so where they are absent."""
    # A file is one process's affair, so that what its tests share is made once.
    session.run("pytest", "-n", "auto", "--dist", "loadfile", "-q", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def stories(session: nox.Session) -> None:
    """What docs/my-*.md say, done from a wheel outside of the repository; each takes at most ten minutes."""
    with TemporaryDirectory() as outside:
        pip = ["python", "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", outside, "."]
        session.run(*pip)
        names = session.posargs or sorted(page.stem for page in ROOT.glob("docs/my-*.md"))
        path = os.pathsep.join([f"{outside}/bin", os.environ["PATH"]])
        session.run("python", "tests/stories.py", *names, env={"PYTHONPATH": outside, "PATH": path})


@nox.session
def gate(session: nox.Session) -> None:
    """Run the quick suite, hold it against its baseline, and see whether the gate can fail; see docs/ci.md."""
    if not BASELINE.exists():
        session.error(
            f"There is no {BASELINE}. Make it from results that are good: ganbench run suites/quick.toml, "
            f"then ganbench baseline results/quick --out {BASELINE}"
        )
    shutil.rmtree(GATE, ignore_errors=True)  # speed is held to the baseline too: of runs done now
    session.run("ganbench", "run", "suites/quick.toml", "--results", GATE, success_codes=[0, 3])  # 3: some runs failed
    check = ["ganbench", "check", f"{GATE}/quick", "--baseline", str(BASELINE)]
    session.run(*check, "--self-test")
    session.run(*check, *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed: ganbench's loop against a tutorial's, metrics, the page of many runs."""
    session.run("pytest", "tests/bench", "--benchmark-only", "-s", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Plant a hundred faults, one by one, and see which escape the tests; words after `--` choose files."""
    session.run("python", "tests/faults/plant.py", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def robustness(session: nox.Session) -> None:
    """Twenty kills, a thousand malformed suites, damaged and hostile files: what must cost one run at most."""
    files = ["kills.py", "suites.py", "test_ends.py", "test_files.py", "test_messages.py", "test_suites.py"]
    session.run("pytest", "-q", *[f"tests/robustness/{file}" for file in files], *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site strictly into site/, and check the workflows against the schemas of GitHub and GitLab."""
    session.run("python", "docs/hooks.py")
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})
    for kind, files in {
        "github-workflows": sorted(Path(".github/workflows").glob("*.yml")),
        "github-actions": [Path(".github/actions/guard/action.yml")],
        "gitlab-ci": [Path(".github/gitlab/guard.yml")],
    }.items():
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{kind}", *map(str, files))


@nox.session(venv_backend="venv")
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it in a fresh environment and run the quick suite from an empty folder: minutes."""
    session.install("build")
    built, empty = Path(session.create_tmp()) / "built", Path(session.create_tmp()) / "empty"
    for folder in (built, empty):
        shutil.rmtree(folder, ignore_errors=True)
    empty.mkdir(parents=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(built))
    (file,) = built.resolve().glob("*.whl")
    if file.stat().st_size > LARGEST_WHEEL:
        session.error(f"{file.name} has {file.stat().st_size:,} bytes, more than {LARGEST_WHEEL:,}.")
    session.install("-c", "constraints.txt", str(file))
    with session.chdir(empty):
        session.run("ganbench", "run", "quick", "--scale", "0.05")


@nox.session
def cluster(session: nox.Session) -> None:
    """The executor `ray` on a cluster of two nodes, one of which is lost; needs `pip install ganbench[ray]`."""
    session.run("pytest", "-q", "-m", "cluster", "tests/executors", *session.posargs)


@nox.session
def schema(session: nox.Session) -> None:
    """Write suites/suite.schema.json anew, after a change of the suites' language."""
    from ganbench.suite.language import schema as suite_schema

    Path("suites/suite.schema.json").write_text(json.dumps(suite_schema(), indent=1) + "\n")
