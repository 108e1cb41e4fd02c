"""Figures say what the frames say, and names stay names."""

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from reports import figures, tables


def _contrast(colour: str, ground: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours."""

    def luminance(c: str) -> float:
        parts = [int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    high, low = sorted((luminance(colour), luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [*figures.COLOURS, figures.GREY])
@pytest.mark.parametrize("ground", ["#fdfdfc", "#141618"])
def test_colours_are_seen_on_light_and_on_dark(colour: str, ground: str) -> None:
    assert _contrast(colour, ground) >= 3


def test_twenty_labels_look_different() -> None:
    made = figures.looks([f"v{i}" for i in range(20)])
    assert len(set(made.values())) == 20


def test_a_label_has_one_colour_in_every_figure(full: Any) -> None:
    styles = figures.looks(tables.labels(full))
    scores = tables.tidy(full).query("dataset == 'ring8'")
    rows = tables.summary(full).query("dataset == 'ring8'")
    made = [
        figures.curves(scores, "reverse_kl", styles),
        figures.losses(full.losses.query("dataset == 'ring8'"), "D.loss", styles),
        figures.dots(rows, "reverse_kl", styles, scores),
        figures.cost(rows, tables.ledger(full, "ring8"), "reverse_kl", "seconds", styles),
    ]
    used = {t.line.color or t.marker.color for f in made for t in f.data if t.meta == "wgan"} - {None}
    assert used == {styles["wgan"].colour}


def test_curve_is_the_mean_over_seeds(full: Any) -> None:
    scores = tables.tidy(full).query("dataset == 'ring8'")
    line = next(t for t in figures.curves(scores, "reverse_kl").data if t.meta == "wgan" and t.line.width == 2)
    wanted = (
        scores.query("label == 'wgan' and metric == 'reverse_kl' and checkpoint == 'curve'")
        .groupby("images")["value"]
        .mean()
    )
    np.testing.assert_allclose(line.y, wanted)
    np.testing.assert_allclose(line.x, wanted.index)


def test_seeds_measured_at_different_points_are_interpolated_within_their_ends() -> None:
    rows = pd.DataFrame({"seed": [0, 0, 1, 1], "images": [0, 10, 5, 20], "value": [0.0, 10.0, 7.0, 22.0]})
    table = figures.along(rows)
    assert table.index.tolist() == [0, 5, 10, 20]
    assert table["mean"].tolist() == [0, 6, 11, 22] and table["count"].tolist() == [1, 2, 2, 1]


def test_a_failed_run_ends_in_a_cross(full: Any) -> None:
    made = figures.curves(tables.tidy(full).query("dataset == 'mnist5k'"), "fid")
    crosses = [t for t in made.data if t.marker.symbol == "x"]
    assert [t.meta for t in crosses] == ["gan"] and list(crosses[0].text) == ["diverged"]


def test_controls_are_levels_or_named(full: Any) -> None:
    made = figures.curves(tables.tidy(full).query("dataset == 'mnist5k'"), "fid")
    drawn = {t.meta for t in made.data if t.line.dash not in (None, "solid")}
    named = " ".join(str(a.text) for a in made.layout.annotations)
    assert all(label in drawn or label in named for label in ("real", "memorizer", "mode_dropper", "noise"))


def test_losses_are_thinned_and_one_explosion_squeezes_nothing(full: Any) -> None:
    rows = full.losses.query("dataset == 'ring8' and curve == 'D.loss'").copy()
    rows.iloc[5, rows.columns.get_loc("value")] = 1e9
    made = figures.losses(rows, "D.loss")
    assert max(len(t.x) for t in made.data) <= 300
    assert made.layout.yaxis.range[1] < 100


@pytest.mark.parametrize("name", ["<b>x</b>", '<a href="javascript:alert(1)">x</a>', "&lt;i&gt;"])
def test_plotly_reads_names_as_text(name: str) -> None:
    assert "<" not in figures.plain(name) and "&" not in figures.plain(name).replace("&amp;", "").replace(
        "&lt;", ""
    ).replace("&gt;", "")


def test_figures_of_nothing_are_figures(synthetic: ModuleType) -> None:
    empty = synthetic.empty()
    rows = tables.summary(synthetic.make(datasets=("ring8",))).iloc[:0]
    scores = synthetic.make(datasets=("ring8",)).scores.iloc[:0]
    made = [figures.curves(scores, "fid"), figures.losses(empty.losses, "D.loss"), figures.dots(rows, "fid")]
    assert all(isinstance(f, go.Figure) and not f.data for f in made)


def test_theory_has_the_game_at_the_trained_and_at_the_best_d(synthetic: ModuleType) -> None:
    results = synthetic.theory(diverged=())
    scores = tables.tidy(results)
    made = figures.theory(scores)
    lines = {(t.meta, t.line.dash): t for t in made.data if t.line.width == 2}
    assert {*lines} == {(label, dash) for label in ("gan", "dcgan", "wgan") for dash in ("solid", "dot")}
    for dash, metric in (("solid", "game_value"), ("dot", "game_value_optimal")):
        rows = scores[scores["metric"] == metric].query("label == 'wgan' and checkpoint == 'curve'")
        np.testing.assert_allclose(lines["wgan", dash].y, rows.groupby("images")["value"].mean())
    assert lines["gan", "dot"].name == "best D for gan"
    assert sum(t.fill == "toself" for t in made.data) == 6, "a band for each"
    level = next(t for t in made.data if t.line.color == figures.GREY)
    assert list(level.y) == [-np.log(4)] * 2


def test_theory_of_nothing_is_a_figure(full: Any) -> None:
    assert not figures.theory(tables.tidy(full)).data
