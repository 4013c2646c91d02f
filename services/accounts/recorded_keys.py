"""API keys whose changes are in the audit trail, for the API and the command line."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kit.callers import Priority
from kit.trail import Action, Operator, Trail, recorded
from services.accounts.keys import Key
from services.accounts.owners import Owner
from services.accounts.service import KeyPage, KeyStore

ADMIN: Final = "admin"
"""The scope of operators. A key with it can create keys of any owner with any scope."""


@dataclass(frozen=True)
class RecordedKeys:
    """Keys whose changes are in the audit trail. Implements ``KeyStore``. Without the trail, nothing is changed."""

    store: KeyStore
    trail: Trail
    operator: Operator

    def owner_named(self, name: str, now: datetime) -> Owner:
        """Return the owner with this name, or a new one; see ``KeyStore.owner_named``."""
        return self.store.owner_named(name, now)

    def add(self, key: Key, owner: Owner) -> None:
        """Store a new key; see ``KeyStore.add``."""
        scopes = " ".join(key.scopes)
        with recorded(self.trail, self._action("create key", key.key_id, owner=key.owner, scopes=scopes)) as outcomes:
            self.store.add(key, owner)
            outcomes["created"] += 1

    def rotate(self, key_id: str, digest: str, previous_until: datetime | None, now: datetime) -> Key:
        """Replace the hash; see ``KeyStore.rotate``."""
        until = previous_until.isoformat() if previous_until else None
        with recorded(self.trail, self._action("rotate key", key_id, old_text_until=until)) as outcomes:
            key = self.store.rotate(key_id, digest, previous_until, now)
            outcomes["rotated"] += 1
        return key

    def revoke(self, key_id: str, now: datetime) -> Key:
        """Revoke a key; see ``KeyStore.revoke``."""
        with recorded(self.trail, self._action("revoke key", key_id)) as outcomes:
            key = self.store.revoke(key_id, now)
            outcomes["revoked"] += 1
        return key

    def set_priority(self, key_id: str, priority: Priority) -> Key:
        """Change the priority of a key; see ``KeyStore.set_priority``."""
        with recorded(self.trail, self._action("set key priority", key_id, priority=priority)) as outcomes:
            key = self.store.set_priority(key_id, priority)
            outcomes["changed"] += 1
        return key

    def page(self, limit: int, after: str | None) -> KeyPage:
        """Return keys. Reading is not recorded."""
        return self.store.page(limit, after)

    def _action(self, verb: str, key_id: str, **about: str | None) -> Action:
        return Action.begin(self.operator, verb, about={"key_id": key_id, **about}, count=1)
