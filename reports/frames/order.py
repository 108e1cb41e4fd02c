"""The order of everything that is listed: of rows by group and by worth, and of metrics."""

from collections.abc import Iterable

from pandas import DataFrame

# The place of each group of rows. External samples stand among the variants, because they are ranked with them.
GROUPS = {"variant": 0, "external": 0, "control": 1}


def group_place(control: bool, external: bool = False) -> int:
    """The place of a row's group."""
    return GROUPS["control" if control else "external" if external else "variant"]


def labels_by_group(frame: DataFrame) -> list[str]:
    """A frame with `label`, `control` and `guest`, a row per run -> its labels by group, else in the frame's order."""
    known = frame.groupby("label", sort=False)[["control", "guest"]].any()
    places = {str(label): group_place(*row) for label, row in zip(known.index, known.to_numpy().tolist(), strict=True)}
    return sorted(places, key=places.__getitem__)


def best_first(frame: DataFrame, value: str, lower: bool) -> DataFrame:
    """A frame with `control` and numbers in the column `value` -> its rows by group, the best of each group first.

    Rows without a value come last in their group; equal rows keep their order.
    """
    external = frame["guest"] if "guest" in frame else [False] * len(frame)
    places = [group_place(*row) for row in zip(frame["control"].astype(bool), external, strict=True)]
    worth = frame[value] if lower else -frame[value]
    listed = frame.assign(_group=places, _worth=worth)
    listed = listed.sort_values(["_group", "_worth"], na_position="last", kind="stable")
    return listed.drop(columns=["_group", "_worth"])


def in_order_of(frame: DataFrame, labels: Iterable[str]) -> DataFrame:
    """A frame with `label` -> its rows in the order of `labels`; rows of one label keep their order."""
    places = {label: i for i, label in enumerate(labels)}
    return frame.sort_values("label", key=lambda own: own.map(places), kind="stable")


def metrics_in_order(metrics: Iterable[str], first: str = "") -> list[str]:
    """Each metric once, in the order of the scores, but `first` before all."""
    return sorted(dict.fromkeys(metrics), key=lambda metric: metric != first)
