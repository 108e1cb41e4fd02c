"""A report's formats. A new one is a file `as_NAME.py` here, with `to_NAME`: results -> text or bytes."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pandas, for which `ganbench --help` need not wait
    from ganbench.store import Results

FORMATS = [module.name.removeprefix("as_") for module in iter_modules(__path__) if module.name.startswith("as_")]


def report(results: "Results", format: str, **options: Any) -> bytes:
    """A report as a file holds it; options are the format's own. Raises ValueError on a format without a file here."""
    if format not in FORMATS:
        raise ValueError(f"Found format {format!r}, but need one of {', '.join(FORMATS)}.")
    content = getattr(import_module(f"{__name__}.as_{format}"), f"to_{format}")(results, **options)
    return content.encode() if isinstance(content, str) else bytes(content)


def write_report(results: "Results", out: Path, format: str = "html", **options: Any) -> Path:
    """Write `report` to a file that is there whole or not at all; its folder is made if need be."""
    from ganbench.store.whole import write_bytes

    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, report(results, format, **options))
    return out
