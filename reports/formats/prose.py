"""Boards as sentences and as tables of text, in Markdown and LaTeX."""

from typing import Any

import pandas as pd
from ganbench.reports.formats.words import (
    APART,
    NONE,
    amount,
    arrow,
    count,
    duration,
    estimate,
    isolated,
    listed,
    number,
    short,
)
from ganbench.reports.frames import tables
from ganbench.reports.frames.glossary import ordered
from ganbench.reports.frames.tables import FLOOR, each
from pandas import DataFrame

from ganbench.store import Results

UNVERIFIED = "budget unverified"  # of samples from elsewhere
NO_INTERVAL = "One seed: no interval, so no claim about which is better."
COST = {
    "images": "real images to D", "d_updates": "D steps", "g_updates": "G steps", "seconds": "time", "flops": "FLOPs",
    "peak_memory": "peak memory", "parameters_d": "D weights", "parameters_g": "G weights",
    "parameters": "weights", "images_per_second": "images / s",
}  # fmt: skip


def answer(rows: DataFrame, people: DataFrame, dataset: str, select: str) -> str:
    """The one thing to know about a dataset: who leads, whether that is sure, and what real data scores.

    `rows` as from `tables.summary` of this dataset, `people` as from `tables.roster`.
    """
    last = rows[(rows["checkpoint"] == "last") & (rows["board"] == 1)]
    if len(last) and not last["direction"].isin(tables.SENSES).any():
        return f"Nobody leads on {isolated(dataset)}: none of its metrics says what is better."
    last = last[last["direction"].isin(tables.SENSES)]
    metrics = ordered(list(last["metric"]), select)
    found = last[last["metric"] == metrics[0]] if metrics else last
    entrants = found[~found["control"].astype(bool) & found["mean"].notna()]
    sentences = [_leader(entrants, people, dataset) if len(entrants) else _nobody(people, dataset)]
    floor = found[found["control"].astype(bool) & (found["variant"] == FLOOR) & found["mean"].notna()]
    if len(floor):
        sentences.append(f"Real data scores {_score(floor.iloc[0])}.")
    return " ".join(sentences)


def _nobody(people: DataFrame, dataset: str) -> str:
    own = people[~people["control"]]
    if not len(own):
        return f"No variant was run on {isolated(dataset)}, only controls."
    lost, runs, ended = (int(own[c].sum()) for c in ("failed", "runs", "done"))
    if lost + ended == 0:
        return f"No variant has been run on {isolated(dataset)} yet."
    return f"No variant has a score on {isolated(dataset)}: {lost} of {count(runs, 'run')} failed."


def _leader(entrants: DataFrame, people: DataFrame, dataset: str) -> str:
    best, where = entrants.iloc[0], isolated(dataset)
    name, what = isolated(best["label"]), best["title"]
    lost = people.set_index("label").loc[best["label"], "failed"]
    score = f"{_score(best)}, {count(best['n'], 'seed')}" + (f" ({lost} more failed)" if lost else "")
    rivals = entrants[(entrants["label"] != best["label"]) & (entrants["rank"].fillna(1) == 1)]["label"]
    if len(entrants) == 1:
        return f"{name} is the only variant with a score on {where}: {what} {score}."
    if best["n"] == 1:
        return f"{name} has the best {what} on {where}: {_score(best)}. {NO_INTERVAL}"
    if len(rivals):
        them = listed([isolated(rival) for rival in rivals])
        return f"No sure winner on {where}: {name} has the best {what}, {score}, but {them} cannot be told from it."
    return f"{name} leads on {where}: {what} {score}."


def _score(row: "pd.Series[Any]") -> str:
    return " ".join(filter(None, estimate(float(row["mean"]), float(row["low"]), float(row["high"]))))


def remarks(results: Results, dataset: str) -> list[str]:
    """What must be known before the board is believed: scaled budgets, failed runs, runs still to do."""
    runs = tables.runs(results, dataset)
    lost, missing = int(runs["lost"].sum()), int((runs["status"] == tables.MISSING).sum())
    scales = sorted({float(s) for s in runs["scale"] if float(s) < 1})
    shares = listed([f"{number(100 * s)} %" for s in scales])
    found = {
        f"Budget scaled to {shares}: shows that it runs, not what it reaches.": bool(scales),
        f"{lost} of {count(len(runs), 'run')} failed.": lost > 0,
        f"{missing} of {count(len(runs), 'run')} not run yet.": missing > 0,
    }
    return [remark for remark, holds in found.items() if holds]


def cells(board: DataFrame) -> DataFrame:
    """A board as from `tables.board` -> text: #, variant, seeds, then `mean [low, high]` per metric.

    Where there is no number, "–" says that a finished run has none of the kind, "n/a" that it is still owed.
    """
    rows = []
    for row in board.to_dict("records"):
        done, runs = row["done"], row["runs"]
        name = short(row["label"]) + (" (control)" if row["control"] else f" ({UNVERIFIED})" if row["guest"] else "")
        line = {"#": "–" if pd.isna(row["rank"]) else str(row["rank"]), "variant": name}
        why = f" ({short(row['reasons'])})" if row["reasons"] else ""
        line["seeds"] = str(done) if done == runs else f"{done} of {runs}{why}"
        for metric, about in board.attrs["metrics"].items():
            text = " ".join(estimate(row[metric], row[f"{metric}_low"], row[f"{metric}_high"])).strip()
            blank = APART if done else NONE
            line[f"{metric} {arrow(about['direction'])}".strip()] = text if row[f"{metric}_n"] else blank
        rows.append(line)
    return DataFrame(rows)


def cost_text(column: str, value: float) -> str:
    """One cell of the ledger with its unit."""
    if column == "seconds":
        return duration(value)
    return amount(value, "B" if column == "peak_memory" else "")


def ledger_cells(ledger: DataFrame) -> DataFrame:
    """A ledger as from `tables.ledger` -> text."""
    text = DataFrame({"variant": [short(label) for label in ledger["label"]], "runs": ledger["runs"].astype(str)})
    for column in (c for c in ledger if c in COST):
        text[COST[str(column)]] = [cost_text(str(column), value) for value in ledger[column]]
    return text


def failure_cells(failed: DataFrame) -> DataFrame:
    """Failures as from `tables.failures` -> text."""
    rows = [
        (short(r.label), str(r.seed), f"{r.status}: {r.reason}".rstrip(": "), amount(r.images), duration(r.seconds))
        for r in each(failed)
    ]
    return DataFrame(rows, columns=["variant", "seed", "what happened", "at images", "after"])


def markdown(table: DataFrame) -> str:
    """A frame of text as a GitHub table; nothing in a cell is read as markup."""
    lines = [list(map(str, table.columns)), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    escaped = (line if i == 1 else [markdown_text(cell) for cell in line] for i, line in enumerate(lines))
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def markdown_text(text: str) -> str:
    special = {c: f"\\{c}" for c in r"\`*_{}[]<>#|~&$"} | {"\n": " ", "\r": " "}
    return "".join(special.get(c, c) for c in text)


def latex(table: DataFrame) -> str:
    """A frame of text as a booktabs table, for `\\usepackage{booktabs}`."""
    head, *body = [list(map(str, table.columns)), *table.astype(str).to_numpy().tolist()]
    lines = [" & ".join(map(latex_text, line)) + r" \\" for line in (head, *body)]
    start = rf"\begin{{tabular}}{{{'l' * table.shape[1]}}}"
    return "\n".join([start, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"])


def latex_text(text: str) -> str:
    special = {c: f"\\{c}" for c in "&%$#_{}"} | {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "↓": r"$\downarrow$",
        "↑": r"$\uparrow$", "−": "$-$", "–": "--", "∞": r"$\infty$", "<": r"\textless{}", ">": r"\textgreater{}",
        "\n": " ", "\u2068": "", "\u2069": "", "[": "{[}", "]": "{]}", "…": r"\dots{}",
    }  # fmt: skip
    return "".join(special.get(c, c) for c in text)
