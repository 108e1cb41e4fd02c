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
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd

from ganbench.errors import BadResults
from ganbench.store.columns import LOSS_COLUMNS, MISSING, PUBLISHED_COLUMNS, SCORE_COLUMNS, Status
from ganbench.store.format import EXTERNAL, EXTERNAL_FOLDERS, FORMAT, check_format, upgrade_scores
from ganbench.store.whole import write_json, written_whole

PEOPLE = "people"  # the folder of what people say


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
        try:
            self.unfinished.mkdir(parents=True, exist_ok=True)
            write_json(self.path / "suite.json", manifest)
        except OSError as error:
            raise BadResults(
                f"{self.path} cannot be written: {error.strerror}. Choose another folder with --results."
            ) from error

    def workdir(self, run: str) -> Path:
        """Where a run may write until it is published."""
        path = self.unfinished / run
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
        old = self.unfinished / f"{target.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            os.replace(target, old)
        os.replace(workdir, target)
        shutil.rmtree(old, ignore_errors=True)

    def external_workdir(self) -> Path:
        """Where the record of external samples may be written until it is published. Raises BadResults if it cannot."""
        try:
            self.unfinished.mkdir(parents=True, exist_ok=True)
            return Path(mkdtemp(prefix="external-", dir=self.unfinished))
        except OSError as error:
            raise BadResults(f"{self.path} cannot be written: {error.strerror}.") from error

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

    def samples(self, run: str) -> np.ndarray[Any, Any] | None:
        """Points (n, 2) float32 or images (n, h, w, c) uint8; None if the run left none."""
        file = self.path / run / "samples.npy"
        return np.load(file, allow_pickle=False) if file.exists() else None

    def grid(self, run: str) -> bytes | None:
        """A PNG of image samples."""
        file = self.path / run / "grid.png"
        return file.read_bytes() if file.exists() else None

    def exhibits(self, run: str) -> dict[str, np.ndarray[Any, Any]]:
        """What the run kept to be looked at, by name; see `ganbench.runs.exhibits`. Empty if it kept nothing."""
        file = self.path / run / "exhibits.npz"
        if not file.exists():
            return {}
        with np.load(file, allow_pickle=False) as kept:
            return dict(kept)

    def truth(self, dataset: str) -> dict[str, Any] | None:
        """A mixture's means, sigma and weights, by the dataset's label."""
        for run in self.runs.loc[self.runs["dataset"] == dataset, "run"]:
            file = self.path / run / "run.json"
            if file.exists() and (truth := json.loads(file.read_text()).get("truth")):
                return dict(truth)
        return None


def read(path: Path, or_none: bool = False) -> Results:
    """Read one suite's results: `<results>/<suite>`, or `<results>` if it holds a single suite.

    Raises BadResults if there are several, if a newer version wrote them, or if no run has ended yet: `or_none` reads
    a suite without any.
    """
    # Names are looked at one by one, in thousands of small frames: there Arrow's strings are slower than Python's.
    with pd.option_context("mode.string_storage", "python"):
        return _read_suite(_suite_folder(path), or_none)


def _read_suite(path: Path, or_none: bool) -> Results:
    manifest = _manifest(path)
    entries = manifest["runs"] + _external_runs(path)
    records = {run["run"]: _flat_record(path / run["run"]) for run in entries}
    if not any(records.values()) and not or_none:
        raise BadResults(f"{path} holds no finished run. Run the suite first: {manifest['command']}")
    made = {"suite": path.name, "variant": "", "command": manifest["command"], "commit": manifest["commit"]}
    rows = [{**made, **_row(run, records[run["run"]])} for run in entries]
    done = [run for run in entries if records[run["run"]]]
    return Results(
        suite=path.name,
        path=path,
        command=manifest["command"],
        runs=pd.DataFrame(rows),
        scores=_with_people(path, done, upgrade_scores(_read_tables(path, done, "scores.parquet", SCORE_COLUMNS))),
        losses=_read_tables(path, done, "losses.parquet", LOSS_COLUMNS),
        published=pd.DataFrame(manifest.get("published", []), columns=PUBLISHED_COLUMNS),
    )


def _row(entry: dict[str, Any], record: dict[str, Any] | None) -> dict[str, Any]:
    """A run as the suite names it, and its record, if there is one.

    The suite names its rows: a label that was changed since a run was done holds for its record too. What a row was
    given the record knows better, but for those of earlier versions.
    """
    if record is None:
        return {"status": MISSING, "reason": "not run yet", **entry}
    return {**record, **entry} | ({"given": record["given"]} if "given" in record else {})


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
    """One run's `run.json`. Raises BadResults if the folder is no run."""
    file = path / "run.json"
    if not file.exists():
        raise BadResults(f"{path} is no run: it has no run.json. A run is <results>/<suite>/<run id>.")
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise _damaged(file, error) from error


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
    try:
        manifest = dict(json.loads((path / "suite.json").read_text(encoding="utf-8")))
        found = manifest["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path / "suite.json", error) from error
    check_format(found, path)
    return manifest


def _external_runs(path: Path) -> list[dict[str, Any]]:
    """Entries of samples from elsewhere, as a suite's manifest has them of its runs."""
    folders = [file.parent for file in external_records(path)]
    summaries = [(folder.relative_to(path).as_posix(), read_run(folder)["summary"]) for folder in folders]
    return [{"run": run, **{name: about[name] for name in ("label", "dataset", "seed")}} for run, about in summaries]


def _flat_record(path: Path) -> dict[str, Any] | None:
    """The flat part of a run's record; None if the run is not there."""
    if not (path / "run.json").exists():
        return None
    record = read_run(path)
    return {
        **record["summary"],
        **record["ledger"],
        **record["conditions"],
        "status": record["status"],
        "reason": record["reason"],
    }


def _read_tables(path: Path, runs: list[dict[str, Any]], name: str, columns: list[str]) -> pd.DataFrame:
    frames = [frame for run in runs if not (frame := _read_table(path / run["run"] / name, run)).empty]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _with_people(path: Path, done: list[dict[str, Any]], scores: pd.DataFrame) -> pd.DataFrame:
    """Add what people say of the runs that are still there, under the labels that they have now."""
    file = path / PEOPLE / "scores.parquet"
    if not file.exists():
        return scores
    now = pd.DataFrame(done, columns=["run", "label", "dataset"])
    still = _read_parquet(file).drop(columns=["label", "dataset"]).merge(now, on="run")
    return pd.concat([scores, still], ignore_index=True) if len(still) else scores


def _read_table(file: Path, run: dict[str, Any]) -> pd.DataFrame:
    return _read_parquet(file).assign(run=run["run"], label=run["label"], dataset=run["dataset"])


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> BadResults:
    return BadResults(f"{file} is damaged ({error!r}). Move {file.parent} away and run the suite again.")
