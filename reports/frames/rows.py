"""The rows of a report: a suite's runs without gaps, and one row per label and dataset."""

from collections.abc import Iterator
from dataclasses import replace
from math import nan
from typing import Any

import pandas as pd
from pandas import DataFrame, Series

from ganbench.reports.frames.order import labels_by_group
from ganbench.store import Results
from ganbench.store import columns as of_records

MISSING = of_records.MISSING
UNKNOWN: dict[str, Any] = {  # what a run may fail to write down before it ends, and what stands in its place
    "control": False, "reference": False, "guest": False, "given": of_records.NOT_SAID, "reason": "", "scale": 1.0,
    "variant": "", "command": "", "images": nan, "seconds": nan,
}  # fmt: skip


def each(frame: DataFrame) -> Iterator[Any]:
    """The rows as named tuples, whose fields the type checker takes as they come."""
    return iter(frame.itertuples(index=False))


def of_dataset(frame: DataFrame, dataset: str) -> DataFrame:
    """The rows of one dataset."""
    return frame if frame.empty else frame[frame["dataset"] == dataset]


def runs(results: Results, dataset: str | None = None) -> DataFrame:
    """One row per run, of one dataset or all, with the gaps of runs that ended early filled.

    Adds `lost`: the run ended, but not well; and `entrant`: its row is ranked and tested, since it is no control, no
    reference, and was not given real images of the content that it is judged by.
    """
    own = results.runs if dataset is None else of_dataset(results.runs, dataset)
    if own.empty:
        return own
    filled = {name: own[name].fillna(value) if name in own else value for name, value in UNKNOWN.items()}
    control = Series(filled["control"], index=own.index).astype(bool)
    control = control.groupby([own["dataset"], own["label"]]).transform("any")  # a crashed run may not know
    given = filled["given"].astype(str) if isinstance(filled["given"], Series) else Series("", index=own.index)
    given = given.where(given != of_records.NOT_SAID).groupby(own["label"]).transform("first")
    given = given.fillna(of_records.NOT_SAID).astype(str)
    reference = Series(filled["reference"], index=own.index).astype(bool)
    entrant = ~control & ~reference & (given != of_records.REAL_IMAGES)
    guest = Series(filled["guest"], index=own.index).astype(bool)
    lost = ~own["status"].isin(["done", MISSING])
    return own.assign(**filled).assign(
        control=control, reference=reference, guest=guest, given=given, entrant=entrant, lost=lost
    )


def datasets(results: Results) -> list[str]:
    """Dataset labels in the order of the suite."""
    return [] if results.runs.empty else list(dict.fromkeys(results.runs["dataset"]))


def labels(results: Results, dataset: str | None = None) -> dict[str, bool]:
    """Row labels in the order of the suite by group, controls last -> whether the row is a control."""
    own = runs(results, dataset)
    if own.empty:
        return {}
    # A row that has not been run on one dataset may be known as a control from another.
    control = own.groupby("label", sort=False)["control"].any()
    return {label: bool(control[label]) for label in labels_by_group(own)}


def selecting_metric(results: Results, dataset: str) -> str:
    """The metric that chooses checkpoints; "" if the records name none."""
    own = runs(results, dataset)
    named = own["select"].dropna() if "select" in own else Series(dtype=str)
    return str(named.iloc[0]) if len(named) else ""


def primary_metric(results: Results, dataset: str) -> str:
    """The metric that verdicts are of and that orders the board; "" if the records name none."""
    own = runs(results, dataset)
    return primary(own) if len(own) else ""


def primary(part: DataFrame) -> str:
    """Runs or scores of one dataset -> its primary metric: the one that the suite declares, that was declared for
    samples from elsewhere, or, before there was a choice, by which checkpoints are selected.
    """
    for name in ("primary", "primary_when_run", "select"):
        if name in part and (named := part[name].dropna()[lambda names: names != ""]).size:
            return str(named.iloc[0])
    return ""


def rows(results: Results, dataset: str) -> DataFrame:
    """One row per label: label, variant, control, reference, guest, given, entrant, rank (<NA>: to come), runs, done,
    failed, reasons.
    """
    everything = runs(results, dataset)
    lines = []
    for label, control in labels(results, dataset).items():
        own = everything[everything["label"] == label]
        done, lost = own[own["status"] == "done"], own[own["lost"]]
        reasons = "; ".join(dict.fromkeys(f"{r.status}: {r.reason}".rstrip(": ") for r in each(lost)))
        about = own.iloc[0][["variant", "reference", "guest", "given"]]
        entrant = bool(own["entrant"].iloc[0]) and not control
        lines.append({
            "label": label, "control": control, **about, "entrant": entrant, "rank": pd.NA, "runs": len(own),
            "done": len(done), "failed": len(lost), "reasons": reasons,
        })  # fmt: skip
    about_row = ["label", "variant", "control", "reference", "guest", "given", "entrant"]
    columns = [*about_row, "rank", "runs", "done", "failed", "reasons"]
    return DataFrame(lines, columns=columns).astype({"rank": "Int64", "control": bool, "entrant": bool})


def of_label(results: Results, label: str) -> Results:
    """Results of one label and of the controls, on the datasets that the label was run on."""
    there = set(results.runs.loc[results.runs["label"] == label, "dataset"])
    kept = [label, *(other for other, control in labels(results).items() if control)]

    def own(frame: DataFrame) -> DataFrame:
        return frame if frame.empty else frame[frame["label"].isin(kept) & frame["dataset"].isin(there)]

    return replace(
        results,
        runs=own(results.runs),
        scores=own(results.scores),
        losses=own(results.losses),
        published=own(results.published),
    )
