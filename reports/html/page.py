"""One self-contained page: opens from disk without a network, and can be mailed.

The answer comes first, then per dataset the boards, the pictures, the samples, the cost and the conditions. The tables
need no script; Plotly stands at the end of the file, so that they can be read while it loads.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from ganbench.reports.formats import sentences
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.rows import MISSING, runs
from ganbench.reports.html.disagreement import disagreement
from ganbench.reports.html.gallery import gallery
from ganbench.reports.html.leaderboard import failures, leaderboards, published
from ganbench.reports.html.markup import Page, Section, escape, name
from ganbench.reports.html.overall import overall
from ganbench.reports.html.pictures import pictures
from ganbench.reports.html.provenance import conditions, cost, glossary
from ganbench.reports.html.stability import stability
from ganbench.reports.numbers import amount, count, listed, short
from plotly.offline import get_plotlyjs

from ganbench.store import Results
from ganbench.store.whole import write_bytes

HERE = Path(__file__).parent
Part = Callable[[Section], str]  # HTML of one question about a dataset; "" where there is nothing to say
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


@dataclass(frozen=True)
class Form:
    """What the single file, the served page and a page of a site do differently."""

    policy: str = POLICY  # what the browser may load
    above: str = ""  # HTML before the answers
    css: str = ""  # beyond page.css
    script: str = ""  # beyond page.js
    plotly: str = ""  # address of a file that pages share; "": inside the page
    footer: str = "Every score on this page is a row of <code>ganbench report --format csv</code>."


ALONE = Form()


def put(out: Path, content: bytes) -> Path:
    """Write a file that is there whole or not at all; its folder is made if need be."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, content)
    return out


def render(results: Results, form: Form = ALONE, parts: Iterable[Part] | None = None) -> str:
    """The page as one string of HTML; of each dataset its `parts`, by default all."""
    page = Page(Report(results))
    sections = "".join(section(chapter, PARTS if parts is None else parts) for chapter in page.sections)
    together = overall(page, slug := page.claim("overall"))
    body = _answers(page) + together + sections + glossary(page) if page.sections else _nothing(results)
    links = {f"#{slug}": "overall"} if together else {}
    links |= {f"#{chapter.slug}": chapter.dataset for chapter in page.sections}
    return fill(page, name(results.suite, 300), _subtitle(page.report), links, body, form)


def fill(page: Page, heading: str, subtitle: str, links: Mapping[str, str], body: str, form: Form) -> str:
    """A whole page around its `body`; `heading` and `body` are HTML, `links` are addresses -> what they are called."""
    source = f' src="{escape(form.plotly)}">' if form.plotly else f">{get_plotlyjs()}"
    return Template(_file("page.html").replace(POLICY, form.policy)).substitute(
        title=escape(f"{short(page.results.suite)}: ganbench"),
        heading=heading,
        subtitle=escape(subtitle),
        links="".join(f'<a href="{escape(to)}">{name(called)}</a>' for to, called in links.items()),
        body=form.above + body,
        footer=f"Made by ganbench from <code>{escape(page.results.path)}</code>. {form.footer}",
        plotly=f"<script{source}</script>" if page.drawn else "",
        css=_file("page.css") + form.css,
        script=_file("page.js") + form.script,
    )


def _file(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")


def _subtitle(report: Report) -> str:
    """How much was run, with which budget, and where."""
    own = runs(report.results)
    if own.empty:
        return ""
    variants = sum(not control for control in report.labels.values())
    counts = {"variant": variants, "dataset": own["dataset"].nunique(), "seed": own["seed"].nunique()}
    said = [", ".join(count(n, noun) for noun, n in {**counts, "run": len(own)}.items())]
    ended = own[own["status"] != MISSING]
    if "budget_amount" in ended and len(ended):
        pairs = dict.fromkeys(zip(ended["budget_amount"], ended["budget_unit"], strict=True))
        said.append(f"Budget of a run: {listed([f'{amount(float(size))} {short(unit)}' for size, unit in pairs])}")
    if "device" in ended and ended["device"].notna().any():
        said.append(f"Trained on {listed([short(device) for device in dict.fromkeys(ended['device'].dropna())])}")
    return ". ".join(said) + "."


def _nothing(results: Results) -> str:
    said = "No run of this suite has finished yet, so there is nothing to compare. Looked in"
    return f'<p class="answer empty">{said} <code>{escape(results.path)}</code>.</p>'


def _answers(page: Page) -> str:
    items = "".join(f"<li>{escape(sentences.answer(section))}</li>" for section in page.sections)
    return f'<ul class="answers" aria-label="In short">{items}</ul>'


# The order in which a dataset is told.
PARTS: tuple[Part, ...] = (
    leaderboards, published, failures, pictures, stability, disagreement, gallery, cost, conditions,
)  # fmt: skip


def section(chapter: Section, parts: Iterable[Part]) -> str:
    """All of one dataset."""
    slug = chapter.slug
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in sentences.remarks(chapter))
    return (
        f'<section class="dataset" id="{slug}" aria-labelledby="{slug}--title">'
        f'<h2 id="{slug}--title"><a class="anchor" href="#{slug}">{name(chapter.dataset)}</a></h2>'
        + (f'<ul class="badges">{remarks}</ul>' if remarks else "")
        + "".join(part(chapter) for part in parts)
        + "</section>"
    )
