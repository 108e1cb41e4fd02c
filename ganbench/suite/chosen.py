"""What a search has chosen: the runs of the board, as soon as the trials of their row have ended."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ganbench.runs.spec import RunSpec
from ganbench.store import read
from ganbench.store.layout import holds_suite
from ganbench.store.search import best_trials, outcomes
from ganbench.suite.plan import Suite


def resolved(
    suite: Suite, folder: Path, together: bool = False, say: Callable[[str], None] = lambda said: None
) -> Suite:
    """The same suite, with the board's runs of each row whose trials have all ended, as `folder` has them.

    `together`: of all rows or of none, so that parts of a suite know the same runs.
    """
    if not suite.searched or not holds_suite(folder):
        return suite
    search = read(folder, or_none=True, forgiving=True).search
    if search is None:
        return suite
    trials = {run.id: run for run in suite.runs if run.is_trial}
    found = outcomes(search)
    found = found[found["run"].isin(trials)]
    found["trial"] = [trials[run].candidate.number for run in found["run"]]  # type: ignore[union-attr]
    whole = {row: {run.id for run in trials.values() if _row(run) == row} for row in map(_row, suite.searched)}
    ended = set(found["run"])
    best = {row: number for row, number in best_trials(found).items() if whole.get(row, {""}) <= ended}
    if together and len(best) < len(set(map(_row, suite.searched))):
        return suite
    options = {(_row(run), run.candidate.number): run for run in trials.values() if run.candidate}
    for (dataset, label), number in best.items():
        candidate = options[(dataset, label), number].candidate
        assert candidate
        say(f"Search on {dataset}: {label} takes {candidate.options}, trial {number} of {candidate.of}.")
    known = [
        replace(run, variant=one.variant, candidate=replace(one.candidate, searching=False))
        for run in suite.searched
        if _row(run) in best and (one := options[_row(run), best[_row(run)]]).candidate
    ]
    return suite.knowing(known, [run for run in suite.searched if _row(run) not in best])


def _row(run: RunSpec) -> tuple[str, str]:
    return run.dataset_label, run.label
