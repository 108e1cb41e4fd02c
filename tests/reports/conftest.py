"""Made-up results for the tests of the reports."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _synthetic() -> ModuleType:
    """The neighbour file: tests are no package, so it is loaded by its path, once."""
    if "synthetic" not in sys.modules:
        spec = importlib.util.spec_from_file_location("synthetic", Path(__file__).with_name("synthetic.py"))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["synthetic"] = module
        spec.loader.exec_module(module)
    return sys.modules["synthetic"]


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The module: `make`, `empty`, `all_failed`."""
    return _synthetic()


@pytest.fixture(scope="session")
def full(synthetic: ModuleType) -> Any:
    """Two datasets, three variants, four controls, three seeds, one diverged run; read only."""
    return synthetic.make()


@pytest.fixture(scope="session")
def hostile(synthetic: ModuleType) -> Any:
    """The same with names that try to be markup, to be endless, or to turn the text around."""
    names = {
        "": "</script><script>alert(3)</script>",
        "gan": "<script>alert(1)</script>",
        "dcgan": "\"'><img src=x onerror=alert(2)> | " + "x" * 300,
        "wgan": "\u202eشبكة توليدية",
    }
    return synthetic.make(rename=names)
