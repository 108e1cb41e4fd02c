"""Runs by the names that people give them: `dcgan/mnist5k/0` for `results/quick/061d4c16e0bc`."""

from pathlib import Path

from ganbench.errors import BadResults, UnknownName
from ganbench.store.layout import holds_run, holds_suite
from ganbench.store.records import read_manifest


def find_run(name: str, results: Path = Path("results")) -> Path:
    """The folder of a run: named by its own path, or by label, dataset and seed.

    Before the three may stand the suite's folder, or its name in `results`: `quick/dcgan/mnist5k/0`. Raises BadResults
    or UnknownName if there is no such run, or if several suites have one.
    """
    if holds_run(Path(name)):
        return Path(name)
    *before, label, dataset, seed = ("", "", "", *Path(name).parts)
    named = Path(*before)
    suites = [named, results / named] if any(before) else sorted(results.glob("*"))
    suites = [suite for suite in suites if holds_suite(suite)]
    if not (label and dataset) or not suites:
        raise BadResults(
            f"{name} is no run. Name one: <results>/<suite>/<run id>, or LABEL/DATASET/SEED of a suite in {results}."
        )
    runs: dict[Path, str] = {suite / run["run"]: f"{run['label']}/{run['dataset']}/{run['seed']}"
            for suite in suites for run in read_manifest(suite)["runs"]}  # fmt: skip
    found = [folder for folder, known in runs.items() if known == f"{label}/{dataset}/{seed}"]
    if not found:
        raise UnknownName(f"runs of {', '.join(map(str, suites))}", f"{label}/{dataset}/{seed}", {*runs.values()})
    if len(found) > 1:
        raise BadResults(f"{name} is a run of several suites. Name one: {', '.join(map(str, found))}.")
    return found[0]
