"""One self-contained page: opens from disk without a network, and can be mailed.

The answer comes first, then per dataset the boards, the pictures, the samples, the cost and the conditions. The tables
need no script; Plotly stands at the end of the file, so that they can be read while it loads.
"""

from collections.abc import Callable
from pathlib import Path
from string import Template

from plotly.offline import get_plotlyjs

from reports import prose, tables
from reports.gallery import gallery
from reports.leaderboard import boards, failures, published
from reports.markup import Chapter, Page, escape, name
from reports.pictures import pictures
from reports.provenance import conditions, cost, glossary
from reports.tables import Results
from reports.words import amount, count, listed, short

HERE = Path(__file__).parent


def text(results: Results, format: str) -> str:
    """A report as a string; `format` is html, csv (tidy: one row per score), md or latex."""
    makers: dict[str, Callable[[Results], str]] = {
        "html": render,
        "csv": lambda found: tables.tidy(found).to_csv(index=False, lineterminator="\n"),
        "md": prose.to_markdown,
        "latex": prose.to_latex,
    }
    if format not in makers:
        raise ValueError(f"Found format {format!r}, but need one of {', '.join(makers)}.")
    return makers[format](results)


def write(results: Results, out: Path, format: str = "html") -> Path:
    """Write `text` to a file, which is there whole or not at all; its folder is made if need be."""
    made = text(results, format)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.draft")
    draft.write_text(made, encoding="utf-8", newline="\n")
    return draft.replace(out)


def render(results: Results) -> str:
    """The page as one string of HTML."""
    page = Page(results)
    sections = "".join(_section(chapter) for chapter in page.chapters)
    return Template(_file("page.html")).substitute(
        title=escape(f"{short(results.suite)}: ganbench"),
        heading=name(results.suite, 300),
        subtitle=escape(_subtitle(results)),
        links="".join(f'<a href="#{chapter.slug}">{name(chapter.dataset)}</a>' for chapter in page.chapters),
        body=_answers(page) + sections + glossary(page) if page.chapters else _nothing(results),
        footer=f"Made by ganbench from <code>{escape(results.path)}</code>. "
        "Every score on this page is a row of <code>ganbench report --format csv</code>.",
        css=_file("page.css"),
        script=_file("page.js"),
        plotly=f"<script>{get_plotlyjs()}</script>" if page.drawn else "",
    )


def _file(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")


def _subtitle(results: Results) -> str:
    """How much was run, with which budget, and where."""
    runs = tables.runs(results)
    if runs.empty:
        return ""
    variants = sum(not control for control in tables.labels(results).values())
    counts = {"variant": variants, "dataset": runs["dataset"].nunique(), "seed": runs["seed"].nunique()}
    said = [", ".join(count(n, noun) for noun, n in {**counts, "run": len(runs)}.items())]
    ended = runs[runs["status"] != tables.MISSING]
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
    said = (prose.answer(c.rows, c.people, c.dataset, c.select) for c in page.chapters)
    items = "".join(f"<li>{escape(answer)}</li>" for answer in said)
    return f'<ul class="answers" aria-label="In short">{items}</ul>'


def _section(chapter: Chapter) -> str:
    """All of one dataset."""
    slug = chapter.slug
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in prose.remarks(chapter.results, chapter.dataset))
    parts = (boards, published, failures, pictures, gallery, cost, conditions)
    return (
        f'<section class="dataset" id="{slug}" aria-labelledby="{slug}--title">'
        f'<h2 id="{slug}--title"><a class="anchor" href="#{slug}">{name(chapter.dataset)}</a></h2>'
        + (f'<ul class="badges">{remarks}</ul>' if remarks else "")
        + "".join(part(chapter) for part in parts)
        + "</section>"
    )
