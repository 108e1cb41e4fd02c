"""The page on localhost, up to date while a suite runs.

The server renders anew when there is something new, and the page then reloads itself, keeping what the reader has
opened, sorted and scrolled to. In between it asks once a second how far the runs are. Rendering takes a processor from
training, so it takes a sixth of one at most.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import isnan
from threading import Lock
from time import monotonic, thread_time

from ganbench.errors import BenchError
from ganbench.reports.html.layout import POLICY, Frame, lay_out, static
from ganbench.reports.html.page import render
from ganbench.reports.numbers import amount, count, duration, number
from ganbench.store import Results
from ganbench.suite.progress import RunProgress, SuiteProgress

HOST = "127.0.0.1"
REST = 5  # times the processor's time that a rendering took, until the next
FRAME = Frame(
    policy=POLICY + "; connect-src 'self'",
    css=static("page.css", "serve.css"),
    script=static("page.js", "serve.js"),
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
        except (BenchError, OSError):
            if not self.html:  # else a record was being replaced: the next look will find it whole
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


def server(live: Live, port: int) -> ThreadingHTTPServer:
    """A server that is bound and not yet serving. Raises BenchError if the port is taken."""
    paths: dict[str, Callable[[], tuple[str, bytes]]] = {
        "/": lambda: ("text/html; charset=utf-8", live.page()),
        "/state": lambda: ("application/json", json.dumps(live.state()).encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        """Answers whoever calls this machine by its own name; a page of the web, led here by its DNS, does not."""

        def do_GET(self) -> None:
            host = (self.headers["Host"] or "").rpartition(":")[0]
            answer = paths.get(self.path.partition("?")[0])
            if host not in (HOST, "localhost"):
                self._send(403, "text/plain", b"Only localhost is served.\n")
            elif answer is None:
                self._send(404, "text/plain", b"Here are / and /state.\n")
            else:
                try:
                    self._send(200, *answer())
                except BenchError as error:
                    self._send(503, "text/plain; charset=utf-8", f"{error}\n".encode())

        def _send(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            for header, value in (
                ("Content-Type", kind), ("Content-Length", str(len(content))), ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ):  # fmt: skip
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: a page asks once a second."""

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise BenchError(
            f"Port {port} cannot be used: {error.strerror}. Choose another with --port, or 0 for any."
        ) from error
