"""What many runs cost driver, store, statistics and page, without training them: `python tests/bench/scale.py 500`.

Every run is a copy of a real record with other scores. Each part is measured in a process of its own, so that its peak
of memory is its own. `docs/scale.md` has the figures.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

ROOT = Path(__file__).parents[2]
ROWS = 20  # variants of the suite, at most
PARTS = ("driver", "status", "read", "boards", "page")


def write_suite(folder: Path, runs: int) -> Path:
    """The smallest suite with up to 20 variants, and as many seeds as make so many runs."""
    rows = next(n for n in range(ROWS, 0, -1) if runs % n == 0)
    text = (ROOT / "tests/resources/tiny.toml").read_text(encoding="utf-8")
    head, _, variant = text.replace("seeds = 2", f"seeds = {runs // rows}").partition("[[variant]]")
    head = head.replace('controls = ["real", "noise"]', "controls = []")
    names = (variant.replace('name = "gan"', f'name = "gan"\nlabel = "gan{i}"').replace("width = 8", f"width = {8 + i}")
             for i in range(rows))  # fmt: skip
    path = folder / "many.toml"
    path.write_text(head + "".join(f"[[variant]]{name}" for name in names), encoding="utf-8")
    return path


def driver(folder: Path) -> None:
    """Publish all runs, as if an executor had done them at once."""
    from rich.console import Console

    from ganbench.executors import Executor, Job, JobReport
    from ganbench.interface import planned
    from ganbench.suite import driver

    (record,) = folder.glob("one/*/*/run.json")

    class Copies(Executor):
        def __init__(self, device: str, workers: int | None = None):
            self.device, self.workers, self.threads = device, 1, 1

        def __call__(self, jobs: Iterable[Job]) -> Iterator[JobReport]:
            for job in jobs:
                yield JobReport(job)
                copy_record(record.parent, job)
                yield JobReport(job, 1.0, 100, "done", "")

    plan = planned(
        folder / "many.toml", results=folder / "results", device="cpu", workers=1, executor="local", only="*",
        scale=1.0, retry=False, until_decided=False, on_failure=None, silence=0.0, command="scale",
    )  # fmt: skip
    driver.carry_out(replace(plan, executor=Copies("cpu")), Console(quiet=True))


def copy_record(record: Path, job: Any) -> None:
    import numpy as np
    import pandas as pd

    shutil.copytree(record, job.workdir, dirs_exist_ok=True)
    own, run = vars(job.spec.identity), json.loads((record / "run.json").read_text(encoding="utf-8"))
    run["summary"].update(own)
    (job.workdir / "run.json").write_text(json.dumps(run), encoding="utf-8")
    scores = pd.read_parquet(record / "scores.parquet").assign(**own)
    width = float(job.spec.variant.options["width"])
    scores["value"] *= np.exp(np.random.default_rng(job.spec.seed).normal(width / 100, 0.1, len(scores)))
    scores.to_parquet(job.workdir / "scores.parquet", index=False)


def status(folder: Path) -> None:
    from ganbench.suite.status import status_of

    assert not status_of(folder / "results").missing


def read(folder: Path) -> None:
    from ganbench.store import read

    read(folder / "results")


def boards(folder: Path) -> None:
    from ganbench.reports.formats.sentences import answer
    from ganbench.reports.frames.board import boards
    from ganbench.reports.frames.chapter import Report
    from ganbench.store import read

    for chapter in Report(read(folder / "results")).chapters:
        assert list(boards(chapter, "last")) and answer(chapter)


def page(folder: Path) -> None:
    from ganbench.reports import formats
    from ganbench.store import read

    formats.write_report(read(folder / "results"), folder / "page.html")
    print(json.dumps({"page_megabytes": round((folder / "page.html").stat().st_size / 1e6, 1)}), file=sys.stderr)


def measured(part: str, folder: Path) -> None:
    """One part, in this process."""
    began = process_time()
    globals()[part](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"part": part, "cpu_seconds": round(process_time() - began, 2), "megabytes": round(peak)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.part:
        measured(asked.part, asked.folder)
        return
    with TemporaryDirectory(prefix="ganbench-scale-") as made:
        folder = Path(made)
        suite = write_suite(folder, asked.runs)
        one = [
            sys.executable,
            "-m",
            "ganbench",
            "run",
            suite,
            "--only",
            "gan0/ring8/0",
            "--results",
            folder / "one",
            "--device",
            "cpu",
        ]
        subprocess.run(one, check=True, capture_output=True)
        for part in asked.only:
            subprocess.run([sys.executable, __file__, str(asked.runs), "--part", part, "--folder", made], check=True)
        files = [file for file in (folder / "results").rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        print(json.dumps({"files": len(files), "megabytes": round(size / 1e6, 1)}))


if __name__ == "__main__":
    main()
