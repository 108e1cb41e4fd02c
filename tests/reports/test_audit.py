"""An audit's tables, figures, page and Markdown say what its verdicts say."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame
from rich.console import Console

from ganbench.audit.verdicts import NONE, RUNS, VALUES, Audit
from ganbench.reports.figures.audit import audit_lines, verdict_map
from ganbench.reports.figures.colours import BLUES, INK_ON_PALE, PALE_GREY, PALE_ORANGE, PALE_PINK
from ganbench.reports.formats import audit as text
from ganbench.reports.frames.audit import verdict_words
from ganbench.reports.html.audit import render_audit

HOSTILE = "<script>alert(1)</script>"
LINES = {
    ("fid", "noise"): [1.0, 2, 3, 4, 5],
    ("fid", "blur"): [0.0, 0, 9, 10, 11],
    ("fid", "dropped_classes"): [0.0] * 5,
    ("is", "noise"): [0.0, 0, 0, 0, -5],
    ("is", "blur"): [1.0, 2, 3, 4, 5],
    ("is", "dropped_classes"): [-5.0, 0, 0, 5, 9],
}
WORDS = {
    "fid": {"noise": "from 1", "blur": "from 3", "dropped_classes": "blind"},
    "is": {"noise": "from 5", "blur": "reversed", "dropped_classes": "mixed"},
}


def made(*judges: str, runs: int = 0, stranger: str = "") -> Audit:
    rows: list[tuple[Any, ...]] = []
    directions = {"fid": "lower", "is": "higher"}
    lines = LINES | ({(stranger, d): LINES["fid", d] for d in ("noise", "blur", "dropped_classes")} if stranger else {})
    for i, judge in enumerate(judges):
        for metric in dict.fromkeys(metric for metric, _ in lines):
            about = (0.1, directions.get(metric, "lower"), metric.upper())
            rows += [(judge, NONE, 0, draw, metric, 0.01 * draw, *about) for draw in range(3)]
            for (own, disturbance), values in lines.items():
                if own == metric:
                    rows += [(judge, disturbance, k + 1, 0, metric, v * (i + 1), *about) for k, v in enumerate(values)]
    meanings = {d: (f"amount of {d}", [0.1, 0.2, 0.3, 0.4, 0.5]) for d in ("noise", "blur", "dropped_classes")}
    told = {"dataset": "mnist", "samples": 2000, "split": "test", "preprocessing": "none", "draws of real data": 3}
    table = [(j, f"r{r}", "gan", "mnist", r, "fid", float(r), 0.1, "lower") for j in judges for r in range(runs)]
    left_out = {stranger: "needs <more> samples"} if stranger else {}
    return Audit([*judges], DataFrame(rows, columns=VALUES), told, meanings, left_out, DataFrame(table, columns=RUNS))


def test_the_table_says_from_which_strength_a_metric_sees() -> None:
    wide = verdict_words(made("mnist"), "mnist")
    assert wide.to_dict("index") == WORDS
    assert list(wide.index) == ["fid", "is"], "in the audit's order"
    assert list(wide) == ["noise", "blur", "dropped_classes"], "in the audit's order"


def test_the_map_has_the_words_of_the_table_and_the_sooner_the_darker() -> None:
    trace = verdict_map(made("mnist"), "mnist").data[0]
    assert trace.text.tolist() == [list(row.values()) for row in WORDS.values()]
    assert trace.z.tolist() == [[7, 5, 0], [3, 2, 1]]
    shades = [sum(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in BLUES]
    assert shades == sorted(shades, reverse=True)


def test_a_strangers_names_are_text_in_the_map() -> None:
    trace = verdict_map(made("mnist", stranger="<b>mine"), "mnist").data[0]
    assert trace.y[-1] == "&lt;B&gt;MINE"


def luminance(colour: str) -> float:
    """Of a colour, as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("colour", [PALE_GREY, PALE_PINK, PALE_ORANGE, *BLUES])
def test_words_can_be_read_on_every_colour(colour: str) -> None:
    """A contrast of 4.5 at least, as WCAG 2.2 asks of text."""
    assert (luminance(colour) + 0.05) / (luminance(INK_ON_PALE) + 0.05) >= 4.5


# How protanopes and deuteranopes see linear RGB: Viénot, Brettel and Mollon, "Digital Video Colourmaps for Checking the
# Legibility of Displays by Dichromats", 1999.
BLINDNESS = {
    "protan": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deutan": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}


@pytest.mark.parametrize("matrix", BLINDNESS.values(), ids=BLINDNESS)
def test_verdicts_have_different_colours_for_the_colour_blind(matrix: list[list[float]]) -> None:
    def seen(colour: str) -> Any:
        return np.array(matrix) @ [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]

    kinds = [PALE_GREY, PALE_PINK, PALE_ORANGE, BLUES[-1]]
    for i, one in enumerate(kinds):
        for other in kinds[i + 1 :]:
            assert np.linalg.norm(seen(one) - seen(other)) > 0.15, (one, other)


def test_there_is_a_panel_for_every_metric_with_a_line_for_every_disturbance() -> None:
    figure = audit_lines(made("mnist"), "mnist")
    lines = [trace for trace in figure.data if trace.meta]
    assert len(lines) == 2 * 3
    assert {trace.meta for trace in lines} == {"noise", "blur", "dropped_classes"}
    fid = next(trace for trace in lines if trace.meta == "noise")
    assert list(fid.x) == [0, 1, 2, 3, 4, 5] and list(fid.y) == [0, 1, 2, 3, 4, 5]
    assert [annotation.text for annotation in figure.layout.annotations] == ["FID ↓", "IS ↑"]


def test_the_page_needs_no_network_and_reads_names_as_text() -> None:
    html = render_audit(made("mnist", "mnist_residual", runs=4, stranger=HOSTILE))
    without_plotly = html[: html.rindex("<script>")]
    assert HOSTILE not in without_plotly and "&lt;more&gt;" in without_plotly
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", without_plotly)
    for word in ("from 3", "reversed", "mixed", "amount of blur", "rank correlation, 4 runs"):
        assert word in without_plotly
    assert len(re.findall('data-figure="', without_plotly)) == 4, "two figures for each judge"


def test_the_markdown_has_whole_tables_and_speaks_of_its_judge() -> None:
    source = text.markdown(made("mnist", "mnist_residual", runs=4), "mnist_residual")
    assert source.startswith("# What metrics see through the `mnist_residual` judge\n")
    assert "| `fid` | from 1 | from 3 | blind |" in source
    for block in re.findall(r"(?:^\|.*\|\n)+", source, flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1
    assert re.search(r"^\| `fid` \| 3 of 3 \| [\d.]+ \| 1.00 \|$", source, flags=re.MULTILINE)


def test_one_judge_agrees_with_nobody() -> None:
    assert "Agreement" not in text.markdown(made("mnist"), "mnist") + render_audit(made("mnist"))


def test_the_terminal_shows_verdicts_and_agreement_and_never_reads_markup() -> None:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(text.terminal(made("mnist", "b", stranger="[red]x[/red]")))
    printed = console.export_text()
    assert "[red]x[/red]" in printed
    assert "rev." in printed and "mixed" in printed and "Agreement" in printed


def test_cards_are_written_for_every_judge(tmp_path: Any) -> None:
    files = text.write_cards(made("mnist", "b"), tmp_path / "new")
    assert [file.name for file in files] == ["mnist-audit.md", "b-audit.md"]
    assert all("## Verdicts" in file.read_text() for file in files)
    assert "`ganbench audit mnist --samples 2000 --against b --cards DIR`" in files[1].read_text()


def test_a_card_of_another_dataset_has_a_name_of_its_own(tmp_path: Any) -> None:
    (file,) = text.write_cards(made("b"), tmp_path, "folder:/home/me/faces")
    assert file.name == "b-audit-folder.md" and "audit b --dataset folder:/home/me/faces --sam" in file.read_text()


def test_a_value_that_is_no_number_leaves_a_gap_and_a_figure() -> None:
    found = made("mnist")
    values = found.values.assign(value=found.values["value"].where(found.values["strength"] < 4, np.inf))
    values.loc[values["strength"] == 2, "value"] = np.nan
    broken = Audit(found.judges, values, found.conditions, found.meanings)
    assert pd.notna(verdict_words(broken, "mnist")).all().all()
    assert len(audit_lines(broken, "mnist").data) == 2 * 4
