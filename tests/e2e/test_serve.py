"""The served page in a real browser: it follows what happens, and leaves the reader where they are."""

import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from ganbench.reports.html import serve
from ganbench.reports.html.serve import Live
from ganbench.suite.progress import RunProgress, SuiteProgress

Visit = Callable[..., Any]
Until = Callable[[Any, str], None]


class Source:
    """Results that change while somebody looks."""

    def __init__(self, first: Any):
        self.version, self.found, self.progress = "1", first, None
        self.live = Live(lambda: self.found, lambda: self.progress, lambda: self.version)
        self.address = ""

    def change(self, found: Any) -> None:
        self.found, self.version, self.live.due = found, self.version + "1", 0.0
        self.live.page()


@pytest.fixture
def source(synthetic: ModuleType) -> Iterator[Source]:
    found = Source(synthetic.half_finished())
    found.live.page()
    with serve.server(found.live, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.address = f"http://localhost:{server.server_port}/"
        yield found
        server.shutdown()


def _course(share: float) -> RunProgress:
    return RunProgress(
        *("quick", "id", "gan", "gan", "ring8", 2, "truth", share, int(1e4 * share)),
        updated=100 + 60 * share,
        first=(0, 100),
    )


def test_bars_grow_without_a_reload(visit: Visit, until: Until, source: Source, tmp_path: Any) -> None:
    source.progress = SuiteProgress(21, began=100, updated=160, running={"id": _course(0.25)}, done=14)
    with visit(source.address, offline=False) as tab:
        tab.evaluate("window.same = true")
        bar = tab.get_by_role("progressbar", name="gan on ring8, seed 2")
        assert bar.evaluate("bar => bar.value") == 0.25
        assert tab.get_by_role("status").inner_text() == "14 of 21 runs ended."
        source.progress.running["id"] = _course(0.75)
        until(tab, "document.querySelector('progress').value === 0.75")
        source.progress = None
        until(tab, "document.querySelector('#progress').offsetParent === null")
        assert tab.evaluate("window.same")


def test_a_new_result_appears_and_the_reader_stays_where_they_were(
    visit: Visit, until: Until, source: Source, synthetic: ModuleType
) -> None:
    with visit(source.address + "#ring8--board", offline=False) as tab:
        seeds = tab.locator("#matrix tr.row", has_text="dcgan").locator("td.seeds")
        assert seeds.inner_text() == "2 of 3"
        show = tab.locator("#ring8").get_by_role("tab", name="Board")
        board = tab.locator("#ring8 table").first
        board.get_by_role("button", name="Variant").click()
        board.get_by_role("button", name="Variant").click()
        tab.locator("#ring8").get_by_role("tab", name="Curves").click()
        tab.locator("#ring8 .legend").get_by_role("button", name="wgan").click()
        choice = tab.get_by_label("Losses: which").first
        choice.select_option(label="G.loss")
        tab.locator("#ring8").get_by_role("tab", name="Conditions").click()
        tab.locator("summary", has_text="Comparability keys").click()
        tab.evaluate("document.activeElement.blur(); window.same = true")
        fold = tab.locator("summary", has_text="Comparability keys")
        fold.scroll_into_view_if_needed()
        tab.wait_for_timeout(500)
        fold.focus()
        before = fold.bounding_box()["y"]

        source.change(synthetic.make(datasets=("ring8",)))
        until(tab, "window.same === undefined")
        tab.wait_for_load_state()
        assert "not run yet" not in tab.locator("main").inner_text() and seeds.inner_text() == "3"
        assert tab.locator("details[open] > summary", has_text="Comparability keys").count() == 1
        assert tab.evaluate("document.activeElement.textContent") == "Comparability keys"
        assert tab.evaluate("location.hash") == "#ring8--conditions" and board.is_hidden() and show.is_visible()
        head = tab.locator("#ring8 table").first.locator("th", has=tab.locator("button", has_text="Variant"))
        assert head.get_attribute("aria-sort") == "descending"
        pressed = tab.locator("#ring8 .legend button[data-label='wgan']").get_attribute("aria-pressed")
        assert pressed == "false"
        assert tab.locator("[aria-label='Losses: which']").first.evaluate("s => s.selectedOptions[0].text") == "G.loss"
        tab.wait_for_timeout(500)
        assert abs(fold.bounding_box()["y"] - before) < 200


def test_it_does_not_reload_under_an_open_list(
    visit: Visit, until: Until, source: Source, synthetic: ModuleType
) -> None:
    with visit(source.address + "#ring8--curves", offline=False) as tab:
        tab.evaluate("window.same = true")
        tab.get_by_label("Losses: which").first.focus()
        source.change(synthetic.make(datasets=("ring8",)))
        tab.wait_for_timeout(2500)
        assert tab.evaluate("window.same")
        tab.evaluate("document.activeElement.blur()")
        until(tab, "window.same === undefined")


def test_it_says_when_the_server_has_ended(visit: Visit, source: Source) -> None:
    with visit(source.address, offline=False, complains=True) as tab:
        tab.route("**/state", lambda route: route.abort())
        tab.get_by_role("status").get_by_text("The server has ended").wait_for()
        assert tab.locator("#matrix table").is_visible()
