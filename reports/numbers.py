"""Numbers, amounts and names as short text, the same in every output."""

import math
import re
from collections.abc import Sequence

NONE = "n/a"  # a cell is never empty
APART = "–"  # of a number that this row cannot have
# Control characters; from 200e on they would reorder the text around a name.
CONTROL = re.compile("[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def short(name: object, most: int = 60) -> str:
    """A name fit for a sentence or an axis: one line, no control characters, at most so many characters."""
    text = CONTROL.sub("", str(name)) or "(no name)"
    return text if len(text) <= most else text[: most - 1] + "…"


def isolated(name: object, most: int = 60) -> str:
    """A name inside running text; right-to-left writing is fenced (U+2068, U+2069), so that it cannot reorder its
    neighbours.
    """
    text = short(name, most)
    return text if text.isascii() else f"\u2068{text}\u2069"


def digits_for(value: float, significant: int = 2) -> int:
    """Decimals that show `value` with so many significant digits; 0 for large values."""
    if not math.isfinite(value) or value == 0:
        return 0
    rounded = float(f"{value:.{significant - 1}e}")  # 0.9996 is 1.00: one decimal less than its first digit says
    return max(0, significant - 1 - math.floor(math.log10(abs(rounded))))


def fixed(value: float, decimals: int) -> str:
    """`value` with a fixed number of decimals, a true minus sign and no negative zero."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def number(value: float, significant: int = 3) -> str:
    """A single number to so many significant digits: 0.0312, 31.2, 3.12e6."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return (
            f"{value:.{significant - 1}e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")
        )
    return fixed(value, 0 if float(value).is_integer() else digits_for(value, significant))


def estimate(mean: float, low: float, high: float) -> tuple[str, str]:
    """A mean and its interval: ("0.31", "[0.20, 0.42]"); without an interval ("0.312", "").

    The interval decides the decimals: two significant digits of its half width, or one where that keeps the mean to
    three digits; never so few that the mean vanishes, and else not more than four digits in all.
    """
    if not math.isfinite(mean) or not math.isfinite(low) or not math.isfinite(high):
        return number(mean), ""
    size = max(abs(mean), abs(low), abs(high))
    if low == high or size >= 1e6 or 0 < size < 1e-4:
        return number(mean), f"[{number(low)}, {number(high)}]"
    reach = (high - low) / 2
    wanted = min(digits_for(reach), max(digits_for(reach, 1), digits_for(mean, 3)))
    decimals = min(max(wanted, digits_for(mean)), wanted + 2, 6, max(digits_for(size, 4), digits_for(mean)))
    return fixed(mean, decimals), f"[{fixed(low, decimals)}, {fixed(high, decimals)}]"


def amount(value: float, unit: str = "") -> str:
    """A quantity with an SI prefix: 200 k, 1.2 M, 3.4 T."""
    if math.isnan(value):
        return NONE
    for factor, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor * 0.9995:
            return f"{number(value / factor)} {prefix}{unit}".rstrip()
    return f"{number(value)} {unit}".rstrip()


def percent(share: float) -> str:
    """A change as a percentage with its sign: +12 %, −3.4 %."""
    if not math.isfinite(share):
        return "+∞" if share > 0 else "n/a"
    if share > 10:
        return f"×{number(share + 1, 2)}"
    sign = "+" if share >= 0 else "−"
    return f"{sign}{fixed(100 * abs(share), 0 if abs(share) >= 0.0995 else 1)} %"


def probability(p: float) -> str:
    """A p-value: 0.0030, < 0.0001; nothing where it is not known."""
    return "" if math.isnan(p) else "< 0.0001" if p < 1e-4 else number(p, 2)


def p_value(p: float) -> str:
    """p = 0.0030, p < 0.0001."""
    return f"p {'' if p < 1e-4 else '= '}{probability(p)}"


def duration(seconds: float) -> str:
    """Seconds as 4.2 s, 3 min 20 s, 2 h 5 min."""
    if math.isnan(seconds):
        return NONE
    if seconds < 100:
        return f"{number(seconds, 2)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def count(n: int, noun: str) -> str:
    """1 seed, 3 seeds."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listed(names: Sequence[str], most: int = 4) -> str:
    """a, b and c; beyond `most` the rest is counted."""
    shown = list(names[:most]) + ([f"{len(names) - most} more"] if len(names) > most else [])
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def spans(numbers: str) -> str:
    """Numbers in ascending order, neighbours as a range: "1 2 3 5" -> "1–3, 5"."""
    runs: list[list[int]] = []
    for one in map(int, numbers.split()):
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return ", ".join(f"{run[0]}–{run[-1]}" if run[1:] else str(run[0]) for run in runs)


def arrow(direction: str) -> str:
    """↓ where lower is better, ↑ where higher is, nothing where neither is."""
    return {"lower": "↓", "higher": "↑"}.get(direction, "")


def better(direction: str) -> str:
    """A direction in words."""
    return f"{direction} is better" if direction in ("lower", "higher") else "no direction"
