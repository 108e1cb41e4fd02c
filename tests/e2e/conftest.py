"""A real browser with the network cut, and pages of made-up results to open in it."""

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any

import pytest

from ganbench.reports import formats
from ganbench.reports.html import site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SYNTHETIC = Path(__file__).parents[1] / "reports" / "synthetic.py"
HOSTILE = {
    "": "</script><script>alert(3)</script>",
    "gan": "<script>alert(1)</script>",
    "dcgan": "\"'><img src=x onerror=alert(2)> " + "x" * 300,
    "wgan": "\u202eشبكة توليدية",
}
Visit = Callable[..., Any]


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The made-up results of `tests/reports`."""
    if "synthetic" not in sys.modules:
        spec = importlib.util.spec_from_file_location("synthetic", SYNTHETIC)
        assert spec is not None and spec.loader is not None
        sys.modules["synthetic"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["synthetic"]


@pytest.fixture(scope="session")
def hostile() -> dict[str, str]:
    """Labels, and for "" the suite, that try to be markup, to be endless, or to turn the text around."""
    return HOSTILE


@pytest.fixture(scope="session")
def folder(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of every kind of result."""
    made = tmp_path_factory.mktemp("pages")
    pages = {
        "full": synthetic.make(),
        "hostile": synthetic.make(rename=HOSTILE, datasets=("ring8",)),
        "one": synthetic.make(seeds=(0,), scale=0.05),
        "half": synthetic.half_finished(),
        "gallery": synthetic.make(seeds=(0, 1), evaluations=3, exhibits=True),
        "failed": synthetic.all_failed(),
        "empty": synthetic.empty(),
    }
    for name, results in pages.items():
        formats.write_report(results, made / f"{name}.html")
    return made


@pytest.fixture(scope="session")
def sites(synthetic: ModuleType, hostile: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sites in one folder, one of them of names that try to be markup."""
    folder = tmp_path_factory.mktemp("sites")
    make = partial(synthetic.make, seeds=(0, 1), evaluations=3, exhibits=True)
    site.write_site(make(), folder / "some where")
    site.write_site(make(rename=hostile, datasets=("ring8",)), folder / "hostile")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs a chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any) -> Visit:
    """Open an address; leaving it checks that nothing complained and nothing but that address's own was asked for."""

    @contextmanager
    def visit(
        url: str,
        width: int = 1280,
        scheme: str = "light",
        script: bool = True,
        offline: bool = True,
        own: str = "",  # what else may be asked for
        complains: bool = False,  # and shall
    ) -> Iterator[Any]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=offline, java_script_enabled=script
        )
        tab = context.new_page()
        tab.set_default_timeout(120_000)  # a machine that does other things as well
        complaints: list[str] = []
        allowed = ("data:", "blob:", "file:" if url.startswith("file:") else own or url.split("#")[0])
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(dialog.message))
        tab.on("request", lambda request: None if request.url.startswith(allowed) else complaints.append(request.url))
        tab.goto(url)
        yield tab
        assert complaints == [] or complains
        context.close()

    return visit


@pytest.fixture
def opened(visit: Visit, folder: Path) -> Visit:
    """Open a page of `folder` by its name, at an anchor."""
    return lambda name, *args, anchor="", **options: visit(
        (folder / f"{name}.html").as_uri() + anchor, *args, **options
    )


# Opens what is behind tabs and folded, all at once.
EVERYTHING = """() => {
  document.querySelectorAll(".panel").forEach((panel) => panel.classList.add("open"));
  document.querySelectorAll("details:not(.how, .chooser)").forEach((fold) => { fold.open = true; });
  document.querySelectorAll('.unfold[aria-expanded="false"]').forEach((line) => line.click());
}"""
# Brings the first figure that is not drawn into the window, as long as there is one: a page of any speed ends drawn.
TO_NEXT = """() => {
  const waits = (plot) => plot.checkVisibility() && !plot.querySelector("svg.main-svg");
  const next = [...document.querySelectorAll(".plot")].find(waits);
  next?.scrollIntoView();
  return Boolean(next);
}"""


@pytest.fixture
def scroll_through(until: Callable[..., None]) -> Callable[[Any], None]:
    """Open all of a page, and bring every figure that can be seen into the window until all are drawn."""

    def through(tab: Any) -> None:
        tab.evaluate(EVERYTHING)
        until(tab, f"!({TO_NEXT})()")

    return through


@pytest.fixture
def until() -> Callable[[Any, str], None]:
    """Wait until an expression holds in a page, also across its reloads.

    Playwright's own waiting evaluates strings inside the page, which the page's policy forbids once it has loaded.
    """
    errors = pytest.importorskip("playwright.sync_api", reason="needs playwright").Error

    def wait(tab: Any, expression: str, most_s: float = 120) -> None:
        end, holds = monotonic() + most_s, False
        while not holds:
            assert monotonic() < end, f"never: {expression}"
            sleep(0.1)
            try:
                holds = tab.evaluate(expression)
            except errors as error:
                if "context" not in str(error):  # which a reload destroys
                    raise

    return wait
