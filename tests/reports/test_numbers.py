"""Numbers read the same everywhere, and none is shown with more digits than its interval allows."""

import math

import pytest

from ganbench.reports.numbers import amount, duration, estimate, isolated, listed, number, short, spans


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0, "0"), (8.0, "8"), (0.03123, "0.0312"), (31.23, "31.2"), (-1.234, "−1.23"), (3123456.0, "3.12e6"),
        (1e6, "1.00e6"), (0.0000312, "3.12e−5"),
        (math.nan, "n/a"), (math.inf, "∞"), (-math.inf, "−∞"), (1e300, "1.00e300"),
    ],
)  # fmt: skip
def test_number(value: float, wanted: str) -> None:
    assert number(value) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((0.3123, 0.2011, 0.4233), ("0.31", "[0.20, 0.42]")),
        ((23.4, 12.1, 34.7), ("23", "[12, 35]")),
        ((0.31, -11.7, 12.3), ("0.31", "[−11.70, 12.30]")),
        ((0.98823, 0.98401, 0.99247), ("0.988", "[0.984, 0.992]")),
        ((8.0, 8.0, 8.0), ("8", "[8, 8]")),
        ((0.312, math.nan, math.nan), ("0.312", "")),
        ((2e-5, 1e-5, 3e-5), ("2.00e−5", "[1.00e−5, 3.00e−5]")),
    ],
)
def test_estimate(given: tuple[float, float, float], wanted: tuple[str, str]) -> None:
    assert estimate(*given) == wanted


def test_amounts_and_durations() -> None:
    assert [amount(200_000), amount(2.3e8, "B"), amount(999_800), amount(12), amount(math.nan)] == [
        "200 k",
        "230 MB",
        "1.00 M",
        "12",
        "n/a",
    ]
    assert [duration(4.23), duration(200), duration(7500), duration(math.nan)] == [
        "4.2 s",
        "3 min 20 s",
        "2 h 5 min",
        "n/a",
    ]


def test_names_are_shortened_fenced_and_listed() -> None:
    assert short("x" * 300, 10) == "x" * 9 + "…" and short("\u202e\n") == "(no name)"
    assert isolated("gan") == "gan" and isolated("شبكة") == "\u2068شبكة\u2069"
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"]), listed(list("abcdef"))] == [
        "",
        "a",
        "a, b and c",
        "a, b, c, d and 2 more",
    ]


def test_tiers_next_to_each_other_are_a_range() -> None:
    assert [spans("2"), spans("2 3 4"), spans("1 3"), spans("1 2 4 5 7"), spans("")] == [
        "2",
        "2–4",
        "1, 3",
        "1–2, 4–5, 7",
        "",
    ]
