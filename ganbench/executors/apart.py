"""Questions that another process answers, so that whoever asks need not import what the answers take, or keep it.

Where the system can fork, such processes, as the workers, are forked from a server that has imported torch, the judges
and the metrics once: they start in milliseconds and share that memory. So a driver, which lives as long as all runs
together, is small and takes nothing of a GPU.
"""

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock, current_thread, main_thread
from types import ModuleType
from typing import Any, TypeVar

from ganbench.errors import BenchError, said
from ganbench.executors.worker import live_as_long_as_the_listener

SAFE_PATH = "PYTHONSAFEPATH"  # in the environment of a new Python: import nothing from the current folder
STARTS = Lock()  # what a start hides, another thread's start must not find hidden and keep so
T = TypeVar("T")
Hear = Callable[..., None]


def apart(function: Callable[..., T], *arguments: Any, hear: Hear | None = None) -> T:
    """What a module's function returns or raises in another process; arguments and answer are pickled.

    What the function tells its keyword argument `say` on the way, `hear` is called with. Raises BenchError if something
    outside ended that process.
    """
    inbox, outbox = context().Pipe(duplex=False)
    question = (function, arguments, hear is not None, os.getcwd(), dict(os.environ))
    process = started(_answer, outbox, *question, daemon=False)
    outbox.close()  # ours; when the other end closes too, the inbox says so
    try:
        while True:
            kind, content = inbox.recv()
            if kind == "returned":
                return content  # type: ignore[no-any-return]
            if kind == "raised":
                raise content
            if hear:
                hear(*content)
    except EOFError:
        process.join()
        what = f"A process that was to help ended with {ending(process)}"
        raise BenchError(f"{what}. The same command tries again.") from None
    finally:
        inbox.close()
        kill(process)  # it has said all, or is to say no more


def _answer(
    outbox: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], heard: bool, folder: str,
    environment: dict[str, str],
) -> None:  # fmt: skip
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked
    live_as_long_as_the_listener(outbox)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    options = {"say": lambda *words: outbox.send(("said", words))} if heard else {}
    try:
        answer = "returned", function(*arguments, **options)
    except Exception as error:
        answer = "raised", _told(error)
    outbox.send(answer)


def _told(error: Exception) -> Exception:
    """An error that another process can raise, with the traceback of this one unless its message is all one needs."""
    if isinstance(error, BenchError):
        return error
    told = error if isinstance(error, OSError) else RuntimeError(said(error))
    told.add_note(traceback.format_exc())
    return told


def started(target: Callable[..., None], *arguments: Any, daemon: bool) -> BaseProcess:
    """A process that is under way. Raises OSError if there are too many, or too many open files."""
    process: BaseProcess = context().Process(target=target, args=arguments, daemon=daemon)
    with _nothing_of_ours():
        process.start()
    return process


def kill(process: BaseProcess) -> None:
    """End a process, and whatever it has started."""
    assert process.pid, "it has been started"
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # it leads a group of its own, if it came so far
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def ending(process: BaseProcess) -> str:
    """How a process has ended: a signal, or an exit code."""
    code = process.exitcode or 0
    cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return cause + (", as the system does when memory runs out" if cause.endswith("SIGKILL") else "")


def context() -> Any:
    """How processes are started here."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["ganbench.executors.warm"])
    return found


def warm_up() -> None:
    """Let the server begin with its imports, so that the first question finds them done."""
    if context().get_start_method() == "forkserver" and current_thread() is main_thread():
        ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it inherits this: Ctrl-C is never its affair
        with _nothing_of_ours():
            forkserver.ensure_running()
        signal.signal(signal.SIGINT, ours)


@contextmanager
def _nothing_of_ours() -> Iterator[None]:
    """Keep a new process from importing the script that asked for it, which would run, and files of the current folder,
    which may be named as modules of Python's own are.
    """
    with STARTS:
        main, safe = sys.modules["__main__"], os.environ.get(SAFE_PATH)
        sys.modules["__main__"], os.environ[SAFE_PATH] = ModuleType("__main__"), "1"
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            del os.environ[SAFE_PATH]
            os.environ.update({} if safe is None else {SAFE_PATH: safe})
