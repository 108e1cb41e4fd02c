"""How often the gate is wrong: false alarms where nothing changed, and how often it sees an FID that is 25 % worse.

pytest tests/bench/test_gate.py --benchmark-only -s
python tests/bench/test_gate.py     writes the table and the curves of docs/ci.md anew; needs Chromium

Boards are drawn from real scores: those of the quick suite, every seed's, in `tests/resources/quick_seeds.json`, a
baseline as `ganbench baseline` writes it, which stays as it is where `baselines/quick.json` moves on. A run is drawn
whole, with all its metrics, so that those which move together go on doing so; runs of different variants and datasets
are drawn apart. In two ways:

    dealt   the real runs of a variant are dealt out at random to the baseline's side and to the other, no run to both:
            real scores, with their ties, collapses and failed runs, but for at most half as many seeds as there are
    normal  normal values with the mean, the variances and the covariances of the variant's own runs: of n residuals r_s
            the sum of z_s r_s / sqrt(n - 1), for independent standard normal z_s; for any number of seeds, but without
            the shape of what was measured

Where all values of a metric are positive, `normal` draws logarithms. What changed for the worse is 1.25 times the FID,
of one variant, each in turn, or of all of them; it is found if a row of FID is a regression.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from pandas import DataFrame
from plotly.offline import get_plotlyjs

from ganbench.compare.baseline import Baseline, Runs, Score
from ganbench.compare.baseline_file import read_baseline
from ganbench.compare.gate import Gate
from ganbench.compare.regression import check

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "tests" / "resources" / "quick_seeds.json"
DOCS = ROOT / "docs" / "ci.md"

COUNTS = (2, 3, 5, 8)  # of seeds
MANY = 20  # seeds of a baseline that was worth more time
WORSE, METRIC = 1.25, "fid"
TIMES = 1_000  # a rate of 5 % has a standard error of 0.7 %
EACH = 50  # for each variant: the mean of ten has a standard error of 2 %
MOST_ALARMS = 0.05

Name = tuple[str, str, str]
Values = dict[int, float | None]
Pair = tuple[Baseline, Baseline]  # once and now
Draw = Callable[[Baseline, np.random.Generator, int, int], Pair]


def dealt(measured: Baseline, rng: np.random.Generator, before: int, after: int) -> Pair:
    """Boards of so many of the real runs each; without scores that some runs lack, as speeds that were not taken."""
    whole = {name: score for name, score in measured.scores.items() if None not in score.values.values()}
    measured = replace(measured, scores=whole)
    orders = {name: rng.permutation(runs.seeds) for name, runs in measured.runs.items()}

    def board(part: slice) -> Baseline:
        return with_values(
            measured, lambda score: [score.values[seed] for seed in orders[score.dataset, score.variant][part]]
        )

    return board(slice(before)), board(slice(before, before + after))


def normal(measured: Baseline, rng: np.random.Generator, before: int, after: int) -> Pair:
    """Boards of so many runs drawn from the normal distribution that fits the real ones."""
    logarithmic = on_logarithms(measured)

    def board(n: int) -> Baseline:
        z = {name: rng.normal(size=(n, len(runs.seeds))) for name, runs in measured.runs.items()}

        def values(score: Score) -> list[float | None]:
            x = np.array([np.nan if value is None else value for value in score.values.values()])
            known = np.isfinite(x)
            if known.sum() < 2:
                return [None] * n
            x = np.log(x) if (logs := logarithmic[score.dataset, score.metric]) else x
            mean = x[known].mean()
            drawn = mean + z[score.dataset, score.variant][:, known] @ (x[known] - mean) / np.sqrt(known.sum() - 1)
            return list(np.exp(drawn) if logs else drawn)

        return with_values(measured, values)

    return board(before), board(after)


def with_values(measured: Baseline, values: Callable[[Score], list[float | None]]) -> Baseline:
    """Of as many seeds as there are values; of a run without any it is said that it failed."""
    scores = {name: replace(score, values=dict(enumerate(values(score)))) for name, score in measured.scores.items()}
    return replace(measured, scores=scores, runs={name: _runs(runs, scores) for name, runs in measured.runs.items()})


def _runs(runs: Runs, scores: Mapping[Name, Score]) -> Runs:
    own = [score.values for name, score in scores.items() if name[:2] == (runs.dataset, runs.variant)]
    if not own:  # a row of another board
        return runs
    failures = {seed: "failed" for seed in own[0] if all(values[seed] is None for values in own)}
    return replace(runs, seeds=[*own[0]], failures=failures)


def on_logarithms(measured: Baseline) -> dict[tuple[str, str], bool]:
    """Whether all values of a dataset's metric are positive."""
    found: dict[tuple[str, str], bool] = {}
    for (dataset, _, metric), score in measured.scores.items():
        positive = all(value > 0 for value in score.values.values() if value is not None)
        found[dataset, metric] = found.get((dataset, metric), True) and positive
    return found


def fewest_seeds(measured: Baseline) -> int:
    return min(len(runs.seeds) for runs in measured.runs.values())


def worse(board: Baseline, names: list[Name]) -> Baseline:
    changed = {
        name: replace(score, values={seed: value and value * WORSE for seed, value in score.values.items()})
        for name, score in board.scores.items()
        if name in names
    }
    return replace(board, scores={**board.scores, **changed})


def alarms(measured: Baseline, draw: Draw, n: int, times: int = TIMES, gate: Gate | None = None) -> list[Name]:
    """Boards of `n` seeds on which nothing changed -> the first regression of each that has one."""
    rng = np.random.default_rng(n)
    boards = (draw(measured, rng, n, n) for _ in range(times))
    found = (check(now, before, gate or Gate()).of("regression") for before, now in boards)
    return [tuple(rows.iloc[0][["dataset", "variant", "metric"]]) for rows in found if len(rows)]


def detection(
    measured: Baseline, draw: Draw, n: int, before: int, times: int, gate: Gate | None = None
) -> Mapping[str, float]:
    """Share of boards of `n` seeds against `before` on which a worse FID is found: of each variant, and of all."""
    rng = np.random.default_rng(n)
    rows = [name for name in measured.scores if name[2] == METRIC]
    changes = {"all": rows, **{variant: [(dataset, variant, metric)] for dataset, variant, metric in rows}}

    def found(names: list[Name]) -> bool:
        once, now = draw(measured, rng, before, n)
        return bool((check(worse(now, names), once, gate or Gate()).of("regression")["metric"] == METRIC).any())

    return {change: float(np.mean([found(names) for _ in range(times)])) for change, names in changes.items()}


@cache
def real() -> Baseline:
    return read_baseline(SEEDS)


def ways(n: int) -> Iterator[Draw]:
    """Those that can draw two boards of `n` seeds."""
    yield normal
    if 2 * n <= fewest_seeds(real()):
        yield dealt


# Few boards, in every run of the tests


@pytest.mark.parametrize("draw", [dealt, normal])
def test_the_means_of_two_boards_differ_as_those_of_real_runs_do(draw: Draw) -> None:
    """By 2 s^2 / n on average, where s is over the real seeds."""
    rng, n = np.random.default_rng(0), fewest_seeds(real()) // 2
    name = next(name for name in real().scores if name[2] == METRIC)
    alone = replace(real(), scores={name: real().scores[name]})

    def level(board: Baseline) -> float:
        return float(np.mean(np.log([*board.scores[name].values.values()])))

    differences = [level(now) - level(once) for once, now in (draw(alone, rng, n, n) for _ in range(300))]
    own = np.log([*alone.scores[name].values.values()]).var(ddof=1)
    assert np.mean(np.square(differences)) == pytest.approx(2 * own / n, rel=0.35)
    assert abs(np.mean(differences)) < 4 * np.sqrt(2 * own / n / 300)


@pytest.mark.parametrize("n", [2, 5])
def test_few_boards_on_which_nothing_changed_raise_an_alarm(n: int) -> None:
    """Of 25 at 5 %, more than 5 have a probability of 0.1 %."""
    assert len(alarms(real(), normal, n, times=25)) <= 5


def test_what_is_worse_for_all_is_found() -> None:
    rng, rows = np.random.default_rng(0), [name for name in real().scores if name[2] == METRIC]
    boards = [normal(real(), rng, 5, 5) for _ in range(10)]
    assert sum(check(worse(now, rows), once, Gate()).exit_code == 1 for once, now in boards) >= 8


# All boards


@pytest.mark.parametrize("n", COUNTS)
def test_false_alarms(benchmark, n):
    rates = benchmark.pedantic(lambda: {draw.__name__: alarms(real(), draw, n) for draw in ways(n)}, rounds=1)
    for way, found in rates.items():
        often = pd.Series(found, dtype=object).value_counts().head(4).to_dict()
        print(f"{n} seeds, {way}: {len(found) / TIMES:.3f} of boards, most often {often}")
        assert len(found) / TIMES <= MOST_ALARMS + 0.015


@pytest.mark.parametrize("n", COUNTS)
def test_detection_of_a_worse_fid(benchmark, n):
    rates = benchmark.pedantic(lambda: detection(real(), normal, n, n, EACH), rounds=1)
    print(f"{n} seeds: {rates}")


# docs/ci.md

COLUMNS = {
    "alarm": "false alarm, normal",
    "dealt": "false alarm, dealt",
    "all": "found: all variants",
    "one": "found: one variant",
    "best": "of the steadiest",
    "worst": "of the least steady",
    "many": f"one variant, {MANY} seeds in the baseline",
}  # fmt: skip


def rates(times: int = TIMES) -> DataFrame:
    """A row for each number of seeds; shares of boards."""
    rows = []
    for n in COUNTS:
        share = {draw.__name__: len(alarms(real(), draw, n, times)) / times for draw in ways(n)}
        equal, many = (detection(real(), normal, n, before, EACH) for before in (n, MANY))
        single, against_many = ([rate for name, rate in found.items() if name != "all"] for found in (equal, many))
        row = [share["normal"], share.get("dealt", np.nan), equal["all"], np.mean(single), max(single), min(single)]
        rows.append(dict(zip(["seeds", *COLUMNS], [n, *row, np.mean(against_many)], strict=True)))
    return DataFrame(rows)


def table(found: DataFrame) -> str:
    head = ["seeds", *COLUMNS.values()]
    lines = [[f"{row['seeds']:.0f}", *(_percent(row[name]) for name in COLUMNS)] for _, row in found.iterrows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---:"] * len(head), *lines))


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def curves(found: DataFrame) -> go.Figure:
    """Both kinds of error over the number of seeds."""
    figure = go.Figure(layout={"template": "plotly_white", "width": 760, "height": 380, "margin": {"t": 20, "r": 20}})
    looks = {
        "all": ("#2f9a5f", "solid"),
        "many": ("#3f7fd9", "dash"),
        "one": ("#3f7fd9", "solid"),
        "alarm": ("#d9534f", "solid"),
    }
    for name, (colour, dash) in looks.items():
        figure.add_scatter(
            x=found["seeds"],
            y=100 * found[name],
            name=COLUMNS[name],
            mode="lines+markers",
            line={"color": colour, "dash": dash},
        )
    figure.add_hline(y=100 * MOST_ALARMS, line={"color": "#d9534f", "dash": "dot", "width": 1})
    figure.update_xaxes(title="seeds", tickvals=COUNTS)
    figure.update_yaxes(title="boards, %", range=[-2, 102])
    return figure


def write_svg(figure: go.Figure, file: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    draw = f"(async () => Plotly.toImage({figure.to_json()}, {{format: 'svg', width: 760, height: 380}}))()"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(f"<script>{get_plotlyjs()}</script>")
        found = page.evaluate(f"{draw}.then(url => decodeURIComponent(url.slice(url.indexOf(',') + 1)))")
        browser.close()
    file.write_text(found + "\n", encoding="utf-8")


def write_docs() -> None:
    """Put the table between its marks, and the curves beside the page."""
    found = rates()
    seeds = fewest_seeds(real())
    about = f"{TIMES:,} pairs of boards a cell ({EACH} for each variant), drawn from {seeds} seeds a row."
    text = DOCS.read_text(encoding="utf-8")
    picture = "![False alarms and detection over the number of seeds](gate.svg)"
    marked = f"<!-- rates -->\n{table(found)}\n\n{about}\n\n{picture}\n<!-- end of rates -->"
    DOCS.write_text(
        re.sub("<!-- rates -->.*<!-- end of rates -->", lambda _: marked, text, flags=re.S), encoding="utf-8"
    )
    write_svg(curves(found), DOCS.with_name("gate.svg"))


if __name__ == "__main__":
    write_docs()
