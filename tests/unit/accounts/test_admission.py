"""Admission of keys: cost, caching and revocation."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from kit.keyring import Keyring, SecretVersion
from services.accounts.admission import CACHE_SECONDS, CACHED_MAX, Gate, RefusedError, presented_key
from services.accounts.keys import Key, new_key_id, new_text
from services.accounts.schemas import NewKey
from services.accounts.service import create, rotate
from tests.unit.accounts.fakes import InMemoryKeys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = SecretVersion(1, b"pepper")
SECRETS = Keyring((SECRET,))


class Clock:
    """A clock in seconds that tests advance."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store() -> InMemoryKeys:
    return InMemoryKeys()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(store: InMemoryKeys, clock: Clock) -> Gate:
    return Gate(store, lambda: SECRETS, clock)


@pytest.fixture
def make(store: InMemoryKeys) -> Callable[[], tuple[Key, str]]:
    return lambda: create(store, NewKey(owner="acme", name="test", scopes=["requests:read"]), SECRET, NOW)


def refusal(gate: Gate, text: str | None, now: datetime = NOW) -> str:
    with pytest.raises(RefusedError) as refused:
        gate.admit(text, now)
    return refused.value.reason


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"x-api-key": "k"}, "k"),
        ({"X-Api-Key": " k "}, "k"),
        ({"authorization": "Bearer k"}, "k"),
        ({"Authorization": "bearer  k"}, "k"),
        ({"x-api-key": "k", "authorization": "Bearer other"}, "k"),
        ({"x-api-key": "", "authorization": "Bearer other"}, ""),
        ({"authorization": "Basic k"}, None),
        ({"authorization": "Bearer"}, ""),
        ({"authorization": "k"}, None),
        ({}, None),
    ],
)
def test_a_key_comes_in_either_header(headers: dict[str, str], found: str | None) -> None:
    assert presented_key(headers) == found


def test_a_cached_record_that_may_not_be_used_is_read_again(
    store: InMemoryKeys, clock: Clock, make: Callable[[], tuple[Key, str]]
) -> None:
    reusable = [False, False, True]
    gate = Gate(store, lambda: SECRETS, clock, is_reusable=lambda _: reusable.pop(0))
    _, text = make()
    for reads in (1, 2, 3, 3):
        gate.admit(text, NOW)
        assert store.reads == reads


def test_a_key_is_admitted_and_read_once_per_half_minute(
    gate: Gate, store: InMemoryKeys, clock: Clock, make: Callable[[], tuple[Key, str]]
) -> None:
    key, text = make()
    for seconds in (0, 1, CACHE_SECONDS - 0.1):
        clock.seconds = seconds
        assert gate.admit(text, NOW) == key
    assert store.reads == 1
    clock.seconds = CACHE_SECONDS
    gate.admit(text, NOW)
    assert store.reads == 2


@pytest.mark.parametrize("text", [None, "", "nonsense", "gik_abc_def", "Bearer gik_x", "\ud800", "x" * 100_000])
def test_text_without_the_format_of_a_key_costs_no_read(gate: Gate, store: InMemoryKeys, text: str | None) -> None:
    assert refusal(gate, text) == ("malformed" if text else "missing")
    assert store.reads == 0


def test_an_unknown_key_is_refused_and_works_as_soon_as_it_exists(gate: Gate, store: InMemoryKeys) -> None:
    key_id = new_key_id()
    text = new_text(key_id)
    assert refusal(gate, text) == refusal(gate, text) == "unknown"
    assert store.reads == 2


def test_guessing_at_a_known_key_costs_one_read(
    gate: Gate, store: InMemoryKeys, make: Callable[[], tuple[Key, str]]
) -> None:
    key, text = make()
    for _ in range(5):
        assert refusal(gate, new_text(key.key_id)) == "wrong_secret"
    assert gate.admit(text, NOW) == key
    assert store.reads == 1


def test_a_revoked_key_stops_within_half_a_minute(
    gate: Gate, store: InMemoryKeys, clock: Clock, make: Callable[[], tuple[Key, str]]
) -> None:
    key, text = make()
    gate.admit(text, NOW)
    store.revoke(key.key_id, NOW)
    clock.seconds = CACHE_SECONDS
    assert refusal(gate, text) == "revoked"
    assert CACHE_SECONDS <= 30


def test_a_rotated_keys_old_text_stops_within_half_a_minute(
    gate: Gate, store: InMemoryKeys, clock: Clock, make: Callable[[], tuple[Key, str]]
) -> None:
    key, old = make()
    gate.admit(old, NOW)
    _, new = rotate(store, key.key_id, 0, SECRET, NOW)
    clock.seconds = CACHE_SECONDS
    assert refusal(gate, old) == "wrong_secret"
    assert gate.admit(new, NOW).key_id == key.key_id


def test_a_cached_key_expires_on_time(gate: Gate, store: InMemoryKeys) -> None:
    wanted = NewKey(owner="acme", name="test", scopes=["admin"], expires_in_days=1)
    _, text = create(store, wanted, SECRET, NOW)
    gate.admit(text, NOW + timedelta(hours=23, minutes=59, seconds=59))
    assert refusal(gate, text, NOW + timedelta(days=1)) == "expired"


def test_a_use_is_recorded_once_per_hour(
    gate: Gate, store: InMemoryKeys, clock: Clock, make: Callable[[], tuple[Key, str]]
) -> None:
    key, text = make()
    noted = []
    for minutes in (0, 1, 59, 61, 119, 122):
        clock.seconds = minutes * 60
        at = NOW + timedelta(minutes=minutes)
        gate.note_use(gate.admit(text, at), text, at)
        noted.append(store.keys[key.key_id].last_used_at)
    assert noted == [NOW + timedelta(minutes=m) for m in (0, 0, 0, 61, 61, 122)]


def test_the_write_of_a_use_moves_a_key_to_the_current_secret(
    store: InMemoryKeys, clock: Clock, make: Callable[[], tuple[Key, str]]
) -> None:
    key, text = make()
    rotated = SECRETS.rotated(b"salt", NOW)
    gate = Gate(store, lambda: rotated, clock)
    gate.note_use(gate.admit(text, NOW), text, NOW)

    assert store.keys[key.key_id].digest.startswith("2:")
    clock.seconds = CACHE_SECONDS
    assert Gate(store, lambda: rotated.without(1), clock).admit(text, NOW).key_id == key.key_id


def test_a_text_in_its_grace_period_does_not_replace_the_new_one(
    store: InMemoryKeys, clock: Clock, make: Callable[[], tuple[Key, str]]
) -> None:
    key, old = make()
    _, new = rotate(store, key.key_id, 3600, SECRET, NOW)
    gate = Gate(store, lambda: SECRETS.rotated(b"salt", NOW), clock)
    gate.note_use(gate.admit(old, NOW), old, NOW)
    clock.seconds = CACHE_SECONDS

    assert store.keys[key.key_id].digest.startswith("1:")
    assert gate.admit(new, NOW).key_id == key.key_id


def test_a_use_that_was_not_recorded_is_not_repeated_every_time(
    gate: Gate, store: InMemoryKeys, make: Callable[[], tuple[Key, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = make()
    tries: list[str] = []

    def refuse(key: Key, *_: object) -> None:
        tries.append(key.key_id)
        raise OSError("the table is busy")

    monkeypatch.setattr(store, "note_use", refuse)
    with pytest.raises(OSError, match="busy"):
        gate.note_use(gate.admit(text, NOW), text, NOW)
    gate.note_use(gate.admit(text, NOW), text, NOW)
    assert len(tries) == 1


def test_the_number_of_cached_keys_is_limited(
    gate: Gate, store: InMemoryKeys, make: Callable[[], tuple[Key, str]]
) -> None:
    texts = [make()[1] for _ in range(CACHED_MAX + 1)]
    for text in texts:
        gate.admit(text, NOW)
    gate.admit(texts[-1], NOW)
    assert store.reads == CACHED_MAX + 1
    gate.admit(texts[0], NOW)
    assert store.reads == CACHED_MAX + 2
