"""How all commands print, write files and end: results go to stdout, talk goes to stderr."""

import errno
import json
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from rich.console import Console
from rich.markup import escape

from ganbench.errors import BadResults, BenchError, printable, shortened
from ganbench.suite.talk import Talk

DONE, REGRESSION, USER_ERROR, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
BUG = 70  # as sysexits.h has it: an error that no user can mend; 1 is the gate's alone
NOBODY_READS = 141  # as the shell says it of a command whose reader has gone: `| head`
FULL = (errno.ENOSPC, errno.EDQUOT)
LONGEST_ERROR = 4_000  # characters of a message

# Talk is not wrapped: a path that is broken in two is no use. `:x:` in a name is no emoji.
out, err = Console(emoji=False), Talk(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(answer: Any) -> None:
    """The answer of a command for programs. JSON has no NaN: null is a number that there cannot be."""
    sys.stdout.write(json.dumps(answer, indent=1, allow_nan=False) + "\n")


def command_line() -> str:
    """What was typed, for the record."""
    return shlex.join(["ganbench", *sys.argv[1:]])


def ended(command: Callable[[], None]) -> int:
    """Run a command to its end -> its exit code; what the user can mend is said in words."""
    try:
        try:
            command()
            code = DONE
        except SystemExit as end:
            code = _meant(end)
        sys.stdout.flush()
        return code
    except BenchError as error:
        _complain(str(error))
        return USER_ERROR
    except BrokenPipeError:
        return _give_up_printing(NOBODY_READS)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in FULL:
            code = _give_up_printing(USER_ERROR)
            _complain(f"There is no place for what was to be written or printed: {error.strerror}. Make some.")
            return code
        with suppress(OSError):
            traceback.print_exc()
            err.print("This is an error of ganbench's own, or of a plugin's. What was finished before is kept.")
        return BUG


def _meant(end: SystemExit) -> int:
    """The exit code of a command. Raises what made click end with 1, which is the gate's alone.

    Raises:
        BrokenPipeError: if nobody reads what is printed.
        EOFError: of a file that ends too early.
        RuntimeError: if no command of ours ended so, but a plugin or a library.
    """
    for reason in (end.__context__, end.__context__ and end.__context__.__cause__):
        if isinstance(reason, BrokenPipeError | EOFError):
            raise reason
    if not type(end.__context__).__module__.startswith(("typer", "click")):
        raise RuntimeError(f"what was called here ended the process with exit code {end.code!r}") from end
    return end.code if isinstance(end.code, int) else DONE if end.code is None else BUG


def _complain(words: str) -> None:
    with suppress(OSError):
        lines = map(printable, shortened(words, LONGEST_ERROR).splitlines())
        err.print(f"[red]Error:[/red] {escape(chr(10).join(lines))}")


def _give_up_printing(code: int) -> int:
    """Let the interpreter's end find nothing left to print; returns the exit code."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    return code


def print_anywhere() -> None:
    """Let a character that the terminal or the file does not know be shown by its number, on any stream.

    What is printed to a stream that was closed before this process began goes nowhere.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 -- it stays so to the end
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say_what_is_left_out(damaged: list[str]) -> None:
    """Tell which parts of results are damaged, and the cure."""
    for what in damaged:
        err.print(f"[yellow]Left out:[/yellow] {escape(printable(what))}")


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does; a signal that is ignored, as after `nohup`, stays so."""
    ends = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if name in signal.Signals.__members__]
    ours = [one for one in ends if current_thread() is main_thread() and signal.getsignal(one) is signal.SIG_DFL]
    for one in ours:
        signal.signal(one, signal.default_int_handler)
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, signal.SIG_DFL)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say as an error of the user's that `path` cannot be written.

    Raises:
        BadResults: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise BadResults(f"{path} cannot be written: {error.strerror}. Choose another place with --out.") from error
