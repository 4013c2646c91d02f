"""How the command line writes durations."""

from datetime import timedelta

import pytest

from cli.console import duration


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=-1), "0 s"),
        (timedelta(seconds=42.9), "42 s"),
        (timedelta(minutes=12, seconds=5), "12 min 5 s"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=1, minutes=5, seconds=59), "1 h 5 min"),
        (timedelta(days=3, minutes=59), "3 d"),
        (timedelta(days=40, hours=4), "40 d 4 h"),
    ],
)
def test_a_duration_has_at_most_two_units(length: timedelta, text: str) -> None:
    assert duration(length) == text
