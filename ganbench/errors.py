"""What can go wrong that the user can mend. Each message says what was found, what was needed, and the cure.

    BenchError                 the command line prints it without a traceback and exits with 2
    ├── UnknownName            a suite or a command names something that is not installed
    ├── BadSuite               a suite's text does not describe runs
    ├── DataMissing            files of a dataset or a judge are absent or damaged
    ├── BadResults             a results folder is empty, foreign, of another version or not writable
    └── NoDevice               a device was asked for that this machine does not have

Anything else is a bug of ours (or of a plugin) and keeps its traceback.

What others' code raises is spoken of by `said`: one line that every terminal, table and file can take.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

LONGEST = 300  # characters of what strangers' code says


class BenchError(Exception):
    """Base of all errors whose message is meant for the user."""

    def __reduce__(self) -> tuple[Any, ...]:
        # From another process comes the message, whatever it was made of; that one alone knows a plugin's own classes.
        ours = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)
        return _as_said, (ours, str(self))


def _as_said(kind: type[BenchError], message: str) -> BenchError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error


class UnknownName(BenchError):
    """Nothing of this kind has that name; the message gives the nearest and all that exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = ""):
        known = sorted(known)
        near = "".join(f" Did you mean {n!r}?" for n in get_close_matches(name[:LONGEST], known, n=1))
        there = f"There are: {', '.join(known)}" if known else "There are none"
        super().__init__(f"{where}No {shortened(name)!r} among the {kind}.{near} {there}.")


class BadSuite(BenchError):
    """The suite cannot be run; the message names the file, the place in it and the cure."""


class DataMissing(BenchError):
    """A dataset's files are not there, or not whole; the message says where it looked."""


class BadResults(BenchError):
    """A results folder cannot be read or written."""


class NoDevice(BenchError):
    """The device that was asked for is not there."""


def said(error: BaseException, most: int = LONGEST) -> str:
    """`KeyError: 'a'`: an error's kind and the first line of its words, printable, of `most` characters at most."""
    try:
        words = str(error)[: 2 * most]
    except Exception:  # a stranger's `__str__` may fail as anything may
        words = "it does not say what"
    return shortened(printable(f"{type(error).__name__}: {next(iter(words.splitlines()), '')}"), most)


def printable(text: str) -> str:
    """Without the characters by which a text could command a terminal, and those that no file can hold."""
    return "".join(c for c in text if c.isprintable())


def shortened(text: str, most: int = LONGEST) -> str:
    """Of a text longer than `most` characters the beginning."""
    return text if len(text) <= most else text[: most - 3] + "..."
