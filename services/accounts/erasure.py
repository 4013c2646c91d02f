"""Erases what accounts has of an owner: API keys and preferences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.erasure import answer

STORE: Final = "accounts/accounts"


class OwnerErasure(Protocol):
    """What the table has of an owner."""

    def key_ids(self, owner: str) -> Iterator[str]:
        """Yield the ids of an owner's keys."""

    def delete_key(self, key_id: str) -> None:
        """Delete a key. It stops working as a revoked one does."""

    def delete_preferences(self, owner: str) -> bool:
        """Delete the preferences of an owner. Return whether there were some."""


@dataclass(frozen=True)
class OwnerEraser:
    """Erases an owner and answers for accounts."""

    owners: OwnerErasure

    def erase(self, event: ErasureStarted) -> list[Event]:
        """Delete the owner's keys, so that nothing new is requested, and the preferences."""
        if event.data.scope != "owner":
            return []
        owner, erased = event.metadata.owner, 0
        for key_id in list(self.owners.key_ids(owner)):
            self.owners.delete_key(key_id)
            erased += 1
        erased += self.owners.delete_preferences(owner)
        return [answer(event, "accounts", [StoreReceipt(store=STORE, erased=erased)])]
