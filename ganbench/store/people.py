"""What people say of a suite's runs, beside its scores: see `ganbench.rating`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ganbench.store.columns import SCORE_COLUMNS
from ganbench.store.files import read_table, readable
from ganbench.store.whole import written_whole

PEOPLE = "people"  # the folder of it


def people_folder(path: Path) -> Path:
    """Where a suite's folder keeps what people say; it is made. Raises OSError if it cannot be."""
    folder = path / PEOPLE
    folder.mkdir(exist_ok=True)
    return folder


def write_people_scores(path: Path, scores: Sequence[pd.DataFrame]) -> None:
    """Set what people say beside a suite's scores, in place of what they said before. Raises OSError."""
    said = [frame for frame in scores if len(frame)]
    with written_whole(people_folder(path) / "scores.parquet") as draft:
        (pd.concat(said) if said else pd.DataFrame(columns=SCORE_COLUMNS)).to_parquet(draft, index=False)


def with_people(
    path: Path, runs: list[dict[str, Any]], scores: pd.DataFrame, needed: Mapping[str, bool], notes: list[str]
) -> pd.DataFrame:
    """Add what people say of the runs that are still there, under the labels that they have now."""
    file = path / PEOPLE / "scores.parquet"
    if not file.exists():
        return scores
    now = pd.DataFrame(runs, columns=["run", "label", "dataset"])
    columns = {**needed, **dict.fromkeys(now.columns, False)}
    for said in readable([partial(read_table, file, columns)], notes):
        still = said.drop(columns=["label", "dataset"]).merge(now, on="run")
        scores = pd.concat([scores, still], ignore_index=True) if len(still) else scores
    return scores
