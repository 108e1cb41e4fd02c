"""The picture of the boards: there for any results, the same for the same."""

from io import BytesIO
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganbench.reports.formats.as_png import to_png


def _pixels(png: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("kind", ["empty", "half_finished", "all_failed", "theory"])
@pytest.mark.filterwarnings("error")
def test_any_results_are_a_picture(synthetic: ModuleType, kind: str) -> None:
    pixels = _pixels(to_png(getattr(synthetic, kind)()))
    assert pixels.shape[1] == 1376 and pixels.std() > 1


def test_the_picture_is_as_wide_and_higher_for_more_rows(full: Any, synthetic: ModuleType) -> None:
    few = _pixels(to_png(synthetic.make(datasets=("ring8",))))
    assert few.shape[1] == 1376 and few.shape[0] < _pixels(to_png(full)).shape[0]


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
