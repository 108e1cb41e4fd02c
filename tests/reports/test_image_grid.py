"""Grids hold every image where it belongs, and nothing between them."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganbench.reports.html import image_grid


def _numbered(n: int, side: int = 2, channels: int = 1) -> NDArray[np.uint8]:
    """Image i is all of level i."""
    levels = np.unique(image_grid.CUT)[:n].reshape(-1, 1, 1, 1)
    return np.broadcast_to(levels, (n, side, side, channels)).astype(np.uint8)


def _opened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    kind, data = image_grid.data_uri(pixels).split(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(b64decode(data))).convert("RGBA"))


def test_images_stand_row_by_row_with_a_gap_right_and_below() -> None:
    images = _numbered(3)
    a, b, c = images[:, 0, 0, 0]
    _ = image_grid.CLEAR
    wanted = [
        [a, a, _, b, b, _], [a, a, _, b, b, _], [_, _, _, _, _, _],
        [c, c, _, _, _, _], [c, c, _, _, _, _], [_, _, _, _, _, _],
    ]  # fmt: skip
    np.testing.assert_array_equal(image_grid.grid(images, 2).pixels[..., 0], wanted)


def test_levels_are_32_near_what_they_stand_for_and_never_clear() -> None:
    assert len(np.unique(image_grid.CUT)) == 32 and image_grid.CUT[0] == 0 and image_grid.CUT[255] == 255
    assert np.abs(image_grid.CUT.astype(int) - np.arange(256)).max() <= 255 / 31 / 2 + 0.5
    assert image_grid.CLEAR not in image_grid.CUT
    np.testing.assert_array_equal(image_grid.CUT[image_grid.CUT], image_grid.CUT)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_levels_and_is_transparent_between_images(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 5, channels), dtype=np.uint8)
    found = _opened(image_grid.grid(images, 2).pixels)
    for i in range(4):
        top, left = 6 * (i // 2), 6 * (i % 2)
        tile = found[top : top + 5, left : left + 5]
        np.testing.assert_array_equal(tile[..., :3], np.broadcast_to(image_grid.CUT[images[i]], (5, 5, 3)))
        assert (tile[..., 3] == 255).all()
    assert (found[5::6, :, 3] == 0).all() and (found[:, 5::6, 3] == 0).all()


@pytest.mark.parametrize(("channels", "seen"), [(2, [0, 0, 0]), (4, [0, 1, 2])])
def test_of_other_channels_what_can_be_seen_is_shown(channels: int, seen: list[int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 5, 5, channels), dtype=np.uint8)
    np.testing.assert_array_equal(
        _opened(image_grid.grid(images, 1).pixels)[:5, :5, :3], image_grid.CUT[images[0]][..., seen]
    )


def test_a_film_has_its_frames_below_one_another() -> None:
    frames = _numbered(10).reshape(2, 5, 2, 2, 1)
    film = image_grid.film(frames)
    assert film.pixels.shape == (2 * 2 * 3, 3 * 3, 1)  # five images: two rows of three
    upper, lower = np.split(film.pixels, 2)
    np.testing.assert_array_equal(upper, image_grid.grid(frames[0], 3).pixels)
    np.testing.assert_array_equal(lower, image_grid.grid(frames[1], 3).pixels)


def test_rows_in_twos_pair_each_image_with_the_one_below_it() -> None:
    above, below = _numbered(20)[:10], _numbered(20)[10:]
    pixels = image_grid.twos(above, below, columns=8).pixels[..., 0]
    step, band = 3, 2 * 3 + 3
    for i in range(10):
        top, left = band * (i // 8), step * (i % 8)
        assert pixels[top, left] == above[i, 0, 0, 0] and pixels[top + step, left] == below[i, 0, 0, 0]
    assert (pixels[2 * step : band] == image_grid.CLEAR).all()


@pytest.mark.parametrize(("side", "zoom"), [(8, 4), (16, 2), (28, 1), (32, 1), (128, 1)])
def test_pixels_grow_by_whole_numbers(side: int, zoom: int) -> None:
    shown = image_grid.grid_of(np.zeros((2, 3, side, side, 1), np.uint8), ["a", "b", "c"])
    assert shown.zoom == zoom and shown.width == 3 * (side + 1) * zoom and shown.heads == ("a", "b", "c")
