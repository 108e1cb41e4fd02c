"""The served page: new when there is something new, never broken, and for this machine alone."""

import http.client
import json
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import pytest

from ganbench.errors import BadResults, BenchError
from ganbench.reports.html import serve
from ganbench.reports.html.serve import Live
from ganbench.suite.progress import RunProgress, SuiteProgress

Ask = Callable[..., tuple[int, dict[str, str], bytes]]


class Results:
    """Results on a disk that can be changed, damaged and asked how often they were read."""

    def __init__(self, found: Any):
        self.found, self.version, self.reads = found, "1", 0
        self.damage: Exception | None = None
        self.progress: SuiteProgress | None = None

    def read(self) -> Any:
        self.reads += 1
        if self.damage:
            raise self.damage
        return self.found

    def live(self) -> Live:
        return Live(self.read, lambda: self.progress, lambda: self.version)


@pytest.fixture
def results(synthetic: ModuleType) -> Results:
    return Results(synthetic.empty())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"s": 0.0}
    monkeypatch.setattr(serve, "monotonic", lambda: now["s"])
    monkeypatch.setattr(serve, "thread_time", lambda: now["s"])
    return now


@contextmanager
def served(live: Live) -> Iterator[Ask]:
    with serve.server(live, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def ask(path: str, host: str = "", method: str = "GET") -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.request(method, path, headers={"Host": host or f"localhost:{server.server_port}"})
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()

        try:
            yield ask
        finally:
            server.shutdown()


def _course(label: str = "gan", share: float = 0.5) -> RunProgress:
    return RunProgress(
        "quick", "id", "gan", label, "ring8", 0, "truth", share, 10_000, updated=150.0, first=(0.0, 100.0)
    )


# Fresh


def test_it_is_rendered_when_there_is_something_new_and_not_otherwise(
    results: Results, clock: dict[str, float]
) -> None:
    live = results.live()
    assert live.page() == live.page()
    assert results.reads == 1
    results.version = "2"
    live.page()
    assert results.reads == 2 and b'data-version="2"' in live.page()


def test_rendering_rests_five_times_as_long_as_it_took(results: Results, clock: dict[str, float]) -> None:
    live = results.live()

    def slow() -> Any:
        clock["s"] += 2.0
        return results.found

    live.read = slow
    live.page()
    results.version = "2"
    assert live.state()["version"] == "1" and b'data-version="1"' in live.page()
    clock["s"] += 5 * 2.0
    assert live.state()["version"] == "2" and b'data-version="2"' in live.page()


@pytest.mark.parametrize("damage", [BadResults("damaged"), FileNotFoundError("gone"), KeyError("images")])
def test_what_cannot_be_read_leaves_the_last_good_page(
    results: Results, clock: dict[str, float], damage: Exception
) -> None:
    live = results.live()
    good = live.page()
    results.version, results.damage = "2", damage
    assert live.page() == good
    results.damage = None
    clock["s"] += 60
    assert b'data-version="2"' in live.page()


def test_without_any_page_the_reason_is_told(results: Results) -> None:
    results.damage = BadResults("suite.json is damaged")
    with pytest.raises(BadResults):
        results.live().page()
    with served(results.live()) as ask:
        status, _, said = ask("/")
    assert status == 503 and said == b"suite.json is damaged\n"


# Safe


def test_the_page_may_speak_to_its_own_server_alone(results: Results) -> None:
    with served(results.live()) as ask:
        status, headers, page = ask("/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
    assert f"content=\"{policy}; connect-src 'self'\"".encode() in page


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example:80", "", "localhost.:1"])
def test_another_name_for_this_machine_is_refused(results: Results, host: str) -> None:
    with served(results.live()) as ask:
        assert ask("/", host or " ")[0] == 403
        assert ask("/state", host or " ")[0] == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:80", "LocalHost:80"])
def test_this_machine_may_be_called_with_and_without_a_port(results: Results, host: str) -> None:
    with served(results.live()) as ask:
        assert ask("/state", host)[0] == 200


def test_a_client_that_takes_too_long_is_hung_up_on(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PATIENCE_S", 0.5)
    with serve.server(results.live(), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        slow = [socket.create_connection(("127.0.0.1", server.server_port), timeout=10) for _ in range(40)]
        for client in slow:
            client.sendall(b"GET / HT")
        for client in slow:
            with suppress(ConnectionError):
                assert client.recv(100) == b""
        server.shutdown()
        assert server.clients == {}


@pytest.mark.parametrize("path", ["/../etc/passwd", "/suite.json", "/state/", "/%2e%2e/"])
def test_nothing_else_is_served(results: Results, path: str) -> None:
    with served(results.live()) as ask:
        assert ask(path)[0] == 404


def test_nothing_can_be_sent_to_it(results: Results) -> None:
    with served(results.live()) as ask:
        assert ask("/", method="POST")[0] == 501


def test_it_listens_to_this_machine_alone(results: Results) -> None:
    with serve.server(results.live(), 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_an_error_that_says_so(results: Results) -> None:
    with serve.server(results.live(), 0) as server, pytest.raises(BenchError, match=r"Port \d+ cannot be used.*--port"):
        serve.server(results.live(), server.server_port)


# How far the runs are


def test_the_strip_says_how_far_the_runs_are() -> None:
    failed = [("gan on ring8, seed 1", "diverged: nan")]
    shown = serve.progress_shown(
        SuiteProgress(8, began=100.0, updated=150.0, running={"a": _course()}, done=1, failed=failed)
    )
    assert shown["sentence"] == "2 of 8 runs ended, 1 failed."
    assert '<progress max="1" value="0.5000" aria-label="gan on ring8, seed 0">' in shown["bars"]
    assert "50 %, 200 images/s, 50 s left" in shown["bars"] and "About 1 min 50 s left." in shown["bars"]
    assert "diverged: nan" in shown["bars"]


def test_the_strip_is_empty_when_nobody_works() -> None:
    assert serve.progress_shown(None) == {"sentence": "", "bars": ""}


def test_the_strip_never_says_nan() -> None:
    course = _course(share=0.0)
    course.first = None
    assert math.isnan(course.left)
    assert "nan" not in serve.progress_shown(SuiteProgress(2, running={"a": course}))["bars"]


def test_names_in_the_strip_are_text(results: Results) -> None:
    hostile = '"><script>alert(1)</script>'
    results.progress = SuiteProgress(1, running={"a": _course(hostile)}, failed=[(hostile, hostile)])
    with served(results.live()) as ask:
        state = json.loads(ask("/state")[2])
    assert "<script>" not in state["bars"] and "&lt;script&gt;" in state["bars"]
