"""What a driver takes for many short runs: `python tests/bench/overhead.py 64`, on Linux. See docs/scale.md.

Overhead is the processor time of driver, fork server and workers, without what the runs take in a process that has done
one before. The driver's memory is its largest resident set, before the page is written and at the end.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time, sleep

from scale import write_suite

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(process: int) -> float:
    """Of a process, those that it has waited for, and all that it has started and that still are."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0.0
    return sum(map(int, stat[11:15])) * TICK_S + sum(cpu_seconds(int(child)) for child in children)


def peak_megabytes(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def seconds_of_a_run(suite: Path) -> float:
    """The processor's, of training, judging and recording in this process, which has done it before."""
    import torch

    from ganbench.runs.run import run
    from ganbench.suite.loading import load

    torch.set_num_threads(1)
    took = 0.0
    for _ in range(3):
        with TemporaryDirectory(prefix="ganbench-overhead-") as made:
            spec, began = load(suite).runs[0], process_time()
            run(spec, Path(made), torch.device("cpu"))
            took = process_time() - began
    return took


def measured(suite: Path, results: Path, workers: int) -> dict[str, float]:
    """One `ganbench run`, watched from outside."""
    command = [sys.executable, "-m", "ganbench", "run", suite, "--results", results, "--device", "cpu"]
    driver = subprocess.Popen(
        [*command, "--workers", str(workers)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    cpu = driving = peak = 0.0
    while driver.poll() is None:
        cpu, peak = max(cpu, cpu_seconds(driver.pid)), max(peak, peak_megabytes(driver.pid))
        if any(results.glob("*/.unfinished/drivers/*.json")):  # at work still; afterwards it writes the page
            driving = peak
        sleep(0.1)
    records = [*results.glob("*/*/run.json")]
    own = seconds_of_a_run(suite) * len(records)
    return {
        "runs": len(records),
        "exit": driver.returncode,
        "seconds_of_a_run": round(own / len(records), 3),
        "cpu_seconds": round(cpu, 1),
        "overhead_a_run": round((cpu - own) / len(records), 3),
        "megabytes_driving": round(driving),
        "megabytes_at_the_end": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    for runs in asked.runs:
        with TemporaryDirectory(prefix="ganbench-overhead-") as made:
            suite = write_suite(Path(made), runs)
            print(json.dumps(measured(suite, Path(made, "results"), asked.workers)), flush=True)


if __name__ == "__main__":
    main()
