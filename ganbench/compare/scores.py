"""Anybody's scores, from a file or a frame -> the table that verdicts take, or an error that says what is wrong."""

import sys
import warnings
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from ganbench.errors import BadResults
from ganbench.statistics.verdicts import ERROR
from ganbench.store.columns import SENSES
from ganbench.store.files import harmless

NEEDED = ("label", "seed", "value")
NUMBERS = ("value", "look", "level")
TEXTS = ("label", "seed", "dataset", "metric", "direction", "status", "key")
SEPARATORS = ",;\t|"
ABSENT = ["", "NA", "N/A", "n/a", "<NA>", "#N/A", "nan", "NaN", "NAN", "null", "NULL", "None", "none"]  # of numbers
ENDED = ("done", "ok", "finished", "complete", "completed", "success", "succeeded")  # as trackers say of good runs
FEW = 2  # rows, below which nothing can be better
MOST_LOOKS = 100
SQUARED = 1e150  # numbers beyond have no variance


def read_scores(path: Path) -> DataFrame:
    """A CSV file, or stdin for "-", as a table; labels, seeds and datasets stay text. Raises BadResults."""
    try:
        found = _read_csv(path)
    except pd.errors.EmptyDataError:
        raise BadResults(f"{path} is empty, but a ranking needs a heading and rows: label,seed,value.") from None
    except OSError as error:
        raise BadResults(f"{path} cannot be read: {error.strerror}. Name a CSV file.") from error
    except UnicodeDecodeError as error:
        raise BadResults(f"{path} is no text in UTF-8: {error}. Save it in UTF-8.") from error
    except (ValueError, pd.errors.ParserWarning) as error:
        words = str(error).strip().rstrip(".")
        raise BadResults(f"{path} is no CSV: {words}. The first line names the columns: label,seed,value.") from error
    found = found.rename(columns=lambda name: harmless(name).strip()).map(harmless)
    trimmed = {name: found[name].astype("str").str.strip() for name in TEXTS if name in found}
    return found.assign(**trimmed)


def _read_csv(path: Path) -> DataFrame:
    """The table as it stands. What separates its fields is seen from the heading."""
    source: Path | StringIO = path
    if not path.is_file():  # stdin or a pipe, which can be read once only
        source = StringIO(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    heading = pd.read_csv(source, nrows=0).columns
    if isinstance(source, StringIO):
        source.seek(0)
    other = next((mark for mark in SEPARATORS if mark in str(heading[0])), ",")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with more fields than the heading
        return pd.read_csv(
            source,
            sep=other if len(heading) == 1 else ",",
            index_col=False,
            skipinitialspace=True,
            dtype=dict.fromkeys(TEXTS, str),
            keep_default_na=False,  # a label may well be called "none"
            na_values=dict.fromkeys(TEXTS, "") | dict.fromkeys(NUMBERS, ABSENT),
        )


def checked_scores(frame: object, direction: str | None) -> DataFrame:
    """A table in the form that `ganbench.statistics.decide` takes; of its columns only those that `rank` names."""
    if not isinstance(frame, DataFrame):
        raise BadResults(f"Found a {type(frame).__name__}, but need a pandas DataFrame; pandas.read_csv makes one.")
    if twice := [str(name) for name in frame.columns[frame.columns.duplicated()]]:
        raise BadResults(f"Found two columns {twice[0]!r}, but need one. Rename or remove the other.")
    if lacking := [name for name in NEEDED if name not in frame]:
        raise BadResults(
            f"Found the columns {', '.join(map(str, frame.columns)) or '(none)'}, but need label, seed and value: "
            f"{', '.join(lacking)} is missing. A row is the score of one run."
        )
    if frame.empty:
        raise BadResults("Found a table without rows, but need a row for each run: label, seed, value.")
    scores = frame[[name for name in (*TEXTS, *NUMBERS) if name in frame]].reset_index(drop=True)
    scores = scores.assign(**{name: _numbers(scores[name], name) for name in NUMBERS if name in scores})
    for name in ("dataset", "metric"):
        scores[name] = scores.get(name, "")
    for name in ("label", "seed", "dataset", "metric"):
        if (absent := scores[name].isna()).any():
            raise BadResults(f"Found a row without a {name}: row {_first(absent)}. Fill it in.")
        scores[name] = scores[name].astype(str)
    _check_looks(scores)
    _check_conditions(scores)
    scores["direction"] = _directions(scores, direction)
    _check_twice(scores)
    _check_size(scores)
    scores["value"] = _of_good_runs(scores)
    if scores["label"].nunique() < FEW:
        raise BadResults(f"Found one label, {scores['label'].iloc[0]!r}, but a ranking needs at least two.")
    return scores


def _numbers(column: "Series[Any]", name: str) -> "Series[float]":
    """A column as numbers; empty fields stay empty."""
    if column.dtype.kind in "cmM" or isinstance(column.dtype, pd.CategoricalDtype):
        raise BadResults(f"Found {column.dtype} in the column {name}, but need numbers.")
    try:
        found = pd.to_numeric(column, errors="coerce").astype(float)
    except OverflowError as error:
        raise BadResults(f"Found a number in the column {name} that is too large to compute with.") from error
    if (wrong := found.isna() & column.notna()).any():
        raise BadResults(
            f"Found {column[wrong].iloc[0]!r} in row {_first(wrong)} of the column {name}, but need a number; leave "
            "the field empty for a run that failed."
        )
    return found


def _first(wrong: "Series[bool]") -> int:
    """The row as a person counts it, from 1, without the heading."""
    return int(np.flatnonzero(wrong)[0]) + 1


def _check_looks(scores: DataFrame) -> None:
    """A look is the number of a look, and a level a share of the error."""
    if "look" in scores and (wrong := scores["look"].notna() & ~scores["look"].isin(range(1, MOST_LOOKS + 1))).any():
        found = f"{scores['look'][wrong].iloc[0]:g} in row {_first(wrong)}"
        raise BadResults(
            f"Found look {found}, but need a whole number from 1 to {MOST_LOOKS}: the look at which the seed was added."
        )
    if "level" in scores and (wrong := (scores["level"] <= 0) | (scores["level"] > ERROR)).any():
        found = f"{scores['level'][wrong].iloc[0]:g} in row {_first(wrong)}"
        raise BadResults(
            f"Found level {found}, but need more than 0 and at most {ERROR:g}: what a look may be wrong in."
        )


def _check_conditions(scores: DataFrame) -> None:
    if "key" in scores:
        text = scores["key"].astype(str).where(scores["key"].notna())
        keys = text[scores["value"].notna()].groupby([scores["dataset"], scores["metric"]]).nunique(dropna=False)
        if (keys > 1).any():
            dataset, metric = keys[keys > 1].index[0]
            raise BadResults(
                f"Found {int(keys.max())} comparability keys for {metric or 'the metric'} on {dataset or 'the dataset'}"
                ": its scores were not measured alike. Rank those of one key."
            )


def _directions(scores: DataFrame, direction: str | None) -> "Series[str]":
    said = scores["direction"] if "direction" in scores else Series(np.nan, index=scores.index, dtype=object)
    said = said.astype(object).where(said.notna() & (said != ""), direction)
    if said.isna().any():
        metric = scores.loc[said.isna(), "metric"].iloc[0]
        raise BadResults(
            f"Found no direction for {metric or 'these scores'}: is lower or higher better? Say --direction lower or "
            "--direction higher (direction=... in Python), or add a column `direction`."
        )
    known = said.astype(str).str.strip().str.lower()
    if (wrong := ~known.isin(SENSES)).any():
        raise BadResults(f"Found direction {said[wrong].iloc[0]!r} in row {_first(wrong)}, but need lower or higher.")
    mixed = known.groupby([scores["dataset"], scores["metric"]]).nunique()
    if (mixed > 1).any():
        dataset, metric = mixed[mixed > 1].index[0]
        raise BadResults(
            f"Found both directions for {metric or 'one metric'} on {dataset or 'one dataset'}, but a metric has one. "
            "Correct the column `direction`."
        )
    return known


def _check_twice(scores: DataFrame) -> None:
    """One seed is one run, whether it is written 7, 07 or 7.0."""
    seed = scores["seed"].str.strip().str.replace(r"^0+(?=\d)|\.0+$", "", regex=True)
    if (twice := scores.assign(seed=seed).duplicated(["dataset", "metric", "label", "seed"])).any():
        one = scores[twice].iloc[0]
        raise BadResults(
            f"Found two rows of {one['label']}, seed {one['seed']}{' on ' + one['dataset'] if one['dataset'] else ''}"
            f" (row {_first(twice)}), but one run counts once. Remove one, or give it a seed of its own."
        )


def _check_size(scores: DataFrame) -> None:
    """Only logarithms of huge numbers can be squared, and only numbers from 0 on have them."""
    cells = scores.replace({"value": [np.inf, -np.inf]}, np.nan).groupby(["dataset", "metric"])["value"]
    if (wrong := (scores["value"].abs() > SQUARED) & (cells.transform("min") < 0)).any():
        raise BadResults(
            f"Found {scores['value'][wrong].iloc[0]:g} in row {_first(wrong)} of the column value, which is too large "
            "to compute with. Give the scores in a larger unit; leave the field empty for a run that failed."
        )


def _of_good_runs(scores: DataFrame) -> "Series[float]":
    """Values, NaN for runs that failed: how one ended says more than a number that it left."""
    values = scores["value"].replace([np.inf, -np.inf], np.nan)
    if "status" not in scores:
        return values
    said = scores["status"].astype(object).fillna("").astype(str).str.strip().str.lower()
    ended = said.isin([*ENDED, ""])
    if values.notna().any() and not ended.any():
        raise BadResults(
            f"Found no run that ended well: row 1 has a score and the status {scores['status'].iloc[0]!r}. Say `done` "
            "of such runs, or leave the column `status` out."
        )
    return values.where(ended)
