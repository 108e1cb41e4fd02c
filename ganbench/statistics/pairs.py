"""Strengths from comparisons of two.

Bradley and Terry, "Rank Analysis of Incomplete Block Designs", Biometrika 39, 1952. The chance that i is preferred to j
is 1 / (1 + exp(strength_j - strength_i)). Strengths have the mean 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.statistics.crossed import Clusters, clustered_variance
from ganbench.statistics.intervals import LEVEL, Floats, Interval, t_quantile

PRIOR = 3.0  # standard deviation of a strength before anybody answers: one that always won gets a number
STEPS = 50


def bradley_terry(
    first: NDArray[Any], second: NDArray[Any], first_won: NDArray[Any], clusters: Clusters
) -> dict[Any, Interval]:
    """(n,) names on either side and whether the first won -> each name's strength with 95 % limits.

    The limits know that answers of one rater and to one picture are alike: see `clustered_variance`.
    """
    names, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    won = np.asarray(first_won, dtype=np.float64)
    design = np.zeros((len(won), len(names)))
    design[np.arange(len(won)), places[: len(won)]] += 1
    design[np.arange(len(won)), places[len(won) :]] -= 1
    strengths, curvature = _fit(design, won)
    centred = np.eye(len(names)) - 1 / len(names)
    influence = (won - _chance(design @ strengths))[:, None] * design @ np.linalg.inv(curvature) @ centred
    least = min(len(np.unique(cluster)) for cluster in clusters)
    reach = t_quantile(LEVEL, least - 1) if least > 1 else np.nan
    spread = [reach * np.sqrt(clustered_variance(column, clusters)) for column in influence.T]
    centre = centred @ strengths
    return {
        name: Interval(float(at), float(at - half), float(at + half))
        for name, at, half in zip(names.tolist(), centre, spread, strict=True)
    }


def _fit(design: Floats, won: Floats) -> tuple[Floats, Floats]:
    """The most probable strengths by Newton's steps, and the curvature there."""
    strengths, prior = np.zeros(design.shape[1]), np.eye(design.shape[1]) / PRIOR**2
    for _ in range(STEPS):
        chance = _chance(design @ strengths)
        curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + prior
        step = np.linalg.solve(curvature, design.T @ (won - chance) - prior @ strengths)
        strengths = strengths + step
        if np.abs(step).max() < 1e-9:
            break
    return strengths, curvature


def _chance(difference: Floats) -> Floats:
    return 1 / (1 + np.exp(-difference))
