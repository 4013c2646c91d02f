"""Erases what accounts has of an owner: the record with name, preferences and consent, and the API keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.erasure import answer

STORE: Final = "accounts/accounts"
CACHE: Final = "operations/cache"


class OwnerErasure(Protocol):
    """What the table has of an owner."""

    def delete_owner(self, owner_id: str) -> bool:
        """Delete the owner's record and name. Return whether there was one.

        The id then belongs to no name and gets no new keys. The same name gets another id.
        """

    def key_ids(self, owner_id: str) -> Iterator[str]:
        """Yield the ids of an owner's keys, with consistent reads."""

    def delete_key(self, owner_id: str, key_id: str) -> None:
        """Delete a key. It stops working as a revoked one does."""


class PreferenceErasure(Protocol):
    """The copies of preferences in the cache."""

    def delete(self, owner_id: str) -> datetime | None:
        """Delete the copy, and keep late ones out. Return when it expires if the cache is unavailable, else None."""


@dataclass(frozen=True)
class OwnerEraser:
    """Erases an owner and answers for accounts."""

    owners: OwnerErasure
    copies: PreferenceErasure | None = None
    """None without a cache."""

    def erase(self, event: ErasureStarted) -> list[Event]:
        """Delete the owner, then the keys. In this order, no key can be created after the keys were listed."""
        if event.data.scope != "owner":
            return []
        owner = event.metadata.owner
        erased = int(self.owners.delete_owner(owner))
        for key_id in list(self.owners.key_ids(owner)):
            self.owners.delete_key(owner, key_id)
            erased += 1
        stores = [StoreReceipt(store=STORE, erased=erased)]
        if self.copies:  # after the record, from which a new copy could be made
            stores.append(_receipt(self.copies.delete(owner)))
        return [answer(event, "accounts", stores)]


def _receipt(until: datetime | None) -> StoreReceipt:
    """Return the receipt of the cache, in which a copy remains ``until`` then, if it could not be deleted."""
    if until is None:
        return StoreReceipt(store=CACHE)
    return StoreReceipt(
        store=CACHE,
        remains="a copy of the preferences, if there is one",
        reason="The cache did not respond. Copies expire by themselves.",
        until=until,
    )
