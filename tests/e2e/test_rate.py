"""A person's study in a real browser: by keyboard and by touch, stopped and gone on with, two at once."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import connect
from types import ModuleType
from typing import Any

import pytest
import uvicorn

from ganbench.rating.answers import Answers
from ganbench.rating.server import Door, app
from ganbench.rating.study import Design, Study

axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
TRIALS = 8  # of each rater: four of each kind, and two whose answer everybody knows
QUESTIONS = TRIALS + 2 + 8  # with practice
Visit = Callable[..., Any]
Until = Callable[[Any, str], None]


class Site:
    """A study that is served, can be killed and started again on the same port."""

    def __init__(self, study: Study, file: Path):
        self.study, self.file = study, file
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://localhost:{self.port}/"

    @contextmanager
    def running(self) -> Iterator[None]:
        answers = Answers(f"sqlite:///{self.file}")
        config = uvicorn.Config(app(self.study, answers, Door()), port=self.port, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
            answers.engine.dispose()

    def count(self, query: str) -> int:
        with closing(connect(self.file)) as database:
            return int(database.execute(query).fetchone()[0])

    @property
    def answered(self) -> int:
        return self.count("SELECT count(answer) FROM trials")


@pytest.fixture
def site(synthetic: ModuleType, tmp_path: Path) -> Site:
    results = synthetic.make(seeds=(0, 1), evaluations=3, exhibits=True, diverged=())
    return Site(Study(results, Design(("real-or-fake", "which-is-better"), TRIALS, 0.0)), tmp_path / "answers.sqlite")


def number(tab: Any) -> int:
    """Which question is shown."""
    return int(tab.locator("#progress").inner_text().removeprefix("Practice, ").split(" of ")[0])


def grave(tab: Any) -> list[str]:
    found = axe_module.Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [one["id"] for one in found if one["impact"] in ("serious", "critical")]


def shown(until: Until, tab: Any, question: int) -> None:
    until(tab, f"document.querySelector('#progress').textContent.includes(' {question} of') "
               f"|| document.querySelector('#progress').textContent.startsWith('{question} of')")  # fmt: skip
    until(tab, "[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def test_a_whole_study_by_keyboard_with_a_reload_in_the_middle(visit: Visit, until: Until, site: Site) -> None:
    with site.running(), visit(site.address, offline=False) as tab:
        until(tab, "document.querySelector('#how-many').textContent !== ''")
        assert grave(tab) == []
        tab.get_by_label("Nickname").focus()
        tab.keyboard.type("Ada")
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        for question in range(1, QUESTIONS + 1):
            shown(until, tab, question)
            if question in (1, 6):
                assert grave(tab) == []
            if question == 7:
                tab.reload()
                shown(until, tab, question)
            tab.keyboard.press("ArrowLeft" if question % 2 else "ArrowRight")
        until(tab, "!document.querySelector('#done').hidden")
        assert tab.evaluate("document.activeElement.textContent") == "Thank you."
        assert site.answered == QUESTIONS
        assert site.count("SELECT count(*) FROM raters") == 1


def test_practice_tells_and_the_rest_does_not(visit: Visit, until: Until, site: Site) -> None:
    with site.running(), visit(site.address, offline=False) as tab:
        until(tab, "document.querySelector('#how-many').textContent !== ''")
        tab.get_by_role("button", name="Begin").click()
        told = []
        for question in range(1, 8):
            shown(until, tab, question)
            told.append(tab.locator("#status").inner_text() != "")
            tab.get_by_role("button", name="Real").click()
        assert told == [False, True, True, True, True, False, False]


def test_by_touch_on_a_phone_and_a_second_person_at_the_same_time(
    browser: Any, visit: Visit, until: Until, site: Site
) -> None:
    with site.running(), visit(site.address, offline=False) as other:
        phone = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
        tab = phone.new_page()
        tab.goto(site.address)
        for each in (tab, other):
            until(each, "document.querySelector('#how-many').textContent !== ''")
        tab.get_by_role("button", name="Begin").tap()
        other.get_by_role("button", name="Begin").click()
        for question in range(1, QUESTIONS + 1):
            shown(until, tab, question)
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
            button = tab.locator("#choices button").first
            box = button.bounding_box()
            assert box["height"] >= 44 and box["y"] + box["height"] <= 640 + 200
            button.tap()
            if question <= 5:
                shown(until, other, question)
                other.keyboard.press("ArrowRight")
        until(tab, "!document.querySelector('#done').hidden")
        shown(until, other, 6)
        assert site.answered == QUESTIONS + 5
        assert site.count("SELECT count(*) FROM raters") == 2
        phone.close()


def test_a_killed_server_loses_and_doubles_no_answer(visit: Visit, until: Until, site: Site) -> None:
    with visit("about:blank", offline=False, own=site.address, complains=True) as tab:
        with site.running():
            tab.goto(site.address)
            until(tab, "document.querySelector('#how-many').textContent !== ''")
            tab.get_by_role("button", name="Begin").click()
            for question in range(1, 4):
                shown(until, tab, question)
                tab.keyboard.press("ArrowLeft")
            shown(until, tab, 4)
        tab.keyboard.press("ArrowLeft")  # nobody is there
        until(tab, "document.querySelector('#status').textContent.includes('Trying again')")
        with site.running():
            shown(until, tab, 5)
            assert site.answered == 4 and number(tab) == 5
