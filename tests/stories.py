"""The stories of the documentation, as somebody new would follow them: `python tests/stories.py my-model`.

In an empty folder each ```sh block of docs/<story>.md is run, and each other block whose first line is a comment with a
file's name is written there, in the order of the page. A story ends within ten minutes. `nox -s stories` does this with
a wheel, installed outside of the repository.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

DOCS = Path(__file__).parent.parent / "docs"
LIMIT_S = 600
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NAMED = re.compile(r"# ([\w./-]+\.\w+)\n")


def blocks(story: str) -> Iterator[tuple[str, str]]:
    """What a page tells to do: ("", commands), or (file, its text)."""
    for kind, text in BLOCK.findall((DOCS / f"{story}.md").read_text(encoding="utf-8")):
        named = NAMED.match(text)
        if kind == "sh":
            yield "", text
        elif named:
            yield named[1], text


def pictures(folder: Path) -> None:
    """Three hundred colour pictures of 40 x 60 pixels, cut from the photographs that scikit-learn has."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    places = [(photo, 20 * row, 30 * column) for row in range(19) for column in range(19) for photo in (0, 1)]
    photos = load_sample_images().images
    folder.mkdir()
    for i, (photo, top, left) in enumerate(places[:300]):
        Image.fromarray(photos[photo][top : top + 60, left : left + 40]).save(folder / f"{i:03}.png")


BEFORE = {"my-pictures": lambda folder: pictures(folder / "pictures")}


def follow(story: str, folder: Path) -> float:
    """Do what a page says -> the seconds that it took. Raises CalledProcessError or TimeoutExpired."""
    BEFORE.get(story, lambda folder: None)(folder)
    began = monotonic()
    for file, text in blocks(story):
        if file:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        else:
            print(text, end="", flush=True)
            left = LIMIT_S - (monotonic() - began)
            subprocess.run(["bash", "-e", "-c", text], cwd=folder, check=True, timeout=left)
    return monotonic() - began


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with TemporaryDirectory() as empty:
            print(f"{name}: {follow(name, Path(empty)):.0f} s", flush=True)
