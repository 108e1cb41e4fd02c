"""How the files of a suite's results are called; `ganbench.store` says what is in them."""

from pathlib import Path

SUITE, RUN = "suite.json", "run.json"  # by which a suite's folder is known, and a run's
UNFINISHED = ".unfinished"  # in a suite's folder: the workdirs of its runs
STATE = "state.pt"  # in a workdir: what a run goes on from


def holds_suite(folder: Path) -> bool:
    """Whether a folder is that of a suite's results."""
    return (folder / SUITE).exists()


def holds_run(folder: Path) -> bool:
    """Whether a folder is that of a run which has ended."""
    return (folder / RUN).exists()
