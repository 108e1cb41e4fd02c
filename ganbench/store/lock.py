"""A folder that one process at a time may claim. The claim ends with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

PATIENCE_S = 2.0  # since whoever asks `is_locked` holds the folder for a moment


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Claim a folder to the end of the block; yields whether that was possible. On a disk without locks it always is.

    Raises OSError if there is no such folder.
    """
    until = monotonic() + PATIENCE_S
    handle = os.open(folder, os.O_RDONLY)
    try:
        while not (ours := _take(handle, fcntl.LOCK_EX)) and monotonic() < until:
            sleep(0.05)
        yield ours
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Tell whether a process has claimed the folder. Raises OSError if there is no such folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        return not _take(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _take(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the disk knows no locks
    return True
