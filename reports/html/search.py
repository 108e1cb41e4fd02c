"""The page's account of a search: which options were chosen, how much trials help, and what they cost."""

from collections.abc import Iterator

from pandas import DataFrame

from ganbench.reports import figures
from ganbench.reports.formats.text_tables import search_cells
from ganbench.reports.frames.search import quality, searched, trials
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.pictures import Caption, DrawnFigure, group
from ganbench.reports.html.sections import Section

QUALITY = Caption(
    "Expected best of k trials, on the validation split (Lucic et al., 2018): over all sets of k of the variant's own "
    "trials. Lines that cross say that the order depends on how long one searches.",
    "the best of many trials of one seed each is partly luck; the board, whose seeds are others, shows how much.",
)


def search(section: Section) -> str:
    """The trials of each variant; nothing where the suite does not search."""
    found = trials(section)
    if found.empty:
        return ""
    cells = search_cells(searched(found), section.metrics)
    lines = group(section.page, section.slug, "Quality over trials", QUALITY, _lines(section, found))
    return lay_out(
        "search.html", page=section.page, titles=list(cells.columns[1:]), rows=cells.to_dict("records"),
        labels=list(dict.fromkeys(found["label"])), group=lines,
    )  # fmt: skip


def _lines(section: Section, found: DataFrame) -> Iterator[DrawnFigure]:
    table = quality(found)
    if len(table):
        title, direction = section.metrics[found["metric"].iloc[0]].title, str(found["direction"].iloc[0])
        figure = figures.best_of(table, title, direction, section.styles)
        yield DrawnFigure(title, figure, f"Expected best {title} over the number of trials, a line per variant.")
