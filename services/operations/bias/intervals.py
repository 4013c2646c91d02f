"""Confidence intervals for the rates of the bias audits.

Wilson's score interval for one rate, and Newcombe's hybrid score interval, which is made of two of them, for a
difference of rates. The usual (Wald) interval has no width when nothing or everything was counted, and that is what an
audit mostly sees: no prompt of a group is blocked, or every nurse is a woman. Wilson's has a width there, keeps its
coverage for small counts and stays between 0 and 1.

References: Wilson 1927; Newcombe, Statistics in Medicine 17 (1998), method 10.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Count:
    """How many of how many."""

    found: int
    total: int

    def __add__(self, other: "Count") -> "Count":
        return Count(self.found + other.found, self.total + other.total)

    @property
    def rate(self) -> float:
        """The share, or 0 of nothing."""
        return self.found / self.total if self.total else 0.0


@dataclass(frozen=True)
class Interval:
    """An estimate and its bounds."""

    value: float
    low: float
    high: float

    def excludes(self, low: float, high: float) -> bool:
        """Return whether no value between ``low`` and ``high`` is inside."""
        return self.high < low or self.low > high


def wilson(count: Count, comparisons: int = 1) -> Interval:
    """Return the interval of a rate: 0 to 1 if nothing was observed."""
    if not count.total:
        return Interval(0.0, 0.0, 1.0)
    z, n, rate = _z(comparisons), count.total, count.rate
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # The bounds are exact at the ends, where the arithmetic is not.
    low = 0.0 if count.found == 0 else max(0.0, centre - half)
    high = 1.0 if count.found == n else min(1.0, centre + half)
    return Interval(rate, low, high)


def newcombe(one: Count, other: Count, comparisons: int = 1) -> Interval:
    """Return the interval of the rate of ``one`` less that of ``other``.

    It takes them for independent. Counterfactual pairs share everything but one attribute, so their outcomes rather
    agree, and the true interval is narrower: this one errs on the side of finding nothing.
    """
    first, second = wilson(one, comparisons), wilson(other, comparisons)
    value = first.value - second.value
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, value - down, value + up)


def _z(comparisons: int) -> float:
    """Return the two-sided quantile, divided among ``comparisons`` (Bonferroni).

    Of a hundred comparisons at 95 %, five would find something where there is nothing.
    """
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * max(1, comparisons)))
