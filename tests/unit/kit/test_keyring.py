"""Versions of a key."""

from datetime import UTC, datetime, timedelta

import pytest

from kit.keyring import Keyring

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["pepper", "12345", '"quoted"', "[1]", "null", "{"])
def test_plain_text_is_the_first_version(text: str) -> None:
    keyring = Keyring.parse(text)

    assert [(each.number, each.key) for each in keyring.versions] == [(1, text.encode())]


def test_a_keyring_survives_its_text() -> None:
    keyring = Keyring.parse("pepper").rotated(b"salt", NOW).rotated(b"vinegar", NOW + timedelta(days=1))

    assert Keyring.parse(keyring.to_text()) == keyring


def test_a_new_version_is_used_from_its_time_on() -> None:
    keyring = Keyring.parse("pepper").rotated(b"salt", NOW)

    assert keyring.current(NOW - timedelta(seconds=1)).number == 1
    assert keyring.current(NOW).number == 2
    assert [keyring.get(number) is not None for number in (0, 1, 2, 3)] == [False, True, True, False]


def test_a_number_is_not_given_twice() -> None:
    keyring = Keyring.parse("pepper").rotated(b"salt", NOW).without(1).rotated(b"vinegar", NOW)

    assert [each.number for each in keyring.versions] == [2, 3]


def test_a_key_does_not_appear_in_logs() -> None:
    assert "pepper" not in repr(Keyring.parse("pepper"))
