"""Published sanity checks of metrics of fidelity and diversity, on points whose right answer is known.

Räisä, van Breugel and van der Schaar, "Position: All Current Generative Fidelity and Diversity Metrics are Flawed",
ICML 2025, https://arxiv.org/abs/2505.22450. Samples move away from real data, miss modes, invent some, or differ in a
single direction, and a metric must say so: near 1 where samples are as good as real data, near 0 where they share
nothing, and rise or fall in between. Thresholds, distributions and sizes are those of the authors' code.

What must hold of a distance is this project's: next to nothing where samples are as good as real data, and the larger
the further they depart, whatever the way. It has no scale, so that it is measured against its own largest value.

Deviations: seven settings of each check instead of 10 to 51, up to 4,000 points instead of 10,000, and one draw of
each, not ten.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ganbench.metrics import Aspect

Floats = NDArray[np.float64]
Draw = Callable[[float, Generator], tuple[Floats, Floats]]  # a setting -> real points (n, d) and samples (m, d)
Holds = Callable[[Floats], bool]  # (settings,) values of a metric -> whether they are as they should be

N = 1_000  # real points, and samples
SETTINGS = 7
CLOSE = 0.05  # to 0, to 1, to a share
SEEN, SLACK = 0.2, 0.1  # what must change, and what an end may be off the largest or least value
OVERLAP = 0.2  # of the volumes of two cubes
TINY = 1e-12  # no distance is measured against less


class Check(NamedTuple):
    """One published check in one number of dimensions."""

    name: str
    case: str  # which of several; "": there is one
    settings: Floats  # (SETTINGS,)
    draw: Draw
    right: Mapping[Aspect, Mapping[str, Holds]]  # what must hold of a metric of that aspect, by name

    @property
    def title(self) -> str:
        return f"{self.name}, {self.case}" if self.case else self.name


# What must hold


def close(at: int, to: float) -> Holds:
    """The value at a setting is near `to`."""
    return lambda v: bool(abs(v[at] - to) <= CLOSE + 1e-9)


def one_of(*shapes: Holds) -> Holds:
    """Any of several right answers: where samples spread further than real data, diversity may be all or nothing."""
    return lambda v: any(shape(v) for shape in shapes)


def flat(v: Floats) -> bool:
    """The value does not change."""
    return bool(v.max() - v.min() <= CLOSE)


def settled(v: Floats) -> bool:
    """From the middle on the value changes no more."""
    return flat(v[len(v) // 2 :])


def falling(v: Floats) -> bool:
    """Highest at the first setting, lowest at the last."""
    return bool(v[0] - v[-1] >= SEEN and v.max() - v[0] <= SLACK and v[-1] - v.min() <= SLACK)


def rising(v: Floats) -> bool:
    """Lowest at the first setting, highest at the last."""
    return falling(v[::-1])


def falling_by(place: int) -> Holds:
    """Falling, and seen to fall at a setting before the last."""
    return lambda v: falling(v) and bool(v[0] - v[place] >= 0.1)


def bell(v: Floats) -> bool:
    """Highest in the middle, low at both ends."""
    middle, ends = v[len(v) // 2], v[[0, -1]]
    low = (ends - v.min() <= SLACK).any()
    return bool((middle - ends >= SEEN).all() and v.max() - middle <= SLACK and low)


def least(at: int) -> Holds:
    """A distance is next to nothing at a setting, beside what it is at the ends."""
    return lambda v: bool(v[at] <= CLOSE * min(v[end] for end in (FIRST, LAST) if end != at))


def growing(at: int) -> Holds:
    """A distance grows from a setting on, towards either end."""

    def holds(v: Floats) -> bool:
        sides = [side for side in (v[at::-1], v[at:]) if len(side) > 1]
        back = [np.maximum.accumulate(side) - side for side in sides]
        return all(side[-1] > side[0] and (b <= SLACK * side.max()).all() for side, b in zip(sides, back, strict=True))

    return holds


def unmoved(holds: Holds) -> Holds:
    """A distance is flat, or settled, in shares of its largest size."""
    return lambda v: holds(v / max(float(np.abs(v).max()), TINY))


def both(right: Mapping[str, Holds], distance: Mapping[str, Holds]) -> dict[Aspect, Mapping[str, Holds]]:
    """The same must hold of fidelity and of diversity."""
    return {"fidelity": right, "diversity": right, "distance": distance}


FIRST, MIDDLE, LAST = 0, SETTINGS // 2, SETTINGS - 1
BOTH_WAYS, ONE_WAY = ({"same": least(at), "growing": growing(at)} for at in (MIDDLE, FIRST))
EVEN, STEADY = {"flat": unmoved(flat)}, {"settled": unmoved(settled)}
APART_AND_BACK = both(
    {"same": close(MIDDLE, 1), "far": close(FIRST, 0), "far off": close(LAST, 0), "bell": bell}, BOTH_WAYS
)
UNLIKE = both({"flat": flat, "first": close(FIRST, 0), "last": close(LAST, 0)}, EVEN)
DROPPED: dict[Aspect, Mapping[str, Holds]] = {
    "fidelity": {"same": close(FIRST, 1), "all dropped": close(LAST, 1), "flat": flat},
    "diversity": {"same": close(FIRST, 1)},
    "distance": ONE_WAY,
}


# Distributions


def normal(rng: Generator, n: int, d: int, mean: float = 0.0, std: float = 1.0) -> Floats:
    """Alike and independent in all directions."""
    return rng.normal(mean, std, (n, d))


def sphere(rng: Generator, n: int, d: int, radius: float) -> Floats:
    """On the surface."""
    x = rng.normal(size=(n, d))
    on_surface: Floats = radius * x / np.linalg.norm(x, axis=1, keepdims=True)
    return on_surface


def ball(rng: Generator, n: int, d: int, radius: float) -> Floats:
    """Evenly in the solid."""
    return sphere(rng, n, d, 1.0) * radius * rng.random((n, 1)) ** (1 / d)


def torus(rng: Generator, n: int) -> Floats:
    """The solid of a disc of radius 0.1 around a circle of radius 1."""
    disc, angle = ball(rng, n, 2, 0.1), rng.uniform(0, 2 * np.pi, n)
    away = 1 + disc[:, 0]
    return np.stack([away * np.cos(angle), away * np.sin(angle), disc[:, 1]], axis=1)


def mixture(rng: Generator, n: int, means: Floats, std: float, shares: Floats) -> Floats:
    """(modes, d) means, (modes,) shares that sum to 1."""
    return means[rng.choice(len(means), n, p=shares)] + rng.normal(0, std, (n, means.shape[1]))


LINE = np.linspace(0, 10, 10)  # the ten modes' coordinate in each direction
STD = {1: 1 / 6, 8: 1 / 3, 64: 1.0}
PLANE = np.array([
    (5.47, -4.08), (4.87, -13.65), (-16.39, 9.10), (-2.15, 12.46), (11.56, -4.96),
    (-24.61, 14.18), (16.84, -3.19), (-5.48, -6.77), (9.47, 1.06), (-5.40, -17.29),
])  # fmt: skip


def dropped_shares(dropped: float, at_once: bool) -> Floats:
    """Ten modes' shares: all but the first fade together, or that many are gone from the end."""
    shares = np.ones(10)
    if at_once:
        shares[1:] *= 1 - dropped
    else:
        shares[10 - int(dropped) :] = 0
    shares /= shares.sum()
    return shares


# Checks


def checks() -> Iterator[Check]:
    """All checks, in the paper's order."""
    reach = {1: 6.0, 8: 3.0, 64: 1.0}
    for d, far in reach.items():
        means = np.linspace(-far, far, SETTINGS)
        yield Check("means apart", f"{d} d", means, _means(d), APART_AND_BACK)
        for whose in ("real", "samples"):
            outlier = _means(d, far, whose)
            yield Check("means apart, an outlier", f"of {whose}, {d} d", means, outlier, APART_AND_BACK)
    for d, decades in {1: 3.0, 8: 1.0, 64: 0.5}.items():
        yield Check("spreads apart", f"{d} d", np.logspace(-decades, decades, SETTINGS), _spreads(d), WIDER)
    for d, std in STD.items():
        for name, settings, diversity, at_once in (
            ("modes fade together", np.array([0, 0.2, 0.4, 0.6, 0.8, 0.95, 1]), falling_by(5), True),
            ("modes drop one by one", np.array([0, 1, 3, 4, 6, 8, 9.0]), falling_by(MIDDLE), False),
        ):
            right = {**DROPPED, "diversity": {**DROPPED["diversity"], "falling": diversity}}
            yield Check(name, f"{d} d", settings, _modes(d, std, at_once), right)
    yield Check("modes dropped or invented", "", np.array([1, 3, 4, 5, 6, 8, 10.0]), _invented, INVENTED)
    for d in (2, 16, 128):
        yield Check("spheres of other radii", f"{d} d", np.linspace(0.1, 1.9, SETTINGS), _radii(d), APART_AND_BACK)
    sizes = np.logspace(2, np.log10(4_000), SETTINGS)
    for d in (1, 8, 64):
        shares = both({"settled": settled, "a fifth": close(LAST, OVERLAP)}, STEADY)
        yield Check("cubes that overlap by a fifth", f"of both sizes, {d} d", sizes, _cubes(d, True), shares)
        yield Check("cubes that overlap by a fifth", f"of samples' sizes, {d} d", sizes, _cubes(d, False), shares)
    for inside in ("ball", "torus"):
        right = both({"settled": settled, "apart": close(LAST, 0)}, STEADY)
        yield Check("a torus around a ball", f"real {inside}", sizes, _around(inside), right)
    for d in (1, 8, 64):
        yield Check("one mode for two", f"{d} d", np.linspace(0, 5, SETTINGS), _two_modes(d), ONE_FOR_TWO)
    yield Check("a direction is scaled", "", np.logspace(-3, 3, SETTINGS), _scaled, UNLIKE)
    yield Check("means apart, heavy tails", "", np.linspace(-6, 6, SETTINGS), _heavy_tails, APART_AND_BACK)
    yield Check("one direction of many apart", "", np.logspace(0, 3, SETTINGS), _one_of_many, UNLIKE)
    for real in ("rounded", "continuous"):
        right = ROUNDED if real == "rounded" else CONTINUOUS
        yield Check("rounded numbers", f"real {real}", np.logspace(0, 3, SETTINGS), _rounded(real), right)


ALL_OR_NOTHING = {at: one_of(close(at, 1), close(at, 0)) for at in (FIRST, LAST)}
WIDER: dict[Aspect, Mapping[str, Holds]] = {
    "fidelity": {"same": close(MIDDLE, 1), "narrow": close(FIRST, 1), "wide": close(LAST, 0), "falling": falling},
    "diversity": {
        "same": close(MIDDLE, 1), "narrow": close(FIRST, 0), "wide": ALL_OR_NOTHING[LAST],
        "rising or bell": one_of(rising, bell),
    },
    "distance": BOTH_WAYS,
}  # fmt: skip
INVENTED: dict[Aspect, Mapping[str, Holds]] = {
    "fidelity": {"same": close(MIDDLE, 1), "dropped": close(FIRST, 1), "falling": falling},
    "diversity": {"same": close(MIDDLE, 1), "invented": close(LAST, 1), "rising": rising},
    "distance": BOTH_WAYS,
}
ONE_FOR_TWO: dict[Aspect, Mapping[str, Holds]] = {
    "fidelity": {"same": close(FIRST, 1), "falling": falling},
    "diversity": {"same": close(FIRST, 1), "falling or flat": one_of(falling, flat)},
    "distance": ONE_WAY,
}
ROUNDED: dict[Aspect, Mapping[str, Holds]] = {
    "fidelity": {"flat": flat, "coarse": close(FIRST, 0), "fine": close(LAST, 0)},
    "diversity": {"flat": flat, "coarse": ALL_OR_NOTHING[FIRST], "fine": ALL_OR_NOTHING[LAST]},
    "distance": EVEN,
}
CONTINUOUS: dict[Aspect, Mapping[str, Holds]] = {
    "fidelity": {"flat": flat, "coarse": close(FIRST, 1), "fine": close(LAST, 1)},
    "diversity": {"flat": flat, "coarse": close(FIRST, 0), "fine": close(LAST, 0)},
    "distance": EVEN,
}


def _means(d: int, outlier: float = 0.0, whose: str = "") -> Draw:
    def draw(mean: float, rng: Generator) -> tuple[Floats, Floats]:
        sides = {"real": normal(rng, N, d), "samples": normal(rng, N, d, mean)}
        if whose:
            sides[whose] = np.concatenate([sides[whose], np.full((1, d), outlier)])
        return sides["real"], sides["samples"]

    return draw


def _spreads(d: int) -> Draw:
    return lambda std, rng: (normal(rng, N, d), normal(rng, N, d, std=std))


def _modes(d: int, std: float, at_once: bool) -> Draw:
    means = np.tile(LINE[:, None], d)

    def draw(dropped: float, rng: Generator) -> tuple[Floats, Floats]:
        real = mixture(rng, N, means, std, np.full(10, 0.1))
        return real, mixture(rng, N, means, std, dropped_shares(dropped, at_once))

    return draw


def _invented(modes: float, rng: Generator) -> tuple[Floats, Floats]:
    """Real data have the first five."""
    real, samples = (mixture(rng, N, PLANE[:k], 0.25, np.full(k, 1 / k)) for k in (5, int(modes)))
    return real, samples


def _radii(d: int) -> Draw:
    return lambda radius, rng: (sphere(rng, N, d, 1.0), sphere(rng, N, d, radius))


def _cubes(d: int, of_both: bool) -> Draw:
    def draw(n: float, rng: Generator) -> tuple[Floats, Floats]:
        start = 1 - OVERLAP ** (1 / d)
        real = rng.random((int(n) if of_both else N, d))
        return real, start + rng.random((int(n), d))

    return draw


def _around(real: str) -> Draw:
    def draw(n: float, rng: Generator) -> tuple[Floats, Floats]:
        if real == "ball":
            return ball(rng, N, 3, 0.8), torus(rng, int(n))
        return torus(rng, N), ball(rng, int(n), 3, 0.8)

    return draw


def _two_modes(d: int) -> Draw:
    def draw(apart: float, rng: Generator) -> tuple[Floats, Floats]:
        means = np.tile(np.array([[-0.5], [0.5]]) * apart, d)
        return mixture(rng, N, means, 1.0, np.full(2, 0.5)), normal(rng, N, d, std=float(np.sqrt(1 + apart**2)))

    return draw


def _scaled(scale: float, rng: Generator) -> tuple[Floats, Floats]:
    stretch = np.array([1, scale])
    return normal(rng, N, 2) * stretch, (normal(rng, N, 2) + np.array([6, 0])) * stretch


def _heavy_tails(mean: float, rng: Generator) -> tuple[Floats, Floats]:
    tails = 1 + rng.pareto(1.01, (2, N))
    return np.stack([rng.normal(size=N), tails[0]], 1), np.stack([rng.normal(mean, 1, N), tails[1]], 1)


def _one_of_many(others: float, rng: Generator) -> tuple[Floats, Floats]:
    real, samples = (normal(rng, N, 1 + int(others)) for _ in range(2))
    samples[:, 0] += 6
    return real, samples


def _rounded(real: str) -> Draw:
    def draw(scale: float, rng: Generator) -> tuple[Floats, Floats]:
        exact, other = (scale * normal(rng, N, 1) for _ in range(2))
        return (np.round(exact), other) if real == "rounded" else (exact, np.round(other))

    return draw


# Verdicts


@dataclass(frozen=True)
class Verdict:
    """What a metric made of a check."""

    check: Check
    metric: str
    values: Floats  # (SETTINGS,)
    failed: Sequence[str]  # what does not hold

    @property
    def word(self) -> str:
        return f"fail: {', '.join(self.failed)}" if self.failed else "pass"


def judge_check(check: Check, metric: str, aspect: Aspect, values: Floats) -> Verdict:
    """(SETTINGS,) values of a metric of that aspect -> its verdict; a value that is no number holds nowhere."""
    right = check.right[aspect]
    failed = [name for name, holds in right.items() if not (np.isfinite(values).all() and holds(values))]
    return Verdict(check, metric, values, failed)
