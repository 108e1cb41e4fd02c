"""Results of one suite from several machines become one folder: records are copied as they are."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from ganbench.errors import BadResults
from ganbench.store import Results, read
from ganbench.store.columns import MISSING, run_title
from ganbench.store.comparable import check_comparable, not_comparable
from ganbench.store.layout import SUITE
from ganbench.store.people import PEOPLE
from ganbench.store.records import read_manifest
from ganbench.store.whole import write_json, written_whole

FROM_OUTSIDE = ("crashed", "out_of_memory")  # ends that say nothing of the run: elsewhere it may have ended well


@dataclass(frozen=True)
class Merged:
    """What has been joined."""

    path: Path
    runs: int  # with a record
    missing: int


class Record(NamedTuple):
    """One of a run, in one of the parts."""

    part: Results
    run: dict[str, Any]  # a row of the part's runs


def merge(parts: Sequence[Path], out: Path, command: str) -> Merged:
    """Join results of one suite -> `out/<suite>`, which must not be there yet.

    Of a run that several parts have one record is taken: they must say the same, but for ends from outside.

    Raises BadResults if a part is damaged, if parts cannot be compared, or if `out` cannot be written.
    """
    found = [read(part, or_none=True, trials=True) for part in parts]
    for one, other in combinations(found, 2):
        check_comparable(one, other)
    records, people = _chosen(found), _with_people(found)
    target = out / found[0].suite
    if target.exists():
        raise BadResults(f"{target} exists already. Choose another folder with --out.")
    newest = max((read_manifest(part.path) for part in found), key=lambda manifest: int(manifest["format"]))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with written_whole(target) as draft:
            draft.mkdir()
            for name, record in records.items():
                shutil.copytree(record.part.path / name, draft / name)
            for part in people:
                shutil.copytree(part.path / PEOPLE, draft / PEOPLE)
            write_json(draft / SUITE, {**newest, "command": command})
    except shutil.Error as error:  # of several files
        source, _, why = error.args[0][0]
        raise BadResults(f"{source} cannot be copied to {target}: {why}.") from error
    except OSError as error:
        raise BadResults(f"{target} cannot be written: {error.strerror}. Choose another folder with --out.") from error
    there = {run["run"] for run in newest["runs"]}
    return Merged(target, len(there & records.keys()), len(there - records.keys()))


def _chosen(parts: Sequence[Results]) -> dict[str, Record]:
    """One record of each run that has any."""
    chosen: dict[str, Record] = {}
    for part in parts:
        for run in part.runs[part.runs["status"] != MISSING].to_dict("records"):
            record = Record(part, {str(name): value for name, value in run.items()})
            first = chosen.setdefault(run["run"], record)
            if first.run["status"] in FROM_OUTSIDE:
                chosen[run["run"]] = record
            elif first is not record and record.run["status"] not in FROM_OUTSIDE:
                _check_same(first, record)
    return chosen


def _check_same(one: Record, other: Record) -> None:
    title = run_title(one.run["label"], one.run["dataset"], one.run["seed"])
    if one.run["status"] != other.run["status"]:
        why = f"{title}, ended as {one.run['status']} and as {other.run['status']}"
        raise not_comparable(one.part, other.part, why)
    a, b = (
        record.part.scores[record.part.scores["run"] == record.run["run"]].reset_index(drop=True)
        for record in (one, other)
    )
    if not a.equals(b):
        raise not_comparable(one.part, other.part, f"{title}, is in both, with other scores")


def _with_people(parts: Sequence[Results]) -> list[Results]:
    """The part that holds answers of people, if one does."""
    having = [part for part in parts if (part.path / PEOPLE).is_dir()]
    if len(having) > 1:
        raise not_comparable(having[0], having[1], "both hold answers of people, which are not joined")
    return having
