"""How all commands print, write files and end: results go to stdout, talk goes to stderr."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from ganbench.errors import BadResults

DONE, REGRESSION, USER_ERROR, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

# Talk is not wrapped: a path that is broken in two is no use. `:x:` in a name is no emoji.
out, err = Console(emoji=False), Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def command_line() -> str:
    """What was typed, for the record."""
    return shlex.join(["ganbench", *sys.argv[1:]])


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
