"""A cache of each test's own, and a small labelled set of images, in a file as a stranger's would be."""

from pathlib import Path

import pytest

from ganbench import plugins
from ganbench.data import Dataset

SQUARES = f"{Path(__file__).with_name('squares.py')}:Squares"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where judges keep things, still empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ganbench"


@pytest.fixture
def squares() -> Dataset:
    dataset: Dataset = plugins.load("datasets", SQUARES)()
    return dataset
