"""Share links: a secret nobody can guess, kept by nobody but its holder, good until its time is up."""

from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.storage.shares import is_share_id, live, new_share, opened, read_token
from tests.unit.storage.fakes import NOON, REQUEST, entry

IMAGE = f"{REQUEST}-3"


def test_a_token_opens_its_share_and_the_share_does_not_hold_the_token() -> None:
    share, token = new_share(IMAGE, 60, NOON)
    named = read_token(token)
    assert named is not None
    image, digest = named
    assert image == IMAGE
    assert opened(entry(3, shares=(share,)), digest, NOON) == share
    assert is_share_id(share.share_id)
    secret = urlsafe_b64decode(token + "=")[17:]
    assert len(secret) * 8 >= 128
    for kept in (secret.hex(), token):
        assert kept not in share.model_dump_json()


def test_no_two_tokens_are_the_same() -> None:
    assert len({new_share(IMAGE, 60, NOON)[1] for _ in range(50)}) == 50


@pytest.mark.parametrize(("seconds", "is_open"), [(59, True), (60, False), (61, False)])
def test_a_share_ends_to_the_second_whether_or_not_it_was_cleaned_up(seconds: int, is_open: bool) -> None:
    share, token = new_share(IMAGE, 60, NOON)
    named = read_token(token)
    assert named is not None
    now = NOON + timedelta(seconds=seconds)
    assert (opened(entry(3, shares=(share,)), named[1], now) is not None) == is_open
    assert live([share], now) == ([share] if is_open else [])


def test_a_token_opens_no_other_share() -> None:
    (one, _), (_, other) = (new_share(IMAGE, 60, NOON) for _ in range(2))
    named = read_token(other)
    assert named is not None
    assert opened(entry(3, shares=(one,)), named[1], NOON) is None


@given(st.text() | st.binary().map(bytes.hex) | st.just("A" * 55))
def test_no_text_breaks_the_reading_of_tokens(text: str) -> None:
    named = read_token(text)
    assert named is None or len(named[1]) == 64
