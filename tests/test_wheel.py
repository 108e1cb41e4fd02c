"""What is built can be installed elsewhere, takes one name there, and works among folders that are called alike."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = PROJECT["tool"]["setuptools"]["package-dir"]  # package -> folder of the repository
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def built(kind: str, source: Path, folder: Path) -> Path:
    """The one file that a build of this kind (`wheel` or `sdist`) leaves in the folder."""
    folder.mkdir()
    command = [sys.executable, "-c", BUILD, f"build_{kind}", folder]
    ran = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (file,) = folder.iterdir()
    return file


def contents(wheel: Path) -> dict[str, int]:
    """Each file's name -> the check sum of what it holds."""
    with ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist() if not entry.is_dir()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the build needs: it leaves files in the folder where it works."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return source


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", source, tmp_path_factory.mktemp("built") / "wheel")


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip installed the wheel, without a network."""
    pytest.importorskip("pip")
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "-q", "--target", site, wheel]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return site


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with packages of somebody else's that are called like folders of the repository."""
    for name in ("zoo", "reports", "suites", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('the {name} of somebody else')")
    return tmp_path


def test_a_wheel_takes_one_name(wheel: Path) -> None:
    assert {name.split("/")[0] for name in contents(wheel)} == {"ganbench", "ganbench-0.1.0.dist-info"}


def test_a_wheel_holds_every_file_of_the_packages(wheel: Path, source: Path) -> None:
    """A package that is missing from the list in `pyproject.toml` shows here, and so does a new kind of data file."""
    expected = set()
    for package, folder in FOLDERS.items():
        files = {file.relative_to(source / folder) for file in (source / folder).rglob("*") if file.is_file()}
        expected |= {f"{package.replace('.', '/')}/{file.as_posix()}" for file in files}
    assert {name for name in contents(wheel) if not name.startswith("ganbench-0.1.0.dist-info/")} == expected
    for name in ("zoo/dcgan.py", "reports/html/page.css", "suites/quick.toml", "judges/assets/mnist.safetensors"):
        assert f"ganbench/{name}" in expected


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, source: Path, tmp_path: Path) -> None:
    with tarfile.open(built("sdist", source, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert contents(built("wheel", unpacked, tmp_path / "wheel")) == contents(wheel)


def test_it_runs_among_folders_that_are_called_alike(site: Path, elsewhere: Path, finished: Path) -> None:
    def python(*arguments: object) -> str:
        environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *map(str, arguments)]
        ran = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert Path(python("-c", "import ganbench.zoo; print(ganbench.zoo.__file__)").strip()).is_relative_to(site)
    assert "dcgan" in python("-m", "ganbench", "list", "variants")
    assert "quick" in python("-m", "ganbench", "list", "suites")
    assert "https://arxiv.org/abs/1511.06434" in python("-m", "ganbench", "show", "dcgan")
    python("-m", "ganbench", "report", finished, "--out", elsewhere / "page.html")
    assert (elsewhere / "page.html").stat().st_size > 100_000
