"""API keys: creation, rotation, expiry and revocation."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kit.callers import Scope
from kit.keyring import Keyring, SecretVersion
from services.accounts.keys import digest_of, is_key_id, key_id_of, new_key_id, new_text
from services.accounts.schemas import USER_SCOPES, KeyList, KeyView, KeyWithText, NewKey, Preferences, position_of
from services.accounts.service import KeyPage, NotActiveError, create, rotate
from tests.unit.accounts.fakes import InMemoryKeys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = SecretVersion(1, b"pepper")
NAMES = {"own_acme": "acme"}
SECRETS = Keyring((SECRET,))
WANTED = NewKey(owner="acme", name="Web shop", scopes=["requests:write", "requests:read", "requests:write"])


def test_a_key_contains_its_id_and_other_text_is_not_a_key() -> None:
    key_id = new_key_id()
    text = new_text(key_id)

    assert text.startswith(f"gik_{key_id}_")
    assert key_id_of(text) == key_id
    assert is_key_id(key_id)
    for other in (text[:-1], text + "a", text.upper(), " " + text, text + "\n", text.replace("_", "-"), "", "gik__"):
        assert key_id_of(other) is None


@given(st.text())
def test_any_text_can_be_refused(text: str) -> None:
    assert key_id_of(text) is None


def test_keys_are_unique() -> None:
    assert len({new_text(new_key_id()) for _ in range(100)}) == 100


def test_the_hash_needs_the_secret() -> None:
    text = new_text(new_key_id())
    assert digest_of(text, SECRET) == digest_of(text, SECRET)
    assert digest_of(text, SECRET) != digest_of(text, SecretVersion(1, b"another"))


def test_a_key_stays_valid_while_the_keyring_has_its_secret() -> None:
    key, text = create(InMemoryKeys(), WANTED, SECRET, NOW)
    rotated = SECRETS.rotated(b"salt", NOW)

    assert key.refusal(text, rotated, NOW) is None
    assert key.refusal(text, rotated.without(1), NOW) == "wrong_secret"
    assert key.new_digest(text, rotated, NOW) == digest_of(text, rotated.versions[1])
    assert key.new_digest(text, SECRETS, NOW) is None
    assert key.new_digest(new_text(key.key_id), rotated, NOW) is None


@pytest.mark.parametrize("digest", ["", "1:", ":", "abc", "x:abc", "²:abc", "99:abc"])
def test_a_digest_without_a_known_secret_matches_nothing(digest: str) -> None:
    key, text = create(InMemoryKeys(), WANTED, SECRET, NOW)

    assert replace(key, digest=digest).refusal(text, SECRETS, NOW) == "wrong_secret"


def test_a_new_key_is_stored_without_its_text() -> None:
    store = InMemoryKeys()
    key, text = create(store, WANTED, SECRET, NOW)

    assert store.keys[key.key_id] == key
    assert text not in repr(asdict(key))
    assert text.rpartition("_")[2] not in repr(asdict(key))
    assert key.scopes == ("requests:read", "requests:write")
    assert (key.limit, key.window, key.expires_at) == (100, 900, None)
    assert key.refusal(text, SECRETS, NOW) is None


def test_a_key_expires_on_time() -> None:
    store = InMemoryKeys()
    key, text = create(store, WANTED.model_copy(update={"expires_in_days": 30}), SECRET, NOW)
    end = NOW + timedelta(days=30)

    assert key.refusal(text, SECRETS, end - timedelta(seconds=1)) is None
    assert key.refusal(text, SECRETS, end) == "expired"
    assert key.refusal(text + "x", SECRETS, end) == "wrong_secret"


def test_a_rotated_key_keeps_its_rights_and_its_old_text_stops_at_once() -> None:
    store = InMemoryKeys()
    key, old = create(store, WANTED, SECRET, NOW)
    rotated, new = rotate(store, key.key_id, 0, SECRET, NOW)

    assert (rotated.key_id, rotated.owner, rotated.scopes) == (key.key_id, key.owner, key.scopes)
    assert rotated.refusal(old, SECRETS, NOW) == "wrong_secret"
    assert rotated.refusal(new, SECRETS, NOW) is None


def test_a_rotation_can_have_a_grace_period() -> None:
    store = InMemoryKeys()
    key, old = create(store, WANTED, SECRET, NOW)
    rotated, new = rotate(store, key.key_id, 3600, SECRET, NOW)

    assert rotated.refusal(old, SECRETS, NOW + timedelta(seconds=3599)) is None
    assert rotated.refusal(old, SECRETS, NOW + timedelta(seconds=3600)) == "wrong_secret"
    assert rotated.refusal(new, SECRETS, NOW + timedelta(seconds=3600)) is None
    revoked = store.revoke(key.key_id, NOW)
    assert revoked.refusal(old, SECRETS, NOW) == revoked.refusal(new, SECRETS, NOW) == "revoked"


def test_only_an_active_key_can_be_rotated() -> None:
    store = InMemoryKeys()
    key, _ = create(store, WANTED.model_copy(update={"expires_in_days": 1}), SECRET, NOW)

    with pytest.raises(NotActiveError, match="expired"):
        rotate(store, key.key_id, 0, SECRET, NOW + timedelta(days=1))
    store.revoke(key.key_id, NOW)
    with pytest.raises(NotActiveError, match="revoked"):
        rotate(store, key.key_id, 0, SECRET, NOW)
    with pytest.raises(KeyError):
        rotate(store, new_key_id(), 0, SECRET, NOW)


def test_a_shown_key_contains_no_secret() -> None:
    key, text = create(InMemoryKeys(), WANTED, SECRET, NOW)
    shown = KeyView.of(key, NAMES, NOW).model_dump_json()

    assert key.digest not in shown
    assert text not in shown
    assert KeyWithText.with_text(key, text, NAMES, NOW).key == text
    assert KeyView.of(key, NAMES, NOW).prefix == text[: text.rindex("_")]


def test_a_cursor_decodes_to_its_position_and_other_text_is_invalid() -> None:
    place = "2026-11-22T12:00:00.000000+00:00#abcdefghij27"
    cursor = KeyList.of(KeyPage([], place), {}, NOW).next_cursor
    assert cursor is not None
    assert position_of(cursor) == place
    for other in ("", "x", "eA==", cursor[:-4], "ü", "null"):
        with pytest.raises(ValueError, match="invalid cursor"):
            position_of(other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"owner": ""},
        {"owner": "a b"},
        {"owner": "x#y"},
        {"name": " "},
        {"name": "x" * 101},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"limit": 0},
        {"limit": "5"},
        {"window_seconds": 0},
        {"expires_in_days": 0},
        {"key": "gik_mine"},
    ],
)
def test_invalid_parameters_of_a_key_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as found:
        NewKey.model_validate({"owner": "acme", "name": "x", "scopes": ["admin"]} | wrong)
    assert {error["loc"][0] for error in found.value.errors()} == set(wrong)


def test_the_default_scopes_do_not_include_admin() -> None:
    assert set(get_args(Scope)) - set(USER_SCOPES) == {"admin", "analytics:read"}


def test_preferences_have_defaults_and_one_shape() -> None:
    assert Preferences().model_dump(exclude_none=True) == {
        "defaults": {},
        "theme": "system",
        "analytics_opt_out": False,
    }
    with pytest.raises(ValidationError, match="exclude each other"):
        Preferences.model_validate({"defaults": {"size": "512x512", "aspect_ratio": "1:1"}})
