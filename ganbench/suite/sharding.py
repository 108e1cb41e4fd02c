"""`--shard 3/8`: the third of eight parts of a suite, each for a machine of its own; `ganbench merge` joins them.

Which runs are in a part depends on the suite alone. All parts have as many runs of each row, give or take one.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

from ganbench.errors import BenchError
from ganbench.runs.spec import RunSpec


class Shard(NamedTuple):
    """One part of several."""

    part: int  # from 1
    parts: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`3/8`. Raises BenchError."""
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        part, parts = map(int, found.groups()) if found else (0, 0)
        if not 1 <= part <= parts:
            raise BenchError(f"Found --shard {text!r}, but it needs a part and their number, from 1/8 to 8/8.")
        return cls(part, parts)

    def of(self, runs: Sequence[RunSpec]) -> list[RunSpec]:
        """The runs of this part, in their order."""
        rows: dict[tuple[str, str], list[int]] = {}
        for place, run in enumerate(runs):
            rows.setdefault((run.dataset_label, run.label), []).append(place)
        dealt = [place for places in rows.values() for place in places]  # row by row, so that each is spread evenly
        return [runs[place] for place in sorted(dealt[self.part - 1 :: self.parts])]

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"
