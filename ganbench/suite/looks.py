"""Seeds until decided: the rounds of a suite whose seeds are added where it is not clear yet who leads.

At each look the seeds go to the rows of a dataset that can still lead, the best one and those that no test has told
from it. A row that is dropped comes back with all its seeds if the best one changes. What a look asks for follows from
the scores of the looks before it, so that the same command goes on after a stop as if there had been none.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ganbench.runs.spec import RunSpec
from ganbench.suite.plan import Plan

CanLead = Callable[[Path, int], Mapping[str, Collection[str]]]  # results, look -> by dataset; one label: decided


def plans(plan: Plan, can_lead: CanLead, console: Console) -> Iterator[Plan]:
    """A plan of the first look, and those that follow; the caller carries each out before it asks for the next."""
    last = max((look_of(run) for run in (*plan.suite.runs, *plan.suite.later)), default=1)
    yield plan
    for look in range(1, last):
        if missing := sum(plan.store.status(run.id) is None for run in plan.suite.runs):
            console.print(f"No seeds are added: {missing} runs of look {look} of {last} are missing.")
            return
        found = {dataset: labels for dataset, labels in can_lead(plan.store.path, look).items() if len(labels) > 1}
        if not found:
            return
        suite = plan.suite.asking_for(_of_look(look + 1, found))
        more = suite.runs[len(plan.suite.runs) :]
        for dataset in dict.fromkeys(run.dataset_label for run in more):
            console.print(
                f"Look {look + 1} of {last} on {dataset}: more seeds for {', '.join(found[dataset])}.", markup=False
            )
        plan = replace(plan, suite=suite, runs=more, failed=0)
        if more:
            yield plan


def look_of(run: RunSpec) -> int:
    """The look at which a run is asked for; 1 also for what never grows."""
    return run.look.number if run.look else 1


def _of_look(look: int, found: Mapping[str, Collection[str]]) -> Callable[[RunSpec], bool]:
    """Whether a run is of a row that can lead, and due by then: who comes back catches up."""
    return lambda run: look_of(run) <= look and run.label in found.get(run.dataset_label, ())
