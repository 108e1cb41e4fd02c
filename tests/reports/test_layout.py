"""HTML comes from templates, which escape whatever they show."""

import math
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from ganbench.reports.html.layout import TEMPLATES, breakable, exact, lay_out

REPORTS = Path(__file__).parents[2] / "reports"
HTML = REPORTS / "html"
TAG = re.compile(r"</?(?:a|b|bdi|button|code|dd|div|dl|dt|em|figure|h[1-6]|li|p|section|span|t[dhr]|table|ul)\b[ >]")
PAGES = ("page.html", "site.html", "variant.html", "serve.html", "audit.html", "history.html")


def _holding(pattern: str | re.Pattern[str], files: list[Path]) -> set[str]:
    assert files
    return {file.name for file in files if re.search(pattern, file.read_text(encoding="utf-8"))}


def test_every_template_can_be_read() -> None:
    assert {*PAGES} < {*TEMPLATES.list_templates()}
    for name in TEMPLATES.list_templates():
        TEMPLATES.get_template(name)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_stands_on_the_base(page: str) -> None:
    name = page
    while parent := re.search(r'{% extends "([^"]+)" %}', (HTML / "templates" / name).read_text(encoding="utf-8")):
        name = parent[1]
    assert name == "base.html"


def test_no_python_writes_html() -> None:
    assert _holding(TAG, [*HTML.glob("*.html"), *HTML.glob("templates/*")]), "the pattern finds tags"
    assert _holding(TAG, [*REPORTS.rglob("*.py")]) == set()


def test_what_is_not_escaped_is_made_in_one_place() -> None:
    assert _holding(r"\bMarkup\(", [*HTML.glob("*.py")]) == {"layout.py"}
    assert _holding(r"\bsafe\b|autoescape", [*HTML.glob("templates/*")]) == {"base.html"}, "the policy, which is ours"


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="terms"):
        lay_out("glossary.html")


def test_values_are_escaped_once() -> None:
    source = TEMPLATES.from_string('{% from "macros.html" import name %}{{ name(value) }}')
    assert source.render(value="<script>&") == "<bdi>&lt;script&gt;&amp;</bdi>"


def test_a_name_breaks_after_an_underscore_and_is_not_endless() -> None:
    assert breakable("a_<b") == Markup("a_<wbr>&lt;b")
    assert breakable("x" * 99, 5) == "xxxx…"


@pytest.mark.parametrize(
    ("value", "words"),
    [(3, "3"), (0.1, "0.1"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), ("gan", "gan"), (1e-7, "1e-07")],
)
def test_values_are_sorted_by_numbers_that_javascript_reads(value: float | str, words: str) -> None:
    assert exact(value) == words
