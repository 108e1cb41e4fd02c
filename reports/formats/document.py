"""The whole report as a document, in Markdown or LaTeX: the page's tables, as text."""

from collections.abc import Callable, Iterator

import numpy as np
from ganbench.reports.formats import prose
from ganbench.reports.formats.words import APART, amount, estimate, fixed, listed, number, short
from ganbench.reports.frames import disagreement, glossary, ranking, tables
from ganbench.reports.frames import trajectories as courses
from ganbench.reports.frames.tables import each
from pandas import DataFrame

from ganbench.store import Results

Part = tuple[str, DataFrame]  # a table and its title


def to_markdown(results: Results) -> str:
    """For GitHub: over all datasets, then per dataset the answer, boards, published values, failures, stability,
    disagreement, the ledger, the conditions.
    """
    return _written(results, prose.markdown, prose.markdown_text, "# {}", "## {}", "### {}")


def to_latex(results: Results) -> str:
    """The same as LaTeX sections and booktabs tables, without a preamble."""
    heads = r"\section{{{}}}", r"\subsection{{{}}}", r"\subsubsection{{{}}}"
    return "% needs \\usepackage{booktabs}\n" + _written(results, prose.latex, prose.latex_text, *heads)


def _written(results: Results, table: Callable[[DataFrame], str], plain: Callable[[str], str], *heads: str) -> str:
    parts = [heads[0].format(plain(f"ganbench: {short(results.suite)}"))]
    if results.runs.empty:
        parts.append("No run has finished yet.")
    summary, tidy, metrics = tables.summary(results), tables.tidy(results), glossary.read(results.scores)
    for title, frame in _overall(results, summary, tidy):
        parts += [heads[1].format(plain("Over all datasets")), plain(title), table(frame)]
    for dataset in tables.datasets(results):
        rows, scores = tables.of_dataset(summary, dataset), tables.of_dataset(tidy, dataset)
        people, select = tables.roster(results, dataset), tables.selecting(results, dataset)
        parts += [heads[1].format(plain(short(dataset))), plain(prose.answer(rows, people, dataset, select))]
        parts += [plain(remark) for remark in prose.remarks(results, dataset)]
        for title, frame in (
            *_boards(rows, people, select),
            ("Published values beside ours", published_cells(tables.published(results, dataset), metrics)),
            ("Failed runs", prose.failure_cells(tables.failures(results, dataset))),
            *_stability(results, scores, dataset, select),
            ("Pairs whose order depends on the metric", pair_cells(disagreement.reversals(rows))),
            ("Cost of a finished run (mean)", prose.ledger_cells(tables.ledger(results, dataset))),
            ("Conditions", tables.conditions(results, dataset)),
            ("Comparability keys", tables.keys(scores)),
        ):
            if len(frame):
                parts += [heads[2].format(plain(title)), table(frame)]
    return "\n\n".join(parts) + "\n"


def _overall(results: Results, summary: DataFrame, tidy: DataFrame) -> Iterator[Part]:
    entries = []
    for dataset in tables.datasets(results):
        rows, scores = tables.of_dataset(summary, dataset), tables.of_dataset(tidy, dataset)
        people, select = tables.roster(results, dataset), tables.selecting(results, dataset)
        if (found := ranking.enter(rows, scores, people, dataset, select)) is not None:
            entries.append(found)
    found_ranks = ranking.differences(entries)
    if found_ranks is not None:
        title = "Ranks, 1 is best; mean ranks that are at least {} apart differ (Nemenyi, 95 %)."
        yield title.format(number(found_ranks.distance, 3)), overall_cells(ranking.overall(entries), entries)


def overall_cells(table: DataFrame, entries: list[ranking.Entry]) -> DataFrame:
    """`ranking.overall` -> text."""
    rows = []
    for row in table.to_dict("records"):
        line = {"mean rank": fixed(row["rank"], 2), "variant": short(row["label"]), "runs": str(row["runs"])}
        if row["failed"]:
            line["runs"] += f" ({row['failed']} failed)"
        if not np.isnan(row["score"]):
            line["score ↑"] = " ".join(estimate(row["score"], row["score_low"], row["score_high"])).strip()
        line |= {f"{short(e.dataset, 24)}, {e.title}": amount(row[f"rank {i}"]) for i, e in enumerate(entries)}
        rows.append(line)
    return DataFrame(rows)


def _boards(rows: DataFrame, people: DataFrame, select: str) -> Iterator[Part]:
    for checkpoint, part in sorted({(c, b) for c, b in zip(rows["checkpoint"], rows["board"], strict=True)}):
        board = tables.wide(rows[rows["checkpoint"] == checkpoint], people, select, part)
        about = next(iter(board.attrs["metrics"].values()))
        how = f"{about['split']} split, judge {short(about['judge'])}, mean [95 % interval over seeds]"
        yield f"Board {part}, {checkpoint} checkpoint: {how}", prose.cells(board)


def published_cells(found: DataFrame, metrics: glossary.Glossary) -> DataFrame:
    """`tables.published`, and what metrics are called -> text."""
    return DataFrame(
        [
            {
                "variant": short(row.label),
                "metric": metrics[row.metric].title,
                "published": " ".join(estimate(row.theirs, row.theirs_low, row.theirs_high)).strip(),
                "trials": str(row.trials),
                "ours": " ".join(estimate(row.ours, row.ours_low, row.ours_high)).strip() if row.n else APART,
                "seeds": str(row.n),
                "source": short(row.source, 120),
            }
            for row in each(found)
        ]
    )


def _stability(results: Results, scores: DataFrame, dataset: str, select: str) -> Iterator[Part]:
    metric = courses.judged_by(scores, select)
    found = courses.of_runs(tables.runs(results, dataset), scores, metric)
    if len(found):
        title = glossary.read(scores)[metric].title
        yield f"Stability, by {title} on the validation split", stability_cells(courses.of_labels(found))


def stability_cells(found: DataFrame) -> DataFrame:
    """`courses.of_labels` -> text; a column that nobody has is left out."""
    intervals = {"swing": "swing", "spread": "spread", "gap": "last − selected"}
    shown = {name: title for name, title in intervals.items() if found[name].notna().any()}
    rows = []
    for row in found.to_dict("records"):
        line = {"variant": short(row["label"]), "runs": str(row["runs"])}
        for event in ("failed", "collapsed"):
            line[event] = str(row[event]) + (f" (from {amount(row[f'{event}_at'])})" if row[event] else "")
        for name, title in shown.items():
            line[title] = " ".join(estimate(*(row[f"{name}{part}"] for part in ("", "_low", "_high")))).strip()
        if found["dropped"].notna().any():
            line["dropped"] = APART if np.isnan(row["dropped"]) else number(row["dropped"], 2)
        rows.append(line)
    return DataFrame(rows)


def pair_cells(found: DataFrame) -> DataFrame:
    """The first of `disagreement.reversals` -> text."""
    rows = [
        {"one": short(pair.a), "is better by": listed(pair.a_by), "other": short(pair.b), "by": listed(pair.b_by)}
        for pair in each(found.head(disagreement.MOST_PAIRS))
    ]
    return DataFrame(rows, columns=["one", "is better by", "other", "by"])
