"""Exports what accounts has of an owner: the record with preferences and consent, and the API keys without hashes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from kit.clock import Clock
from kit.exporting import Page
from services.accounts.keys import Key
from services.accounts.owners import Owner


class ExportedOwners(Protocol):
    """The owners."""

    def get(self, owner_id: str) -> Owner | None:
        """Return an owner, read consistently, or None without a record."""

    def preferences(self, owner_id: str) -> tuple[dict[str, Any], int]:
        """Return an owner's preferences as plain values with their revision."""


class ExportedKeys(Protocol):
    """The API keys."""

    def find(self, key_id: str) -> Key | None:
        """Return the key with a consistent read."""


class KeyIds(Protocol):
    """The links from owners to keys."""

    def key_ids(self, owner_id: str) -> Iterator[str]:
        """Yield the ids of an owner's keys."""


@dataclass(frozen=True)
class OwnerExport:
    """Reads an owner for an export, in one page: an owner has few keys."""

    owners: ExportedOwners
    key_ids: KeyIds
    keys: ExportedKeys
    clock: Clock

    def read(self, owner_id: str, _position: str | None) -> Page:
        """Return the owner, as the API shows it."""
        from services.accounts.schemas import KeyView, Preferences  # noqa: PLC0415 - an erasure needs no schemas

        owner, now = self.owners.get(owner_id), self.clock.now()
        found = [self.keys.find(key_id) for key_id in self.key_ids.key_ids(owner_id)]
        names = {owner_id: owner.name} if owner else {}
        views = [KeyView.of(key, names, now).model_dump(mode="json", exclude_none=True) for key in found if key]
        preferences = Preferences.model_validate(self.owners.preferences(owner_id)[0])
        about = (
            [{"owner_id": owner_id, "name": owner.name, "created_at": owner.created_at.isoformat()}] if owner else []
        )
        return Page(
            {
                "owner.jsonl": about,
                "preferences.jsonl": [preferences.model_dump(mode="json", exclude_none=True)],
                "consents.jsonl": [owner.consent.to_dict()] if owner and owner.consent else [],
                "keys.jsonl": views,
            }
        )
