"""Keys in memory."""

from dataclasses import replace
from datetime import UTC, datetime

from kit.callers import Priority
from services.accounts.keys import Key
from services.accounts.owners import Owner, OwnerChangedError, new_owner
from services.accounts.service import KeyPage, NotActiveError


class InMemoryKeys:
    """Keys in a dictionary. Implements ``KeySource`` and ``KeyStore``; counts its reads."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.owners: dict[str, Owner] = {}
        """By name."""
        self.reads = 0

    def owner_named(self, name: str, now: datetime) -> Owner:
        return self.owners.get(name) or new_owner(name, now)

    def add(self, key: Key, owner: Owner) -> None:
        if key.key_id in self.keys:
            raise KeyError(key.key_id)
        stored = self.owners.get(owner.name)
        if owner.changes != (stored.changes if stored else 0):
            raise OwnerChangedError(owner.owner_id)
        self.owners.setdefault(owner.name, replace(owner, changes=1))
        self.keys[key.key_id] = key

    def find(self, key_id: str) -> Key | None:
        self.reads += 1
        return self.keys.get(key_id)

    def note_use(self, key: Key, at: datetime, unless_since: datetime, new_digest: str | None) -> None:
        stored = self.keys.get(key.key_id)
        if stored is None or (new_digest is not None and stored.digest != key.digest):
            return
        if stored.last_used_at is None or stored.last_used_at < unless_since:
            self.keys[key.key_id] = replace(stored, last_used_at=at, digest=new_digest or stored.digest)

    def rotate(self, key_id: str, digest: str, previous_until: datetime | None, now: datetime) -> Key:
        key = self.keys[key_id]
        if key.status(now) != "active":
            raise NotActiveError(key.status(now))
        previous = key.digest if previous_until else None
        self.keys[key_id] = replace(key, digest=digest, previous_digest=previous, previous_until=previous_until)
        return self.keys[key_id]

    def revoke(self, key_id: str, now: datetime) -> Key:
        key = self.keys[key_id]
        self.keys[key_id] = replace(key, revoked_at=key.revoked_at or now)
        return self.keys[key_id]

    def set_priority(self, key_id: str, priority: Priority) -> Key:
        self.keys[key_id] = replace(self.keys[key_id], priority=priority)
        return self.keys[key_id]

    def page(self, limit: int, after: str | None) -> KeyPage:
        places = {f"{_utc(key.created_at)}#{key.key_id}": key for key in self.keys.values()}
        rest = [place for place in sorted(places, reverse=True) if after is None or place < after]
        shown = [replace(places[place], digest="", previous_digest=None) for place in rest[:limit]]
        return KeyPage(shown, rest[limit - 1] if len(rest) > limit else None)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
