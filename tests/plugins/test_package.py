"""A variant from another package: installed, it is one of ours; without the package it is unknown."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ganbench.store import read

SUITE_CHANGE = ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "lqg"\noptions = { width = 4 }')


@pytest.fixture(scope="module")
def site(resources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package was installed into, by pip and without a network."""
    pytest.importorskip("pip")
    if find_spec("setuptools") is None:  # to import it here would replace the distutils that torch has imported
        pytest.skip("setuptools is not installed")
    source, target = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("site")
    shutil.copytree(resources / "plugin_package", source)
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    ran = subprocess.run([*pip, "--target", target, source], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return target


def with_package(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The installed command in a process of its own, which finds the package."""
    command = Path(sysconfig.get_path("scripts")) / "ganbench"
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    return subprocess.run([command, *map(str, arguments)], env=environment, capture_output=True, text=True)


def test_it_is_listed_among_ours(site: Path) -> None:
    ran = with_package(site, "list", "variants")
    assert ran.returncode == 0, ran.stderr
    rows = {line.split()[0]: line for line in ran.stdout.splitlines() if line.strip()}
    assert rows["lqg"].split(maxsplit=1)[1].strip() == "A linear G, a quadratic D."
    assert "dcgan" in rows


def test_it_is_shown_in_the_words_of_its_own_file(site: Path) -> None:
    ran = with_package(site, "show", "lqg")
    assert ran.returncode == 0, ran.stderr
    assert "https://arxiv.org/abs/1710.10793" in ran.stdout
    option = next(line for line in ran.stdout.splitlines() if line.split()[:1] == ["width"])
    assert option.split() == ["width", "int", "at", "least", "1", "16", "rank", "of", "D's", "quadratic", "form"]


def test_it_is_trained_and_judged(site: Path, suite_file: Callable[..., Path], tmp_path: Path) -> None:
    path = suite_file(SUITE_CHANGE, ("seeds = 2", "seeds = 1"), ('["real", "noise"]', "[]"))
    ran = with_package(site, "run", path, "--results", tmp_path / "results", "--device", "cpu")
    assert ran.returncode == 0, ran.stderr
    (run,) = read(tmp_path / "results").runs.to_dict("records")
    assert (run["variant"], run["status"], run["g_updates"]) == ("lqg", "done", 20)
    assert "lqg" in ran.stdout


def test_without_its_package_it_is_unknown(
    ganbench: Callable[..., Any], suite_file: Callable[..., Path], tmp_path: Path
) -> None:
    """As in this process."""
    assert "No 'lqg' among the plugins." in ganbench("show", "lqg").err
    assert "lqg" not in ganbench("list", "variants").out
    ran = ganbench("run", suite_file(SUITE_CHANGE), "--results", tmp_path / "results")
    assert ran.code == 2
    assert "ring8, lqg: No 'lqg' among the variants." in ran.err
    assert "There are: " in ran.err and "dcgan" in ran.err
    assert not (tmp_path / "results").exists()
