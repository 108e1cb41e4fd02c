"""Whether two folders of reports hold the same scores to the last bit: proof that a change of code changed no number.

    ganbench report RESULTS --format csv >BEFORE/quick.csv     with the old code, and with the new one into AFTER
    python tests/bench/equal.py BEFORE AFTER

Each CSV of BEFORE is held against that of the same name in AFTER. What tells runs, machines and commits apart is left
out, and so is what a run cost. The exit code is 1 if anything differs.
"""

import sys
from pathlib import Path

import pandas as pd

LEFT_OUT = {
    "run",
    "key",
    "command",
    "commit",
    "device",
    "seconds",
    "images_per_second",
    "sampling_seconds",
    "peak_memory",
}
ROW = ["dataset", "label", "seed", "checkpoint", "images", "split", "metric"]


def compared(before: pd.DataFrame, after: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The columns that both have, and those of them in which any row differs; all, if the rows are not the same."""
    common = [column for column in before if column in after and column not in LEFT_OUT]
    one, two = (frame.sort_values(ROW, ignore_index=True)[common] for frame in (before, after))
    return common, [column for column in common if len(one) != len(two) or not one[column].equals(two[column])]


def main() -> int:
    """Print a line for each CSV; 1 if any differs or is missing."""
    before, after = map(Path, sys.argv[1:3])
    worst = 0
    for file in sorted(before.glob("*.csv")):
        if not (after / file.name).exists():
            print(f"{file.name}: missing in {after}")
            worst = 1
            continue
        table = pd.read_csv(file)
        common, differing = compared(table, pd.read_csv(after / file.name))
        print(
            f"{file.name}: {len(table):,} rows, {len(common)} columns,", f"{differing} differ" if differing else "equal"
        )
        worst |= bool(differing)
    return worst


if __name__ == "__main__":
    sys.exit(main())
