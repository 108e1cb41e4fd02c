"""Writing whole or not at all: whoever is stopped halfway leaves what was there before."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write a file or a folder to; at the end of the block it becomes `path`.

    A block that raises leaves nothing behind. The name is this process's own, so that several may write the same.
    Raises OSError if `path` is a folder that is not empty.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def write_bytes(path: Path, raw: bytes) -> None:
    """Write a file."""
    with written_whole(path) as draft:
        draft.write_bytes(raw)


def write_json(path: Path, content: Any) -> None:
    """Write values as JSON. Raises ValueError if a number among them is not finite."""
    text = json.dumps(content, indent=1, allow_nan=False, default=str) + "\n"
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8")


def json_rows(frame: "DataFrame") -> Any:
    """Return a table's rows for `write_json`: a number that is not finite is null."""
    return json.loads(frame.to_json(orient="records", double_precision=15))
