"""Verdicts as a person would say them: what is decided, what is not, and what it would take."""

from collections.abc import Callable, Sequence

from pandas import DataFrame

from ganbench.statistics.verdicts import HALF

MOST_NAMES = 4


def answer(rows: DataFrame, tests: DataFrame, where: str, name: Callable[[object], str] = str, score: str = "") -> str:
    """The rows and tests of one cell, as from `ganbench.statistics.decide` -> who leads, and whether that is sure.

    `where` ends the first clause, as in " on digits"; `name` makes a label fit for a sentence; `score` is the best
    row's, with its interval.
    """
    best, k = rows.iloc[0], len(rows)
    first = name(best["label"])
    told = f": {score}" if score else ""
    if k == 1:
        return f"{first} is the only one with a score{where}{told}."
    if best["leads"]:
        others = name(rows["label"].iloc[1]) if k == 2 else "both others" if k == 3 else f"all {k - 1} others"
        return f"{first} leads{where}{told}; better than {others}."
    if best["n"] == 0:
        return f"Nobody has a score{where}: every run failed."
    if len(alike := rows["label"][rows["mean"] == best["mean"]]) > 1:
        return f"No sure winner{where}: {joined([name(one) for one in alike])} have the same mean{told}."
    beaten = _beaten(tests, best["label"])
    sides = [f"better than {beaten} of {k - 1}"] if beaten else ["not surely better than any other"]
    sides += _needed(rows, tests, name)
    return f"No sure winner{where}: {first} {_praise(rows, tests)}{told}; {'; '.join(sides)}."


def _praise(rows: DataFrame, tests: DataFrame) -> str:
    """Where runs failed, another mean may be better than that of the row which stands first."""
    by_failures = (tests["test"] == "failures") & tests["verdict"].isin(["a", "b"])
    failing = (rows["failed"] >= HALF * rows["runs"]).any() or by_failures.any()
    return "looks best" if failing else "has the best mean"


def beaten_over_all(overall: DataFrame) -> dict[str, int]:
    """Pairs over all datasets, as from `ganbench.compare.rank.over_datasets` -> how many others each label beats."""
    beaten = dict.fromkeys([*overall["a"], *overall["b"]], 0)
    for pair in overall[overall["verdict"] != "undecided"].to_dict("records"):
        beaten[pair[pair["verdict"]]] += 1
    return beaten


def answer_over_all(overall: DataFrame, datasets: int, name: Callable[[object], str] = str) -> str:
    """The same pairs -> who is better over all datasets; nothing where there is one."""
    if overall.empty:
        return ""
    beaten = beaten_over_all(overall)
    best = max(beaten, key=beaten.__getitem__)
    where = "both datasets" if datasets == 2 else f"all {datasets} datasets"
    if not beaten[best]:
        return f"Over {where} nothing is decided."
    if beaten[best] == len(beaten) - 1:
        return f"Over {where} {name(best)} leads."
    return f"Over {where} {name(best)} is better than {beaten[best]} of {len(beaten) - 1}."


def _beaten(tests: DataFrame, label: object) -> int:
    won = ((tests["a"] == label) & (tests["verdict"] == "a")) | ((tests["b"] == label) & (tests["verdict"] == "b"))
    return int(won.sum())


def _needed(rows: DataFrame, tests: DataFrame, name: Callable[[object], str]) -> list[str]:
    """What it would take to tell the open rows from the first, in groups of alike need."""
    best, runs = rows["label"].iloc[0], rows.set_index("label")["n"]
    open_ = tests[((tests["a"] == best) | (tests["b"] == best)) & (tests["verdict"] == "undecided")]
    if (runs <= 1).any():
        few = [name(label) for label in runs.index[runs <= 1]]
        return [f"{joined(few)} {'has' if len(few) == 1 else 'have'} fewer than two runs that ended"]
    groups: dict[str, list[str]] = {}
    for test in open_.sort_values("seeds", na_position="last").to_dict("records"):
        other = test["b"] if test["a"] == best else test["a"]
        known = test["seeds"] == test["seeds"] and isinstance(test["seeds"], int)
        more = max(1, test["seeds"] - int(runs[[best, other]].min())) if known else 0
        groups.setdefault(_amount(more), []).append(name(other))
    shown = list(groups.items())[:2]
    said = [f"{joined(them)} {'needs' if len(them) == 1 else 'need'} {need}{_each(need, them)}" for need, them in shown]
    rest = sum(len(them) for _, them in list(groups.items())[2:])
    return said + ([f"{rest} more cannot be told from it either"] if rest else [])


def _amount(more: int) -> str:
    if not 0 < more <= 100:
        return "more seeds than are worth it"
    rounded = more if more < 10 else 10 * round(more / 10)
    return f"about {rounded} more seed{'s' if rounded > 1 else ''}"


def _each(need: str, them: Sequence[str]) -> str:
    return " each" if len(them) > 1 and need.startswith("about") else ""


def joined(names: Sequence[str]) -> str:
    """a, b and c; the rest is counted."""
    more = len(names) - MOST_NAMES
    shown = [*names[:MOST_NAMES], *([f"{more} others"] if more > 0 else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
