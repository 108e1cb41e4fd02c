"""Results on disk: whole or not there, readable with pandas, and filled up by running the same command again.

    <results>/<suite>/
        suite.json              format, the suite's text, its runs: what should be here
        <run id>/
            run.json            what was run, how it ended, the ledger, the conditions
            scores.parquet      tidy: one row per checkpoint and metric
            losses.parquet      tidy: one row per log interval and curve
            samples.npy         some samples of the selected checkpoint: points float32, images uint8 NHWC
            grid.png            the same as a picture, for images
            exhibits.npz        more to look at, by name: see `ganbench.runs.exhibits`
            last.safetensors  selected.safetensors
        external/<id>/<seed>/   the same of samples from elsewhere, without weights
        people/                 answers of people, and scores.parquet of what they say: see `ganbench.rating`
        .unfinished/<run id>/   a run's workdir: its training state, and its record until it is whole
        .unfinished/drivers/    who is at work and how far: see `ganbench.store.drivers`, `ganbench.suite.progress`
        .unfinished/claims/     which driver does which run

A run works in its workdir; only the driver publishes, by renaming the workdir. Reading needs no torch.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ganbench.errors import BadResults
from ganbench.store.columns import LOSS_COLUMNS, MISSING, PUBLISHED_COLUMNS, SCORE_COLUMNS
from ganbench.store.files import damaged, fields, read_array, read_arrays, read_json, read_table, readable
from ganbench.store.format import upgrade_scores
from ganbench.store.layout import RUN, SUITE, holds_run, holds_suite
from ganbench.store.people import with_people
from ganbench.store.records import external_entry, external_records, flat_record, read_manifest

T = TypeVar("T")
SCORES = {"checkpoint": False, "metric": False, "value": True}  # columns of a table that reports cannot do without
KNOWN_THEN = ("given", "look", "looks", "level")  # what a record knows better than the suite of today
LOSSES = {"images": True, "curve": False, "value": True}


@dataclass(frozen=True)
class Results:
    """All that is known of a suite's runs, as data frames; see the module's words and `docs/design.md`."""

    suite: str
    path: Path
    command: str
    runs: pd.DataFrame  # one row per run, the missing ones with status "missing"
    scores: pd.DataFrame  # SCORE_COLUMNS
    losses: pd.DataFrame  # LOSS_COLUMNS
    published: pd.DataFrame  # PUBLISHED_COLUMNS: numbers of papers
    damaged: list[str] = field(default_factory=list)  # what was left out so far, and the cure: a sentence each
    search: "Results | None" = None  # trials of options, if the suite searches for them: runs that no board has

    def samples(self, run: str) -> np.ndarray[Any, Any] | None:
        """Points (n, 2) float32 or images (n, h, w, c) uint8; None if the run left none, or they are `damaged`."""
        file = self.path / run / "samples.npy"
        return self._whole(partial(read_array, file), None) if file.exists() else None

    def grid(self, run: str) -> bytes | None:
        """A PNG of image samples."""
        file = self.path / run / "grid.png"
        return file.read_bytes() if file.exists() else None

    def exhibits(self, run: str) -> dict[str, np.ndarray[Any, Any]]:
        """What the run kept to be looked at, by name; see `ganbench.runs.exhibits`. Empty if it kept nothing."""
        file = self.path / run / "exhibits.npz"
        return self._whole(partial(_exhibits, file), {}) if file.exists() else {}

    def truth(self, dataset: str) -> dict[str, Any] | None:
        """A mixture's means, sigma and weights, by the dataset's label."""
        for run in self.runs.loc[self.runs["dataset"] == dataset, "run"]:
            if holds_run(self.path / run):
                truth = self._whole(partial(_truth, self.path / run / RUN), None)
                if truth is not None:
                    return truth
        return None

    def leave_out(self, what: str) -> None:
        """Note that something is damaged, once."""
        if what not in self.damaged:
            self.damaged.append(what)

    def _whole(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except BadResults as error:
            self.leave_out(str(error))
            return otherwise


def read(path: Path, or_none: bool = False, forgiving: bool = False, trials: bool = False) -> Results:
    """Read one suite's results: `<results>/<suite>`, or `<results>` if it holds a single suite.

    The trials of a search are apart, as its `search`; `trials` leaves them among the runs. Raises BadResults if there
    are several, if a newer version wrote them, if something in them is damaged, or if no run has ended yet: `or_none`
    reads a suite without any, `forgiving` leaves out what is damaged, and says so.
    """
    # Names are looked at one by one, in thousands of small frames: there Arrow's strings are slower than Python's.
    with pd.option_context("mode.string_storage", "python"):
        found = _read_suite(suite_folder(path), or_none, forgiving)
    return found if trials else _without_trials(found)


def _without_trials(found: Results) -> Results:
    if "searching" not in found.runs or not (apart := found.runs["searching"].eq(True)).any():
        return found
    return replace(_with_runs(found, ~apart), search=_with_runs(found, apart))


def _with_runs(found: Results, kept: "pd.Series[bool]") -> Results:
    """Some of the runs, and what is known of them."""
    runs = found.runs[kept].reset_index(drop=True)
    scores, losses = (
        table[table["run"].isin(runs["run"])].reset_index(drop=True) for table in (found.scores, found.losses)
    )
    return replace(found, runs=runs, scores=scores, losses=losses)


def _read_suite(path: Path, or_none: bool, forgiving: bool) -> Results:
    manifest = read_manifest(path)
    notes: list[str] = []
    entries = manifest["runs"] + [
        *readable((partial(external_entry, path, file) for file in external_records(path)), notes)
    ]
    found = {run["run"]: _Record() for run in entries}
    for run in entries:
        record = [*readable([partial(_read_record, path, run, notes)], notes)]
        found[run["run"]] = record[0] if record else _Record(notes[-1:])
    done = [run for run in entries if found[run["run"]].flat]
    scores = upgrade_scores(_joined((record.scores for record in found.values()), SCORE_COLUMNS))
    scores = with_people(path, done, scores, SCORES, notes)
    if notes and not forgiving:
        raise BadResults(notes[0])
    if not done and not or_none:
        raise BadResults(next(iter(notes), f"{path} holds no finished run. Run the suite first: {manifest['command']}"))
    made = {"suite": path.name, "variant": "", "command": manifest["command"], "commit": manifest["commit"]}
    rows = [{**made, **_row(run, found[run["run"]])} for run in entries]
    return Results(
        suite=path.name,
        path=path,
        command=manifest["command"],
        runs=pd.DataFrame(rows),
        scores=scores,
        losses=_joined((record.losses for record in found.values()), LOSS_COLUMNS),
        published=pd.DataFrame(manifest["published"], columns=PUBLISHED_COLUMNS),
        damaged=notes,
    )


def _row(entry: dict[str, Any], record: "_Record") -> dict[str, Any]:
    """A run as the suite names it, and its record, if there is one.

    The suite names its rows: a label that was changed since a run was done holds for its record too. What a row was
    given the record knows better, but for those of earlier versions; and at which look its seed was added.
    """
    if not record.flat:
        return {"status": MISSING, "reason": record.why_not[0], **entry}
    return {**record.flat, **entry} | {name: record.flat[name] for name in KNOWN_THEN if name in record.flat}


@dataclass
class _Record:
    """What is there of a run."""

    why_not: Sequence[str] = ("not run yet",)
    flat: dict[str, Any] = field(default_factory=dict)  # of `run.json`; empty if there is none
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    losses: pd.DataFrame = field(default_factory=pd.DataFrame)


def _read_record(path: Path, run: dict[str, Any], notes: list[str]) -> _Record:
    """A run's record; without losses, and with a note, if only these are damaged."""
    folder = path / run["run"]
    if not holds_run(folder):
        return _Record()
    flat = flat_record(folder)
    own = {name: run[name] for name in ("run", "label", "dataset")}
    scores = read_table(folder / "scores.parquet", SCORES).assign(**own)
    if flat.get("guest"):
        scores["images"] = np.nan
    losses = [*readable([partial(read_table, folder / "losses.parquet", LOSSES)], notes)]
    return _Record((), flat, scores, losses[0].assign(**own) if losses else pd.DataFrame())


def suite_folder(path: Path) -> Path:
    """`<results>/<suite>` for that, or for a `<results>` that holds a single suite. Raises BadResults."""
    if holds_suite(path):
        return path
    suites = sorted(file.parent.name for file in path.glob(f"*/{SUITE}")) if path.is_dir() else []
    if len(suites) == 1:
        return path / suites[0]
    if suites:
        raise BadResults(
            f"{path} holds the results of several suites. Name one: {', '.join(f'{path}/{s}' for s in suites)}."
        )
    raise BadResults(f"{path} holds no results of ganbench. Make some: ganbench run suites/quick.toml --results {path}")


def _truth(file: Path) -> dict[str, Any] | None:
    """What a record says of the density of its data, if that is known."""
    found = read_json(file).get("truth")
    if found is None:
        return None
    truth = fields(found, {"means": list, "sigma": (int, float), "weights": list}, file)
    try:
        means, weights = (np.array(truth[name], float) for name in ("means", "weights"))
    except (TypeError, ValueError) as error:
        raise damaged(file, error) from error
    if means.shape != (len(weights), 2) or weights.ndim != 1:
        raise damaged(file, f"its mixture has means of shape {means.shape} and weights of shape {weights.shape}")
    return truth


def _exhibits(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    """What a run keeps to be looked at; frames count on the shapes of these two."""
    found = read_arrays(file)
    for name, dimensions in {"images": 1, "occupancy": 2}.items():
        if name in found and found[name].ndim != dimensions:
            raise damaged(file, f"its {name!r} has the shape {found[name].shape}")
    return found


def _joined(frames: Iterable[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    there = [frame for frame in frames if not frame.empty]
    return pd.concat(there, ignore_index=True) if there else pd.DataFrame(columns=columns)
