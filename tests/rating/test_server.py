"""The server tells nothing but pixels, and takes only what it asked for, from those it may ask."""

import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from sqlite3 import connect
from typing import Any

import pytest
from starlette.testclient import TestClient

from ganbench.rating.answers import Answers
from ganbench.rating.server import Door, Limit, app
from ganbench.rating.study import Study

Client = Callable[..., TestClient]


@pytest.fixture
def client(study: Study, answers: Answers) -> Client:
    def make(door: Door | None = None, base: str = "http://localhost:8000") -> TestClient:
        return TestClient(app(study, answers, door or Door()), base_url=base)

    return make


def ask(answers: Answers, query: str, *values: object) -> Any:
    """One row of the database."""
    with closing(connect(str(answers.engine.url.database))) as database:
        return database.execute(query, values).fetchone()


def begin(client: TestClient) -> dict[str, str]:
    return {"x-rater": client.post("/api/raters", json={"nickname": ""}).json()["rater"]}


def test_nothing_in_a_trial_tells_real_from_fake_but_pixels(study: Study, answers: Answers, client: Client) -> None:
    """Status, headers, length, and every field but the pictures and the random name of the question."""
    with client() as page:
        seen = defaultdict(set)
        for _ in range(4):
            who = begin(page)
            while True:
                response = page.get("/api/question", headers=who)
                question = response.json()
                if question.get("done"):
                    break
                query = "SELECT truth, dataset, practice FROM trials WHERE trial = ?"
                truth, dataset, practice = ask(answers, query, question["trial"])
                body = {"trial": question["trial"], "answer": question["answers"][0]}
                answered = page.post("/api/answers", json=body, headers=who)
                if question["kind"] != "real-or-fake" or practice:
                    continue
                told = {name: value for name, value in question.items() if name not in ("trial", "number", "pictures")}
                digits = len(str(question["number"]))
                headers = {k: v for k, v in response.headers.items() if k not in ("date", "content-length")}
                seen[dataset, truth].add((
                    response.status_code, json.dumps(headers), len(response.content) - digits, len(question["trial"]),
                    json.dumps(told), tuple(map(len, question["pictures"])), answered.content,
                    json.dumps(dict(answered.headers)),
                ))  # fmt: skip
    for dataset in study.pools:
        assert len(seen[dataset, "real"]) == 1
        assert seen[dataset, "real"] == seen[dataset, "fake"]


def test_practice_alone_says_what_was_right(client: Client) -> None:
    with client() as page:
        who, told = begin(page), []
        while not (question := page.get("/api/question", headers=who).json()).get("done"):
            body = {"trial": question["trial"], "answer": question["answers"][0]}
            told.append((question["practice"], "right" in page.post("/api/answers", json=body, headers=who).json()))
    assert all(practice == right for practice, right in told) and sum(right for _, right in told) == 8


def test_forged_repeated_and_oversized_answers_change_nothing(answers: Answers, client: Client) -> None:
    with client() as page:
        who = begin(page)
        question = page.get("/api/question", headers=who).json()
        good = {"trial": question["trial"], "answer": "real"}
        for body, headers, status in (
            ({**good, "trial": "x"}, who, 409),
            ({**good, "answer": "maybe"}, who, 409),
            (good, {}, 409),
            (good, {"x-rater": "x"}, 409),
            ({"trial": 1, "answer": []}, who, 400),
            ({}, who, 400),
            ({**good, "more": "x" * 3_000}, who, 400),
        ):
            response = page.post("/api/answers", json=body, headers=headers)
            assert response.status_code == status and response.json()["error"]
        for raw in (b"", b"\xff", b"[1]", b"[" * 1_900, b"x" * 5_000_000):
            assert page.post("/api/answers", content=raw, headers=who).status_code == 400
        assert ask(answers, "SELECT count(answer) FROM trials") == (0,)
        assert page.post("/api/answers", json=good, headers=who).status_code == 200
        assert page.post("/api/answers", json=good, headers=who).status_code == 409
        assert ask(answers, "SELECT count(answer) FROM trials") == (1,)


@pytest.mark.parametrize("nickname", ["x" * 41, 7, None, ["a"], "a\nb", "\x1b[31m"])
def test_a_nickname_is_a_short_line(answers: Answers, client: Client, nickname: Any) -> None:
    with client() as page:
        assert page.post("/api/raters", json={"nickname": nickname}).status_code == 400
        assert ask(answers, "SELECT count(*) FROM raters") == (0,)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200), ({"host": "localhost"}, 200), ({"host": "127.0.0.1:8000"}, 200), ({"host": "[::1]:8000"}, 200),
        ({"host": "evil.example"}, 403), ({"host": "localhost.evil.example:8000"}, 403), ({"host": ""}, 403),
        ({"origin": "http://localhost:8000"}, 200), ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403), ({"origin": "http://localhost:9"}, 403),
    ],
)  # fmt: skip
def test_only_its_own_page_under_its_own_name_may_ask(client: Client, headers: dict[str, str], status: int) -> None:
    with client() as page:
        assert page.get("/", headers=headers).status_code == status
        assert page.get("/api/study", headers=headers).status_code == status


def test_a_shared_study_needs_its_token(client: Client) -> None:
    with client(Door(hosts=("lab",), token="sesame"), base="http://lab:8000") as page:
        assert page.get("/").status_code == 200  # the page itself: the token is behind # and never sent with it
        for given in ({}, {"x-study": "wrong"}, {"x-study": "sésame".encode()}):
            response = page.post("/api/raters", json={"nickname": ""}, headers=given)
            assert response.status_code == 403 and "token" in response.json()["error"]
        assert page.post("/api/raters", json={"nickname": ""}, headers={"x-study": "sesame"}).status_code == 200
        assert page.get("/api/study", headers={"host": "localhost"}).status_code == 403


def test_too_many_requests_are_told_to_wait(client: Client) -> None:
    with client(Door(raters=Limit(3))) as page:
        codes = [page.post("/api/raters", json={"nickname": ""}).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    with client(Door(requests=Limit(3))) as page:
        assert [page.get("/api/study").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_what_is_not_there_is_not_found(client: Client) -> None:
    with client() as page:
        assert page.get("/../answers.sqlite").status_code == 404
        assert page.get("/api/answers").status_code == 405
