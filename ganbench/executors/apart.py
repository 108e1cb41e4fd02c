"""Questions that another process answers, so that whoever asks need not import what the answers take, or keep it.

Where the system can fork, such processes, as the workers, are forked from a server that has imported torch, the judges
and the metrics once: they start in milliseconds and share that memory. So a driver, which lives as long as all runs
together, is small and takes nothing of a GPU.
"""

import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import tempfile
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

LONGEST_FOLDER = 70  # bytes of one that holds a socket, whose name may have 104
SAFE_PATH = "PYTHONSAFEPATH"  # in the environment of a new Python: import nothing from the current folder
STARTS = Lock()  # what a start hides, another thread's start must not find hidden and keep so
T = TypeVar("T")
Hear = Callable[..., None]


def apart(function: Callable[..., T], *arguments: Any, hear: Hear | None = None) -> T:
    """What a module's function returns or raises in another process; arguments and answer are pickled.

    What the function tells its keyword argument `say` on the way, `hear` is called with. Raises BenchError if that
    process cannot be started, or if something outside ended it.
    """
    try:
        inbox, outbox = context().Pipe(duplex=False)
        process = started(_answer, outbox, function, arguments, hear is not None)
    except OSError as error:
        what = f"No process that is to help could be started: {said(error)}"
        raise BenchError(f"{what}. See what limits processes, open files and memory here: ulimit -a.") from error
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
        raise BenchError(f"{what}. What it printed may say why; the same command tries again.") from None
    finally:
        inbox.close()
        kill(process)  # it has said all, or is to say no more


def _answer(outbox: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], heard: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked
    os.dup2(2, 1)  # what plugins print is talk, and no answer
    live_as_long_as_the_listener(outbox)
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
    told = error if isinstance(error, OSError) and type(error).__module__ == "builtins" else RuntimeError(said(error))
    told.add_note(traceback.format_exc())
    return told


def started(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that is under way, with the folder and the environment of this one.

    Raises OSError if there are too many, or too many open files; BenchError if this one may start none.
    """
    if multiprocessing.current_process().daemon:
        raise BenchError(
            "This is a daemonic process of multiprocessing, as those of a Pool are, and such may start no others. Call "
            "ganbench in a process with daemon=False, or in a thread."
        )
    process: BaseProcess = context().Process(target=_begin, args=(dict(os.environ), target, arguments), daemon=True)
    with _nothing_of_ours():
        try:
            process.start()
        except EOFError as error:
            raise OSError("the server that processes are forked from has ended") from error
    return process


def _begin(environment: dict[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """What the new process does first: the server that it was forked from knows what held when that one began."""
    multiprocessing.current_process().daemon = False  # plugins may start processes, as loaders of data do
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


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
    _open_standard_streams()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["ganbench.executors.warm"])
    return found


def warm_up() -> None:
    """Let the server begin with its imports, so that the first question finds them done."""
    if context().get_start_method() == "forkserver" and current_thread() is main_thread():
        ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it inherits this: Ctrl-C is never its affair
        with suppress(OSError), _nothing_of_ours():  # what is wrong, the first question will say
            forkserver.ensure_running()
        signal.signal(signal.SIGINT, ours)


@contextmanager
def _nothing_of_ours() -> Iterator[None]:
    """Keep a new process from importing the script that asked for it, which would run, and files of the current folder,
    which may be named as modules of Python's own are.
    """
    with STARTS, _somewhere():
        _choose_folder_of_sockets()
        main, safe = sys.modules["__main__"], os.environ.get(SAFE_PATH)
        sys.modules["__main__"], os.environ[SAFE_PATH] = ModuleType("__main__"), "1"
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            del os.environ[SAFE_PATH]
            os.environ.update({} if safe is None else {SAFE_PATH: safe})


@contextmanager
def _somewhere() -> Iterator[None]:
    """Be in a folder that has a name, which a current folder that was removed has not; whole paths lead on from it."""
    try:
        os.getcwd()
    except FileNotFoundError:
        gone = os.open(".", os.O_RDONLY)
        os.chdir(os.path.abspath(os.sep))
        try:
            yield
        finally:
            os.fchdir(gone)
            os.close(gone)
    else:
        yield


def _open_standard_streams() -> None:
    """Keep the numbers 0 to 2 from a pipe: what is printed would go there."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)


def _choose_folder_of_sockets() -> None:
    """Let multiprocessing keep its sockets where their names are not too long, whatever TMPDIR is."""
    usual = tempfile.tempdir
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER:
        tempfile.tempdir = "/tmp"
    try:
        multiprocessing.util.get_temp_dir()  # once for all
    finally:
        tempfile.tempdir = usual
