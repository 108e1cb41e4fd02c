from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data import pictures
from ganbench.data.pictures import list_pictures

SHAPE = (3, 8, 8)


def read(path: Path, shape: tuple[int, int, int]) -> torch.Tensor:
    """As the dataset `folder` and `evaluate` read it."""
    return pictures.to_tensor(pictures.squared(pictures.read_picture(path, shape[0]), shape[1]))


# Names


def test_only_images_that_are_not_hidden_are_listed(tmp_path):
    for name in ("a.PNG", "deep/er/b.jpeg", ".hidden.png", ".thumbs/c.png", "._d.png", "notes.txt", "e.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list_pictures(tmp_path) == (["a.PNG", "deep/er/b.jpeg"], Counter({".txt": 1, ".pdf": 1}), [])
    assert list_pictures(tmp_path).others == "Passed over: 1 .pdf, 1 .txt."


# Pixels


def test_the_middle_square_is_kept(tmp_path):
    """Of three stripes side by side the outer ones are cut off; of an upright image, top and bottom."""
    wide = np.zeros((20, 60), np.uint8)
    wide[:, 20:40] = 255
    for name, pixels in [("wide.png", wide), ("high.png", wide.T)]:
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / name)
        assert read(tmp_path / name, (1, 10, 10))[:, 1:-1, 1:-1].eq(1).all()


def test_resizing_is_antialiased(tmp_path):
    """A checkerboard as fine as the pixels becomes an even grey."""
    board = ((np.arange(64)[:, None] + np.arange(64)) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "board.png")
    assert read(tmp_path / "board.png", (1, 16, 16))[:, 2:-2, 2:-2].abs().max() < 0.02


def test_an_image_of_the_right_size_keeps_its_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", SHAPE)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.from_numpy(pixels.transpose(2, 0, 1)).float() / 127.5 - 1)


def save_modes(place: Path) -> dict[str, float]:
    """Images of one colour in many modes -> the grey that each should have, in [-1, 1]."""
    grey = 2 * 100 / 255 - 1
    Image.new("L", (9, 9), 100).save(place / "grey.png")
    Image.new("1", (9, 9), 1).save(place / "bits.png")
    Image.new("RGB", (9, 9), (100, 100, 100)).save(place / "colour.jpg", quality=100)
    Image.new("RGBA", (9, 9), (100, 100, 100, 255)).save(place / "opaque.png")
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(place / "clear.png")
    Image.new("RGBA", (9, 9), (0, 0, 0, 51)).save(place / "veil.png")
    Image.new("LA", (9, 9), (0, 0)).save(place / "clear_grey.png")
    Image.new("RGB", (9, 9), (100, 100, 100)).quantize().save(place / "palette.gif")
    Image.new("CMYK", (9, 9), (0, 0, 0, 155)).save(place / "print.tif")
    Image.fromarray(np.full((9, 9), 100 * 257, np.uint16)).save(place / "deep.png")
    Image.fromarray(np.full((9, 9), 100 * 257, np.uint16)).save(place / "deep.tif")
    Image.fromarray(np.full((9, 9), 65_535, np.uint16)).save(place / "deep_white.png")
    return {
        "grey.png": grey, "bits.png": 1, "colour.jpg": grey, "opaque.png": grey, "clear.png": 1, "veil.png": 0.6,
        "clear_grey.png": 1, "palette.gif": grey, "print.tif": grey, "deep.png": grey, "deep.tif": grey,
        "deep_white.png": 1,
    }  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_what_it_looks_like_on_white(tmp_path, channels):
    for name, expected in save_modes(tmp_path).items():
        found = read(tmp_path / name, (channels, 4, 4))
        assert found.shape == (channels, 4, 4)
        torch.testing.assert_close(found, torch.full_like(found, expected), atol=1.1 / 127.5, rtol=0, msg=name)


def test_an_image_is_turned_as_its_camera_says(tmp_path):
    half = np.zeros((8, 8), np.uint8)
    half[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(half).save(tmp_path / "a.png", exif=exif)
    found = read(tmp_path / "a.png", (1, 8, 8))
    assert found[:, :4].eq(-1).all() and found[:, 4:].eq(1).all()
