"""Frames as tables of text, which Markdown, LaTeX and the page write."""

from collections.abc import Mapping
from math import isnan

import numpy as np
from pandas import DataFrame

from ganbench.reports.frames.disagreement import MOST_PAIRS
from ganbench.reports.frames.glossary import Glossary
from ganbench.reports.frames.ranking import RankedDataset
from ganbench.reports.frames.rows import each
from ganbench.reports.numbers import APART, amount, duration, estimate, fixed, listed, number, short

COST = {
    "images": "real images to D", "images_g": "real images to G", "d_updates": "D steps", "g_updates": "G steps",
    "seconds": "time", "flops": "FLOPs", "peak_memory": "peak memory", "parameters_d": "D weights",
    "parameters_g": "G weights", "parameters": "weights", "images_per_second": "images / s",
    "sampling_seconds": "1,000 samples", "sampling_passes": "passes a sample",
}  # fmt: skip


SEARCH = (
    "options chosen by equally many trials of each variant, on the validation split and on seeds that the board lacks; "
    "expected best of all, half and one of the trials. Their cost is none of a finished run's"
)


def cost_text(column: str, value: float) -> str:
    """One cell of the ledger with its unit; what samples from elsewhere have cost nobody knows."""
    if isnan(value):
        return "unknown"
    if column in ("seconds", "sampling_seconds"):
        return duration(value)
    return amount(value, "B" if column == "peak_memory" else "")


def ledger_cells(ledger: DataFrame) -> DataFrame:
    """A ledger as from `ledger.mean_ledger` -> text."""
    text = DataFrame({"variant": [short(label) for label in ledger["label"]], "runs": ledger["runs"].astype(str)})
    for column in (c for c in ledger if c in COST):
        text[COST[str(column)]] = [cost_text(str(column), value) for value in ledger[column]]
    return text


def search_cells(found: DataFrame, metrics: Glossary) -> DataFrame:
    """`search.searched`, and what metrics are called -> text."""
    rows = [
        {
            "variant": short(row.label), "trials": f"{row.trials}" + (f" ({row.failed} failed)" if row.failed else ""),
            "best options": row.tried, "by": metrics[row.metric].title, "best": number(row.best),
            "of half the trials": number(row.half), "of one": number(row.one),
            "images": amount(row.images), "time": duration(row.seconds),
        }
        for row in each(found)
    ]  # fmt: skip
    return DataFrame(rows)


def failure_cells(failed: DataFrame) -> DataFrame:
    """Failures as from `failures.failed_runs` -> text."""
    rows = [
        (short(r.label), str(r.seed), f"{r.status}: {r.reason}".rstrip(": "), amount(r.images), duration(r.seconds))
        for r in each(failed)
    ]
    return DataFrame(rows, columns=["variant", "seed", "what happened", "at images", "after"])


def overall_cells(table: DataFrame, entries: list[RankedDataset], beaten: Mapping[str, int]) -> DataFrame:
    """`ranking.overall_ranks`, and how many others each row beats over all -> text."""
    rows = []
    for row in table.to_dict("records"):
        line = {"mean rank": fixed(row["rank"], 2), "variant": short(row["label"]), "runs": str(row["runs"])}
        if row["failed"]:
            line["runs"] += f" ({row['failed']} failed)"
        if not np.isnan(row["score"]):
            line["score ↑"] = " ".join(estimate(row["score"], row["score_low"], row["score_high"])).strip()
        line["better than"] = f"{beaten.get(row['label'], 0)} of {len(table) - 1}"
        line |= {f"{short(e.dataset, 24)}, {e.title}": amount(row[f"rank {i}"]) for i, e in enumerate(entries)}
        rows.append(line)
    return DataFrame(rows)


def published_cells(both: DataFrame, metrics: Glossary) -> DataFrame:
    """`published.published_and_ours`, and what metrics are called -> text."""
    return DataFrame(
        [
            {
                "variant": short(row.label),
                "metric": metrics[row.metric].title,
                "published": " ".join(estimate(row.theirs, row.theirs_low, row.theirs_high)).strip(),
                "trials": str(row.trials),
                "ours": " ".join(estimate(row.ours, row.ours_low, row.ours_high)).strip() if row.n else APART,
                "seeds": str(row.n),
                "source": short(row.source, 120),
            }
            for row in each(both)
        ]
    )


def stability_cells(stability: DataFrame) -> DataFrame:
    """`trajectories.of_labels` -> text; a column that nobody has is left out."""
    intervals = {"swing": "swing", "spread": "spread", "gap": "last − selected"}
    shown = {name: title for name, title in intervals.items() if stability[name].notna().any()}
    rows = []
    for row in stability.to_dict("records"):
        line = {"variant": short(row["label"]), "runs": str(row["runs"])}
        for event in ("failed", "collapsed"):
            line[event] = str(row[event]) + (f" (from {amount(row[f'{event}_at'])})" if row[event] else "")
        for name, title in shown.items():
            line[title] = " ".join(estimate(*(row[f"{name}{part}"] for part in ("", "_low", "_high")))).strip()
        if stability["dropped"].notna().any():
            line["dropped"] = APART if np.isnan(row["dropped"]) else number(row["dropped"], 2)
        rows.append(line)
    return DataFrame(rows)


def pair_cells(pairs: DataFrame) -> DataFrame:
    """The first of `disagreement.reversals` -> text."""
    rows = [
        {"one": short(pair.a), "is better by": listed(pair.a_by), "other": short(pair.b), "by": listed(pair.b_by)}
        for pair in each(pairs.head(MOST_PAIRS))
    ]
    return DataFrame(rows, columns=["one", "is better by", "other", "by"])
