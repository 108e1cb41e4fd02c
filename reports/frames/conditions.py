"""What scores were measured under: conditions, what each row is, and the commands that repeat runs."""

import glob
import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd
from pandas import DataFrame

from ganbench import plugins
from ganbench.plugins.describe import describe
from ganbench.reports.frames.chapter import Chapter
from ganbench.reports.frames.rows import MISSING

CONDITIONS = [
    *("judge", "judge_key", "primary", "select", "samples", "preprocessing", "fingerprint"),
    *("budget_unit", "budget_amount", "scale", "precision", "device", "processor", "threads"),
    *("ganbench", "torch", "python", "platform", "commit"),
]


def conditions_of(chapter: Chapter) -> DataFrame:
    """The conditions of all runs: condition, value, runs; a condition with several values has several rows."""
    runs = chapter.runs if chapter.runs.empty else chapter.runs[chapter.runs["status"] != MISSING]
    rows = []
    for name in CONDITIONS:
        if name in runs:
            rows += [(name, value, n) for value, n in Counter(map(_written, runs[name])).most_common()]
    return DataFrame(rows, columns=["condition", "value", "runs"])


def identities(chapter: Chapter) -> DataFrame:
    """What each label of a dataset is: label, variant, paper (an address; "": unknown), given, options, code."""
    rows = []
    for label, own in chapter.runs.groupby("label", sort=False):
        known = own[own["status"] != MISSING] if (own["status"] != MISSING).any() else own
        run = {str(name): value for name, value in known.iloc[0].to_dict().items() if value == value}
        code = [f"ganbench {run['ganbench']}" if "ganbench" in run else "", str(run.get("commit", ""))]
        rows.append({
            "label": label, "variant": str(run["variant"]), "paper": paper("variants", str(run["variant"])),
            "given": str(run["given"]), "options": _options(run), "code": ", ".join(filter(None, code)),
        })  # fmt: skip
    return DataFrame(rows, columns=["label", "variant", "paper", "given", "options", "code"])


def _options(run: Mapping[str, Any]) -> str:
    """What the suite set: "width = 12, penalty = gradient (weight = 10)"."""
    try:
        found = json.loads(str(run.get("options") or "{}"))
    except ValueError:
        return ""
    return ", ".join(f"{name} = {_told(value)}" for name, value in found.items()) if isinstance(found, dict) else ""


def _told(value: Any) -> str:
    """An option's value; of a plugin with options of its own, both."""
    if isinstance(value, dict) and "name" in value:
        own = ", ".join(f"{name} = {_told(inner)}" for name, inner in value.items() if name != "name")
        return f"{value['name']} ({own})" if own else str(value["name"])
    return ", ".join(map(_told, value)) if isinstance(value, list) else str(value)


@cache
def paper(kind: str, name: str) -> str:
    """The first address that an installed plugin's own file names, which is its paper's; "" of all others."""
    if name not in plugins.names(kind):
        return ""
    found = re.search(r"https?://[^\s)>\]\"',]+", describe(kind, name).text)
    return found[0].rstrip(".;:") if found else ""


def repeats(run: Any) -> str:
    """The command that does one run again, beside what there is; "" of samples from elsewhere."""
    if not run.command or run.guest:
        return ""
    only = shlex.quote(f"{glob.escape(str(run.label))}/{glob.escape(str(run.dataset))}/{run.seed}")
    return f"{run.command} --only {only} --results again"


def about_judge(chapter: Chapter, judge: str) -> str:
    """What the judge says of itself in a sentence; "" of most judges, and in results of older versions."""
    runs = chapter.runs
    if "judge_about" not in runs:
        return ""
    said = runs.loc[runs["judge"] == judge, "judge_about"].dropna()
    return str(said.iloc[0]) if len(said) else ""


def _written(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return "unknown"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
