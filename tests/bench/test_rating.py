"""Fifty raters at once on loopback: how long an answer takes to be kept, and that none is lost."""

import asyncio
import importlib.util
import socket
import threading
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import httpx
import pytest
import uvicorn

from ganbench.rating.answers import Answers
from ganbench.rating.server import Door, app
from ganbench.rating.study import Design, Study

RATERS, ANSWERS, PAUSE_S = 50, 20, 1.0  # a person looks for a second before they answer


async def rater(base: str, taken: list[float]) -> None:
    async with httpx.AsyncClient(base_url=base, timeout=60) as client:
        who = {"x-rater": (await client.post("/api/raters", json={"nickname": ""})).json()["rater"]}
        for _ in range(ANSWERS):
            question = (await client.get("/api/question", headers=who)).json()
            await asyncio.sleep(PAUSE_S)
            began = perf_counter()
            body = {"trial": question["trial"], "answer": question["answers"][0]}
            response = await client.post("/api/answers", json=body, headers=who)
            taken.append(perf_counter() - began)
            assert response.status_code == 200


async def everybody(base: str, taken: list[float]) -> None:
    await asyncio.gather(*(rater(base, taken) for _ in range(RATERS)))


def test_fifty_raters_at_once(benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("synthetic", Path(__file__).parents[1] / "reports" / "synthetic.py")
    assert spec is not None and spec.loader is not None
    import sys

    sys.modules["synthetic"] = synthetic = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(synthetic)
    study = Study(synthetic.make(diverged=()), Design(("real-or-fake", "which-is-better"), 40, 0.0))
    answers = Answers(f"sqlite:///{tmp_path / 'answers.sqlite'}")
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(study, answers, Door()), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    taken: list[float] = []
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    benchmark.pedantic(lambda: asyncio.run(everybody(base, taken)), rounds=1)
    server.should_exit = True
    thread.join()
    assert len(taken) == RATERS * ANSWERS
    with answers.engine.connect() as database:
        assert database.exec_driver_sql("SELECT count(answer) FROM trials").scalar() == RATERS * ANSWERS
    slowest = quantiles(taken, n=20)[-1]
    with capsys.disabled():
        print(f"\n{len(taken)} answers of {RATERS} raters: 95 % within {1000 * slowest:.0f} ms")
    assert slowest < 0.2
