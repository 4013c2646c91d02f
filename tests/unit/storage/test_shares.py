"""Share links: a secret that cannot be guessed and is not stored, valid until it expires."""

from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.storage.shares import create_share, find_share, is_share_id, read_token, valid_shares
from tests.unit.storage.fakes import NOON, REQUEST, entry

IMAGE = f"{REQUEST}-3"


def test_a_token_opens_its_share_which_does_not_contain_it() -> None:
    share, token = create_share(IMAGE, 60, NOON)
    target = read_token(token)
    assert target is not None
    image, digest = target
    assert image == IMAGE
    assert find_share(entry(3, shares=(share,)), digest, NOON) == share
    assert is_share_id(share.share_id)
    secret = urlsafe_b64decode(token + "=")[17:]
    assert len(secret) * 8 >= 128
    for secret_text in (secret.hex(), token):
        assert secret_text not in share.model_dump_json()


def test_tokens_are_unique() -> None:
    assert len({create_share(IMAGE, 60, NOON)[1] for _ in range(50)}) == 50


@pytest.mark.parametrize(("seconds", "is_open"), [(59, True), (60, False), (61, False)])
def test_a_share_expires_to_the_second(seconds: int, is_open: bool) -> None:
    share, token = create_share(IMAGE, 60, NOON)
    target = read_token(token)
    assert target is not None
    now = NOON + timedelta(seconds=seconds)
    assert (find_share(entry(3, shares=(share,)), target[1], now) is not None) == is_open
    assert valid_shares([share], now) == ([share] if is_open else [])


def test_a_token_opens_no_other_share() -> None:
    (one, _), (_, other) = (create_share(IMAGE, 60, NOON) for _ in range(2))
    target = read_token(other)
    assert target is not None
    assert find_share(entry(3, shares=(one,)), target[1], NOON) is None


@given(st.text() | st.binary().map(bytes.hex) | st.just("A" * 55))
def test_any_text_can_be_read_as_a_token(text: str) -> None:
    target = read_token(text)
    assert target is None or len(target[1]) == 64
