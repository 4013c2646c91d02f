"""Confidence intervals: published values, their limits, and the share of samples whose interval has the true rate."""

import random

import pytest

from services.operations.bias.intervals import Count, newcombe, wilson


@pytest.mark.parametrize(
    ("found", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_published_values(found: int, total: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998), pages 857-872, table I, method 3."""
    interval = wilson(Count(found, total))
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=6e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        (Count(56, 70), Count(48, 80), 0.0524, 0.3339),
        (Count(9, 10), Count(3, 10), 0.1705, 0.8090),
        (Count(10, 10), Count(0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_agrees_with_published_values(one: Count, other: Count, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998), pages 873-890, table II, method 10."""
    interval = newcombe(one, other)
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=6e-5)
    assert newcombe(other, one).high == pytest.approx(-interval.low)


def test_nothing_observed_says_nothing() -> None:
    assert (wilson(Count(0, 0)).low, wilson(Count(0, 0)).high) == (0, 1)
    assert not newcombe(Count(0, 0), Count(10, 10)).excludes(0, 0)


def test_an_interval_has_a_width_where_everything_was_counted() -> None:
    assert wilson(Count(12, 12)).low == pytest.approx(0.7575, abs=6e-5)
    assert wilson(Count(12, 12)).high == 1


@pytest.mark.parametrize(("rate", "total"), [(0.05, 20), (0.5, 12), (0.9, 40)])
def test_nine_of_ten_intervals_have_the_true_rate(rate: float, total: int) -> None:
    draw = random.Random(7)
    counts = [Count(sum(draw.random() < rate for _ in range(total)), total) for _ in range(2000)]
    covered = sum(wilson(each).low <= rate <= wilson(each).high for each in counts)
    assert covered / len(counts) > 0.9


def test_more_comparisons_make_an_interval_wider() -> None:
    one, many = (newcombe(Count(14, 20), Count(6, 20), comparisons) for comparisons in (1, 20))
    assert one.excludes(0, 0)
    assert not many.excludes(0, 0)
