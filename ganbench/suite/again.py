"""Some rows of a suite once more, with fresh seeds: what a gate asks for before it believes an alarm."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ganbench.errors import BadSuite
from ganbench.runs.spec import named_files
from ganbench.store import Results
from ganbench.store.layout import SUITE
from ganbench.store.records import read_manifest
from ganbench.suite import driver
from ganbench.suite.chosen import resolved
from ganbench.suite.language import parse
from ganbench.suite.loading import load
from ganbench.suite.plan import Suite

FOLDER = "fresh"  # in the suite's results


def train_again(
    results: Results,
    rows: Collection[tuple[str, str]],  # dataset and variant, by their labels
    seeds: Sequence[int],
    suite_file: Path | None,  # None: the text that the results keep
    command: str,
    console: Console,
) -> Path:
    """Train and judge these rows with these seeds, what is missing of them -> the folder of their results.

    Raises BadSuite if the suite names files beside it and `suite_file` is not given.
    """
    folder = results.path / FOLDER
    loaded = load(suite_file or _kept(results, folder), float(results.runs["scale"].iloc[0]))
    suite = fresh(resolved(loaded, results.path), rows, seeds)
    plan = driver.plan(suite, folder, driver.choose_executor("local", "auto"), "*", False, command)
    driver.carry_out(plan, console)
    return plan.store.path


def fresh(suite: Suite, rows: Collection[tuple[str, str]], seeds: Sequence[int]) -> Suite:
    """The same suite with these rows only, and these seeds. Raises BadSuite if it has none of them."""
    first = {(run.dataset_label, run.label): run for run in reversed(suite.runs) if not run.is_trial}
    if absent := [f"{label} on {dataset}" for dataset, label in rows if (dataset, label) not in first]:
        raise BadSuite(f"The suite {suite.name} has no {', '.join(absent)}. Name that of the results with --suite.")
    again = tuple(replace(first[row], seed=seed, look=None) for seed in seeds for row in rows)
    return replace(suite, runs=again, later=(), searched=())


def _kept(results: Results, folder: Path) -> Path:
    """The suite's text from the results, as a file. Results may come from anybody: code that they name is not run."""
    text = read_manifest(results.path)["text"]
    if files := sorted(named_files(parse(text, str(results.path / SUITE)).model_dump())):
        raise BadSuite(
            f"The suite of {results.path} names {', '.join(files)}, which is code that would be run. If you trust it, "
            "name the suite's file, beside which it lies: --suite."
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{results.suite.partition('@')[0]}.toml"
    file.write_text(text, encoding="utf-8")
    return file
