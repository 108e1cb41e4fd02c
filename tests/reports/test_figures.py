"""Figures say what the frames say, and names stay names."""

from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from ganbench.reports import figures
from ganbench.reports.figures.names import sides_of
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.ledger import mean_ledger
from ganbench.reports.frames.rows import labels
from ganbench.reports.frames.scores import tidy
from ganbench.reports.frames.summary import summary


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
    styles = figures.looks(labels(full))
    scores = tidy(full).query("dataset == 'ring8'")
    rows = summary(full).query("dataset == 'ring8'")
    made = [
        figures.curves(scores, "reverse_kl", styles),
        figures.losses(full.losses.query("dataset == 'ring8'"), "D.loss", styles),
        figures.dots(rows, "reverse_kl", styles, scores),
        figures.cost(rows, mean_ledger(Chapter(Report(full), "ring8")), "reverse_kl", "seconds", styles),
    ]
    used = {t.line.color or t.marker.color for f in made for t in f.data if t.meta == "wgan"} - {None}
    assert used == {styles["wgan"].colour}


def test_curve_is_the_mean_over_seeds(full: Any) -> None:
    scores = tidy(full).query("dataset == 'ring8'")
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
    made = figures.curves(tidy(full).query("dataset == 'mnist5k'"), "fid")
    crosses = [t for t in made.data if t.marker.symbol == "x"]
    assert [t.meta for t in crosses] == ["gan"] and list(crosses[0].text) == ["diverged"]


def test_controls_are_levels_or_named(full: Any) -> None:
    made = figures.curves(tidy(full).query("dataset == 'mnist5k'"), "fid")
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
    rows = summary(synthetic.make(datasets=("ring8",))).iloc[:0]
    scores = synthetic.make(datasets=("ring8",)).scores.iloc[:0]
    made = [figures.curves(scores, "fid"), figures.losses(empty.losses, "D.loss"), figures.dots(rows, "fid")]
    assert all(isinstance(f, go.Figure) and not f.data for f in made)


def test_theory_has_the_game_at_the_trained_and_at_the_best_d(synthetic: ModuleType) -> None:
    results = synthetic.theory(diverged=())
    scores = tidy(results)
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
    assert not figures.theory(tidy(full)).data


def test_the_pareto_front_is_what_nobody_beats_in_both() -> None:
    cost, loss = np.array([1.0, 2, 3, 4, 2, 5]), np.array([9.0, 5, 7, 1, 5, 1])
    assert figures.pareto(cost, loss) == [0, 1, 4, 3], "the fourth and the sixth are alike in loss, not in cost"
    assert figures.pareto(np.empty(0), np.empty(0)) == []


def test_names_of_near_points_stand_on_different_sides() -> None:
    x, y = np.array([5.0, 5.2, 5.1, 20.0]), np.array([2.0, 2.0, 2.01, 9.0])
    sides = sides_of(x, y, ["sagan", "wgan", "biggan", "stylegan"], log=False)
    assert len(set(sides[:3])) == 3 and sides[0] == "middle left"
    assert sides[3] == "middle left", "to the right it would leave the picture"
    assert sides_of(x[:1], y[:1], ["gan"], log=True) == ["middle left"] and sides_of(x[:0], y[:0], [], False) == []


def test_the_front_is_drawn_and_the_others_are_hollow(full: Any) -> None:
    rows = summary(full).query("dataset == 'ring8'")
    made = figures.cost(rows, mean_ledger(Chapter(Report(full), "ring8")), "reverse_kl", "seconds")
    hollow = {t.meta: t.marker.symbol.endswith("-open") for t in made.data if t.meta}
    assert hollow == {"gan": False, "dcgan": False, "wgan": False}, "each is better and dearer than the one before"
    made = figures.cost(rows, mean_ledger(Chapter(Report(full), "ring8")), "high_quality", "seconds")
    assert {t.meta for t in made.data if t.meta and t.marker.symbol.endswith("-open")} == {"wgan"}
    steps = next(t for t in made.data if t.line.shape == "hv")
    assert len(steps.x) == 2 and steps.x[0] < steps.x[1] and steps.y[0] < steps.y[1]


def test_beliefs_have_a_line_for_each_side_and_the_level_of_theory(full: Any) -> None:
    losses = full.losses.query("dataset == 'ring8'")
    made = figures.beliefs(losses)
    assert {(t.meta, t.line.dash) for t in made.data if t.meta} == set(product(("gan", "dcgan"), ("solid", "dot")))
    assert list(made.data[0].y) == [0.5, 0.5]
    solid = next(t for t in made.data if t.meta == "gan" and t.line.dash == "solid")
    wanted = losses.query("label == 'gan' and curve == 'D.belief_real'").groupby("images")["value"].mean()
    np.testing.assert_allclose(solid.y, wanted)


def test_gradient_norms_stand_on_a_logarithmic_axis(full: Any) -> None:
    made = figures.gradient_norms(full.losses.query("dataset == 'ring8'"), "G")
    assert made.layout.yaxis.type == "log" and len(made.data) == 9
    low, high = (10**limit for limit in made.layout.yaxis.range)
    assert all(low <= y <= high for t in made.data for y in t.y)


def test_seeds_are_dots_and_a_violin_from_five_on(full: Any) -> None:
    values = pd.DataFrame(
        {"label": ["a"] * 5 + ["b"] * 2, "seed": [*range(5), 0, 1], "value": [1, 2, 3, 4, 5, 2, np.nan]}
    )
    made = figures.seeds(values, "fid", "lower")
    assert [t.meta for t in made.data if t.type == "violin"] == ["a"]
    dots = {t.meta: len(t.x) for t in made.data if t.type == "scatter" and t.marker.symbol is None}
    assert dots == {"a": 5, "b": 1} and list(made.layout.yaxis.ticktext) == ["a", "b (1 failed)"]


def test_a_map_of_modes_has_time_to_the_right_and_a_row_per_mode() -> None:
    made = figures.occupancy(np.array([[1.0, 0.0, 0.5], [1.0, 1.0, 2.0]]), [1000, 2000], figures.FIRST)
    heat = made.data[0]
    assert np.array(heat.z).tolist() == [[1, 1], [0, 1], [0.5, 2]] and (heat.zmin, heat.zmax) == (0, 1)
    assert list(made.layout.xaxis.ticktext) == ["1 k", "2 k"]


def test_mean_ranks_stand_above_those_on_single_datasets() -> None:
    table = pd.DataFrame({"label": ["a", "b"], "rank": [1.0, 1.5], "rank 0": [1, 2], "rank 1": [1, 1]})
    made = figures.mean_ranks(table)
    assert [list(t.x) for t in made.data] == [[1, 1], [1.0], [2, 1], [1.5]] and not made.layout.shapes


def test_agreement_shows_each_pair_once() -> None:
    names = ["FID", "<b>IS</b>", "Recall"]
    table = pd.DataFrame([[1, 0.5, -0.04], [0.5, 1, -1], [-0.04, -1, 1]], index=names, columns=names)
    heat = figures.agreement(table).data[0]
    assert [list(line) for line in heat.text] == [[".5", ""], [".0", "−1.0"]]
    assert "<b>" not in " ".join([*heat.x, *heat.y])
