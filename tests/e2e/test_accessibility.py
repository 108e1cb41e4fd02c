"""What a machine can tell of accessibility, by axe-core; and that a keyboard alone reaches all that can be worked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
GRAVE = ("serious", "critical")
Visit = Callable[..., Any]
Scroll = Callable[[Any], None]


def _violations(tab: Any) -> list[str]:
    """What axe-core finds grave, as "rule: where, why"."""
    found = axe_module.Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("gallery", 1280, "light"), ("gallery", 390, "dark"), ("hostile", 1280, "dark"), ("hostile", 390, "light"),
        ("failed", 1280, "dark"), ("empty", 390, "light"),
    ],
)  # fmt: skip
def test_nothing_grave_is_found_and_the_page_fits(
    opened: Visit, scroll_through: Scroll, name: str, width: int, scheme: str
) -> None:
    with opened(name, width, scheme) as tab:
        scroll_through(tab)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert _violations(tab) == []


def test_nothing_grave_is_found_on_a_site(visit: Visit, sites: Path) -> None:
    for name in ("index", "variant-gan"):
        with visit((sites / "some where" / f"{name}.html").as_uri()) as tab:
            assert _violations(tab) == []


def test_a_keyboard_alone_reaches_all_that_can_be_worked(opened: Visit) -> None:
    """From one end of the page to the other by Tab: nothing that can be worked is left out, and nothing is a trap."""
    with opened("gallery") as tab:
        worked = "button, select, input, summary, a[href], .scroll"
        seen_here = f"[...document.querySelectorAll('{worked}')].filter(e => e.checkVisibility() && e.tabIndex >= 0)"
        tab.evaluate("document.querySelectorAll('.plot').forEach(plot => plot.classList.add('drawn'))")  # no mode bars
        tab.evaluate("document.querySelectorAll('.panel').forEach(panel => panel.classList.add('open'))")
        wanted = tab.evaluate(f"{seen_here}.map((e, i) => (e.dataset.reach = i))")
        reached = set()
        for _ in range(len(wanted) + 5):
            tab.keyboard.press("Tab")
            reached.add(tab.evaluate("document.activeElement.dataset.reach ?? null"))
        missed = sorted({str(i) for i in wanted} - reached)
        kinds = tab.evaluate(
            f"{seen_here}.filter(e => {json.dumps(missed)}.includes(e.dataset.reach)).map(e => e.outerHTML)"
        )
        assert kinds == []


def test_what_has_the_focus_can_be_seen(opened: Visit) -> None:
    with opened("gallery") as tab:
        for _ in range(12):
            tab.keyboard.press("Tab")
            box = "(e => [getComputedStyle(e).outlineStyle, e.getBoundingClientRect().top])(document.activeElement)"
            outline, top = tab.evaluate(box)
            assert outline != "none" and top > -50


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_opens_sorts_mutes_and_unfolds(opened: Visit, key: str) -> None:
    with opened("gallery") as tab:

        def show(title: str) -> None:
            tab.locator("#ring8").get_by_role("tab", name=title).focus()
            tab.keyboard.press(key)

        show("Board")
        sorter = tab.locator("#ring8 table").first.get_by_role("button", name="Variant")
        sorter.focus()
        tab.keyboard.press(key)
        assert sorter.locator("xpath=ancestor::th").get_attribute("aria-sort") == "ascending"
        show("Curves")
        assert not sorter.is_visible()
        label = tab.locator("#ring8 .legend").get_by_role("button", name="wgan")
        label.focus()
        tab.keyboard.press(key)
        assert label.get_attribute("aria-pressed") == "false"
        show("Conditions")
        fold = tab.locator("#ring8 summary", has_text="Comparability keys")
        fold.focus()
        tab.keyboard.press(key)
        assert fold.locator("xpath=..").get_attribute("open") == ""
