"""The worker's side of a run: a process of its own that says how far it is, and ends when nobody listens any more."""

import os
import select
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from ganbench.executors import Job

LOG = "log.txt"  # in the workdir: what plugins and libraries print
LONGEST_LOG = 2**20  # bytes that are kept of it


def do_job(job: Job, device: str, threads: int, outbox: Connection) -> None:
    """Do one run, with a word to the driver after each log interval."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    live_as_long_as_the_listener(outbox)
    workdir = job.workdir.absolute()  # a plugin may change the current folder
    log = workdir / LOG
    _print_to(log)
    import torch

    from ganbench.errors import said
    from ganbench.runs.run import run

    def report(share: float, images: int) -> None:
        outbox.send((share, images))
        _trim(log)

    torch.set_num_threads(job.spec.threads if device == "cpu" else threads)
    if ":" in device:
        torch.cuda.set_device(device)
    try:
        if job.spec.has_changed():
            outbox.send((1.0, 0, "lost", "a file that it names has changed since the suite was read: run it again"))
            return
        status, reason = run(job.spec, workdir, torch.device(device), report)
        _leave(log)
        outbox.send((1.0, 0, status, reason))
    except BrokenPipeError:
        sys.exit(1)  # the driver is gone; what the workdir holds is enough to go on
    except Exception as error:  # `run` records all that a run can do wrong: this is its record
        outbox.send((1.0, 0, "lost", f"its record cannot be written: {said(error)}"))


def live_as_long_as_the_listener(outbox: Connection) -> None:
    """Lead a group of processes, and end it as soon as nobody can read what is sent: a killed driver says no goodbye.

    The server that this process was forked from ends by itself when the last worker is gone.
    """
    if not hasattr(select, "poll"):
        return
    os.setsid()
    poll = select.poll()
    poll.register(outbox.fileno(), 0)  # errors alone, as that nobody holds the other end

    def watch() -> None:
        poll.poll()
        os.killpg(0, signal.SIGKILL)

    Thread(target=watch, daemon=True).start()


def _print_to(log: Path) -> None:
    """Write all that is printed to a file, also by what is written in C and by this process's own children."""
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError:  # the disk is full, which the run will say better
        file = os.open(os.devnull, os.O_WRONLY)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        os.dup2(file, number)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    os.close(file)


def _trim(log: Path) -> None:
    """Of a log that has grown too long keep the end."""
    with suppress(OSError):  # removed by the run's own code: then there is nothing to trim
        if log.stat().st_size > LONGEST_LOG:
            with log.open("r+b") as file:
                file.seek(-LONGEST_LOG // 2, os.SEEK_END)
                end = file.read()
                file.truncate(0)
                file.seek(0)
                file.write(b"[what was printed before is left out]\n" + end)


def _leave(log: Path) -> None:
    """Leave the log to the record, if anything was printed."""
    with suppress(Exception):  # the streams may be the run's own by now, and the file gone
        sys.stdout.flush()
        sys.stderr.flush()
        _trim(log)
        if not log.stat().st_size:
            log.unlink()
