"""A history as one page that needs no network: per dataset its steps and lines, then the results."""

from pathlib import Path
from typing import NamedTuple

from pandas import DataFrame

from ganbench.compare.history import History
from ganbench.reports.figures.colours import Look, looks
from ganbench.reports.figures.history import history_lines
from ganbench.reports.frames.history import result_cells, step_cells, step_rules, steps_answer
from ganbench.reports.frames.rows import of_dataset
from ganbench.reports.html.layout import script_json, whole_page
from ganbench.reports.html.sections import PlacedFigure
from ganbench.reports.numbers import short
from ganbench.store.whole import write_bytes


class DatasetHistory(NamedTuple):
    """One dataset on the page."""

    id: str
    dataset: str
    steps: DataFrame
    variants: list[tuple[str, str, Look]]  # labels, names and looks
    lines: PlacedFigure


def write_history_page(history: History, file: Path) -> None:
    """Write the page to a file, which is there whole or not at all."""
    write_bytes(file, render_history(history).encode())


def render_history(history: History) -> str:
    """The page as one string of HTML."""
    datasets = [
        _dataset(history, dataset, f"dataset-{i}") for i, dataset in enumerate(dict.fromkeys(history.points["dataset"]))
    ]
    return whole_page(
        "history.html",
        title=f"history of {short(history.suite)}",
        subtitle=steps_answer(history),
        links={f"#{one.id}": one.dataset for one in datasets},
        datasets=datasets,
        notes=[step_rules(history), *history.remarks],
        results=result_cells(history.results),
    )


def _dataset(history: History, dataset: str, place: str) -> DatasetHistory:
    styles = looks(list(dict.fromkeys(history.points["variant"])))
    variants = dict.fromkeys(of_dataset(history.points, dataset)["variant"])
    what = "Each metric over the results, a line per variant; history.csv has the same."
    return DatasetHistory(
        place,
        dataset,
        step_cells(of_dataset(history.steps, dataset)).drop(columns="dataset", errors="ignore"),
        [(variant, variant, styles[variant]) for variant in variants],
        PlacedFigure(f"lines-{place}", script_json(history_lines(history, dataset)), what, still=False),
    )
