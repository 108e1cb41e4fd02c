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
        external/<id>/          the same of samples from elsewhere, without weights
        people/                 answers of people, and scores.parquet of what they say: see `ganbench.rating`
        .unfinished/<run id>/   a run's workdir: its training state, and its record until it is whole
        .unfinished/progress.json   how far the runs are, while a driver works: see `ganbench.suite.progress`

A run works in its workdir; only the driver publishes, by renaming the workdir. Reading needs no torch.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from types import NoneType
from typing import Any, TypeVar, get_args

import numpy as np
import pandas as pd

from ganbench.errors import BadResults, shortened
from ganbench.store.columns import LOSS_COLUMNS, MISSING, PUBLISHED_COLUMNS, SCORE_COLUMNS, Status
from ganbench.store.files import Types, damaged, fields, read_array, read_arrays, read_json, read_table, readable
from ganbench.store.format import EXTERNAL, EXTERNAL_FOLDERS, FORMAT, check_format, upgrade_scores
from ganbench.store.lock import locked
from ganbench.store.whole import write_json, written_whole

PEOPLE = "people"  # the folder of what people say

T = TypeVar("T")


def remove_state(workdir: Path) -> None:
    """Remove what a run saves to go on from, and what one that was killed has half written."""
    for file in (workdir / "state.pt", *workdir.glob(".*.draft")):
        file.unlink(missing_ok=True)


class Store:
    """The results folder of one suite, as the driver sees it."""

    def __init__(self, results: Path, suite: str):
        """Writes nothing. Raises BadResults if another version wrote what is there."""
        self.path = results / suite
        self.unfinished = self.path / ".unfinished"
        if (self.path / "suite.json").exists():
            _manifest(self.path)

    def open(
        self, text: str, runs: list[dict[str, Any]], command: str, commit: str, published: Sequence[Any] = ()
    ) -> None:
        """Write down what should be here: each run's id, label, dataset, seed; and what papers have `published`.

        Raises BadResults if the folder cannot be written.
        """
        manifest = {
            "format": FORMAT, "command": command, "commit": commit, "runs": runs, "published": published, "text": text,
        }  # fmt: skip
        with self._writing():
            self.unfinished.mkdir(parents=True, exist_ok=True)
            write_json(self.path / "suite.json", manifest)

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Be the only driver of the suite; the claim ends with the block, or with the process.

        Raises BadResults if another driver is at work, or if the folder cannot be written.
        """
        with self._writing():
            self.unfinished.mkdir(parents=True, exist_ok=True)
        with locked(self.unfinished) as ours:
            if not ours:
                raise BadResults(
                    f"Another `ganbench run` is at work in {self.path}{_driver(self.unfinished)}. Wait until it has "
                    "ended, end it, or choose another folder with --results."
                )
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BadResults(
                f"{self.path} cannot be written: {error.strerror}. Choose another folder with --results."
            ) from error

    def workdir(self, run: str) -> Path:
        """Where a run may write until it is published."""
        path = self.unfinished / run
        with self._writing():
            path.mkdir(exist_ok=True)
        return path

    def status(self, run: str) -> Status | None:
        """How a published run ended; None if it is still to do."""
        if not (self.path / run / "run.json").exists():
            return None
        ended: Status = read_run(self.path / run)["status"]
        return ended

    def publish(self, run: str) -> None:
        """Make a finished workdir part of the results; a kill on the way leaves the old record, the new one or none."""
        self._publish(self.unfinished / run, self.path / run)

    def _publish(self, workdir: Path, target: Path) -> None:
        remove_state(workdir)
        old = self.unfinished / f"{target.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            os.replace(target, old)
        os.replace(workdir, target)
        shutil.rmtree(old, ignore_errors=True)

    def external_workdir(self) -> Path:
        """Where the record of external samples may be written until it is published. Raises BadResults if it cannot."""
        with self._writing():
            self.unfinished.mkdir(parents=True, exist_ok=True)
            return Path(mkdtemp(prefix="external-", dir=self.unfinished))

    def publish_external(self, workdir: Path, label: str, dataset: str, seed: int) -> None:
        """Make external samples part of the results, in place of earlier ones of that label, dataset and seed."""
        name = sha256(f"{label}\n{dataset}\n{seed}".encode()).hexdigest()[:12]
        (self.path / EXTERNAL).mkdir(exist_ok=True)
        self._publish(workdir, self.path / EXTERNAL / name)
        for folder in EXTERNAL_FOLDERS[1:]:
            shutil.rmtree(self.path / folder / name, ignore_errors=True)


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
            if (self.path / run / "run.json").exists():
                truth = self._whole(partial(_truth, self.path / run / "run.json"), None)
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


def read(path: Path, or_none: bool = False, forgiving: bool = False) -> Results:
    """Read one suite's results: `<results>/<suite>`, or `<results>` if it holds a single suite.

    Raises BadResults if there are several, if a newer version wrote them, if something in them is damaged, or if no run
    has ended yet: `or_none` reads a suite without any, `forgiving` leaves out what is damaged, and says so.
    """
    # Names are looked at one by one, in thousands of small frames: there Arrow's strings are slower than Python's.
    with pd.option_context("mode.string_storage", "python"):
        return _read_suite(_suite_folder(path), or_none, forgiving)


def _read_suite(path: Path, or_none: bool, forgiving: bool) -> Results:
    manifest = _manifest(path)
    notes: list[str] = []
    entries = manifest["runs"] + [*readable((partial(_entry, path, file) for file in external_records(path)), notes)]
    found = {run["run"]: _Record() for run in entries}
    for run in entries:
        record = [*readable([partial(_read_record, path, run, notes)], notes)]
        found[run["run"]] = record[0] if record else _Record(notes[-1:])
    done = [run for run in entries if found[run["run"]].flat]
    scores = upgrade_scores(_joined((record.scores for record in found.values()), SCORE_COLUMNS))
    scores = _with_people(path, done, scores, notes)
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
    given the record knows better, but for those of earlier versions.
    """
    if not record.flat:
        return {"status": MISSING, "reason": record.why_not[0], **entry}
    return {**record.flat, **entry} | {name: record.flat[name] for name in ("given",) if name in record.flat}


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


def external_records(path: Path) -> list[Path]:
    """The `run.json` of all samples from elsewhere in a suite's folder."""
    return sorted(file for folder in EXTERNAL_FOLDERS for file in path.glob(f"{folder}/*/run.json"))


def read_run(path: Path) -> dict[str, Any]:
    """One run's `run.json`. Raises BadResults if the folder is no run, or if the file is damaged."""
    file = path / "run.json"
    if not file.exists():
        raise BadResults(f"{path} is no run: it has no run.json. A run is <results>/<suite>/<run id>.")
    record = fields({"reason": "", "ledger": {}, "conditions": {}, **read_json(file)}, RECORD, file)
    fields(record["summary"], {"label": str, "dataset": str}, file, SUMMARY)
    if record["status"] not in get_args(Status):
        raise damaged(file, f"its status is {shortened(record['status'], 60)!r}")
    fields(record["ledger"], dict.fromkeys(record["ledger"], NUMBER), file)
    fields(record["conditions"], dict.fromkeys(record["conditions"], (*NUMBER, str)), file)
    return record


NUMBER = (int, float, NoneType)
RECORD = {"status": str, "reason": str, "summary": dict, "ledger": dict, "conditions": dict}
ENTRY = {"run": str, "label": str, "dataset": str, "seed": int}  # of a manifest
SUMMARY: Types = {**ENTRY, "control": (bool, NoneType)}
MANIFEST: Types = {"format": object, "command": str, "commit": str, "runs": list, "text": str}
PUBLISHED: Types = {**dict.fromkeys(PUBLISHED_COLUMNS, str), **dict.fromkeys(("mean", "stderr", "trials"), NUMBER)}
SCORES = {"checkpoint": False, "metric": False, "value": True}  # columns of a table that reports cannot do without
LOSSES = {"images": True, "curve": False, "value": True}


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
    if not (folder / "run.json").exists():
        return _Record()
    flat = _flat_record(folder)
    own = {name: run[name] for name in ("run", "label", "dataset")}
    scores = read_table(folder / "scores.parquet", SCORES).assign(**own)
    losses = [*readable([partial(read_table, folder / "losses.parquet", LOSSES)], notes)]
    return _Record((), flat, scores, losses[0].assign(**own) if losses else pd.DataFrame())


def _suite_folder(path: Path) -> Path:
    if (path / "suite.json").exists():
        return path
    suites = sorted(file.parent.name for file in path.glob("*/suite.json")) if path.is_dir() else []
    if len(suites) == 1:
        return path / suites[0]
    if suites:
        raise BadResults(
            f"{path} holds the results of several suites. Name one: {', '.join(f'{path}/{s}' for s in suites)}."
        )
    raise BadResults(f"{path} holds no results of ganbench. Make some: ganbench run suites/quick.toml --results {path}")


def _manifest(path: Path) -> dict[str, Any]:
    file = path / "suite.json"
    manifest = read_json(file)
    check_format(fields(manifest, {"format": object}, file)["format"], path)
    manifest = fields({"published": [], **manifest}, {**MANIFEST, "published": list}, file)
    for run in manifest["runs"]:
        name = fields(run, ENTRY, file)["run"]
        if name in ("", ".", "..") or any(c in name for c in "/\\\0"):
            raise damaged(file, f"it has a run {shortened(name, 60)!r}, which is no name of a folder in it")
    for row in manifest["published"]:
        fields(row, PUBLISHED, file)
    return manifest


def _entry(path: Path, file: Path) -> dict[str, Any]:
    """The entry of samples from elsewhere, as a suite's manifest has them of its runs."""
    about = fields(read_run(file.parent)["summary"], {"label": str, "dataset": str, "seed": int}, file)
    own = {name: about[name] for name in ("label", "dataset", "seed")}
    return {"run": file.parent.relative_to(path).as_posix(), **own}


def _flat_record(path: Path) -> dict[str, Any]:
    """The flat part of a run's record."""
    record = read_run(path)
    return {
        **record["summary"],
        **record["ledger"],
        **record["conditions"],
        "status": record["status"],
        "reason": record["reason"],
    }


def _with_people(path: Path, done: list[dict[str, Any]], scores: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Add what people say of the runs that are still there, under the labels that they have now."""
    file = path / PEOPLE / "scores.parquet"
    if not file.exists():
        return scores
    now = pd.DataFrame(done, columns=["run", "label", "dataset"])
    needed = {**SCORES, **dict.fromkeys(now.columns, False)}
    for said in readable([partial(read_table, file, needed)], notes):
        still = said.drop(columns=["label", "dataset"]).merge(now, on="run")
        scores = pd.concat([scores, still], ignore_index=True) if len(still) else scores
    return scores


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


def _driver(unfinished: Path) -> str:
    """Which process is at work, if it has said so."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return f": {json.loads((unfinished / 'progress.json').read_text(encoding='utf-8'))['driver']}"
    return ""
