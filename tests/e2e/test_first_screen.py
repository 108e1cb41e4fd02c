"""The first screen alone answers: who is better, how sure is it, does it look right, what did it cost, what failed."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from ganbench.reports import formats

Open = Callable[..., Any]
Visit = Callable[..., Any]
COPIES = ("", "_b", "_c")  # of the three variants, so that there are as many as in the quick suite
# question -> where its answer is, for a row and a dataset
ANSWERS = {
    "who is better": "#matrix .answers li",
    "how sure is it": "#matrix td.score .bar-of",
    "does it look right": "#matrix td.samples img.strip, #matrix td.samples svg.cloud path",
    "what did it cost": "#matrix td.cost",
    "did anything fail": "#matrix .outcome",
}


@pytest.fixture(scope="module")
def like_quick(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of nine variants and four controls, on two datasets with two seeds."""
    names = [{name: name + copy for name in synthetic.VARIANTS} for copy in COPIES]
    parts = [synthetic.make(seeds=(0, 1), exhibits=True, evaluations=2, rename=own) for own in names]
    whole = parts[0]
    for frame in ("runs", "scores", "losses"):
        joined = pd.concat([getattr(part, frame) for part in parts], ignore_index=True)
        setattr(whole, frame, joined.drop_duplicates())
    for part in parts[1:]:
        whole.points |= part.points
        whole.shown |= part.shown
    return formats.write_report(whole, tmp_path_factory.mktemp("first") / "page.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_five_questions_are_answered_before_anything_is_scrolled_or_clicked(
    visit: Visit, like_quick: Path, scheme: str
) -> None:
    with visit(like_quick.as_uri(), 1440, scheme) as tab:
        for question, place in ANSWERS.items():
            answers = tab.locator(place)
            assert answers.count() > 0, question
            box = answers.first.bounding_box()
            assert box is not None and box["y"] + box["height"] <= 900 and box["width"] > 1, question
        assert "gan" in tab.locator(".answers").inner_text()
        assert "3 of 52 runs failed." in tab.locator(".outcome").inner_text()
        assert tab.locator("#matrix tr.row:visible").count() == 9


def test_all_folded_it_is_short(visit: Visit, like_quick: Path) -> None:
    with visit(like_quick.as_uri(), 1440) as tab:
        assert tab.evaluate("document.documentElement.scrollHeight") <= 3000
        assert tab.evaluate(r"document.body.innerText.trim().split(/\s+/).length") <= 700
    assert like_quick.stat().st_size < 8e6


@pytest.mark.parametrize("width", [320, 390, 720])
def test_nothing_moves_sideways_and_rows_are_cards(visit: Visit, like_quick: Path, width: int) -> None:
    """720 pixels are those of a window of 1440 at 200 %."""
    with visit(like_quick.as_uri(), width) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        scroll = tab.locator("#matrix .scroll")
        assert scroll.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
        card = tab.locator("#matrix tr.row").first
        assert card.evaluate("card => getComputedStyle(card).display") == "grid"
        said = "card => getComputedStyle(card.querySelectorAll('.tier')[1], '::before').content"
        assert "mnist5k: FID ↓" in card.evaluate(said)


def test_a_cell_leads_to_what_it_is_about(visit: Visit, like_quick: Path) -> None:
    with visit(like_quick.as_uri(), 1440) as tab:
        row = tab.locator("#matrix tr.row", has_text="dcgan_b")
        row.locator("td.score a").first.click()
        assert tab.locator("#ring8--board tr:target th").inner_text() == "dcgan_b"
        row.locator("td.samples a").last.click()
        assert tab.locator("#mnist5k--samples figure:target figcaption").inner_text().startswith("dcgan_b")
        assert tab.locator("#ring8--board").is_visible() and tab.locator("#mnist5k--board").is_hidden()


def test_controls_are_a_line_until_it_is_clicked(visit: Visit, like_quick: Path) -> None:
    with visit(like_quick.as_uri(), 1440) as tab:
        line = tab.get_by_role("button", name="4 controls")
        assert "memorizer" in line.inner_text() and tab.locator("#matrix tr.row:visible").count() == 9
        line.press("Enter")
        assert line.get_attribute("aria-expanded") == "true" and tab.locator("#matrix tr.row:visible").count() == 13


def test_tabs_go_by_arrows_and_the_address_knows_the_open_one(visit: Visit, like_quick: Path) -> None:
    with visit(like_quick.as_uri(), 1440) as tab:
        tabs = tab.get_by_role("tablist", name="More of ring8").get_by_role("tab")
        assert tabs.all_inner_texts() == ["Board", "Samples", "Curves", "Cost", "Stability", "Metrics", "Conditions"]
        tabs.first.focus()
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("Enter")
        assert tab.locator("#ring8--cost").is_visible() and tab.evaluate("location.hash") == "#ring8--cost"
        tab.keyboard.press("End")
        assert tab.evaluate("document.activeElement.textContent") == "Conditions"
        tab.keyboard.press("Space")
        assert tab.locator("#ring8--conditions").is_visible() and not tab.locator("#ring8--cost").is_visible()
        tab.keyboard.press("Space")
        assert not tab.locator("#ring8--conditions").is_visible() and tab.evaluate("location.hash") == ""


def test_sorting_and_columns_are_in_the_address(visit: Visit, like_quick: Path) -> None:
    with visit(like_quick.as_uri() + "#mnist5k--board", 1440) as tab:
        board = tab.locator("#mnist5k--board table").first
        assert board.locator("thead th:visible").count() <= 5
        tab.locator("#mnist5k--board .chooser summary").first.click()
        tab.get_by_label("IS ↑").first.check()
        board.locator("[data-sorts=is]").click()
        kept = tab.evaluate("location.hash")
        assert "sort=is:descending" in kept and "columns=" in kept
        order = board.locator("tbody").first.locator("th").all_inner_texts()
    with visit(like_quick.as_uri() + kept, 1440) as tab:
        board = tab.locator("#mnist5k--board table").first
        assert board.locator("[data-sorts=is]").is_visible()
        assert board.locator("tbody").first.locator("th").all_inner_texts() == order


def test_how_to_read_opens_and_closes_by_key(visit: Visit, like_quick: Path) -> None:
    with visit(like_quick.as_uri(), 1440) as tab:
        mark, text = tab.locator(".outcome .how summary"), tab.locator(".outcome .explained")
        assert not text.is_visible()
        mark.press("Enter")
        assert text.is_visible() and "Easily misread" in text.inner_text()
        tab.keyboard.press("Escape")
        assert not text.is_visible()


def test_a_print_has_what_is_open_within_the_paper(visit: Visit, like_quick: Path) -> None:
    with visit(like_quick.as_uri() + "#mnist5k--curves", 1440) as tab:
        tab.locator("#mnist5k--curves .plot svg.main-svg").first.wait_for()
        tab.emulate_media(media="print")
        tab.set_viewport_size({"width": 718, "height": 1000})  # A4 with margins of one centimetre
        assert not tab.locator(".tabs").first.is_visible() and not tab.locator("#ring8").is_visible()
        shown = "[...document.querySelectorAll('#mnist5k--curves figure:not([hidden]), .matrix')]"
        assert max(tab.evaluate(f"{shown}.map(shown => shown.getBoundingClientRect().right)")) <= 718
        assert tab.locator("#matrix thead").is_visible(), "a table, not cards"
        assert tab.locator("#mnist5k--curves .legend").is_visible(), "lines have names"
        for coloured in (".chip", ".bar-of i"):
            colour = "shown => getComputedStyle(shown).printColorAdjust"
            assert tab.locator(f"#matrix {coloured}").first.evaluate(colour) == "exact"
        heights = "f => [f.offsetHeight, f.querySelector('svg.main-svg').getBoundingClientRect().height]"
        figure = tab.locator("#mnist5k--curves figure").first
        outer, inner = figure.evaluate(heights)
        assert outer >= inner > 100, "figures do not cover one another"
        assert tab.pdf(format="A4")[:5] == b"%PDF-"
