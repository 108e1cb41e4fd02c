"""An answer is kept once, or refused and nothing kept; in SQLite and in PostgreSQL alike."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ganbench.errors import BenchError
from ganbench.rating.answers import Answers, Refused
from ganbench.rating.study import Study


def postgres_tools() -> Path | None:
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return Path(found).parent if found else installed[-1] if installed else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test's own, on loopback."""
    tools = postgres_tools()
    if tools is None:
        pytest.skip("needs PostgreSQL")
    pytest.importorskip("psycopg")
    user: dict[str, Any] = {}
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        try:
            user = {"user": pwd.getpwnam("postgres").pw_uid}
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # pytest's own folders are root's alone.
    with TemporaryDirectory(prefix="ganbench-") as name:
        folder, data = Path(name), Path(name) / "data"
        if user:
            os.chown(folder, user["user"], -1)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True, "cwd": folder, **user}
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        subprocess.run([tools / "initdb", "-D", data, "-U", "rater", "--auth=trust"], **quiet)
        subprocess.run([tools / "pg_ctl", "-D", data, "-o", options, "-w", "start"], **quiet)
        try:
            yield f"postgresql+psycopg://rater@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([tools / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture
def opened(database: str) -> Iterator[Callable[[], Answers]]:
    """Opens the answers, as often as one likes; their connections are closed at the end."""
    with ExitStack() as ends:

        def answers() -> Answers:
            found = Answers(database)
            ends.callback(found.engine.dispose)
            return found

        yield answers


def answer_all(answers: Answers, study: Study, rater: str) -> int:
    n = 0
    while (asked := answers.next_question(study, rater)[0]) is not None:
        answers.answer(rater, asked.id, asked.trial.truth or "first")
        n += 1
    return n


def test_a_rater_answers_all_and_the_answers_are_there(opened: Callable[[], Answers], study: Study) -> None:
    answers = opened()
    rater = answers.add_rater(study, "Ada")
    asked, total = answers.next_question(study, rater)
    assert asked is not None and total == len(study.trials(0))
    assert answer_all(answers, study, rater) == total
    own = answers.frame().query("nickname == 'Ada'")
    assert len(own) == total - 8  # practice does not count
    assert (own["answer"] == own["truth"].replace("", "first")).all()
    assert own["seconds"].between(0, 60).all() and own["first_digest"].str.len().eq(16).all()
    assert rater not in own.to_csv()  # who knows it could answer in their name


def test_another_process_goes_on_where_one_was_killed(opened: Callable[[], Answers], study: Study) -> None:
    answers = opened()
    rater = answers.add_rater(study)
    first, _ = answers.next_question(study, rater)
    assert first is not None
    answers.answer(rater, first.id, first.trial.truth)
    second, _ = answers.next_question(study, rater)
    later = opened()
    assert later.next_question(study, rater)[0] == second != first


def test_several_raters_at_once_lose_nothing(opened: Callable[[], Answers], study: Study) -> None:
    answers = opened()
    before = len(answers.frame())
    with ThreadPoolExecutor(8) as pool:
        raters = list(pool.map(lambda _: answers.add_rater(study), range(8)))
        numbers = list(pool.map(lambda rater: answer_all(answers, study, rater), raters))
    assert len(answers.frame()) - before == sum(numbers) - 8 * 8
    assert answers.frame().duplicated(["rater", "position"]).sum() == 0
    assert answers.frame()["rater"].nunique() >= 8


def test_one_answer_to_each_question_however_many_send_it(opened: Callable[[], Answers], study: Study) -> None:
    answers = opened()
    rater = answers.add_rater(study)
    asked, _ = answers.next_question(study, rater)
    assert asked is not None

    def send(answer: str) -> str:
        try:
            answers.answer(rater, asked.id, answer)
        except Refused as error:
            return str(error)
        return "kept"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(send, ["real", "fake"] * 8))
    assert told.count("kept") == 1 and told.count("That question has been answered already.") == 15


def refused(answers: Answers, match: str, rater: str, trial: str, answer: str) -> None:
    before = len(answers.frame())
    with pytest.raises(Refused, match=match):
        answers.answer(rater, trial, answer)
    assert len(answers.frame()) == before


def test_what_was_not_asked_is_refused_and_nothing_kept(
    answers: Answers, study: Study, make_study: Callable[..., Study]
) -> None:
    rater, other = answers.add_rater(study), answers.add_rater(study)
    asked, _ = answers.next_question(study, rater)
    assert asked is not None
    refused(answers, "not been shown", other, asked.id, "real")  # somebody else's question
    refused(answers, "not been shown", rater, "forged", "real")
    refused(answers, "one of fake, real", rater, asked.id, "first")
    refused(answers, "one of fake, real", rater, asked.id, "x" * 1_000_000)
    with answers.engine.connect() as connection:
        hidden = connection.exec_driver_sql("SELECT trial FROM trials WHERE shown IS NULL LIMIT 1").scalar()
    refused(answers, "not been shown", rater, str(hidden), "real")
    for stranger, asking in (("nobody", study), (rater, make_study(limit=2.0))):
        with pytest.raises(Refused, match="begun this study"):
            answers.next_question(asking, stranger)


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle://x", "sqlite:////no/such/folder/a.sqlite", "postgresql+psycopg://u@127.0.0.1:1/x"]
)
def test_a_database_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BenchError, match="--answers"):
        Answers(url)
