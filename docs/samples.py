"""Pictures of samples for the pages of variants: `python docs/samples.py results/quick` writes docs/pictures/variants/.

Of each variant: the first 32 digits, and the first 500 points over the true modes, of the runs with seed 0. Nothing is
chosen. Captions say which runs they are of.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

PICTURES = Path(__file__).parent / "pictures" / "variants"
DIGITS, COLUMNS, ZOOM = 32, 8, 2
POINTS, REACH = 500, 1.6  # points that are drawn, and the half side of the square that shows them
GREY, BLUE = (190, 190, 190), (31, 100, 180)


def digits(images: np.ndarray[Any, Any]) -> Image.Image:
    """Images (n, h, w, 1) as bytes -> the first of them, row by row."""
    n, h, w, _ = images[:DIGITS].shape
    tiles = images[:DIGITS, ..., 0].reshape(n // COLUMNS, COLUMNS, h, w).swapaxes(1, 2).reshape(-1, COLUMNS * w)
    return Image.fromarray(tiles).resize((ZOOM * COLUMNS * w, ZOOM * h * n // COLUMNS)).convert("RGB")


def points(samples: np.ndarray[Any, Any], truth: dict[str, Any], side: int) -> Image.Image:
    """Samples (n, 2) -> the first of them as dots, over circles of three standard deviations about the modes."""
    shown = Image.new("RGB", (side, side), "white")
    pen, scale = ImageDraw.Draw(shown), side / (2 * REACH)

    def dot(at: Any, radius: float, colour: tuple[int, int, int]) -> None:
        x, y = side / 2 + scale * at[0], side / 2 - scale * at[1]
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    for mean in truth["means"]:
        dot(mean, 3 * truth["sigma"] * scale, GREY)
    for at in samples[:POINTS]:
        dot(at, 1, BLUE)
    return shown


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures of equal height as one."""
    both = Image.new("RGB", (left.width + 8 + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 8, 0))
    return both


def write(results: Path) -> None:
    """Pictures and captions of all rows of results that have both datasets and that something trained."""
    commit = json.loads((results / "suite.json").read_text())["commit"]
    found: dict[str, dict[str, tuple[Path, dict[str, Any]]]] = {}
    for file in sorted(results.glob("*/run.json")):
        record = json.loads(file.read_text())
        about = record["summary"]
        if about["seed"] == 0 and not about["control"]:
            found.setdefault(about["variant"], {})[about["dataset"]] = file.parent, record
    captions = {}
    PICTURES.mkdir(exist_ok=True)
    for variant, runs in sorted(found.items()):
        (images, of_images), (cloud, of_points) = runs["mnist5k"], runs["ring8"]
        left = digits(np.load(images / "samples.npy"))
        right = points(np.load(cloud / "samples.npy"), of_points["truth"], left.height)
        beside(left, right).save(PICTURES / f"{variant}.webp", quality=60, method=6)
        captions[variant] = (
            f"The first {DIGITS} digits of run {images.name} (`{variant}/mnist5k/0`, "
            f"{of_images['ledger']['images']:,} images) and the first {POINTS} points of run {cloud.name} "
            f"(`{variant}/ring8/0`, {of_points['ledger']['images']:,}), of suites/quick.toml at commit {commit}."
        )
    (PICTURES / "captions.json").write_text(json.dumps(captions, indent=1) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
