"""Results as sentences: what was run, the answer of a dataset, and what must be known before it is believed."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import numpy as np
from pandas import DataFrame

from ganbench.compare.words import answer as said
from ganbench.reports.frames.board import distinct_samples
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.looks import seeds_added
from ganbench.reports.frames.order import APART, CONTROLS, ENTRANTS, WHY_APART, groups_of, in_order_of, metrics_in_order
from ganbench.reports.frames.rows import MISSING, runs
from ganbench.reports.frames.scores import BEST, SENSES
from ganbench.reports.numbers import amount, count, estimate, isolated, listed, number, short
from ganbench.store.columns import Given

GIVEN = get_args(Given)
NO_INTERVAL = "One seed: no interval, so no claim about which is better."


def answer(chapter: Chapter) -> str:
    """All that is to be known about a dataset in words: its verdict, and what belongs to it."""
    return " ".join(filter(None, [verdict(chapter, f" on {isolated(chapter.dataset)}"), beside(chapter)]))


def verdict(chapter: Chapter, where: str = "") -> str:
    """The one thing to know about a dataset: who leads, whether that is sure, and what it would take.

    `where` says on which dataset, where nothing else does.
    """
    rows = chapter.summary
    last = rows[(rows["checkpoint"] == "last") & (rows["board"] == 1)]
    if len(last) and not last["direction"].isin(SENSES).any():
        return f"Nobody leads{where}: no metric says what is better."
    scored = _scored(chapter)
    groups = np.array(groups_of(scored))
    entrants, others = scored[groups == ENTRANTS], bool((groups == APART).any())
    leader = _leader(entrants, chapter, where, others) if len(entrants) else _nobody(chapter, where, others)
    return " ".join([*_worthless(chapter, entrants, where), leader])


def beside(chapter: Chapter) -> str:
    """What belongs to the verdict: who leads among those given alike, who is not ranked and why, what real data scores;
    "" without a score.
    """
    scored = _scored(chapter)
    groups = np.array(groups_of(scored))
    sentences = [*_best_by_given(scored[groups == ENTRANTS])] if len(scored) else []
    sentences += map(_apart, scored[groups == APART].to_dict("records")) if len(scored) else []
    floor = scored[(groups == CONTROLS) & (scored["variant"] == BEST)] if len(scored) else scored
    if len(floor):
        real = floor.iloc[0].to_dict()
        fewer = f", {distinct_samples(real['samples'])}" if real["samples"] < scored["samples"].max() else ""
        sentences.append(f"Real data scores {_score(real)}{fewer}.")
    sentences += _seeds(chapter)
    return " ".join(sentences)


def _scored(chapter: Chapter) -> DataFrame:
    """The rows of the first board that have a score by the metric that ranks, or else by the first with a direction."""
    last = chapter.summary
    last = last[(last["checkpoint"] == "last") & (last["board"] == 1) & last["direction"].isin(SENSES)]
    metrics = metrics_in_order(list(last["metric"]), chapter.primary)
    return last[(last["metric"] == metrics[0]) & last["mean"].notna()] if metrics else last


def _worthless(chapter: Chapter, entrants: DataFrame, where: str) -> Iterator[str]:
    """What comes first if it is so: that nothing is better than a control which has learnt nothing."""
    idle = [isolated(control) for control, better in chapter.better_than.items() if not better]
    if idle and (entrants["n"] > 1).any():
        controls = "control" if len(idle) == 1 else "controls"
        yield f"Nothing{where} is surely better than the {controls} {listed(idle)}."


def _seeds(chapter: Chapter) -> Iterator[str]:
    """How many seeds each row got, where they were added until decided, and why no more."""
    if (seeds := seeds_added(chapter)) is None:
        return
    groups: dict[int, list[str]] = {}
    for label, n in seeds.counts.items():
        groups.setdefault(n, []).append(isolated(label))
    told = [
        f"{listed(names)} {n}{' each' if len(names) > 1 else ''}" for n, names in sorted(groups.items(), reverse=True)
    ]
    if len(seeds.open) < 2:
        why = f"no other than {isolated(seeds.open[0])} can lead" if seeds.open else "nothing can be ranked"
    else:
        why = f"{seeds.most} are the most that the suite allows" if seeds.ended else ""
    yield f"Seeds: {'; '.join(told)}; " + (f"no more, because {why}." if why else "more are to come.")


def _best_by_given(entrants: DataFrame) -> Iterator[str]:
    """The best of those given nothing, of those given labels, and so on, where they were given different things."""
    best = {row["given"]: row for row in entrants[::-1].to_dict("records")}  # of each, the first of them
    told = [
        f"given {given}: {isolated(best[given]['label'])}, {_score(best[given])}" for given in GIVEN if given in best
    ]
    if len(told) > 1:
        yield f"The best {entrants['title'].iloc[0]} of those {'; '.join(told)}."


def _apart(row: Mapping[Any, Any]) -> str:
    return f"{isolated(row['label'])}, {row['title']} {_score(row)}, is not ranked among generators: it was {WHY_APART}"


def _nobody(chapter: Chapter, where: str, others: bool) -> str:
    own = chapter.rows[chapter.rows["entrant"]]
    if not len(own):
        return f"No generator was run{where}." if others else f"No variant was run{where}, only controls."
    lost, runs, ended = (int(own[c].sum()) for c in ("failed", "runs", "done"))
    if lost + ended == 0:
        return f"No variant has been run{where} yet."
    return f"No variant has a score{where}: {lost} of {count(runs, 'run')} failed."


def _leader(variants: DataFrame, chapter: Chapter, where: str, others: bool) -> str:
    """`variants` is the ranked ones' rows of one metric, the best first; `others`: some are not ranked."""
    verdicts = chapter.verdicts
    by_verdict = [] if verdicts is None else list(verdicts.rows["label"])  # of few failures rather than the best mean
    best = in_order_of(variants, dict.fromkeys([*by_verdict, *variants["label"]])).iloc[0].to_dict()
    name, what = isolated(best["label"]), best["title"]
    lost = chapter.rows.set_index("label").loc[best["label"], "failed"]
    score = f"{_score(best)}, {count(best['n'], 'seed')}" + (f" ({lost} more failed)" if lost else "")
    if len(variants) == 1:
        return f"{name} is the only {'ranked ' if others else ''}variant with a score{where}: {what} {score}."
    if best["n"] == 1:
        return f"{name} has the best {what}{where}: {_score(best)}. {NO_INTERVAL}"
    if verdicts is None or verdicts.rows.empty:
        return f"{name} has the best {what}{where}: {score}."
    return said(verdicts.rows, verdicts.tests, where, isolated, f"{what} {score}")


def _score(row: Mapping[Any, Any]) -> str:
    return " ".join(filter(None, estimate(float(row["mean"]), float(row["low"]), float(row["high"]))))


def remarks(chapter: Chapter, failures: bool = True) -> list[str]:
    """What must be known before the board is believed: scaled budgets, failed runs, runs still to do."""
    runs = chapter.runs
    lost, missing = int(runs["lost"].sum()), int((runs["status"] == MISSING).sum())
    scales = sorted({float(s) for s in runs["scale"] if float(s) < 1})
    shares = listed([f"{number(100 * s)} %" for s in scales])
    held = {
        f"Budget scaled to {shares}: shows that it runs, not what it reaches.": bool(scales),
        f"{lost} of {count(len(runs), 'run')} failed.": lost > 0 and failures,
        f"{missing} of {count(len(runs), 'run')} not run yet.": missing > 0,
    }
    return [*(remark for remark, holds in held.items() if holds), *_primary_changed(chapter)]


def _primary_changed(chapter: Chapter) -> Iterator[str]:
    """Whoever chooses the metric after the scores are known can make anybody win."""
    runs = chapter.runs
    if not {"primary", "primary_when_run"} <= set(runs):
        return
    before = runs.loc[runs["primary_when_run"].notna(), "primary_when_run"]
    if n := int(((before != chapter.primary) & (before != "")).sum()):
        names = [short(chapter.metrics[name].title) for name in (chapter.primary, *before[before != chapter.primary])]
        yield (
            f"Verdicts are of {names[0]}, which was declared after {count(n, 'run')} had been judged: "
            f"until then it was {listed(list(dict.fromkeys(names[1:])))}."
        )


def all_remarks(report: Report) -> list[str]:
    """The remarks on all datasets, but for failures, which are counted once for all."""
    several = len(report.chapters) > 1
    told = [
        f"{short(chapter.dataset)}: {remark}" if several else remark
        for chapter in report.chapters
        for remark in remarks(chapter, failures=False)
    ]
    return list(dict.fromkeys(told))


def what_was_run(report: Report) -> str:
    """How much was run, with which budget, and where."""
    own = runs(report.results)
    if own.empty:
        return ""
    variants = sum(not control for control in report.labels.values())
    counts = {"variant": variants, "dataset": own["dataset"].nunique(), "seed": own["seed"].nunique()}
    facts = [", ".join(count(n, noun) for noun, n in {**counts, "run": len(own)}.items())]
    ended = own[own["status"] != MISSING]
    if "budget_amount" in ended and len(ended):
        pairs = dict.fromkeys(zip(ended["budget_amount"], ended["budget_unit"], strict=True))
        facts.append(f"Budget of a run: {listed([f'{amount(float(size))} {short(unit)}' for size, unit in pairs])}")
    if "device" in ended and ended["device"].notna().any():
        facts.append(f"Trained on {listed([short(device) for device in dict.fromkeys(ended['device'].dropna())])}")
    return ". ".join(facts) + "."
