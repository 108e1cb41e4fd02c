"""A report's formats. A new one is a file here, with a function of results, and an entry of `FORMATS`."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pandas, for which `ganbench --help` need not wait
    from ganbench.store import Results

# The name in `ganbench report --format` -> module and function that make it: results -> text or bytes.
FORMATS = {
    "html": "as_html:to_html",
    "csv": "as_csv:to_csv",
    "md": "as_markdown:to_markdown",
    "latex": "as_latex:to_latex",
    "json": "as_json:to_json",
    "png": "as_png:to_png",
}


def report(results: "Results", format: str) -> bytes:
    """A report as a file holds it. Raises ValueError on a format that is not in `FORMATS`."""
    if format not in FORMATS:
        raise ValueError(f"Found format {format!r}, but need one of {', '.join(FORMATS)}.")
    module, function = FORMATS[format].split(":")
    content = getattr(import_module(f"{__name__}.{module}"), function)(results)
    return content.encode() if isinstance(content, str) else bytes(content)


def write_report(results: "Results", out: Path, format: str = "html") -> Path:
    """Write `report` to a file that is there whole or not at all; its folder is made if need be."""
    from ganbench.store.whole import write_bytes

    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, report(results, format))
    return out
