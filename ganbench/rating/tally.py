"""Answers -> error rates, strengths, agreement between raters; and scores that stand on the board like others.

How often people err on a row's pictures is HYPE-infinity's measure: half of the pictures real, no limit of time. Zhou
et al., "HYPE: A Benchmark for Human eYe Perceptual Evaluation of Generative Models", NeurIPS 2019.
"""

import math
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from ganbench.rating.pictures import digest
from ganbench.rating.study import Picture, Study
from ganbench.statistics.agreement import krippendorff
from ganbench.statistics.crossed import clustered_share
from ganbench.statistics.intervals import Interval
from ganbench.statistics.pairs import bradley_terry
from ganbench.store.columns import SCORE_COLUMNS

PEOPLE, SIMULATED = "people", "simulated raters"
VERSION = 1  # of what is computed from answers
USUAL_ANSWERS = 100  # to a run's pictures
MOST_MISSED = 1 / 3  # of the questions whose answer everybody knows
HASTE_S = 0.3  # whose median answer is faster has not looked
METRICS: dict[str, dict[str, Any]] = {
    "human_error": {
        "title": "Human error", "unit": "share", "lower_bound": 0.0, "upper_bound": 1.0, "direction": "higher",
        "meaning": "How often people take this row's pictures for real and real ones for fake, the mean of both "
        "shares: 0.5 where nobody can tell them apart, 0 where everybody can.",
        "blind_to": "Variety: one perfect picture over and over deceives as well as many.",
    },
    "human_strength": {
        "title": "Human strength", "unit": "log odds", "lower_bound": -math.inf, "upper_bound": math.inf,
        "direction": "higher",
        "meaning": "Bradley-Terry strength: the log odds that people find this row's picture more like the data than "
        "that of an average row.",
        "blind_to": "Variety, and how far all rows are from the data: somebody wins every comparison.",
    },
}  # fmt: skip


class Tally(NamedTuple):
    """What the answers to one study say."""

    raters: DataFrame  # rater, nickname, answers, missed (share), seconds (median), excluded (why, or "")
    errors: DataFrame  # dataset, label, answers, and an Interval each: on_fakes, on_reals, human_error
    strengths: DataFrame  # dataset, label, answers, strength (an Interval)
    agreement: DataFrame  # dataset, kind, alpha
    scores: DataFrame  # SCORE_COLUMNS: human_error and human_strength of each run
    dropped: int  # answers to pictures that the results hold no more
    judge: str  # PEOPLE or SIMULATED


def tally(study: Study, answers: DataFrame, simulated: bool = False) -> Tally:
    """What people (or simulated raters) have said in this study; `answers` are those of `Answers.frame`."""
    own = answers[(answers["key"] == study.key) & (answers["simulated"].astype(bool) == simulated)]
    raters = judged_raters(own)
    taken = own[own["rater"].isin(raters.loc[raters["excluded"] == "", "rater"]) & ~own["known"].astype(bool)]
    still = taken[_still_there(study, taken)]
    told = _with_labels(study, still)
    judge = SIMULATED if simulated else PEOPLE
    rated, compared = told[told["kind"] == "real-or-fake"], told[told["kind"] == "which-is-better"]
    scores = [*_error_scores(study, rated, judge), *_strength_scores(study, compared, judge)]
    return Tally(
        raters, _errors(rated), _strengths(compared), _agreement(told), DataFrame(scores, columns=SCORE_COLUMNS),
        len(taken) - len(still), judge,
    )  # fmt: skip


def judged_raters(answers: DataFrame) -> DataFrame:
    """Who answered, and who is left out because they did not look: see `MOST_MISSED` and `HASTE_S`."""
    rows = []
    for (rater, nickname), own in answers.groupby(["rater", "nickname"], sort=True):
        known = own[own["known"].astype(bool)]
        missed = float((known["answer"] != known["truth"]).mean()) if len(known) else math.nan
        median = float(own["seconds"].median())
        rows.append((rater, nickname, len(own) - len(known), missed, median, _excluded(missed, median)))
    return DataFrame(rows, columns=["rater", "nickname", "answers", "missed", "seconds", "excluded"])


def _excluded(missed: float, median: float) -> str:
    if missed > MOST_MISSED:
        return f"missed {missed:.0%} of the questions whose answer everybody knows"
    return f"answers within {median:.2f} s" if median < HASTE_S else ""


def _still_there(study: Study, answers: DataFrame) -> "pd.Series[bool]":
    """Whether what an answer is about is what the results hold today."""
    pictures = {
        (row.run, digest(pool.pixels(Picture(row.run, number))))
        for pool in study.pools.values()
        for row in pool.rows.values()
        for number in range(pool.size(row))
    }
    sides = [zip(answers[f"{side}_run"], answers[f"{side}_digest"], strict=True) for side in ("first", "second")]
    kept = [
        first in pictures and (second[0] is None or pd.isna(second[0]) or second in pictures)
        for first, second in zip(*sides, strict=True)
    ]
    return pd.Series(kept, index=answers.index, dtype=bool)


def _with_labels(study: Study, answers: DataFrame) -> DataFrame:
    """Add first, second (labels) and seed of the rows that were shown, and whether the answer is wrong."""
    rows = {row.run: row for pool in study.pools.values() for row in pool.rows.values()}
    return answers.assign(
        first=[rows[run].label for run in answers["first_run"]],
        second=[rows[run].label if isinstance(run, str) else "" for run in answers["second_run"]],
        seed=[rows[run].seed for run in answers["first_run"]],
        wrong=answers["answer"] != answers["truth"],
    )


def _errors(rated: DataFrame) -> DataFrame:
    rows = []
    for dataset, here in rated.groupby("dataset", sort=False):
        reals, fakes = here[here["truth"] == "real"], here[here["truth"] == "fake"]
        for label, own in fakes.groupby("first", sort=False):
            of_each = [_share(part) for part in (own, reals, pd.concat([own, reals]))]
            rows.append((dataset, label, len(own), *of_each))
    return DataFrame(rows, columns=["dataset", "label", "answers", "on_fakes", "on_reals", "human_error"])


def _share(answers: DataFrame) -> Interval:
    """How often answers are wrong; fakes and reals together weigh the same, however many there are of each."""
    if answers.empty:
        return Interval(math.nan, math.nan, math.nan)
    weights = 1 / answers.groupby("truth")["wrong"].transform("size").to_numpy(float)
    clusters = [answers["rater"].to_numpy(), answers["first_digest"].to_numpy()]
    return clustered_share(answers["wrong"].to_numpy(), weights, clusters)


def _strengths(compared: DataFrame) -> DataFrame:
    rows = []
    for dataset, here in compared.groupby("dataset", sort=False):
        for label, strength in _bradley_terry(here).items():
            rows.append(
                (dataset, label, int((here["first"] == label).sum() + (here["second"] == label).sum()), strength)
            )
    return DataFrame(rows, columns=["dataset", "label", "answers", "strength"])


def _bradley_terry(here: DataFrame) -> dict[Any, Interval]:
    first, second = here["first"].to_numpy(str), here["second"].to_numpy(str)
    clusters = [here["rater"].to_numpy(), (here["first_digest"] + here["second_digest"]).to_numpy()]
    return bradley_terry(first, second, (here["answer"] == "first").to_numpy(), clusters)


def _agreement(told: DataFrame) -> DataFrame:
    """Alpha of each dataset and question."""
    rows = [
        (dataset, kind, krippendorff(own["answer"], own["first_digest"] + own["second_digest"].fillna("")))
        for (dataset, kind), own in told.groupby(["dataset", "kind"], sort=False)
    ]
    return DataFrame(rows, columns=["dataset", "kind", "alpha"])


def _error_scores(study: Study, rated: DataFrame, judge: str) -> list[dict[str, Any]]:
    rows = []
    for _, here in rated.groupby("dataset", sort=False):
        reals = here.loc[here["truth"] == "real", "wrong"]
        for run, own in here[here["truth"] == "fake"].groupby("first_run", sort=False):
            if len(reals):
                value = (own["wrong"].mean() + reals.mean()) / 2
                error = math.hypot(_binomial_error(own["wrong"]), _binomial_error(reals)) / 2
                rows.append(_score(study, str(run), "human_error", value, error, len(own), judge))
    return rows


def _strength_scores(study: Study, compared: DataFrame, judge: str) -> list[dict[str, Any]]:
    """Pairs are of one seed each, so that every seed has strengths of its own."""
    rows = []
    for (_, _), here in compared.groupby(["dataset", "seed"], sort=False):
        labels = dict(zip([*here["first"], *here["second"]], [*here["first_run"], *here["second_run"]], strict=True))
        for label, strength in _bradley_terry(here).items():
            n = int((here["first"] == label).sum() + (here["second"] == label).sum())
            rivals = sorted(labels)  # a strength is of one row among these
            rows.append(_score(study, labels[label], "human_strength", strength.mean, math.nan, n, judge, rivals))
    return rows


def _binomial_error(wrong: "pd.Series[bool]") -> float:
    share = (wrong.sum() + 1) / (len(wrong) + 2)
    return float(np.sqrt(share * (1 - share) / len(wrong)))


def _score(
    study: Study, run: str, metric: str, value: float, stderr: float, n: int, judge: str, rivals: Sequence[str] = ()
) -> dict[str, Any]:
    """One row of the store."""
    runs = study.results.runs
    ran = runs[runs["run"] == run].iloc[0]
    identity = {name: ran[name] for name in ("suite", "run", "variant", "label", "dataset", "seed", "status")}
    asked = (metric, VERSION, METRICS[metric]["direction"], judge, study.key, list(rivals))
    key = sha256(repr(asked).encode()).hexdigest()[:12]
    return {
        **identity, "checkpoint": "last", "images": int(ran["images"]), "judge": judge, "split": "test",
        "metric": metric, "value": float(value), "stderr": stderr, "most": math.nan, "samples": n,
        "usual_samples": USUAL_ANSWERS, "key": key, **METRICS[metric],
    }  # fmt: skip
