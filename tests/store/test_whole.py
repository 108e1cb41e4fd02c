"""Whoever is stopped while writing leaves what was there before, and nothing else."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ganbench.store.whole import write_bytes, write_json, written_whole


def test_a_file_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="the disk is full"):
        write_bytes(path, b"new")
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == b"old"


def half_a_file(draft: Path) -> None:
    draft.write_text("half")
    raise OSError("the disk is full")


def half_a_folder(draft: Path) -> None:
    draft.mkdir()
    half_a_file(draft / "file")


@pytest.mark.parametrize("write_half", [half_a_file, half_a_folder])
def test_a_block_that_raises_leaves_nothing_behind(tmp_path: Path, write_half: Callable[[Path], None]) -> None:
    with pytest.raises(OSError, match="full"), written_whole(tmp_path / "place") as draft:
        write_half(draft)
    assert [*tmp_path.iterdir()] == []


def test_nobody_sees_a_file_before_it_is_whole(tmp_path: Path) -> None:
    with written_whole(tmp_path / "file") as draft:
        draft.write_text("half")
        assert not (tmp_path / "file").exists()
    assert [*tmp_path.iterdir()] == [tmp_path / "file"]


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_json(file, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(file, {"a": float("nan")})
    assert json.loads(file.read_text()) == {"a": 1}
