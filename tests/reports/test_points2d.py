"""Figures of points show the points, on the axes of the truth."""

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from ganbench.reports.figures import GREY, Look, points2d

LOOK = Look("#3f7fd9", "solid", "circle")
TRUTH = {"means": [[0.0, 1.0], [2.0, 1.0]], "sigma": 0.1, "weights": [0.5, 0.5]}
RNG = np.random.default_rng(0)


def _cloud(*shape: int) -> Any:
    return RNG.normal(size=(*shape, 2)).astype(np.float32)


def _drawn(trace: Any) -> Any:
    return np.stack([trace.x, trace.y], 1)


def _said(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def test_the_last_samples_are_drawn_and_all_are_frames() -> None:
    frames = _cloud(3, 40)
    figure = points2d.samples(frames, TRUTH, LOOK)
    np.testing.assert_array_equal(_drawn(figure.data[1]), frames[-1])
    assert [frame.name for frame in figure.frames] == ["0", "1", "2"]
    for frame, points in zip(figure.frames, frames, strict=True):
        np.testing.assert_array_equal(_drawn(frame.data[0]), points)
        assert figure.data[frame.traces[0]].mode == "markers"


def test_a_single_frame_needs_no_frames() -> None:
    assert not points2d.samples(_cloud(1, 40), TRUTH).frames


def test_points_outside_are_counted_in_each_frame_and_nan_is_outside() -> None:
    frames = np.ones((3, 10, 2), np.float32)
    frames[0, :4] = 99
    frames[2, :2] = np.nan
    figure = points2d.samples(frames, TRUTH)
    assert _said(figure) == ["2 of 10 outside"]
    told = [[note.text for note in frame.layout.annotations] for frame in figure.frames]
    assert told == [["4 of 10 outside"], [], ["2 of 10 outside"]]


FIGURES = {
    "samples": lambda: points2d.samples(_cloud(2, 30), TRUTH),
    "walks": lambda: points2d.walks(_cloud(3, 5), TRUTH),
    "transport": lambda: points2d.transport(_cloud(4, 4), TRUTH),
    "belief": lambda: points2d.belief(RNG.random((6, 6)), np.array([-9, 9, -9, 9]), TRUTH),
    "pairs": lambda: points2d.pairs(_cloud(9), _cloud(9), _cloud(9), TRUTH),
    "classes": lambda: points2d.classes(_cloud(12, 5), TRUTH),
    "truncation": lambda: points2d.truncation(_cloud(3, 5), TRUTH),
}


@pytest.mark.parametrize("name", FIGURES)
def test_all_have_the_axes_of_the_truth_and_its_modes(name: str) -> None:
    figure = FIGURES[name]()
    reach = 1.3 * (1 + 4 * 0.1)
    assert figure.layout.xaxis.range == pytest.approx((1 - reach, 1 + reach))
    assert figure.layout.yaxis.range == pytest.approx((1 - reach, 1 + reach))
    circle = _drawn(figure.data[0])[:25]
    np.testing.assert_allclose(np.linalg.norm(circle - [0, 1], axis=1), 0.3, rtol=1e-5)
    assert np.isnan(_drawn(figure.data[0])[25]).all()  # the pen is lifted before the next
    json.loads(figure.to_json())


def test_walks_are_lines_that_do_not_touch_each_other() -> None:
    ways = _cloud(3, 5)
    line, dots = points2d.walks(ways, None, LOOK).data
    drawn = _drawn(line).reshape(3, 6, 2)
    np.testing.assert_array_equal(drawn[:, :5], ways)
    assert np.isnan(drawn[:, 5]).all()
    np.testing.assert_array_equal(_drawn(dots), ways.reshape(-1, 2))


def test_transport_draws_the_lines_of_the_grid_both_ways() -> None:
    mesh = _cloud(4, 4)
    lines = _drawn(points2d.transport(mesh).data[0]).reshape(8, 5, 2)[:, :4]
    np.testing.assert_array_equal(lines[:4], mesh)
    np.testing.assert_array_equal(lines[4:], mesh.swapaxes(0, 1))


def test_belief_lies_where_the_surface_does() -> None:
    surface = np.zeros((3, 5))
    surface[0, 4] = 1  # below, on the right
    heat = points2d.belief(surface, np.array([-2, 2, 10, 20]), TRUTH).data[1]
    assert (heat.x0, heat.x0 + 4 * heat.dx, heat.y0, heat.y0 + 2 * heat.dy) == (-2, 2, 10, 20)
    assert heat.z[0][4] == 100 and np.sum(heat.z) == 100


def test_partners_have_lines_to_the_true_ones_and_to_what_came_back_of_them() -> None:
    partners, true, returned = _cloud(3, 9)
    ways, back, dots = points2d.pairs(partners, true, returned, None, LOOK).data
    for line, ends in ((ways, (partners, true)), (back, (partners, returned))):
        np.testing.assert_array_equal(_drawn(line).reshape(9, 3, 2)[:, :2], np.stack(ends, 1))
    np.testing.assert_array_equal(_drawn(dots), partners)
    assert (back.line.color, ways.line.color) == (GREY, LOOK.colour)
    assert len(points2d.pairs(partners, true).data) == 2


def test_a_class_has_one_colour() -> None:
    trace = points2d.classes(_cloud(12, 5)).data[0]
    assert list(trace.marker.color) == [k % 10 for k in range(12) for _ in range(5)]


def test_truncation_goes_from_grey_to_the_label() -> None:
    marker = points2d.truncation(_cloud(3, 4), None, LOOK).data[0].marker
    assert list(marker.color) == [0] * 4 + [1] * 4 + [2] * 4 and marker.cmax == 2
    assert [colour for _, colour in marker.colorscale] == [GREY, LOOK.colour]


def test_without_a_truth_the_axes_are_those_of_the_points() -> None:
    figure = points2d.samples(np.array([[[0, 0], [4, 2]]], np.float32))
    assert figure.layout.xaxis.range == pytest.approx((2 - 2.1, 2 + 2.1)) and not _said(figure)


def test_without_finite_points_there_is_an_empty_picture() -> None:
    figure = points2d.samples(np.full((1, 3, 2), np.nan))
    assert figure.layout.xaxis.range == (-1, 1) and _said(figure) == ["3 of 3 outside"]
