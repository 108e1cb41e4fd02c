"""The study as a web page: a page, and four questions that it asks.

    POST /api/raters   {"nickname"}               -> {"rater"}; the page keeps it, and goes on with it later
    GET  /api/question                            -> what is to be shown, or that all is answered
    POST /api/answers  {"trial", "answer"}        -> {"right"}: of practice alone
    GET  /api/study                               -> what the page says before the first question

Nothing in an answer tells real from fake but pixels: pictures travel inside the JSON as PNGs of the same length.
"""

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ganbench.rating.answers import Answers, Refused
from ganbench.rating.pictures import data_uri
from ganbench.rating.study import ANSWERS, Study

PAGES = Path(__file__).parent / "pages"
MOST_BYTES = 2_000  # of a body: a nickname or an answer
MOST_NICKNAME = 40
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LOCAL = ("localhost", "127.0.0.1", "[::1]")


FILES = (
    ("/", "rate.html", "text/html; charset=utf-8"),
    ("/rate.css", "rate.css", "text/css; charset=utf-8"),
    ("/rate.js", "rate.js", "text/javascript; charset=utf-8"),
)
Call = Callable[[Request], Awaitable[Response]]


class _BadBody(Exception):
    """What was sent is no small JSON object; the message says why."""


@dataclass
class Limit:
    """At most so many events a minute of each source."""

    most: int
    seen: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)

    def allows(self, source: str) -> bool:
        """Count an event, unless there were too many."""
        now = monotonic()
        events = [at for at in self.seen.pop(source, []) if now - at < 60]
        self.seen[source] = events
        while len(self.seen) > 10_000:
            self.seen.popitem(last=False)
        if len(events) >= self.most:
            return False
        events.append(now)
        return True


@dataclass
class Door:
    """Who may come in: whoever calls the server by a name of its own, from its own page, and knows the token."""

    hosts: tuple[str, ...] = LOCAL
    token: str = ""  # "": none is needed
    requests: Limit = field(default_factory=lambda: Limit(6_000))  # of one address, behind which a class may sit
    raters: Limit = field(default_factory=lambda: Limit(120))

    def refusal(self, request: Request) -> Response | None:
        """None if the request may come in."""
        host = request.headers.get("host", "")
        if _name(host) not in self.hosts:
            return _refused(403, "This name is not served. Use the address that the command printed.")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return _refused(403, "Another page asked. Only the study's own page may.")
        given = request.headers.get("x-study", "")
        if (
            request.url.path.startswith("/api/")
            and self.token
            and not compare_digest(given.encode(), self.token.encode())
        ):
            return _refused(403, "The study's token is missing or wrong. Use the whole link that you were given.")
        source = request.client.host if request.client else ""
        if not self.requests.allows(source):
            return _refused(429, "Too many requests. Wait a minute.")
        if request.url.path == "/api/raters" and not self.raters.allows(source):
            return _refused(429, "Too many new raters from this address. Wait a minute.")
        return None


def app(study: Study, answers: Answers, door: Door) -> Starlette:
    """The study's web application."""

    async def about(_: Request) -> Response:
        design = study.design
        return JSONResponse({"kinds": design.kinds, "trials": design.trials, "limit": design.limit}, headers=HEADERS)

    async def begin(request: Request) -> Response:
        nickname = (await _body(request)).get("nickname", "")
        if not isinstance(nickname, str) or len(nickname) > MOST_NICKNAME or not nickname.isprintable():
            return _refused(400, f"A nickname is text of at most {MOST_NICKNAME} characters, or nothing.")
        rater = await run_in_threadpool(answers.add_rater, study, nickname.strip())
        return JSONResponse({"rater": rater}, headers=HEADERS)

    async def question(request: Request) -> Response:
        rater = request.headers.get("x-rater", "")
        return JSONResponse(await run_in_threadpool(_question, study, answers, rater), headers=HEADERS)

    async def answer(request: Request) -> Response:
        body, rater = await _body(request), request.headers.get("x-rater", "")
        trial, given = body.get("trial"), body.get("answer")
        if not isinstance(trial, str) or not isinstance(given, str):
            return _refused(400, 'Needed is {"trial": text, "answer": text}.')
        asked = await run_in_threadpool(answers.answer, rater, trial, given)
        return JSONResponse({"right": given == asked.truth} if asked.practice else {}, headers=HEADERS)

    calls = [
        *((path, _file(name, kind), "GET") for path, name, kind in FILES),
        ("/api/study", about, "GET"),
        ("/api/raters", begin, "POST"),
        ("/api/question", question, "GET"),
        ("/api/answers", answer, "POST"),
    ]
    return Starlette(routes=[Route(path, _guarded(call, door), methods=[method]) for path, call, method in calls])


def _question(study: Study, answers: Answers, rater: str) -> dict[str, Any]:
    """What the page shows next."""
    asked, total = answers.next_question(study, rater)
    if asked is None:
        return {"done": True}
    trial = asked.trial
    pool = study.pools[trial.dataset]
    shown = [picture for picture in (trial.first, trial.second) if picture is not None]
    return {
        "trial": asked.id,
        "number": asked.position + 1,
        "of": total,
        "kind": trial.kind,
        "practice": trial.practice,
        "points": pool.points,
        "limit": study.design.limit,
        "answers": ANSWERS[trial.kind],
        "pictures": [data_uri(pool.pixels(picture)) for picture in shown],
        "strip": [data_uri(pool.pixels(picture)) for picture in pool.strip] if len(shown) > 1 else [],
    }


def _guarded(call: Call, door: Door) -> Call:
    """The same for those who may come in; what the study does not take is said with a status of its own."""

    async def guarded(request: Request) -> Response:
        if (refusal := door.refusal(request)) is not None:
            return refusal
        try:
            return await call(request)
        except Refused as error:
            return _refused(409, str(error))
        except _BadBody as error:
            return _refused(400, str(error))

    return guarded


async def _body(request: Request) -> dict[str, Any]:
    """A small JSON object. Reads no more than it may be long, whatever its header says."""
    raw = b""
    try:
        async for part in request.stream():
            raw += part
            if len(raw) > MOST_BYTES:
                raise _BadBody(f"Found more than {MOST_BYTES:,} bytes, which no answer needs.")
        found = json.loads(raw)
    except (ValueError, RecursionError, ClientDisconnect) as error:
        raise _BadBody("The body is no JSON.") from error
    if not isinstance(found, dict):
        raise _BadBody("The body is no JSON object.")
    return found


def _file(name: str, kind: str) -> Call:
    content = (PAGES / name).read_bytes()

    async def send(_: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return send


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=status, headers=HEADERS)


def _name(host: str) -> str:
    """A Host header without its port, in small letters."""
    host = host.lower()
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host
