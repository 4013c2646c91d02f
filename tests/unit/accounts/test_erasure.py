"""The erasure of an owner: the receipt names the cache, if there is one."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from events.catalog.data_erased import DataErased
from events.catalog.erasure_started import ErasureStarted, ErasureStartedData
from events.erasure import StoreReceipt
from services.accounts.erasure import OwnerEraser

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OWNER = "own_aaaaaaaaaaaaaaaaaaaa"


class OneOwner:
    """An owner with one key. Implements ``OwnerErasure``."""

    def __init__(self) -> None:
        self.is_there = True

    def delete_owner(self, owner_id: str) -> bool:
        """Delete the owner."""
        was_there, self.is_there = self.is_there, False
        return was_there

    def key_ids(self, owner_id: str) -> Iterator[str]:
        """Yield the key."""
        yield "abcdefghijkl"

    def delete_key(self, owner_id: str, key_id: str) -> None:
        """Delete the key."""


class Copies:
    """The copies. Implements ``PreferenceErasure``."""

    def __init__(self, owners: OneOwner, until: datetime | None) -> None:
        self._owners = owners
        self._until = until

    def delete(self, owner_id: str) -> datetime | None:
        """Delete the copy of an owner, whose record must be gone: a new copy could be made from it."""
        assert owner_id == OWNER
        assert not self._owners.is_there
        return self._until


def receipts(eraser: OwnerEraser) -> list[StoreReceipt]:
    """Return the receipts of an erasure."""
    data = ErasureStartedData(erasure_id="00000000-0000-7000-8000-000000000000", scope="owner", sweep=1)
    (answer,) = eraser.erase(ErasureStarted.first("00000000-0000-7000-8000-000000000000", OWNER, data, occurred_at=NOW))
    assert isinstance(answer, DataErased)
    return list(answer.data.stores)


def test_without_a_cache_the_receipt_has_the_table() -> None:
    assert receipts(OwnerEraser(OneOwner())) == [StoreReceipt(store="accounts/accounts", erased=2)]


@pytest.mark.parametrize("until", [None, NOW])
def test_the_receipt_says_whether_a_copy_remains_in_the_cache(until: datetime | None) -> None:
    owners = OneOwner()
    _, cache = receipts(OwnerEraser(owners, Copies(owners, until)))

    assert (cache.store, cache.until) == ("operations/cache", until)
    assert (cache.remains is None) is (cache.reason is None) is (until is None)
