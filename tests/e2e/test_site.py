"""The static site in a real browser: opened from disk with the network cut, and from a folder of a server."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

Visit = Callable[..., Any]
Scroll = Callable[[Any], None]


@pytest.fixture(scope="module")
def address(sites: Path) -> Iterator[str]:
    """Where a server shows the folder of both."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=sites)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("index", 390, "dark"), ("variant-wgan", 1280, "light"), ("variant-wgan", 390, "light")],
)
def test_every_page_opens_from_disk_and_fits(
    visit: Visit, scroll_through: Scroll, sites: Path, name: str, width: int, scheme: str
) -> None:
    with visit((sites / "some where" / f"{name}.html").as_uri(), width, scheme) as tab:
        scroll_through(tab)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_walks_from_a_row_to_its_variant_and_back(visit: Visit, sites: Path) -> None:
    with visit((sites / "some where" / "index.html").as_uri()) as tab:
        tab.locator("#matrix table").get_by_role("link", name="dcgan", exact=True).click()
        tab.wait_for_url("**/variant-dcgan.html")
        assert tab.get_by_role("heading", level=1).inner_text() == "dcgan"
        own = tab.locator("#ring8 table").first.locator("tr:has([aria-current])")
        other = tab.locator("#ring8 table").first.locator("tbody.controls tr.row").first
        colour = "row => getComputedStyle(row.cells[0]).backgroundColor"
        assert own.count() == 1 and own.evaluate(colour) != other.evaluate(colour)
        tab.get_by_role("link", name="Overview").click()
        tab.wait_for_url("**/index.html")


def test_it_works_in_a_folder_of_a_server(visit: Visit, scroll_through: Scroll, address: str) -> None:
    with visit(f"{address}/some%20where/", offline=False, own=address) as tab:
        scroll_through(tab)
        tab.get_by_role("navigation", name="Variants").get_by_role("link", name="gan", exact=True).click()
        tab.wait_for_url("**/variant-gan.html")
        scroll_through(tab)


def test_hostile_names_are_seen_as_text(
    visit: Visit, scroll_through: Scroll, sites: Path, hostile: dict[str, str]
) -> None:
    index, variant, *_ = sorted((sites / "hostile").glob("*.html"))
    for file in (index, variant):
        with visit(file.as_uri(), 390) as tab:
            scroll_through(tab)
            assert hostile["gan"] in tab.locator("#ring8 table").first.inner_text()
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
