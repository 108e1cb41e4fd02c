"""A report's frames, each computed once: those that datasets share, and those of one dataset."""

from dataclasses import dataclass
from functools import cached_property

from pandas import DataFrame

from ganbench.reports.frames.glossary import Glossary
from ganbench.reports.frames.glossary import read as read_glossary
from ganbench.reports.frames.rows import datasets, labels, of_dataset, primary_metric, rows, runs, selecting_metric
from ganbench.reports.frames.scores import tidy
from ganbench.reports.frames.summary import summary
from ganbench.reports.frames.verdicts import against_controls, verdicts
from ganbench.statistics import Verdicts
from ganbench.store import Results


@dataclass
class Report:
    """The frames of all datasets."""

    results: Results

    @cached_property
    def summary(self) -> DataFrame:
        """As from `summary.summary`."""
        return summary(self.results)

    @cached_property
    def scores(self) -> DataFrame:
        """As from `scores.tidy`."""
        return tidy(self.results)

    @cached_property
    def metrics(self) -> Glossary:
        """What metrics say of themselves, in the order of the scores."""
        return read_glossary(self.results.scores)

    @cached_property
    def labels(self) -> dict[str, bool]:
        """As from `rows.labels`."""
        return labels(self.results)

    @cached_property
    def chapters(self) -> "list[Chapter]":
        """One for each dataset, in the order of the suite."""
        return [Chapter(self, dataset) for dataset in datasets(self.results)]


@dataclass
class Chapter:
    """The frames of one dataset."""

    report: Report
    dataset: str

    @property
    def results(self) -> Results:
        return self.report.results

    @property
    def metrics(self) -> Glossary:
        return self.report.metrics

    @cached_property
    def summary(self) -> DataFrame:
        return of_dataset(self.report.summary, self.dataset)

    @cached_property
    def scores(self) -> DataFrame:
        return of_dataset(self.report.scores, self.dataset)

    @cached_property
    def ranked_scores(self) -> DataFrame:
        """Tidy scores of the last checkpoint by the primary metric, as far as they stand on the first board."""
        own, here = self.summary, self.scores
        board = own[(own["checkpoint"] == "last") & (own["board"] == 1) & (own["metric"] == self.primary)]
        if board.empty or here.empty:
            return here.iloc[:0]
        here = here[(here["checkpoint"] == "last") & (here["metric"] == self.primary)]
        keys = here["label"].map(board.set_index("label")["key"])
        return here[(here["key"] == keys) | (here["value"].isna() & keys.notna())]

    @cached_property
    def verdicts(self) -> Verdicts | None:
        """Of the entrants on the first board at the last checkpoint; None where nothing can be ranked."""
        return verdicts(self.ranked_scores)

    @cached_property
    def better_than(self) -> dict[str, list[str]]:
        """As from `verdicts.against_controls`; nothing where nothing can be ranked."""
        return {} if self.verdicts is None else against_controls(self.ranked_scores)

    @cached_property
    def runs(self) -> DataFrame:
        """As from `rows.runs`."""
        return runs(self.results, self.dataset)

    @cached_property
    def rows(self) -> DataFrame:
        """As from `rows.rows`."""
        return rows(self.results, self.dataset)

    @cached_property
    def labels(self) -> dict[str, bool]:
        return labels(self.results, self.dataset)

    @cached_property
    def primary(self) -> str:
        """The metric that verdicts are of and that orders the board; "" if the records name none."""
        return primary_metric(self.results, self.dataset)

    @cached_property
    def select(self) -> str:
        """The metric that chooses checkpoints; "" if the records name none."""
        return selecting_metric(self.results, self.dataset)
