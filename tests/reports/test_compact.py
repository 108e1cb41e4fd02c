"""What a page carries of a figure takes little room and stands where the figure has it."""

from base64 import b64decode
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from ganbench.reports.figures import points2d
from ganbench.reports.html.compact import MISSING, MOST, STEPS, compact


def _spread(packed: dict[str, Any]) -> np.ndarray:
    """As page.js does it."""
    steps = np.frombuffer(b64decode(packed["steps"]), "<i2").astype(float)
    return np.where(steps == MISSING, np.nan, packed["middle"] + steps * packed["step"])


def _figure(x: Any, y: Any) -> go.Figure:
    axes = {"xaxis": {"range": [-2.0, 2.0]}, "yaxis": {"range": [10.0, 14.0]}}
    return go.Figure([{"type": "scatter", "x": x, "y": y}], axes)


def test_a_small_figure_keeps_its_places_to_a_step() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-2, 2, 500), rng.uniform(10, 14, 500)
    trace = compact(_figure(x, y), still=True)["data"][0]
    for packed, values in ((trace["x"], x), (trace["y"], y)):
        assert np.abs(_spread(packed) - values).max() <= 4 / STEPS / 2
        assert len(b64decode(packed["steps"])) == 2 * len(values)


def test_what_is_no_number_or_far_away_stays_out_of_sight() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1e30, 0.0])
    found = _spread(compact(_figure(x, x), still=True)["data"][0]["x"])
    far = MOST * 4 / STEPS
    np.testing.assert_allclose(found, [np.nan, far, -far, far, 0])
    assert far > 2 * 4, "outside of the window"


def test_a_figure_that_is_asked_for_numbers_keeps_seven_digits() -> None:
    x = np.array([1234.5678, 1e-12, np.nan])
    packed = compact(_figure(x, x))["data"][0]["x"]
    assert packed["dtype"] == "f4"
    np.testing.assert_allclose(np.frombuffer(b64decode(packed["bdata"]), "<f4"), x, rtol=1e-7)


@pytest.mark.parametrize("kept", [[0.5, 1.5], ["a", "b"], np.array([1, 2]), None])
def test_what_is_no_array_of_floats_is_kept(kept: Any) -> None:
    figure = _figure(kept, [1, 2])
    for still in (False, True):
        assert compact(figure, still)["data"][0].get("x") == figure.to_dict()["data"][0].get("x")


def test_a_map_keeps_its_shape() -> None:
    figure = go.Figure([{"type": "heatmap", "z": np.eye(3), "x": np.arange(3.0)}])
    assert compact(figure)["data"][0]["z"]["shape"] == "3, 3"


def test_each_frame_of_a_film_is_packed() -> None:
    frames = np.random.default_rng(1).normal(size=(3, 50, 2)).astype(np.float32)
    found = compact(points2d.samples(frames, {"means": [[0, 0], [1, 1]], "sigma": 0.1}), still=True)
    assert [set(frame["data"][0]["x"]) for frame in found["frames"]] == [{"steps", "middle", "step"}] * 3


def test_a_line_without_points_stays_empty() -> None:
    trace = compact(_figure(np.array([]), None))["data"][0]
    assert len(trace["x"]) == 0 and "y" not in trace
