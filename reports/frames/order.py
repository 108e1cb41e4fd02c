"""The order of everything that is listed: of rows by group and by worth, and of metrics."""

from collections.abc import Iterable

from pandas import DataFrame, Series

ENTRANTS, APART, REFERENCES, CONTROLS = range(4)  # the groups of rows, in order
WHY_APART = "given real images of the content that samples are judged by, so that little is left to generate."


def group_of(control: bool, entrant: bool, reference: bool = False) -> int:
    """A row's group. External samples are among the entrants, because they are ranked with them."""
    return CONTROLS if control else REFERENCES if reference else ENTRANTS if entrant else APART


def labels_by_group(frame: DataFrame) -> list[str]:
    """A frame with `label`, `control`, `entrant` and `reference`, a row per run -> its labels by group, else in its own
    order.
    """
    known = frame.groupby("label", sort=False).agg(
        control=("control", "any"), entrant=("entrant", "all"), reference=("reference", "any")
    )
    groups = {str(label): group_of(*row) for label, row in zip(known.index, known.to_numpy().tolist(), strict=True)}
    return sorted(groups, key=groups.__getitem__)


def best_first(frame: DataFrame, value: str, lower: bool) -> DataFrame:
    """A frame with `control`, perhaps `entrant`, and numbers in the column `value` -> its rows by group, the best of
    each group first.

    Rows without a value come last in their group; equal rows keep their order.
    """
    worth = frame[value] if lower else -frame[value]
    listed = frame.assign(_group=groups_of(frame), _worth=worth)
    listed = listed.sort_values(["_group", "_worth"], na_position="last", kind="stable")
    return listed.drop(columns=["_group", "_worth"])


def groups_of(frame: DataFrame) -> list[int]:
    """A frame with `control` and perhaps `entrant` and `reference` -> the group of each row."""
    if frame.empty:
        return []
    entrant = frame["entrant"].astype(bool) if "entrant" in frame else [True] * len(frame)
    reference = frame["reference"].astype(bool) if "reference" in frame else [False] * len(frame)
    return [group_of(*row) for row in zip(frame["control"].astype(bool), entrant, reference, strict=True)]


def is_entrant(frame: DataFrame) -> "Series[bool]":
    """A frame with `control` and perhaps `entrant` -> whether each row is ranked."""
    return Series([group == ENTRANTS for group in groups_of(frame)], index=frame.index, dtype=bool)


def in_order_of(frame: DataFrame, labels: Iterable[str]) -> DataFrame:
    """A frame with `label` -> its rows in the order of `labels`; rows of one label keep their order."""
    places = {label: i for i, label in enumerate(labels)}
    return frame.sort_values("label", key=lambda own: own.map(places), kind="stable")


def metrics_in_order(metrics: Iterable[str], first: str = "") -> list[str]:
    """Each metric once, in the order of the scores, but `first` before all."""
    return sorted(dict.fromkeys(metrics), key=lambda metric: metric != first)
