"""The whole report as a document of headings, paragraphs and tables, in any markup."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pandas import DataFrame

from ganbench.compare.words import answer_over_all, beaten_over_all
from ganbench.reports.formats import sentences, text_tables
from ganbench.reports.frames import ranking, search, trajectories
from ganbench.reports.frames.board import boards
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.conditions import about_judge, conditions_of
from ganbench.reports.frames.disagreement import reversals
from ganbench.reports.frames.failures import failed_runs
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.matrix import matrix, matrix_cells, outcome
from ganbench.reports.frames.published import published_and_ours
from ganbench.reports.frames.scores import CHECKPOINTS, comparability_keys
from ganbench.reports.numbers import short
from ganbench.store import Results

Titled = tuple[str, DataFrame]  # a title and a table of text


@dataclass(frozen=True)
class Markup:
    """How a format writes."""

    headings: tuple[str, str, str]  # of three levels, with a place for the words
    table: Callable[[DataFrame], str]
    text: Callable[[str], str]  # escapes what the format would read as markup


def document(results: Results, markup: Markup) -> str:
    """The answers and one table of all rows; then over all datasets, and per dataset its tables."""
    report, (first, second, third) = Report(results), markup.headings
    parts = [first.format(markup.text(f"ganbench: {short(results.suite)}"))]
    if not report.chapters:
        parts.append("No run has finished yet.")
    if report.chapters:
        parts += _first(report, markup)
    for title, table in _overall(report):
        parts += [second.format(markup.text("Over all datasets")), markup.text(title), markup.table(table)]
    for chapter in report.chapters:
        parts.append(second.format(markup.text(short(chapter.dataset))))
        parts += map(markup.text, filter(None, [sentences.beside(chapter), *sentences.remarks(chapter)]))
        for title, table in _tables(chapter):
            if len(table):
                parts += [third.format(markup.text(title)), markup.table(table)]
    return "\n\n".join(parts) + "\n"


def _first(report: Report, markup: Markup) -> Iterator[str]:
    """What the page's first screen says: the verdicts, how the runs ended, and all rows on all datasets."""
    found = matrix(report)
    for chapter in report.chapters:
        yield markup.text(f"{short(chapter.dataset)}: {sentences.verdict(chapter)}")
    yield markup.text(outcome(found))
    yield markup.table(matrix_cells(found))


def _tables(chapter: Chapter) -> Iterator[Titled]:
    """All tables of a dataset, in order; some may be empty."""
    yield from _boards(chapter)
    yield "Published values beside ours", text_tables.published_cells(published_and_ours(chapter), chapter.metrics)
    yield "Failed runs", text_tables.failure_cells(failed_runs(chapter))
    yield from _stability(chapter)
    yield "Pairs whose order depends on the metric", text_tables.pair_cells(reversals(chapter.scores))
    yield "Cost of a finished run (mean)", text_tables.ledger_cells(mean_ledger(chapter))
    if len(tried := search.trials(chapter)):
        yield f"Search: {text_tables.SEARCH}", text_tables.search_cells(search.searched(tried), chapter.metrics)
    yield "Conditions", conditions_of(chapter)
    yield "Comparability keys", comparability_keys(chapter.scores)


def _overall(report: Report) -> Iterator[Titled]:
    entries = ranking.ranked_datasets(report)
    ranks = ranking.overall_ranks(entries)
    if len(ranks):
        pairs = ranking.over_all(report)
        title = f"{answer_over_all(pairs, len(entries), short)} Ranks, 1 is best.".strip()
        yield title, text_tables.overall_cells(ranks, entries, beaten_over_all(pairs))


def _boards(chapter: Chapter) -> Iterator[Titled]:
    for checkpoint in CHECKPOINTS:
        for board in boards(chapter, checkpoint):
            about = next(iter(board.metrics.values()))
            how = f"{about['split']} split, judge {short(about['judge'])}, mean [95 % interval over seeds]"
            said = about_judge(chapter, str(about["judge"]))
            yield f"Board {board.part}, {checkpoint} checkpoint: {how}. {said}".rstrip(". "), board.cells()


def _stability(chapter: Chapter) -> Iterator[Titled]:
    metric = trajectories.judged_by(chapter.scores, chapter.select)
    runs = trajectories.of_runs(chapter.runs, chapter.scores, metric)
    if len(runs):
        title = f"Stability, by {chapter.metrics[metric].title} on the validation split"
        yield title, text_tables.stability_cells(trajectories.of_labels(runs))
