"""An audit as frames of text: verdicts in words, the agreement of two judges, the strengths of disturbances."""

from math import isnan
from typing import Any

from pandas import DataFrame

from ganbench.audit.verdicts import NOISE, RISING, Audit, judge_agreement
from ganbench.reports.numbers import NONE, fixed

DIFFERS = (
    f"Two values differ when they are more than {NOISE:g} standard errors of their difference apart; a standard error "
    "is the metric's own, or the scatter over draws of real data if that is larger. Where a metric has none of its "
    "own, Student's quantile for so few draws takes the place of the three."
)
TERMS = {
    "blind": "no strength differs from undisturbed data.",
    "from 2": "seen: worse step by step, and worse than undisturbed data at strength 2 and all above. Step by step: "
    f"the rank correlation of strength and value is at least {RISING:g}, where values that do not differ are tied.",
    "reversed": "some strength is called better than undisturbed data, none worse.",
    "mixed": "seen, but not step by step; or called better here and worse there.",
}
AGREEING = (
    "Both judged the same samples. Rank correlations are Spearman's, of the values of one metric: over all "
    "disturbances and strengths and the undisturbed draws, and over the selected checkpoints of a suite's runs. n/a: "
    "one of the two gives all of them the same value. Metrics that ask no judge agree by themselves."
)


def verdict_word(verdict: str, seen_from: Any) -> str:
    """A verdict in a cell: "from 2", "blind", "reversed", "mixed"."""
    return f"from {seen_from}" if verdict == "monotone" else verdict


def spoken(disturbance: str) -> str:
    """A disturbance's name as words."""
    return disturbance.replace("_", " ")


def verdict_words(audit: Audit, judge: str) -> DataFrame:
    """Verdicts as words: a row per metric, a column per disturbance, both in the audit's order."""
    verdicts = audit.verdicts[audit.verdicts["judge"] == judge]
    words = [verdict_word(*pair) for pair in zip(verdicts["verdict"], verdicts["seen_from"], strict=True)]
    wide = verdicts.assign(word=words).pivot(index="metric", columns="disturbance", values="word")
    return wide.loc[list(dict.fromkeys(verdicts["metric"])), list(audit.meanings)]


def agreement_text(audit: Audit) -> DataFrame:
    """How far an audit's two judges agree: a row per metric."""
    rows = judge_agreement(audit, *audit.judges)
    n_sets, n_runs = (int(rows[f"{where}_rows"].max()) for where in ("disturbed", "runs"))
    pairs = zip(rows["alike"], rows["verdicts"], strict=True)
    text = {
        "metric": [str(metric) for metric in rows["metric"]],
        "same verdict": [f"{alike} of {verdicts}" for alike, verdicts in pairs],
        f"rank correlation, {n_sets} disturbed sets": [_two_digits(rho) for rho in rows["disturbed"]],
    }
    if n_runs:
        text[f"rank correlation, {n_runs} runs"] = [_two_digits(rho) for rho in rows["runs"]]
    return DataFrame(text)


def _two_digits(rho: float) -> str:
    return NONE if isnan(rho) else fixed(rho, 2)


def strengths(audit: Audit) -> DataFrame:
    """What each disturbance measures, and how much of it there is at the five strengths."""
    rows = [
        [spoken(disturbance), meaning, *(f"{amount:g}" for amount in amounts)]
        for disturbance, (meaning, amounts) in audit.meanings.items()
    ]
    return DataFrame(rows, columns=["disturbance", "what is measured", *(f"{k}" for k in range(1, 6))])


def audit_conditions(audit: Audit) -> DataFrame:
    """What the values depend on."""
    rows = [(name, str(value)) for name, value in audit.conditions.items() if not isinstance(value, dict)]
    return DataFrame(rows, columns=["condition", "value"])
