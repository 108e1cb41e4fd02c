"""The gallery hangs what runs kept, says what they did not, and moves along the budget."""

import html
import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from markupsafe import escape

from ganbench.reports.frames.chapter import Report
from ganbench.reports.html.exhibits import IMAGES, POINTS
from ganbench.reports.html.gallery import MOST_STOPS, gallery
from ganbench.reports.html.sections import Page

NEEDS = {"interpolation", "transport", "surface", "by_class", "truncation", "pair_other", "neighbour"}


def _shown(results: Any, dataset: str) -> str:
    return gallery(next(section for section in Page(Report(results)).sections if section.dataset == dataset))


def _cards(source: str) -> list[str]:
    return re.findall(r"<figure.*?</figure>", source, flags=re.DOTALL)


def _samples(source: str) -> list[str]:
    """The cards of samples, controls among them."""
    return _cards(source.split("<details id=")[0])


def _folds(source: str) -> dict[str, list[str]]:
    """Kind of exhibit -> whose cards there are."""
    folds = re.findall(r'<details id="[^"]+?--([a-z_]+)">(.*?)</details>', source, flags=re.DOTALL)
    return {kind: re.findall(r'<bdi title="([^"]+)">', inside) for kind, inside in folds}


def _heard(attribute: str, source: str) -> Any:
    found = re.search(rf'{attribute}="([^"]*)"', source)
    return json.loads(html.unescape(found[1])) if found else None


@pytest.fixture(scope="module")
def kept(synthetic: ModuleType) -> Any:
    """Two seeds with exhibits at three evaluations; `gan` diverged on mnist5k with seed 1."""
    return synthetic.make(seeds=(0, 1), exhibits=True, evaluations=3)


@pytest.fixture(scope="module")
def points(kept: Any) -> str:
    return _shown(kept, "ring8")


@pytest.fixture(scope="module")
def images(kept: Any) -> str:
    return _shown(kept, "mnist5k")


def test_every_kind_of_exhibit_is_hung_for_whom_it_fits(points: str, images: str) -> None:
    twice = {name: [name, name] for name in ("gan", "dcgan", "wgan")}
    assert _folds(points) == {
        "interpolation": twice["gan"] + twice["dcgan"], "transport": twice["gan"] + twice["dcgan"],
        "surface": twice["gan"] + twice["dcgan"], "by_class": twice["dcgan"], "truncation": twice["dcgan"],
        "pair_other": twice["wgan"],
    }  # fmt: skip
    assert _folds(images) == {
        "interpolation": ["gan", *twice["dcgan"]], "by_class": twice["dcgan"], "truncation": twice["dcgan"],
        "pair_other": twice["wgan"], "neighbour": ["gan", *twice["dcgan"], *twice["wgan"]],
    }  # fmt: skip
    assert {kind.needs for kind in IMAGES + POINTS} == NEEDS


def test_images_are_pixels_and_points_are_figures(points: str, images: str) -> None:
    assert "<img" not in points and points.count('class="plot"') == len(_cards(points))
    assert "data-figure" not in images and images.count("<img") == len(_cards(images)) - 1  # one run diverged


def test_every_picture_says_what_and_whose_it_is(points: str, images: str) -> None:
    said = [re.findall(r'(?:alt|aria-label)="([^"]*)"', source) for source in (points, images)]
    assert all(len(one) == len(set(one)) and all(one) for one in said)
    alternatives = [*said[0], *said[1]]
    assert "What D believes of dcgan, seed 1" in alternatives
    assert "Pairs of two domains of wgan, seed 0; columns: sample, partner, true, back" in alternatives
    assert "Class by class of dcgan, seed 0; columns: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in alternatives
    assert "Truncation of dcgan, seed 0; columns: 1, 0.5, 0" in alternatives


def test_the_first_seed_is_shown_and_the_others_are_a_choice(images: str) -> None:
    assert re.search(r'<option value="0">0</option><option value="1">1</option><option value="">all</option>', images)
    seeds = {(_heard("data-seed", card), card.split(">")[0].endswith(" hidden")) for card in _cards(images)}
    assert seeds == {(0, False), (1, True), (None, False)}  # controls have none to choose


def test_one_seed_is_no_choice(synthetic: ModuleType) -> None:
    source = _shown(synthetic.make(seeds=(4,), exhibits=True, datasets=("ring8",)), "ring8")
    assert "<select" not in source and " hidden" not in source


@pytest.mark.parametrize("which", ["points", "images"])
def test_the_slider_stands_at_the_end_and_says_where_it_is(which: str, request: pytest.FixtureRequest) -> None:
    source = request.getfixturevalue(which)
    assert re.search(r'type="range" id="[^"]+" min="0" max="2" value="2"', source)
    assert _heard("data-said", source) == [f"after {n} k images" for n in ("66.7", "133", "200")]
    assert 'aria-valuetext="after 200 k images"' in source
    moved = [stops for card in _samples(source) if (stops := _heard("data-stops", card))]
    assert moved[0] == ["66,666 images", "133,333 images", "200,000 images, selected"]
    assert len(moved) == (6 if which == "points" else 5)  # neither controls nor the run that failed
    assert source.count('class="stop">200,000 images, selected<') == len(moved)


def test_a_film_shows_its_last_frame_before_any_script_runs(images: str) -> None:
    film = re.search(r'<div class="film" style="aspect-ratio:(\d+)/(\d+);--stops:3;--at:2"><img [^>]*', images)
    assert film and f'width="{film[1]}" height="{3 * int(film[2])}"' in film[0]


def test_runs_that_moved_unequally_far_are_told_from_to(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), exhibits=True, evaluations=2, datasets=("ring8",))
    run = results.runs.query("label == 'wgan'")["run"].iloc[0]
    results.shown[run]["images"] = np.array([90_000, 180_000])
    source = _shown(results, "ring8")
    assert _heard("data-said", source) == ["after 90 k to 100 k images", "after 180 k to 200 k images"]
    assert ["90,000 images", "180,000 images"] in [_heard("data-stops", card) for card in _samples(source)]


def test_stops_whose_images_nobody_wrote_down_are_counted(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), exhibits=True, evaluations=2, datasets=("ring8",))
    for found in results.shown.values():
        found["images"] = np.array([])
    source = _shown(results, "ring8")
    assert _heard("data-said", source) == ["stop 1 of 2", "stop 2 of 2"]
    assert "nan" not in source.split("<script")[0]


def test_many_evaluations_are_thinned_to_stops_from_first_to_last(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), exhibits=True, evaluations=40, datasets=("ring8",), variants=("gan",))
    source = _shown(results, "ring8")
    stops = _heard("data-stops", source)
    assert len(stops) == MOST_STOPS and stops[0] == "5,000 images" and stops[-1].startswith("200,000 images")
    figure = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', source)[1])  # type: ignore[index]
    assert len(figure["frames"]) == MOST_STOPS


def test_runs_without_exhibits_show_their_last_samples(full: Any) -> None:
    for dataset, pictures in (("ring8", 'class="plot"'), ("mnist5k", "<img")):
        source = _shown(full, dataset)
        done = 3 * 3 + 4 - (dataset == "mnist5k")
        assert source.count(pictures) == done and "<details id=" not in source and 'type="range"' not in source


def test_a_failed_run_has_its_reason_where_its_picture_would_be(images: str) -> None:
    (card,) = [card for card in _samples(images) if "<img" not in card]
    assert '<div class="missing"><bdi>diverged: D.loss is nan</bdi></div>' in card
    assert '<bdi title="gan">gan</bdi><span class="seed">seed 1, diverged</span>' in card


def test_a_finished_run_that_kept_nothing_says_so(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), datasets=("ring8",))
    results.points.clear()
    assert _shown(results, "ring8").count("No samples were kept.") == 7


def test_runs_that_were_not_run_have_no_place(synthetic: ModuleType) -> None:
    results = synthetic.half_finished()
    assert len(_cards(_shown(results, "ring8"))) == 2 * 3 + 4
    results.runs["status"] = "missing"
    assert _shown(results, "ring8") == ""


def test_hostile_names_are_text(synthetic: ModuleType) -> None:
    bad = "\"'><img src=x onerror=alert(2)></figure>"
    results = synthetic.make(seeds=(0, 1), exhibits=True, evaluations=2, rename={"dcgan": bad})
    for dataset in ("ring8", "mnist5k"):
        source = _shown(results, dataset)
        assert "<img src=x" not in source and escape(bad) in source


@pytest.mark.parametrize("dataset", ["ring8", "mnist5k"])
def test_a_run_of_two_evaluations_is_light(synthetic: ModuleType, dataset: str) -> None:
    """28 runs on each of two datasets shall leave more than half of 12 MB to the rest of the page."""
    results = synthetic.make(seeds=(0,), exhibits=True, evaluations=2, datasets=(dataset,), variants=("dcgan",))
    own = [card for card in _cards(_shown(results, dataset)) if 'title="dcgan"' in card]
    assert len(own) > 4 and sum(map(len, own)) < 6e6 / 56


CLAIMS: dict[str, Callable[[str], bool]] = {
    "circles only where there are points": lambda source: ("Circles" in source) == ("data-figure" in source),
    "a note under each fold": lambda source: source.count("<details id=") == source.count("</summary><p"),
    "headings": lambda source: source.count("<h5>") == source.count("<details id="),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_it_explains_itself(claim: str, points: str, images: str) -> None:
    assert CLAIMS[claim](points) and CLAIMS[claim](images)
