"""The page and its siblings: whole, honest, and immune to names."""

import html
import json
import math
import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from ganbench.reports import formats
from ganbench.reports.formats import terminal
from ganbench.reports.frames.conditions import CONDITIONS
from ganbench.reports.html import page


class Outline(HTMLParser):
    """Tags with their attributes; raises on a tag that closes nothing."""

    EMPTY = frozenset({"meta", "link", "img", "wbr", "br", "input"})

    def __init__(self, source: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


@pytest.fixture(scope="module")
def source(full: Any) -> str:
    return page.render(full)


def _without_plotly(source: str) -> str:
    return re.sub(r"<script>/\*\*.*?</script>", "", source, flags=re.DOTALL)


def test_markup_is_balanced_and_ids_are_unique(source: str) -> None:
    outline = Outline(source)
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert outline.open == [] and len(ids) == len(set(ids))
    assert {"ring8", "mnist5k", "glossary"} <= set(ids)


def test_every_link_has_a_target(source: str) -> None:
    outline = Outline(source)
    ids = {a.get("id") for _, a in outline.tags}
    links = [a for tag, a in outline.tags if tag == "a"]
    inside = [a for a in links if a.get("rel") != "noreferrer"]
    assert all(str(a["href"])[1:] in ids for a in inside)
    assert {str(a["href"])[:8] for a in links if a not in inside} == {"https://"}, "papers and definitions"


def test_nothing_is_loaded_from_anywhere(source: str) -> None:
    tags = Outline(source).tags
    found = [v for tag, a in tags for k, v in a.items() if k == "src" or (k == "href" and tag != "a")]
    assert found and all(str(v).startswith(("#", "data:")) for v in found)


def test_tables_have_captions_scopes_and_sort_buttons(source: str) -> None:
    tags = Outline(source).tags
    assert sum(tag == "table" for tag, _ in tags) == sum(tag == "caption" for tag, _ in tags)
    assert all("scope" in a for tag, a in tags if tag == "th")
    assert all(a.get("aria-label") for tag, a in tags if a.get("role") in ("img", "region"))
    assert all(a.get("alt") for tag, a in tags if tag == "img")


def test_ten_numbers_of_the_page_follow_from_the_csv(source: str, full: Any, tmp_path: Path) -> None:
    """Cells carry their exact value: that of one score, or the mean of the scores of a label at a checkpoint."""
    rows = pd.read_csv(formats.write_report(full, tmp_path / "scores.csv", "csv"))
    rows = rows[rows["checkpoint"] != "curve"]
    cells = rows.assign(log=np.log(rows["value"])).groupby(["dataset", "label", "metric", "checkpoint"])
    means = cells["value"].mean().dropna(), np.exp(cells["log"].mean()).dropna()  # geometric, if tested as logarithms
    known = np.concatenate([rows["value"].dropna().to_numpy(), *means])
    metrics = "|".join(full.scores["metric"].unique())
    column = rf'(?:class="extra" )?data-column="(?:{metrics})(?:-selected)?"'
    cells = re.findall(rf'<td {column} data-value="([^"]+)"><span class="mean">([^<]+)<', source)
    first = r'<td class="score" data-column="d\d+" data-value="([^"]+)"><a href="#[^"]+"><span class="mean">([^<]+)<'
    assert len(cells) > 100 and len(re.findall(first, source)) == 14
    cells += re.findall(first, source) * 5  # so that some of the ten are of the first table
    for value, shown in np.random.default_rng(0).choice(np.array(cells), 10, replace=False):
        assert np.isclose(float(value), known, rtol=1e-12).any()
        assert float(shown.replace("−", "-")) == pytest.approx(float(value), rel=0.06)


def test_every_row_of_the_board_is_there(source: str, full: Any) -> None:
    for label in full.runs["label"].unique():
        assert f'<th scope="row" data-column="name" data-value="{label}">' in source


def test_failures_are_told_with_reason_and_budget(source: str) -> None:
    assert "diverged: <bdi>D.loss is nan</bdi>" in source and "<td>62 k</td>" in source
    assert '<span class="lost">of 3</span>' in source


def test_both_checkpoints_and_all_conditions_are_visible(source: str, full: Any) -> None:
    assert source.count('<span class="interval">last</span></button>') == 2  # a dataset each
    assert source.count('<span class="interval">selected</span></button>') == 2
    shown = html.unescape(source)
    for name in set(CONDITIONS) & set(full.runs):
        value = full.runs[name].iloc[0]
        assert f"<code>{int(value) if isinstance(value, float) else value}</code>" in shown
    assert all(key in source for key in full.scores["key"].unique())


@pytest.fixture(scope="module")
def hostile_source(hostile: Any) -> str:
    return page.render(hostile)


def test_hostile_names_show_as_text(hostile_source: str) -> None:
    outline = Outline(hostile_source)
    body = _without_plotly(hostile_source)
    assert outline.open == []
    assert (
        "<script>alert" not in body
        and "onerror=alert(2)>" not in body
        and not any("onerror" in a for _, a in outline.tags)
    )
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_metrics_curves_datasets_and_reasons_are_text_in_html_and_in_figures(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0, 1), evaluations=2)
    results.runs["select"] = "<s>" + results.runs["select"]
    results.runs["reason"] = results.runs["reason"].map(lambda reason: reason and "<s>why")
    for column in ("metric", "title"):
        results.scores[column] = "<s>" + results.scores[column]
    results.losses["curve"] = "<s>" + results.losses["curve"]
    for frame in (results.runs, results.scores, results.losses):
        frame["dataset"] = "<s>" + frame["dataset"]
    source = page.render(results)
    assert source.count("&lt;s&gt;") > 50 and "<s>" not in source
    assert source.count("&lt;s") > 50 and "\\u003cs>" not in source, "Plotly would read it as markup"


def test_data_inside_scripts_cannot_leave_them(hostile_source: str) -> None:
    blocks = re.findall(r'<script type="application/json" id="[^"]+">(.*?)</script>', hostile_source, flags=re.DOTALL)
    assert len(blocks) > 20
    assert all("<" not in block and "data" in json.loads(block) for block in blocks)


def test_hostile_datasets_get_safe_and_distinct_ids(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,))
    for frame in (results.runs, results.scores, results.losses):
        frame["dataset"] = frame["dataset"].map({"ring8": '"><b>', "mnist5k": "<b>"})
    outline = Outline(page.render(results))
    assert [a["id"] for t, a in outline.tags if t == "section" and a.get("class") == "dataset"] == [
        "b",
        "b-2",
        "overall",
        "glossary",
    ]


def test_an_empty_suite_says_so_and_needs_no_plotly(synthetic: ModuleType) -> None:
    source = page.render(synthetic.empty())
    assert "No run of this suite has finished yet" in source and len(source) < 50_000


def test_a_wholly_failed_suite_is_a_page_of_reasons(synthetic: ModuleType) -> None:
    source = page.render(synthetic.all_failed())
    assert "No variant has a score: 6 of 6 runs failed." in source
    assert source.count("diverged: <bdi>D.loss is nan</bdi>") == 6
    assert source.count('<span class="lost"><bdi>diverged: D.loss is nan</bdi></span>') == 3  # in the first table


def test_a_half_finished_suite_says_what_is_missing(synthetic: ModuleType) -> None:
    source = page.render(synthetic.half_finished())
    assert "7 of 21 runs not run yet." in source and '2 <span class="lost">of 3</span>' in source
    assert Outline(source).open == [] and ">nan<" not in source.lower()


def test_runs_that_crashed_before_they_knew_their_conditions_are_a_page(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,), datasets=("ring8",), variants=("gan",))
    unknown = ["device", "select", "judge_key", "fingerprint", "preprocessing", "control", "images", "seconds"]
    results.runs = results.runs.assign(status="crashed", reason="exit code 137").drop(columns=unknown)
    results.scores = results.scores.assign(value=float("nan"), key="", status="crashed")
    source = page.render(results)
    assert "crashed: <bdi>exit code 137</bdi>" in source and Outline(source).open == []


def test_runs_without_any_score_are_a_page_too(synthetic: ModuleType) -> None:
    results = synthetic.all_failed()
    results.scores, results.losses = results.scores.iloc[:0], results.losses.iloc[:0]
    assert "There is no score to rank" in page.render(results)


def test_one_seed_has_no_interval_and_a_scaled_run_says_so(synthetic: ModuleType) -> None:
    source = page.render(synthetic.make(seeds=(0,), scale=0.05))
    assert "One seed: no interval" in source and "Budget scaled to 5 %" in source
    rows = re.findall(r'<tr class="row.*?</tr>', source, re.DOTALL)
    with_interval = [row for row in rows if 'class="interval">[' in row]
    assert with_interval and all(
        any(f">{name}<" in row.replace("<wbr>", "") for name in synthetic.CONTROLS) for row in with_interval
    )
    assert len(with_interval) < len(rows) and '"row first"' not in source


def test_boards_of_different_keys_are_apart_and_the_page_says_why(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.scores.loc[results.scores["label"] == "gan", "key"] += "other"
    source = page.render(results)
    assert "never share a ranking: 2 boards" in source and Outline(source).open == []


def test_unequal_budgets_are_called_unequal(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.runs.loc[results.runs["label"] == "gan", "images"] *= 2
    assert "Unequal budgets: real images to D differ by up to 100 %" in page.render(results)


@pytest.mark.parametrize("format", ["html", "csv", "md", "latex"])
def test_every_format_is_written_whole(synthetic: ModuleType, tmp_path: Path, format: str) -> None:
    out = formats.write_report(
        synthetic.make(seeds=(0,), datasets=("ring8",)), tmp_path / "deep" / f"report.{format}", format
    )
    assert out.stat().st_size > 1000 and list(out.parent.iterdir()) == [out]


def test_an_unknown_format_is_refused_by_name(full: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="csv, html, json, latex, md, png"):
        formats.write_report(full, tmp_path / "x", "pdf")


def test_csv_reads_back_value_by_value(full: Any, tmp_path: Path) -> None:
    rows = pd.read_csv(formats.write_report(full, tmp_path / "scores.csv", "csv"))
    assert len(rows) == len(full.scores)
    np.testing.assert_array_equal(rows["value"], full.scores["value"])
    assert math.isnan(rows.query("status == 'diverged' and checkpoint == 'last'")["value"].iloc[0])


@pytest.mark.parametrize("kind", ["full", "hostile"])
def test_the_terminal_board_reads_names_as_text(kind: str, request: pytest.FixtureRequest) -> None:
    results = request.getfixturevalue(kind)
    out = StringIO()
    Console(file=out, width=200).print(terminal.summary_boards(results))
    assert "Reverse KL" in out.getvalue() and "(control)" in out.getvalue()
    assert kind == "full" or "<script>alert(1)</script>" in out.getvalue()


def test_the_terminal_board_of_nothing(synthetic: ModuleType) -> None:
    assert str(terminal.summary_boards(synthetic.empty())) == "No run has finished yet."


def test_metrics_of_some_rows_and_the_theory_are_on_the_page(synthetic: ModuleType, source: str) -> None:
    results = synthetic.theory()
    made = page.render(results)
    assert Outline(made).open == []
    assert "Value of the game along the budget" in made and "Value of the game" not in source
    assert re.search(r'<td class="extra" data-column="game_value"><span class="mean">–</span></td>', made), (
        "controls have no trained D"
    )
    assert ", no direction</span>" in made


def test_stability_is_a_table_that_sorts_with_seeds_and_modes(synthetic: ModuleType) -> None:
    source = page.render(synthetic.make(exhibits=True))
    assert Outline(source).open == []
    tables_ = re.findall(r"<caption><span>Stability on (\w+).*?</table>", source, flags=re.DOTALL)
    assert tables_ == ["ring8", "mnist5k"]
    assert '<td data-column="s0" data-value="1.0">1<span class="interval">from 62 k</span></td>' in source
    assert "Modes of gan along the budget, seed 0: 8 of 8 held at first, 4 at the end." in source
    assert "Classes of gan along the budget, seed 0: 10 of 10 held at first, 5 at the end." in source
    forgotten = re.search(r'data-value="gan">.*?data-column="s6" data-value="4.0">4<', source, flags=re.DOTALL)
    assert forgotten and "None here of wgan: not recorded" in source


def test_too_few_evaluations_are_said(synthetic: ModuleType) -> None:
    source = page.render(synthetic.make(seeds=(0,), datasets=("ring8",), evaluations=2))
    assert "3 of 3 runs have fewer than 6 evaluations" in source and ">Swing</button>" not in source


def test_two_datasets_are_ranked_together_and_the_page_says_who_is_better(source: str, full: Any) -> None:
    assert "Over both datasets" in source and '<a href="#overall">' in source
    ranks = re.findall(r'<td data-column="rank" data-value="([\d.]+)">', source[source.index('id="overall"') :])
    assert len(ranks) == 3 and sum(map(float, ranks)) == 6 and ranks == sorted(ranks, key=float)


def test_one_dataset_has_no_board_over_all(synthetic: ModuleType) -> None:
    assert "Over all datasets" not in page.render(synthetic.make(datasets=("ring8",)))


def test_without_controls_there_is_no_common_scale(synthetic: ModuleType) -> None:
    results = synthetic.make()
    results.runs = results.runs[~results.runs["control"]]
    results.scores = results.scores[results.scores["run"].isin(results.runs["run"])]
    source = page.render(results)
    assert "No common scale" in source and "Performance profiles" not in source


def test_tiers_and_probabilities_of_being_the_best_stand_on_the_board(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=range(6), datasets=("ring8",))
    source = page.render(results)
    best = dict(re.findall(r'"name" data-value="(\w+)">(?:(?!</tr>).)*?"best" data-value="([^"]+)"', source))
    tiers = dict(re.findall(r'"name" data-value="(\w+)">(?:(?!</tr>).)*?"tier" data-value="([^"]+)"', source))
    assert tiers == {"wgan": "1", "dcgan": "2", "gan": "3"}
    assert set(best) == set(tiers) and float(best["wgan"]) > 0.99
    four = page.render(synthetic.make(seeds=range(4), datasets=("ring8",)))
    assert '"best" data-value' not in four, "from five seeds on"
