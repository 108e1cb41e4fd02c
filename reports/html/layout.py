"""HTML comes from the templates beside this file, which lay out the values that Python prepares.

Whatever a template shows is escaped, unless it is `Markup` already: what templates made, figures' JSON, and the files
page.css, page.js and their kin. So names (suites, labels, reasons, plugins' metrics) stay text in HTML; in a figure
`figures.plain` keeps them so. A name that a template does not get is an error.
"""

import gzip
import json
import math
from base64 import b64encode
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from ganbench.reports import numbers
from ganbench.reports.html.compact import compact

HERE = Path(__file__).parent
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


def breakable(name: object, most: int = 60) -> Markup:
    """A name of at most so many characters; a line may break after an underscore."""
    return Markup("_<wbr>").join(numbers.short(name, most).split("_"))


def exact(value: float | str) -> str:
    """A value as the script sorts it: in JavaScript's words for numbers."""
    if isinstance(value, str | int):
        return str(value)
    return repr(float(value)) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def script_json(figure: go.Figure, still: bool = False) -> Markup:
    """JSON for the inside of a script element, where `</script>` and `<!--` would end or nest it."""
    source = to_json_plotly(compact(figure, still))
    return Markup(source.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals |= {
    function.__name__: function
    for function in (
        breakable, exact, numbers.amount, numbers.arrow, numbers.better, numbers.count, numbers.duration,
        numbers.estimate, numbers.fixed, numbers.isolated, numbers.listed, numbers.number, numbers.short,
    )
}  # fmt: skip
TEMPLATES.filters |= {"short": numbers.short, "json": json.dumps}
TEMPLATES.globals |= {"NONE": numbers.NONE, "APART": numbers.APART}


def lay_out(template: str, **values: Any) -> Markup:
    """A template of `templates/` with these values."""
    return Markup(TEMPLATES.get_template(template).render(values))


def static(*files: str) -> Markup:
    """Files of this folder, one after the other, for the inside of a style or script element."""
    return Markup("").join(Markup((HERE / file).read_text(encoding="utf-8")) for file in files)


@cache
def packed_plotly() -> str:
    """Plotly, compressed, as text: a third of its size, and no work for a browser before it is needed."""
    return b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


@dataclass(frozen=True)
class Frame:
    """What stands around the content of every page."""

    policy: str = POLICY  # what the browser may load
    css: Markup = field(default_factory=lambda: static("page.css"))
    script: Markup = field(default_factory=lambda: static("page.js", "tabs.js"))
    plotly: str = ""  # address of a file that pages share; "": inside the page
    scores: str = ""  # address of the table of all scores; "": the reader has none at hand


def whole_page(template: str, frame: Frame | None = None, *, plotted: bool = True, **values: Any) -> str:
    """A page from a template that extends base.html. `plotted`: whether it has a figure, for which it needs Plotly.

    The values that base.html needs: title, subtitle, and links (address -> what it is called).
    """
    frame = frame or Frame()
    inside = packed_plotly() if plotted and not frame.plotly else ""
    return str(lay_out(template, frame=frame, plotted=plotted, plotlyjs=inside, **values))
