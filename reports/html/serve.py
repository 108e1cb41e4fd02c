"""The page on localhost, up to date while a suite runs.

The server renders anew when there is something new, and the page then reloads itself, keeping what the reader has
opened, sorted and scrolled to. In between it asks once a second how far the runs are. Rendering takes a processor from
training, so it takes a sixth of one at most.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import isnan
from socket import SHUT_RDWR, socket
from threading import Lock
from time import monotonic, thread_time
from typing import Any

from ganbench.errors import BenchError, said
from ganbench.reports.html.layout import POLICY, Frame, lay_out, static
from ganbench.reports.html.page import render
from ganbench.reports.numbers import amount, count, duration, number
from ganbench.store import Results
from ganbench.suite.progress import RunProgress, SuiteProgress

HOST = "127.0.0.1"
OWN_NAMES = (HOST, "localhost")
PATIENCE_S = 20.0  # with one client: whoever asks and reads more slowly is no browser of this machine
MOST_CLIENTS = 32  # at a time
REST = 5  # times the processor's time that a rendering took, until the next
FRAME = Frame(
    policy=POLICY + "; connect-src 'self'",
    css=static("page.css", "serve.css"),
    script=static("page.js", "tabs.js", "serve.js"),
)


@dataclass
class Live:
    """A page that is as new as it can be at a fair price."""

    read: Callable[[], Results]
    look: Callable[[], SuiteProgress | None]  # how far the runs are
    stamp: Callable[[], str]  # changes when `read` would
    version: str = ""  # the stamp of what was rendered last
    html: bytes = b""
    due: float = 0.0  # when it may be rendered again
    lock: Lock = field(default_factory=Lock)

    def page(self) -> bytes:
        """The page; raises BenchError if the results can be read neither now nor before."""
        with self.lock:
            stamp = self.stamp()
            if stamp != self.version and (monotonic() >= self.due or not self.html):
                self._render(stamp)
            return self.html

    def state(self) -> dict[str, str]:
        """What the page asks for once a second: which is the newest, made ready by this, and how far the runs are."""
        self.page()
        return {"version": self.version, **progress_shown(self.look())}

    def _render(self, stamp: str) -> None:
        began = thread_time()
        try:
            shown = progress_shown(self.look())
            self.html = render(self.read(), FRAME, template="serve.html", version=stamp, progress=shown).encode()
            self.version = stamp
        except Exception:
            if not self.html:  # else a record was being replaced or is damaged: the last good page goes on
                raise
        self.due = monotonic() + REST * (thread_time() - began)


def progress_shown(progress: SuiteProgress | None) -> dict[str, str]:
    """How far the runs are: a sentence, and bars as HTML."""
    if progress is None:
        return {"sentence": "", "bars": ""}
    lost = f", {len(progress.failed)} failed" if progress.failed else ""
    bars = lay_out(
        "progress.html",
        left=progress.left,
        running=[(run, _facts(run)) for run in progress.running.values()],
        failed=progress.failed[-3:],
    )
    return {"sentence": f"{progress.ended} of {count(progress.total, 'run')} ended{lost}.", "bars": bars}


def _facts(run: RunProgress) -> str:
    """How far a run is, how fast, and how long it will take."""
    rate = "" if isnan(run.rate) else f"{amount(run.rate)} images/s"
    left = "judging" if run.share >= 1 else "" if isnan(run.left) else f"{duration(run.left)} left"
    return ", ".join(filter(None, (f"{number(100 * run.share, 2)} %", rate, left)))


class Server(ThreadingHTTPServer):
    """Gives nobody more than `PATIENCE_S`, and few clients at a time a thread each."""

    daemon_threads = True

    def __init__(self, *arguments: Any):
        self.clients: dict[socket, float] = {}  # and since when they are there
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.clients[request] = monotonic()
        if len(self.clients) > MOST_CLIENTS:
            self._hang_up(min(self.clients, key=self.clients.__getitem__))
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.clients.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called twice a second: end what has lasted too long, however fast it speaks or listens."""
        for client, since in list(self.clients.items()):
            if monotonic() - since > PATIENCE_S:
                self._hang_up(client)

    def _hang_up(self, client: socket) -> None:
        self.clients.pop(client, None)
        with suppress(OSError):  # it has gone by itself
            client.shutdown(SHUT_RDWR)

    def handle_error(self, *_: Any) -> None:
        """Say nothing: a client that is gone is no error of ours."""


def server(live: Live, port: int) -> ThreadingHTTPServer:
    """A server that is bound and not yet serving. Raises BenchError if the port is taken."""
    paths: dict[str, Callable[[], tuple[str, bytes]]] = {
        "/": lambda: ("text/html; charset=utf-8", live.page()),
        "/state": lambda: ("application/json", json.dumps(live.state()).encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        """Answers whoever calls this machine by its own name; a page of the web, led here by its DNS, does not."""

        def do_GET(self) -> None:
            host, _, port = (self.headers["Host"] or "").strip().lower().partition(":")
            answer = paths.get(self.path.partition("?")[0])
            if host not in OWN_NAMES or not (port or "0").isdigit():
                self._send(403, "text/plain", b"Only localhost is served.\n")
            elif answer is None:
                self._send(404, "text/plain", b"Here are / and /state.\n")
            else:
                try:
                    content = answer()
                except Exception as error:
                    words = str(error) if isinstance(error, BenchError) else said(error)
                    self._send(503, "text/plain; charset=utf-8", f"{words}\n".encode(errors="replace"))
                else:
                    self._send(200, *content)

        def _send(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            for header, value in (
                ("Content-Type", kind), ("Content-Length", str(len(content))), ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ):  # fmt: skip
                self.send_header(header, value)
            with suppress(OSError):  # whoever asked has gone
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: a page asks once a second."""

    try:
        return Server((HOST, port), Handler)
    except OSError as error:
        raise BenchError(
            f"Port {port} cannot be used: {error.strerror}. Choose another with --port, or 0 for any."
        ) from error
