"""The planted faults still have their places; `nox -s faults` plants them."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plant() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plant", Path(__file__).with_name("plant.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_faults_have_a_place_each_and_tests_that_should_see_them(plant: ModuleType) -> None:
    faults = list(plant.faults())
    assert len(set(faults)) == len(faults) >= 100
    for fault in faults:
        assert plant.planted(fault, (ROOT / fault.path).read_text(encoding="utf-8")) != ""
        assert all((ROOT / test).is_file() for test in fault.tests), fault


def test_a_fault_whose_place_is_gone_or_not_its_own_is_refused(plant: ModuleType) -> None:
    fault = plant.Fault("a.py", "x + 1", "x - 1", ())
    assert plant.planted(fault, "y = x + 1\n") == "y = x - 1\n"
    for text in ("y = x\n", "y = x + 1\nz = x + 1\n"):
        with pytest.raises(ValueError, match=r"a\.py has 'x \+ 1' \d times"):
            plant.planted(fault, text)
