"""The first screen as a picture: there for any results, the same for the same."""

import re
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ganbench.reports.formats.as_png import to_png
from ganbench.reports.formats.sheet import DARK, LIGHT, Ground

CSS = Path(__file__).parents[2] / "reports" / "html" / "page.css"


def _pixels(png: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("kind", ["empty", "half_finished", "all_failed", "theory"])
@pytest.mark.filterwarnings("error")
def test_any_results_are_a_picture(synthetic: ModuleType, kind: str) -> None:
    for dark in (False, True):
        pixels = _pixels(to_png(getattr(synthetic, kind)(), dark=dark))
        assert pixels.shape[1] == 1640 and pixels.std() > 1


def test_two_datasets_stand_abreast_and_more_below(synthetic: ModuleType) -> None:
    def shape(*datasets: str) -> tuple[int, int]:
        return _pixels(to_png(synthetic.make(seeds=(0,), datasets=datasets))).shape[:2]  # type: ignore[return-value]

    one, two = shape("ring8"), shape("ring8", "mnist5k")
    assert one[1] == 1640 and two[1] == 2464
    results = synthetic.make(seeds=(0,))
    again = [
        frame.assign(dataset=frame["dataset"] + "b", run=frame["run"] + "b") for frame in (results.runs, results.scores)
    ]
    results.runs, results.scores = (
        pd.concat([frame, more]) for frame, more in zip((results.runs, results.scores), again, strict=True)
    )
    four = _pixels(to_png(results)).shape
    assert four[1] == 2464 and four[0] > 1.5 * two[0]


def test_samples_are_seen_as_the_page_shows_them(synthetic: ModuleType) -> None:
    """Digits are white on black, which nothing else of the picture is."""
    pixels = _pixels(to_png(synthetic.make(seeds=(0,), datasets=("mnist5k",), exhibits=True, diverged=())))
    assert (pixels == 0).all(-1).sum() > 20_000
    without = synthetic.make(seeds=(0,), datasets=("mnist5k",), diverged=())
    without.points.clear()
    assert (_pixels(to_png(without)) == 0).all(-1).sum() == 0


@pytest.mark.parametrize(("ground", "theme"), [(LIGHT, "color-scheme: light;"), (DARK, "color-scheme: dark;")])
def test_the_grounds_are_those_of_the_page(ground: Ground, theme: str) -> None:
    css = CSS.read_text(encoding="utf-8")
    for found in css.split(theme)[1:]:
        assert dict(re.findall(r"--(\w+): (#\w+);", found.split("}")[0])) | ground._asdict() == dict(
            re.findall(r"--(\w+): (#\w+);", found.split("}")[0])
        )


def test_each_variant_is_drawn_in_its_colour(synthetic: ModuleType) -> None:
    pixels = _pixels(to_png(synthetic.make(datasets=("ring8",)))).reshape(-1, 3)
    for colour in ("#3f7fd9", "#d9722a", "#2f9a5f"):
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (pixels == rgb).all(axis=1).sum() > 20


def test_names_are_text_and_neither_markup_nor_mathematics(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), datasets=("ring8",), rename={"gan": r"$\frac{1$", "": "$x^$"})
    assert to_png(results)


def test_the_same_results_give_the_same_bytes(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), datasets=("ring8",))
    assert to_png(results) == to_png(results)
