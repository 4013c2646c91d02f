"""A sealed text opens only for its owner, unchanged, and until the owner's key is destroyed."""

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import OwnerErasedError, UnprocessableError, classify_error
from kit.sealing import CACHE_SECONDS, CACHE_SIZE, SealedTextError, Sealer
from tests.support.sealing import MemoryKeys, memory_sealer

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Clock:
    """A clock in seconds that tests advance."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@given(st.text())
def test_what_was_sealed_opens_unchanged(text: str) -> None:
    sealer = memory_sealer()

    assert sealer.open("own_a", sealer.seal("own_a", text)) == text


def test_the_sealed_form_states_its_version_and_hides_the_text() -> None:
    sealed = memory_sealer().seal("own_a", "a lighthouse at dusk")

    version, _, encoded = sealed.partition(".")
    assert version == "s1"
    content = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    assert b"lighthouse" not in content
    assert len(content) == 12 + len("a lighthouse at dusk") + 16


def test_the_same_text_is_sealed_differently_each_time() -> None:
    sealer = memory_sealer()

    assert sealer.seal("own_a", "a fox") != sealer.seal("own_a", "a fox")


def test_a_text_does_not_open_for_another_owner_even_with_the_same_key() -> None:
    keys = MemoryKeys()
    keys.keys = dict.fromkeys(("own_a", "own_b"), bytes(32))
    sealer = Sealer(keys)

    with pytest.raises(SealedTextError, match="of the owner"):
        sealer.open("own_b", sealer.seal("own_a", "a fox"))


def test_every_changed_character_is_noticed() -> None:
    sealer = memory_sealer()
    sealed = sealer.seal("own_a", "a red fox")  # 37 bytes: the last character has two bits that base64 ignores

    for place in range(3, len(sealed) - 1):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(SealedTextError):
            sealer.open("own_a", sealed[:place] + other + sealed[place + 1 :])


@pytest.mark.parametrize("text", ["a red fox", "", "s1.", "s1.AAAA", "s1.not base64", "s1.A", "s1.é", "s2.AAAAAAAA"])
def test_a_text_that_was_never_sealed_is_refused_without_a_quote(text: str) -> None:
    sealer = memory_sealer()
    sealer.seal("own_a", "so that there is a key")

    with pytest.raises(SealedTextError) as caught:
        sealer.open("own_a", text)

    assert len(text) < 4 or text not in str(caught.value)
    assert isinstance(caught.value, UnprocessableError)
    assert classify_error(caught.value) == "final"


def test_opening_creates_no_key() -> None:
    keys = MemoryKeys()
    sealed = memory_sealer().seal("own_a", "a fox")

    with pytest.raises(SealedTextError, match="must have a key"):
        Sealer(keys).open("own_a", sealed)

    assert keys.keys == {}


def test_a_key_is_read_once_in_five_minutes() -> None:
    keys, clock = MemoryKeys(), Clock()
    sealer = Sealer(keys, clock)
    for _ in range(3):
        sealer.open("own_a", sealer.seal("own_a", "a fox"))
    assert keys.reads == 1

    clock.seconds = CACHE_SECONDS - 1
    sealer.seal("own_a", "a fox")
    assert keys.reads == 1

    clock.seconds = CACHE_SECONDS
    sealer.seal("own_a", "a fox")
    assert keys.reads == 2


def test_messages_side_by_side_read_a_key_once() -> None:
    keys = MemoryKeys()
    sealer = Sealer(keys)

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda number: sealer.seal("own_a", str(number)), range(50)))

    assert keys.reads == 1
    assert [sealer.open("own_a", each) for each in sealed] == [str(number) for number in range(50)]


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    keys = MemoryKeys()
    sealer = Sealer(keys)
    for number in range(CACHE_SIZE + 1):
        sealer.seal(f"own_{number}", "a fox")

    sealer.seal(f"own_{CACHE_SIZE}", "a fox")
    assert keys.reads == CACHE_SIZE + 1
    sealer.seal("own_0", "a fox")
    assert keys.reads == CACHE_SIZE + 2


def test_a_destroyed_key_opens_and_seals_nothing_and_is_never_made_again() -> None:
    keys = MemoryKeys()
    sealer = Sealer(keys)
    sealed = sealer.seal("own_a", "a fox")
    sealer.destroy("own_a", NOON)

    for _ in range(2):
        with pytest.raises(OwnerErasedError):
            sealer.open("own_a", sealed)
        with pytest.raises(OwnerErasedError):
            sealer.seal("own_a", "a fox")
        with pytest.raises(OwnerErasedError):
            Sealer(keys).seal("own_a", "in another container")


def test_another_container_learns_of_the_destruction_within_five_minutes() -> None:
    keys, clock = MemoryKeys(), Clock()
    other = Sealer(keys, clock)
    sealed = other.seal("own_a", "a fox")
    Sealer(keys).destroy("own_a", NOON)
    assert other.open("own_a", sealed) == "a fox"

    clock.seconds = CACHE_SECONDS
    with pytest.raises(OwnerErasedError):
        other.open("own_a", sealed)


def test_late_messages_of_an_erased_owner_read_the_tombstone_once() -> None:
    keys = MemoryKeys()
    keys.destroy("own_a", NOON)
    sealer = Sealer(keys)

    for _ in range(3):
        with pytest.raises(OwnerErasedError):
            sealer.seal("own_a", "a fox")

    assert keys.reads == 1
