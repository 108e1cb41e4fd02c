"""The page's section over all datasets: mean ranks, what they can tell apart, and performance profiles."""

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

from ganbench.reports import figures
from ganbench.reports.frames import ranking
from ganbench.reports.frames.ranking import RankedDataset
from ganbench.reports.html.leaderboard import sorter
from ganbench.reports.html.markup import Page, escape, name, row_name, table
from ganbench.reports.html.pictures import Caption, Drawn, group, legend
from ganbench.reports.numbers import NONE, amount, count, estimate, fixed, isolated, listed, number
from pandas import DataFrame

from ganbench.statistics import CriticalDifference

ENOUGH = 5  # datasets, from which Friedman's p-value can be believed
RANKS = Caption(
    "Mean rank over the datasets, whiskers of half the critical difference each way (Nemenyi, 95 %): variants whose "
    "whiskers do not touch differ; those on the grey ground cannot be told from the first. Small dots: ranks on single "
    "datasets.",
    "a rank says who is ahead, not by how much; and the whiskers speak of other datasets like these, not of other "
    "seeds on these.",
)
PROFILE = Caption(
    "Which share of a variant's runs reaches at least a normalised score, every dataset counting the same (Agarwal et "
    "al., 2021). A line that lies above another everywhere is better at every demand. Failed runs count as noise.",
    "the scale between noise and real data is linear: where a metric falls over decades, all that matters may happen "
    "near 1. Lines have no bands here: one run is one step.",
)


def overall(page: Page, slug: str) -> str:
    """The aggregate board, with the id `slug`; nothing where fewer than two datasets have two variants in common."""
    entries = ranking.ranked_datasets(page.report)
    found = ranking.differences(entries)
    if found is None:
        return ""
    rows = ranking.overall(entries)
    profiles = ranking.profiles(entries)
    groups = group(page, slug, "Mean ranks", RANKS, _ranks(page, rows, found))
    groups += group(page, slug, "Performance profiles", PROFILE, _profiles(page, profiles))
    shown = dict.fromkeys(rows["label"], False)
    return (
        f'<section class="dataset" id="{slug}" aria-labelledby="{slug}--title"><h2 id="{slug}--title">'
        f'<a class="anchor" href="#{slug}">Over all datasets</a></h2><p class="note">'
        f"{_note(page, entries, rows, found)}</p>{_board(page, entries, rows)}<h3>Pictures</h3>"
        f'{legend(page.styles, shown)}<div class="figures">{groups}</div></section>'
    )


def _note(page: Page, entries: list[RankedDataset], rows: DataFrame, found: CriticalDifference) -> str:
    said = [
        f"Variants with runs on all {count(len(entries), 'dataset')}. On each they are ranked by how probably a run of "
        "theirs beats one of another, by the metric that selects checkpoints there, at the last checkpoint; failed "
        "runs lose to all that ended.",
        _power(len(entries), len(rows), found),
    ]
    if ranking.scaled(entries):
        said.append(
            "Score: mean over all runs of the metric on a scale where the control <code>noise</code> is 0 and "
            "<code>real</code> 1, failed runs as 0; 95 % bootstrap interval over seeds, from "
            f"{ranking.SEEDS_TO_RESAMPLE} a dataset on."
        )
    else:
        said.append("No common scale: that takes the controls <code>noise</code> and <code>real</code> everywhere.")
    known = {str(label) for label, control in page.report.labels.items() if not control}
    apart = sorted(known - set(rows["label"]))
    if apart:
        said.append(f"Not everywhere, so not here: {escape(listed([isolated(label) for label in apart], 6))}.")
    return " ".join(said)


def _power(n: int, k: int, found: CriticalDifference) -> str:
    """What the mean ranks of k variants over n datasets can tell apart at all."""
    distance = number(found.distance, 3)
    if found.distance > k - 1:
        return (
            f"<strong>{count(n, 'dataset')} cannot separate {k} variants:</strong> mean ranks would have to be "
            f"{distance} apart, and no two can be more than {k - 1}. Read the order as a summary, not as a finding."
        )
    p = f"; Friedman's p of all being alike is {number(found.p, 2)}" if n >= ENOUGH else ""
    return f"Mean ranks that are at least {distance} apart differ (Nemenyi, 95 %){p}."


def _board(page: Page, entries: list[RankedDataset], rows: DataFrame) -> str:
    head = sorter("rank", "Mean rank", "ascending", now=True) + sorter("name", "Variant", "ascending", ' class="text"')
    head += sorter("runs", "Runs", "descending")
    scored = bool(rows["score"].notna().any())
    head += sorter("score", "Score ↑", "descending") if scored else ""
    titles = (f"{name(e.dataset, 24)} <span class='interval'>{escape(e.title)}</span>" for e in entries)
    head += "".join(sorter(f"r{i}", title, "ascending") for i, title in enumerate(titles))
    lines = "".join(_row(page, row, len(entries), scored) for row in rows.to_dict("records"))
    caption = "Ranks over all datasets, 1 is best; equal ranks are shared"
    return table(caption, f"<tr>{head}</tr>", f"<tbody>{lines}</tbody>")


def _row(page: Page, row: Mapping[Any, Any], n: int, scored: bool) -> str:
    label = str(row["label"])
    lost = f' <span class="lost">{row["failed"]} failed</span>' if row["failed"] else ""
    ranks = "".join(_value(f"r{i}", float(row[f"rank {i}"]), amount(float(row[f"rank {i}"]))) for i in range(n))
    text, interval = estimate(*(float(row[c]) for c in ("score", "score_low", "score_high")))
    score = _value("score", float(row["score"]), f'{text}<span class="interval">{interval}</span>') if scored else ""
    return (
        f'<tr class="row">{_value("rank", float(row["rank"]), fixed(float(row["rank"]), 2))}'
        f'<th scope="row" data-column="name" data-value="{escape(label)}">{row_name(label, page.styles[label])}</th>'
        f'<td data-column="runs" data-value="{row["runs"]}">{row["runs"]}{lost}</td>{score}{ranks}</tr>'
    )


def _value(column: str, value: float, shown: str) -> str:
    if isnan(value):
        return f'<td data-column="{column}">{NONE}</td>'
    return f'<td data-column="{column}" data-value="{value!r}">{shown}</td>'


def _ranks(page: Page, rows: DataFrame, found: CriticalDifference) -> Iterator[Drawn]:
    best = rows["label"].iloc[0]
    said = f"Mean ranks with the critical difference {number(found.distance)}; first is {isolated(best)}."
    yield Drawn("Mean ranks", figures.mean_ranks(rows, found.distance, page.styles), said)


def _profiles(page: Page, found: DataFrame) -> Iterator[Drawn]:
    if len(found):
        said = "Share of each variant's runs that reach a normalised score, a line per variant."
        yield Drawn("Profiles", figures.profile(found, page.styles), said)
