"""How runs went along their budget: oscillation, collapse, what the last checkpoint lost, and which runs failed.

All numbers follow from the scores of `ganbench report --format csv` (checkpoint "curve": the validation split along the
budget; "last" and "selected": the test split) and from how runs ended.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import ceil, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.reports.frames.order import in_order_of, metrics_in_order
from ganbench.reports.frames.rows import MISSING, each
from ganbench.reports.frames.scores import CHECKPOINTS, SENSES, WORST
from ganbench.statistics import mean_interval

Floats = NDArray[np.float64]

END = 1 / 5  # of the evaluations: where a run should have settled
FEWEST = 6  # evaluations, of which the last fifth has two
HELD = "modes_third", "classes"  # metrics that count what is held
LEAST = {"swing": 0.0, "spread": 0.0, "gap": -np.inf}  # that such a number can be
POINT = "run", "metric", "checkpoint", "images", "value"


class Trajectory(NamedTuple):
    """One run's metric along its budget."""

    images: Floats  # (n,) where it was measured, increasing
    values: Floats  # (n,) on the validation split


NOWHERE = Trajectory(np.empty(0), np.empty(0))


def judged_by(scores: DataFrame, select: str) -> str:
    """The metric whose steadiness is looked at: the one that selects checkpoints, or the first that says what is
    better; "" if there is none.
    """
    known = scores[scores["direction"].isin(SENSES) & scores["value"].notna()] if len(scores) else scores
    metrics = metrics_in_order(list(known["metric"]), select) if len(known) else []
    return metrics[0] if metrics else ""


def oscillation(values: Floats) -> tuple[float, float]:
    """(n,) values along a budget -> mean absolute change and standard deviation over the last fifth of them.

    The fifth is rounded up; NaN below `FEWEST` evaluations, of which it would hold a single one.
    """
    if len(values) < FEWEST:
        return nan, nan
    end = values[-ceil(len(values) * END) :]
    return float(np.abs(np.diff(end)).mean()), float(np.std(end, ddof=1))


def collapse(values: Floats, lower: bool, start: float = nan) -> int | None:
    """(n,) values along a budget -> the first evaluation from which on a run has lost at least half of what it gained.

    Its gain is the way from `start`, the level of noise, to its best evaluation; without such a level, from its first.
    It has collapsed at i, after the best, if from i to its end every value is worse than half way back. None if it
    never did.
    """
    loss = values if lower else -values
    if len(loss) < 2:
        return None
    begin = loss[0] if np.isnan(start) else start if lower else -start
    best = int(np.argmin(loss))
    half = (begin + loss[best]) / 2
    if not begin > loss[best]:
        return None
    back = np.flatnonzero(loss <= half)[-1] + 1  # behind the last evaluation that was better
    return int(back) if back < len(loss) else None


def noise_level(scores: DataFrame, metric: str) -> float:
    """What the control `noise` scores, on the validation split if it was measured there; NaN without one."""
    rows = scores[(scores["variant"] == WORST) & scores["control"].astype(bool) & (scores["metric"] == metric)]
    for checkpoint in ("curve", "last"):
        levels = rows.loc[rows["checkpoint"] == checkpoint, "value"].dropna()
        if len(levels):
            return float(levels.mean())
    return nan


def collected(scores: DataFrame, metrics: Sequence[str]) -> dict[tuple[str, str, str], Trajectory]:
    """Tidy scores -> by run, metric and checkpoint where and what was measured, in the order of the budget; of finite
    values.
    """
    rows = scores[scores["metric"].isin(list(metrics)) & np.isfinite(scores["value"].astype(float))]
    rows = rows.sort_values("images")
    points_of: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for run, metric, checkpoint, *point in zip(*(rows[name] for name in POINT), strict=True):
        points_of[run, metric, checkpoint].append((point[0], point[1]))
    return {place: Trajectory(*np.array(points, dtype=np.float64).T) for place, points in points_of.items()}


def of_runs(runs: DataFrame, scores: DataFrame, metric: str) -> DataFrame:
    """One row per run of a variant that has ended: run, label, seed, status, evaluations, swing, spread, gap (how much
    worse the last checkpoint is than the selected one, on the test split), collapsed and failed (real images at which;
    NaN: not), dropped (how many modes or classes fewer at the end than at best; NaN without such a count).

    `runs` as from `rows.runs`, `scores` tidy, both of one dataset.
    """
    start = noise_level(scores, metric) if len(scores) else nan
    trajectories = collected(scores, [metric, *HELD]) if len(scores) else {}
    lower = set(scores.loc[scores["metric"] == metric, "direction"]) <= {"lower"} if len(scores) else True
    rows = []
    for run in each(runs[~runs["control"].astype(bool) & ~runs["guest"].astype(bool)]):
        if run.status == MISSING:
            continue
        images, values = trajectories.get((run.run, metric, "curve"), NOWHERE)
        last, selected = (trajectories.get((run.run, metric, checkpoint), NOWHERE).values for checkpoint in CHECKPOINTS)
        worse = float(last[0] - selected[0]) if len(last) and len(selected) else nan
        fell = collapse(values, lower, start)
        held = next((c.values for name in HELD if (c := trajectories.get((run.run, name, "curve"))) is not None), None)
        rows.append(
            {
                **{name: getattr(run, name) for name in ("run", "label", "seed", "status")},
                "evaluations": len(values),
                **dict(zip(("swing", "spread"), oscillation(values), strict=True)),
                "gap": worse if lower else -worse,
                "collapsed": nan if fell is None else float(images[fell]),
                "failed": float(run.images) if run.lost else nan,
                "dropped": nan if held is None else float(held.max() - held[-1]),
            }
        )
    columns = ["run", "label", "seed", "status", "evaluations", "swing", "spread", "gap", "collapsed"]
    return DataFrame(rows, columns=[*columns, "failed", "dropped"])


def of_labels(runs: DataFrame) -> DataFrame:
    """`of_runs` -> one row per variant: label, runs, evaluations (fewest of a run), failed, failed_at, collapsed,
    collapsed_at (counts, and images of the earliest), then means over seeds with `_low` and `_high`: swing, spread,
    gap; and dropped, the largest of a seed.
    """
    rows = []
    for label, own in runs.groupby("label", sort=False):
        row: dict[str, Any] = {"label": label, "runs": len(own), "evaluations": int(own["evaluations"].min())}
        for event in ("failed", "collapsed"):
            row |= {event: int(own[event].notna().sum()), f"{event}_at": own[event].min()}
        for name, least in LEAST.items():
            limits = mean_interval(own[name].dropna())
            row |= {name: limits.mean, f"{name}_low": float(np.maximum(limits.low, least)), f"{name}_high": limits.high}
        rows.append(row | {"dropped": own["dropped"].max()})
    return DataFrame(rows)


def seed_values(scores: DataFrame, runs: DataFrame, metric: str) -> DataFrame:
    """What each seed's last checkpoint scores: label, seed, value, status; NaN where the run failed.

    Of variants, entrants before others, the best mean first; rows of the most common comparability key.
    """
    rows = scores[(scores["metric"] == metric) & (scores["checkpoint"] == "last") & ~scores["control"].astype(bool)]
    keys = rows.loc[rows["value"].notna(), "key"].mode()
    rows = rows[rows["key"].isin([*keys[:1], ""])]
    lost = runs.loc[runs["lost"] & ~runs["control"], ["run", "label", "seed", "status"]]
    lost = lost[~lost["run"].isin(rows["run"])].assign(value=nan)
    columns = ["label", "seed", "value", "status"]
    values = DataFrame(rows[["run", *columns]].to_dict("records") + lost.to_dict("records"), columns=columns)
    lower = set(rows["direction"]) != {"higher"}
    means = values.groupby("label", sort=False)["value"].mean().sort_values(ascending=lower, kind="stable")
    apart = set(runs.loc[~runs["entrant"], "label"])
    return in_order_of(values, sorted(means.index, key=apart.__contains__))
