"""Questions that another process answers."""

import errno
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from time import monotonic, sleep

import pytest

from ganbench import errors, plugins
from ganbench.errors import BadSuite, BenchError, UnknownName
from ganbench.executors.apart import _told, apart, started
from ganbench.suite.loading import load


def test_another_process_answers_where_this_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_HERE", "é")
    assert apart(os.getpid) != os.getpid()
    assert apart(os.getcwd) == str(tmp_path)
    assert apart(os.getenv, "GANBENCH_HERE") == "é"
    monkeypatch.delenv("GANBENCH_HERE")
    assert apart(os.getenv, "GANBENCH_HERE") is None


def test_no_file_of_the_current_folder_is_imported_there(tmp_path: Path) -> None:
    """It may be named as a module of Python's own is, and lie beside metadata of a package that is being installed."""
    (tmp_path / "script").mkdir()
    script, here = tmp_path / "script" / "ask.py", tmp_path / "here"
    script.write_text(
        "import os; from ganbench import plugins; from ganbench.executors.apart import apart, warm_up\n"
        "warm_up(); apart(os.write, 1, b'talk, and no answer')\n"
        "print(repr(apart(plugins.distribution, 'variants', 'gan')), os.environ.get('PYTHONSAFEPATH'))\n"
        "os.chdir('/'); print(repr(apart(plugins.distribution, 'variants', 'gan')), apart(os.getenv, 'PYTHONSAFEPATH'))"
    )
    (here / "ganbench.egg-info").mkdir(parents=True)
    (here / "ganbench.egg-info" / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: ganbench\nVersion: 0\n")
    (here / "ganbench.egg-info" / "entry_points.txt").write_text("[ganbench.variants]\ngan = zoo.gan:GAN\n")
    for name in ("random", "types", "queue", "PIL"):
        (here / f"{name}.py").write_text("raise RuntimeError('this is no module of ours')")
    ran = subprocess.run([sys.executable, script], cwd=here, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "'' None\n'' None\n"


def test_what_is_raised_there_is_raised_here() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'fid'"):
        apart(plugins.load, "metrics", "fdi")
    with pytest.raises(OSError, match="No such file") as missing:
        apart(os.listdir, "/nowhere/at/all")
    assert missing.value.errno == errno.ENOENT and missing.value.filename == "/nowhere/at/all"
    with pytest.raises(RuntimeError, match="ValueError: invalid literal") as unforeseen:
        apart(int, "x")
    assert "Traceback" in unforeseen.value.__notes__[0], "where it was raised is not lost"


def test_each_of_our_errors_travels_as_it_is() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, BenchError):
            error = kind("metrics", "fdi", ["fid"]) if kind is UnknownName else kind("found, needed, cure")
            again = pickle.loads(pickle.dumps(error))
            assert (type(again), str(again)) == (kind, str(error)), name


def test_one_that_is_killed_is_an_error_in_words() -> None:
    with pytest.raises(BenchError, match="ended with signal SIGABRT"):
        apart(os.abort)


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Also where these tests themselves were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_ends_it_and_what_it_has_started() -> None:
    began = monotonic()
    Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        apart(subprocess.run, ["sleep", "611"])
    while b"sleep\x00611" in _commands() and monotonic() - began < 120:
        sleep(0.1)
    assert b"sleep\x00611" not in _commands() and monotonic() - began < 120


def _commands() -> list[bytes]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().rstrip(b"\x00"))
        except OSError:
            continue
    return found


def test_a_driver_imports_no_torch(suite_file: object, tmp_path: Path) -> None:
    """It lives as long as all runs together: what it imports is held all night."""
    code = (
        "import sys; from pathlib import Path; from ganbench import interface; from ganbench.cli import running;"
        "from rich.console import Console; from ganbench.suite import timing;"
        "plan = interface.planned(Path(sys.argv[1]), results=Path(sys.argv[2]), device='cpu', workers=1,"
        "    executor='local', only='gan/*/0', scale=1.0, retry=False, until_decided=False, on_failure=None,"
        "    silence=0.0, command='');"
        "interface.carried_out(plan, Console(quiet=True)); timing.times(plan, None);"
        "print(sorted({'torch', 'torchvision', 'sklearn', 'plotly', 'matplotlib'} & set(sys.modules)))"
    )
    suite = suite_file()  # type: ignore[operator]
    ran = subprocess.run([sys.executable, "-c", code, suite, tmp_path / "r"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "[]\n"
    assert len([*(tmp_path / "r").glob("*/*/run.json")]) == 1


def test_a_run_knows_its_id_on_the_other_side(suite_file: object) -> None:
    suite = apart(load, suite_file())  # type: ignore[operator]
    assert all("id" in vars(run) for run in suite.runs)
    assert [run.id for run in suite.runs] == [run.id for run in load(suite_file()).runs]  # type: ignore[operator]


ASKS = (
    "import os, sys; from pathlib import Path; from ganbench.executors.apart import apart\n"
    "found = apart(os.getenv, 'TMPDIR'), apart(os.getpid) != os.getpid()\n"
    "Path(sys.argv[1]).write_text(repr(found))\n"
)


def test_neither_a_long_tmpdir_nor_a_folder_that_is_gone_nor_closed_streams_keep_it_from_answering(
    tmp_path: Path,
) -> None:
    long, gone, answer = tmp_path / (120 * "t"), tmp_path / "gone", tmp_path / "answer"
    long.mkdir()
    gone.mkdir()
    shell = f'cd {gone}; rmdir {gone}; exec "$0" -c "$1" {answer} <&- >&- 2>&-'
    environment = {**os.environ, "TMPDIR": str(long)}
    subprocess.run(["sh", "-c", shell, sys.executable, ASKS], env=environment, check=True)
    assert answer.read_text() == repr((str(long), True))


def test_a_server_that_cannot_begin_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text("1 / 0")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", ASKS, tmp_path / "answer"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "ganbench.errors.BenchError: No process that is to help could be started: " in ran.stderr


def test_what_helps_may_start_processes_and_a_daemonic_process_hears_that_it_may_not() -> None:
    start = "__import__('multiprocessing').get_context('fork').Pool(1).map(abs, [-3])"
    assert apart(eval, start) == [3]
    ask = (
        "import multiprocessing, os; from ganbench.executors.apart import apart\n"
        "print(multiprocessing.get_context('fork').Pool(1).apply(apart, (os.getpid,)))"
    )
    ran = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert "BenchError: This is a daemonic process of multiprocessing" in ran.stderr


def test_an_error_of_a_class_that_this_process_does_not_know_travels_as_the_nearest_that_it_does() -> None:
    class Own(BadSuite):
        def __init__(self, file: str, line: int):
            super().__init__(f"{file}, {line}")

    class OwnOS(OSError):
        def __init__(self, file: str, line: int):
            super().__init__(5, f"{file}, {line}")

    again = pickle.loads(pickle.dumps(_told(Own("a", 1))))
    assert (type(again), str(again)) == (BadSuite, "a, 1")
    again = pickle.loads(pickle.dumps(_told(OwnOS("a", 1))))
    assert (type(again), str(again)) == (RuntimeError, "OwnOS: [Errno 5] a, 1")


def test_workers_have_the_folder_and_the_environment_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook may change both long after the server has begun."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_HERE", "é")
    write = "__import__('pathlib').Path('here').write_text(__import__('os').environ['GANBENCH_HERE'])"
    process = started(eval, write)
    process.join(600)
    assert (tmp_path / "here").read_text() == "é"
