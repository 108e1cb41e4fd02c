"""Whatever is printed, and wherever it goes, the end is the right one."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ganbench.errors import BadSuite, printable, said
from ganbench.suite.talk import Talk

Command = Callable[..., Any]


def command(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    line = [sys.executable, "-m", "ganbench", *map(str, arguments)]
    return subprocess.run(line, stdin=subprocess.DEVNULL, timeout=600, **options)


def test_what_strangers_code_says_is_one_short_line() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert said(KeyError("a")) == "KeyError: 'a'"
    assert said(Mute()) == "Mute: it does not say what"
    assert said(ValueError("a\nb")) == "ValueError: a"
    assert len(said(ValueError(5_000_000 * "x"))) == 300
    assert said(ValueError("\x1b[31m\udcff\x00é")) == "ValueError: [31mé"
    assert printable("a\u202eb") == "ab"


def test_a_message_commands_no_terminal_and_has_an_end(ganbench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise BadSuite("\x1b]0;title\x07\udcff " + 5_000_000 * "x")

    monkeypatch.setattr("ganbench.interface.planned", fails)
    ran = ganbench("run", "quick")
    assert ran.code == 2 and "\x1b" not in ran.err and len(ran.err) < 5_000


def test_a_plugin_whose_import_fails_loudly_is_a_short_message(ganbench: Command, suite_file: Command) -> None:
    path = suite_file(('"gan"', '"loud.py:X"'))
    path.with_name("loud.py").write_text("raise ValueError('\\x1b[2J' + 5_000_000 * 'x')\n")
    ran = ganbench("run", path)
    assert ran.code == 2 and "\x1b" not in ran.err and len(ran.err) < 2_000 and "loud.py, line 1" in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_stdout_is_said_and_a_closed_one_is_not(finished: Path) -> None:
    with open("/dev/full", "wb") as full:
        ran = command("report", finished, "--format", "csv", stdout=full, stderr=subprocess.PIPE)
    assert ran.returncode == 2 and b"No space left on device" in ran.stderr and b"Traceback" not in ran.stderr
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ran = command("report", finished, "--format", "csv", stdout=closed, stderr=subprocess.PIPE)
    assert ran.returncode == 141 and ran.stderr == b""


def test_a_terminal_of_ascii_shows_what_it_can(finished: Path) -> None:
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for arguments in (("status", finished), ("compare", finished, "--variants", "gan", "real")):
        ran = command(*arguments, env=ascii_only, capture_output=True)
        assert ran.returncode == 0, ran.stderr
        ran.stdout.decode("ascii")


def test_a_driver_goes_on_when_nobody_hears_it(suite_file: Command, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ran = command("run", suite_file(), "--results", tmp_path / "r", stderr=closed, stdout=subprocess.DEVNULL)
    assert ran.returncode == 0 and len([*(tmp_path / "r").glob("tiny/*/run.json")]) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_driver_goes_on_when_its_log_is_full_and_its_stdout_closed(suite_file: Command, tmp_path: Path) -> None:
    arguments = ("-m", "ganbench", "run", suite_file(), "--results", tmp_path / "r", "--only", "real/*/0")
    line = ["sh", "-c", 'exec "$0" "$@" >&- 2> /dev/full', sys.executable, *map(str, arguments)]
    assert subprocess.run(line, stdin=subprocess.DEVNULL).returncode == 0
    assert len([*(tmp_path / "r").glob("tiny/*/run.json")]) == 1


def test_what_a_full_log_could_not_take_is_in_it_when_there_is_room() -> None:
    class Disk(StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    disk = Disk()
    talk = Talk(file=disk)
    talk.print("one")
    disk.full = False
    talk.print("two")
    assert disk.getvalue() == "one\ntwo\n"
