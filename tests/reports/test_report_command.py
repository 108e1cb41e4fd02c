"""`ganbench report`: each form goes where it was asked for, and what does not fit is refused with its cure."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganbench.reports.formats import FORMATS, report
from ganbench.store import read

Command = Callable[..., Any]


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_becomes_a_site(ganbench: Command, finished: Path, tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / ("v1.2" if exists else "site")
    if exists:
        folder.mkdir()
    ran = ganbench("report", finished, "--out", folder)
    assert ran.code == 0 and f"Written: {folder / 'index.html'}" in ran.err
    assert (folder / "variant-gan.html").is_file() and not (folder / "variant-real.html").exists()


def test_json_goes_to_stdout_and_a_picture_to_a_file(ganbench: Command, finished: Path, tmp_path: Path) -> None:
    assert json.loads(ganbench("report", finished, "--format", "json").out)["suite"] == "tiny"
    assert ganbench("report", finished, "--format", "png", "--out", tmp_path / "board.png").code == 0
    light = (tmp_path / "board.png").read_bytes()
    assert light.startswith(b"\x89PNG")
    ganbench("report", finished, "--format", "png", "--dark", "--out", tmp_path / "board.png")
    assert (tmp_path / "board.png").read_bytes() == report(read(finished), "png", dark=True) != light


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--serve", "--format", "csv"), "Leave them out."),
        (("--serve", "--out", "x.html"), "Leave them out."),
        (("--dark",), "only a picture has one ground"),
        (("--format", "csv", "--out", "."), "is a folder, but csv is one file: --out report.csv"),
    ],
)
def test_what_does_not_fit_is_refused(ganbench: Command, finished: Path, options: tuple[str, ...], said: str) -> None:
    ran = ganbench("report", finished, *options)
    assert ran.code == 2 and said in ran.err


@pytest.mark.parametrize("format", FORMATS)
def test_the_command_and_the_table_of_formats_agree(ganbench: Command, finished: Path, format: str) -> None:
    assert ganbench("report", finished, "--format", format, "--out", finished / f"made.{format}").code == 0
    assert (finished / f"made.{format}").read_bytes() == report(read(finished), format)


def test_a_format_that_is_not_in_the_table_is_refused(ganbench: Command, finished: Path) -> None:
    ran = ganbench("report", finished, "--format", "pdf")
    assert ran.code == 2 and all(name in ran.err for name in FORMATS)
