"""A suite that is malformed is refused with its file and the place in it, at once, and nothing is written."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from malformed import BASE, Malformed, all_malformed, as_toml

from ganbench.errors import BenchError
from ganbench.suite.loading import load

Command = Callable[..., Any]
SHORT = 120  # of the thousand, which `nox -s robustness` reads all
PATIENCE_S = 15  # of the processor's


def refused(folder: Path, one: Malformed) -> None:
    """Read it as `ganbench run` would."""
    path = folder / "malformed.toml"
    path.write_bytes(one.text)
    started = process_time()
    with pytest.raises(BenchError) as error:
        load(path)
    said = str(error.value)
    assert process_time() - started < PATIENCE_S, one.fault
    assert str(path) in said, (one.fault, said)
    assert one.key[:60].strip("\x1b") in said or repr(one.key[:20])[1:-2] in said, (one.fault, said)
    assert len(said) < 5_000, one.fault
    assert [*folder.iterdir()] == [path], one.fault


def test_the_suite_that_gets_the_faults_has_none(tmp_path: Path) -> None:
    path = tmp_path / "malformed.toml"
    path.write_text(as_toml(BASE))
    assert len(load(path).runs) == 2


def test_malformed_suites_are_refused(tmp_path: Path) -> None:
    for one in all_malformed()[:SHORT]:
        refused(tmp_path, one)


NONSENSE = {
    **{f"lr = {value}": ("gan", {"lr": value}) for value in (0, -1e-4, 1e12, math.inf, math.nan)},
    "no latents": ("gan", {"z_dim": 0}),
    "no width": ("dcgan", {"width": 0}),
    "an average that grows": ("progan", {"ema": 1.5}),
    "a negative average": ("biggan", {"ema": -0.1}),
    "a negative half-life": ("stylegan", {"ema": -1.0}),
    "an absurd half-life": ("stylegan", {"ema": 1e12}),
    "growth beyond the budget": ("progan", {"growing": 1.5}),
    "negative growth": ("stylegan", {"growing": -0.5}),
    "more mixing than images": ("stylegan", {"mixing": 2.0}),
    "negative standing": ("biggan", {"standing": -1}),
    "standing for ever": ("biggan", {"standing": 10**9}),
    "no mapping": ("stylegan", {"mapping": 0}),
    "a mapping of a million layers": ("stylegan", {"mapping": 10**6}),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_does_not_load(tmp_path: Path, what: str) -> None:
    name, options = NONSENSE[what]
    (option,) = options
    suite = {**BASE, "variant": [{"name": name, "options": options}], "published": []}
    refused(tmp_path, Malformed(as_toml(suite).encode(), what, option))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"seeds": 10**12}, "seeds"),
        ({"dataset": [{"name": "ring8", "options": {"sigma": 1e-300}}]}, "sigma"),
        ({"dataset": [{"name": "ring8", "options": {"points": 2**70}}]}, "points"),
        ({"name": 300 * "x"}, "name"),
        ({"name": ".."}, "name"),
        ({"dataset": [{"name": "ring8", "label": " "}]}, "label"),
        ({"dataset": [{"name": "ring8", "metrics": ["modes", "modes"]}]}, "metrics"),
        ({"dataset": [{"name": "ring8\0"}]}, "name"),
        ({"dataset": [{"name": 5_000 * "x" + ".py:X"}]}, "name"),
        ({"variant": [{"name": 900 * "x" + ".py:X"}]}, "x"),
        ({"published": [{**BASE["published"][0], "scores": {"modes": [math.nan, 0.1]}}]}, "scores"),
        ({"budget": {"updates": 1e-300}}, "budget"),
        ({"variant": [{"name": "gan", "options": {"loss": {"name": "a\0.py:b"}}}]}, "gan"),
    ],
)
def test_what_once_was_read_is_refused(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    refused(tmp_path, Malformed(as_toml({**BASE, "published": [], **changes}).encode(), str(changes)[:99], key))


def test_a_file_whose_name_would_be_another_folder_is_refused_and_a_bom_is_read_over(tmp_path: Path) -> None:
    suite = as_toml({key: value for key, value in BASE.items() if key != "name"})
    (tmp_path / "...toml").write_text(suite)
    with pytest.raises(BenchError, match=r"\.\.\.toml: found the name '\.\.'"):
        load(tmp_path / "...toml")
    (tmp_path / "bom.toml").write_text(suite, encoding="utf-8-sig")
    assert load(tmp_path / "bom.toml").name == "bom"


def test_a_pipe_is_no_suite(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(BenchError, match=r"pipe\.toml is no file"):
        load(tmp_path / "pipe.toml")
