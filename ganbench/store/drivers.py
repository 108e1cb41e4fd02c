"""Who works in a suite's folder, and on which runs; several drivers may share one folder, also over a network.

    .unfinished/drivers/<driver>.json    how far it is; touched every ten seconds
    .unfinished/drivers/<driver>.lock    locked by its process
    .unfinished/claims/<run>.<n>         the driver that does the run; the highest n counts

The system drops a lock with its process, so that on the same machine a driver is known to be dead at once. Not every
disk shows its locks to other machines: from there a driver is dead when its file has not been touched for two minutes.
The claim of a dead driver is nobody's: whoever is the first to write the next number has the run.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from threading import Event, Thread
from time import time

from filelock import FileLock, Timeout

from ganbench.errors import BadResults

BEAT_S = 10.0  # between two touches
EXPIRES_S = 120.0  # without one; disks on a network show a change within a minute
PATIENCE_S = 5.0  # for drivers that begin at the same moment
DRIVERS, CLAIMS = "drivers", "claims"
NAME = re.compile(r"\d+-[0-9a-f]+@[a-zA-Z0-9-]*@[a-zA-Z0-9-]*")  # of a driver


class Driver:
    """This process as one that does runs of a suite."""

    def __init__(self, unfinished: Path):
        self.name = f"{os.getpid()}-{token_hex(4)}@{machine()}"
        self.unfinished = unfinished
        self.file = unfinished / DRIVERS / f"{self.name}.json"
        self._held: dict[str, Path] = {}

    def claim(self, run: str) -> bool:
        """Claim a run; False if another driver that lives has it. Raises OSError."""
        last = self._last(run)
        if self.holds(run):
            return True
        if last and self._is_valid(last):
            return False
        file = self.unfinished / CLAIMS / f"{run}.{_number(last) + 1 if last else 1}"
        file.parent.mkdir(exist_ok=True)
        try:
            with file.open("x", encoding="utf-8") as ours:
                ours.write(self.name)
        except FileExistsError:
            return False
        self._held[run] = file
        return True

    def holds(self, run: str) -> bool:
        """Tell whether the run is still this driver's: one that was silent for too long loses it to others."""
        return run in self._held and self._last(run) == self._held[run]

    def release(self, run: str) -> None:
        """Let go of a run, if this driver has it."""
        if own := self._held.pop(run, None):
            for file in self._claims(run):
                if _number(file) <= _number(own):
                    file.unlink(missing_ok=True)

    def release_all(self) -> None:
        """Let go of all runs."""
        for run in [*self._held]:
            self.release(run)

    def others(self) -> list[str]:
        """The other drivers that live."""
        return [name for name in living(self.unfinished, self._now()) if name != self.name]

    def beat(self) -> None:
        """Show that this driver lives."""
        with suppress(OSError):  # as on a full disk
            os.utime(self.file)

    def _now(self) -> float:
        """The time by the disk's own clock, which need not be this machine's."""
        self.beat()
        with suppress(OSError):
            return self.file.stat().st_mtime
        return time()

    def _is_valid(self, claim: Path) -> bool:
        with suppress(FileNotFoundError):  # released a moment ago
            owner = claim.read_text(encoding="utf-8", errors="replace")
            if NAME.fullmatch(owner):
                return _lives(self.unfinished / DRIVERS, owner, self._now())
            return self._now() - claim.stat().st_mtime < EXPIRES_S  # about to be written, or damaged
        return False

    def _claims(self, run: str) -> list[Path]:
        return sorted((self.unfinished / CLAIMS).glob(f"{run}.*"), key=_number)

    def _last(self, run: str) -> Path | None:
        """The claim that counts."""
        return next(reversed(self._claims(run)), None)


@contextmanager
def at_work(unfinished: Path, join: bool = False) -> Iterator[Driver]:
    """Be a driver to the end of the block, or of the process.

    Raises BadResults if others are at work and this one may not `join` them; OSError if the folder cannot be written.
    """
    ours = Driver(unfinished)
    ours.file.parent.mkdir(parents=True, exist_ok=True)
    lock, ended = _lock(ours.file), Event()
    try:
        with _one_at_a_time(ours.file.parent):
            ours.file.touch()
            with suppress(OSError, NotImplementedError):  # a disk without locks
                lock.acquire(timeout=0)
            _sweep(ours)
            if (others := ours.others()) and not join:
                raise BadResults(
                    f"Another `ganbench run` is at work in {unfinished.parent}: {', '.join(map(spoken, others))}. Wait "
                    "until it has ended, end it, share its runs with --join, or choose another folder with --results."
                )
        Thread(target=_beat, args=(ours, ended), daemon=True).start()
        yield ours
    finally:
        ended.set()
        ours.release_all()
        with suppress(OSError):
            _sweep(ours)  # whoever was killed meanwhile
        lock.release()
        _remove(ours.file)
        for folder in (ours.file.parent, unfinished / CLAIMS):
            with suppress(OSError):  # others' files are in it
                folder.rmdir()


def _beat(driver: Driver, ended: Event) -> None:
    while not ended.wait(BEAT_S):
        driver.beat()


def living(unfinished: Path, now: float | None = None) -> list[str]:
    """The drivers that live."""
    folder = unfinished / DRIVERS
    names = sorted(file.stem for file in folder.glob("*.json"))
    return [name for name in names if _lives(folder, name, time() if now is None else now)]


def machine() -> str:
    """What this process runs on, as far as locks reach: a host, and which boot of it."""
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    return f"{re.sub(r'[^a-zA-Z0-9-]', '-', gethostname())}@{boot}"


def spoken(driver: str) -> str:
    """`process 12 on host`."""
    process, _, place = driver.partition("@")
    return f"process {process.partition('-')[0]} on {place.partition('@')[0]}"


def _lives(folder: Path, name: str, now: float) -> bool:
    file = folder / f"{name}.json"
    locked = _is_locked(file)
    if locked is None or name.partition("@")[2] != machine():
        with suppress(OSError):
            return bool(locked) or now - file.stat().st_mtime < EXPIRES_S
        return False
    return locked


def _is_locked(file: Path) -> bool | None:
    """None: nobody can tell."""
    if not file.with_suffix(".lock").exists():
        return None
    try:
        with _lock(file).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return None


def _lock(file: Path) -> FileLock:
    return FileLock(file.with_suffix(".lock"), thread_local=False)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """As far as locks reach; beyond, runs are claimed one by one all the same."""
    lock = FileLock(folder / "beginning.lock")
    with suppress(OSError, NotImplementedError, Timeout):
        lock.acquire(timeout=PATIENCE_S)
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):
            (folder / "beginning.lock").unlink()


def _sweep(ours: Driver) -> None:
    """Remove what dead drivers have left."""
    folder = ours.file.parent
    for file in folder.glob("*.json"):
        if not _lives(folder, file.stem, ours._now()):
            _remove(file)


def _remove(file: Path) -> None:
    for each in (file, file.with_suffix(".lock")):
        with suppress(OSError):
            each.unlink()


def _number(claim: Path) -> int:
    number = claim.suffix[1:]
    return int(number) if number.isdigit() else 0
