"""The page in a real browser: opened from disk, with the network cut."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Open = Callable[..., Any]
Until = Callable[[Any, str], None]
Scroll = Callable[[Any], None]


def _names(tab: Any, table: str = "#ring8 table.board, #ring8 table") -> list[str]:
    found = f"document.querySelector('{table}').tBodies[0].querySelectorAll('th[scope=row]')"
    return list(tab.evaluate(f"[...{found}].map(th => th.dataset.value)"))


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("full", 1280, "dark"), ("full", 390, "light"), ("one", 1280, "light"), ("half", 390, "light")],
)
def test_opens_offline_without_complaint_and_fits(
    opened: Open, scroll_through: Scroll, name: str, width: int, scheme: str
) -> None:
    """The other pages open in `test_accessibility.py`."""
    with opened(name, width, scheme) as tab:
        scroll_through(tab)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_rows_sort_by_a_click_and_by_the_keyboard(opened: Open) -> None:
    with opened("full", anchor="#ring8--board&columns=name,high_quality") as tab:
        assert _names(tab) == ["wgan", "dcgan", "gan"]
        quality = tab.locator("#ring8 table").first.get_by_role("button", name="High quality")
        quality.click()
        head = tab.locator("#ring8 table").first.locator("th", has=tab.locator("button", has_text="High quality"))
        assert head.get_attribute("aria-sort") == "descending"
        assert _names(tab) == ["dcgan", "gan", "wgan"]
        quality.focus()
        tab.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        assert _names(tab) == ["wgan", "gan", "dcgan"]
        assert tab.locator("#ring8 table").first.locator('th[aria-sort]:not([aria-sort="none"])').count() == 1


def test_controls_stay_apart_and_rows_without_a_score_stay_last(opened: Open) -> None:
    with opened("full", anchor="#ring8--board") as tab:
        tab.locator("#ring8 table").first.get_by_role("button", name="Variant").click()
        body = tab.locator("#ring8 table").first.locator("tbody.controls")
        assert body.locator("tr").first.inner_text().startswith("Controls")
        assert body.locator("th[scope=row]").all_inner_texts() == ["memorizer", "mode_dropper", "noise", "real"]


def test_a_select_shows_another_figure(opened: Open) -> None:
    with opened("full", anchor="#ring8--curves") as tab:
        choice = tab.get_by_label("Losses: which").first
        choice.scroll_into_view_if_needed()
        choice.select_option("G.loss")
        tab.locator("#ring8 .ytitle", has_text="G.loss").wait_for()
        assert not tab.locator("#ring8 .ytitle", has_text="D.loss").is_visible()


def test_the_legend_hides_a_label_in_all_figures(opened: Open, scroll_through: Scroll, until: Until) -> None:
    with opened("full") as tab:
        scroll_through(tab)
        tab.locator("#ring8 .legend").get_by_role("button", name="wgan").click()
        drawn = "[...document.querySelectorAll('#ring8 .plot.drawn:not([data-still])')]"
        shown = f"{drawn}.flatMap(p => p.data.filter(t => t.meta === 'wgan').map(t => t.visible))"
        until(tab, f"{shown}.length > 4 && {shown}.every(v => v === false)")


def test_the_theme_follows_the_system_until_it_is_chosen(opened: Open, until: Until) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('#ring8 .plot.drawn')._fullLayout.font.color"
    with opened("full", scheme="dark", anchor="#ring8--curves") as tab:
        dark = tab.evaluate(paper)
        tab.wait_for_selector("#ring8 .plot.drawn .main-svg")
        before = tab.evaluate(ink)
        tab.get_by_role("button", name="Light theme").click()
        assert tab.locator("#theme").inner_text() == "Dark theme"
        light = tab.evaluate(paper)
        until(tab, f"{ink} !== '{before}'")
    assert sum(map(int, dark[4:-1].split(","))) < 100 < 700 < sum(map(int, light[4:-1].split(",")))


def test_a_link_to_a_dataset_a_row_or_a_folded_run_leads_there(opened: Open, synthetic: ModuleType) -> None:
    in_view = "document.querySelector(':target').getBoundingClientRect()"
    run = synthetic.make().runs["run"].iloc[0]
    for anchor in ("#mnist5k", f"#run-{run}", "#mnist5k--row-of-dcgan", "#mnist5k--samples-of-noise"):
        with opened("full", anchor=anchor) as tab:
            tab.wait_for_timeout(300)
            assert 0 <= tab.evaluate(f"{in_view}.top") < 900
            assert tab.evaluate(f"{in_view}.height") > 0


def test_the_keyboard_alone_reaches_the_results(opened: Open) -> None:
    with opened("full") as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to the results"
        tab.keyboard.press("Enter")
        seen = set()
        for _ in range(60):
            tab.keyboard.press("Tab")
            seen.add(tab.evaluate("document.activeElement.tagName + (document.activeElement.dataset.sorts || '')"))
        assert {"BUTTONd0", "BUTTONname", "BUTTONcost", "DIV", "SUMMARY", "A"} <= seen


def test_hostile_names_are_seen_as_text(opened: Open, scroll_through: Scroll) -> None:
    with opened("hostile") as tab:
        scroll_through(tab)
        assert tab.title() == "</script><script>alert(3)</script>: ganbench"
        assert "<script>alert(1)</script>" in tab.locator("#ring8 table").first.inner_text()
        ticks = tab.locator("#ring8--metrics .plot").first.locator(".ytick").all_text_contents()
        assert any(tick.startswith("<script>alert(1)</") for tick in ticks)


def test_the_slider_moves_all_samples_by_the_keyboard(opened: Open, until: Until) -> None:
    with opened("gallery", anchor="#ring8--slider") as tab:
        first = "document.querySelector('#ring8 [data-stops] .plot')"
        until(tab, f"{first}.querySelector('svg.main-svg') !== null")
        slider = tab.locator("#ring8").get_by_role("slider", name="Along the budget")
        before = tab.evaluate(f"[...{first}._fullData.at(-1).x]")
        slider.focus()
        tab.keyboard.press("Home")
        assert slider.get_attribute("aria-valuetext") == "after 66.7 k images"
        until(tab, f"{first}._fullData.at(-1).x[0] !== {before[0]}")
        assert set(tab.locator("#ring8 .stop").all_text_contents()) == {"66,666 images"}
        tab.keyboard.press("End")
        until(tab, f"{first}._fullData.at(-1).x[0] === {before[0]}")


def test_figures_that_are_drawn_late_stand_where_the_slider_does(opened: Open, until: Until) -> None:
    with opened("gallery", anchor="#ring8--samples") as tab:
        move = "s => { s.value = 0; s.dispatchEvent(new Event('input')); }"
        tab.locator("#ring8").get_by_role("slider", name="Along the budget").evaluate(move)
        tab.locator("#ring8").get_by_role("combobox", name="Seed").select_option("1")
        card = tab.locator('#ring8 [data-seed="1"][data-stops]').first
        card.scroll_into_view_if_needed()
        as_first_frame = """(() => {
          const plot = document.querySelector('#ring8 [data-seed="1"][data-stops] .plot');
          const points = plot._fullData?.at(-1).x ?? [];
          const { frames } = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
          const { steps, middle, step } = frames[0].data[0].x;
          const kept = new Int16Array(Uint8Array.from(atob(steps), (letter) => letter.charCodeAt(0)).buffer);
          const stands = (n, i) => Math.abs(middle + n * step - points[i]) < step / 9;
          return points.length === kept.length && kept.every(stands);
        })()"""
        until(tab, as_first_frame)


def test_a_film_slides_without_moving_its_neighbours(opened: Open, scroll_through: Scroll) -> None:
    with opened("gallery") as tab:
        scroll_through(tab)
        film = tab.locator("#mnist5k .film").first
        film.scroll_into_view_if_needed()
        place, page = film.bounding_box(), tab.evaluate("document.documentElement.scrollHeight")
        inside = film.locator("img").bounding_box()
        assert inside["y"] + inside["height"] == pytest.approx(place["y"] + place["height"], abs=0.5)  # the last frame
        slider = tab.locator("#mnist5k").get_by_role("slider", name="Along the budget")
        slider.evaluate("s => { s.value = 0; s.dispatchEvent(new Event('input')); }")
        assert film.locator("img").bounding_box()["y"] == pytest.approx(place["y"], abs=0.5)  # the first
        assert film.bounding_box() == place
        assert tab.evaluate("document.documentElement.scrollHeight") == page


def test_a_seed_is_chosen_for_all_exhibits(opened: Open) -> None:
    with opened("gallery", anchor="#mnist5k--samples") as tab:
        seen = "[...document.querySelectorAll('#mnist5k [data-seed]:not([hidden])')].map(card => card.dataset.seed)"
        assert set(tab.evaluate(seen)) == {"0"}
        choice = tab.locator("#mnist5k").get_by_role("combobox", name="Seed")
        choice.select_option("1")
        assert set(tab.evaluate(seen)) == {"1"}
        choice.select_option("all")
        assert set(tab.evaluate(seen)) == {"0", "1"}
        assert tab.locator("#ring8 [data-seed='1']").first.is_hidden()  # each dataset has its own


def test_without_script_all_seeds_stand_at_the_end_of_their_budget(opened: Open) -> None:
    with opened("gallery", script=False) as tab:
        cards = tab.locator("#mnist5k figure[data-seed]:not(details[id] *)")
        assert cards.count() == 6 and all(card.is_visible() for card in cards.all())
        film, image = (tab.locator(f"#mnist5k .film{of}").first.bounding_box() for of in ("", " img"))
        assert image["y"] + image["height"] == pytest.approx(film["y"] + film["height"], abs=0.5)
        assert tab.locator("#mnist5k .stop").first.inner_text() == "200,000 images, selected"
        assert not tab.locator("#mnist5k").get_by_role("slider", name="Along the budget").is_visible()


def test_a_link_opens_a_fold_of_the_gallery(opened: Open, until: Until) -> None:
    with opened("gallery", anchor="#ring8--surface") as tab:
        until(tab, "document.querySelector('#ring8--surface[open] svg.main-svg') !== null")


def test_stability_and_the_board_over_all_show_sort_and_draw(opened: Open, until: Until) -> None:
    with opened("gallery", anchor="#overall") as tab:
        until(tab, "document.querySelectorAll('#overall .plot svg.main-svg').length > 3")
        assert "Over both datasets wgan leads." in tab.locator("#overall").inner_text()
        tab.get_by_role("tablist", name="More of ring8").get_by_role("tab", name="Stability").click()
        table = "#ring8 table:has(caption:has-text('Stability'))"
        tab.locator(table).get_by_role("button", name="Forgotten").click()
        assert tab.locator(f"{table} tbody th").first.inner_text() == "gan"
        seeds = tab.get_by_label("Modes along the budget: which").first
        seeds.select_option("seed 1")
        tab.locator("#ring8--modes--1 .heatmaplayer image").first.wait_for()
        assert not tab.locator("#ring8--modes--0").is_visible()
