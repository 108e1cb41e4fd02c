"""Student's t distribution, for any degrees of freedom. Only the standard library."""

import math
from functools import lru_cache
from statistics import NormalDist


def beta_probability(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b) of 0 <= x <= 1; to a relative error of about 1e-12.

    The continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov/8.17,
    from its end; on the side of the mean where it converges in O(sqrt(max(a, b))) terms.
    """
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_probability(1 - x, b, a)
    if x <= 0:
        return 0.0
    fraction = 1.0
    for k in range(30 + int(3 * math.sqrt(max(a, b))), 0, -1):
        m = k // 2
        if k % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        fraction = 1 + term / fraction
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / (a * fraction)


def t_tail(t: float, df: float) -> float:
    """P(|T| > t) for Student's t with `df` degrees of freedom, which may be a fraction.

    I_{df / (df + t^2)}(df / 2, 1 / 2): Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.1 and
    26.5.27.
    """
    return beta_probability(df / (df + t * t), df / 2, 0.5)


@lru_cache(maxsize=4096)
def t_quantile(level: float, df: float) -> float:
    """The t with P(|T| <= t) = `level`: 12.706 for 0.95 and one degree of freedom.

    Newton's method in the angle arctan(t / sqrt(df)), in which the tail is convex: from the normal quantile, which is
    smaller, it never overshoots.
    """
    if not 0 < level < 1 or not df >= 1:
        raise ValueError(f"Found level {level} and {df} degrees of freedom, but need 0 < level < 1 and at least 1.")
    steepness = 2 * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    angle = math.atan(NormalDist().inv_cdf((1 + level) / 2) / math.sqrt(df))
    for _ in range(100):
        excess = t_tail(math.sqrt(df) * math.tan(angle), df) - (1 - level)
        step = excess / (steepness * math.cos(angle) ** (df - 1))
        angle += step
        if abs(step) <= 1e-9 * angle:  # the next would be its square
            break
    return math.sqrt(df) * math.tan(angle)
