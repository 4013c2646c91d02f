"""Keys of owners in memory, and a sealer with them."""

import os
from datetime import datetime
from typing import Any

from kit.errors import OwnerErasedError
from kit.sealing import KEY_BYTES, Sealer
from tests.support import templates


class MemoryKeys:
    """A key store in memory that counts its reads."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.destroyed: dict[str, datetime] = {}
        self.reads = 0

    def read(self, owner: str) -> bytes | None:
        """Return the key of ``owner``, or None if there is none."""
        self.reads += 1
        if owner in self.destroyed:
            raise OwnerErasedError
        return self.keys.get(owner)

    def create(self, owner: str) -> bytes:
        """Create the key of ``owner``, or return the existing one."""
        if owner in self.destroyed:
            raise OwnerErasedError
        return self.keys.setdefault(owner, os.urandom(KEY_BYTES))

    def destroy(self, owner: str, at: datetime) -> datetime:
        """Destroy the key of ``owner`` and keep a tombstone."""
        self.keys.pop(owner, None)
        return self.destroyed.setdefault(owner, at)


def memory_sealer() -> Sealer:
    """Return a sealer with keys of its own."""
    return Sealer(MemoryKeys())


def create_owner_keys(client: Any, name: str) -> None:
    """Create the table of the root template."""
    declared = templates.root_template()["Resources"]["OwnerKeysTable"]["Properties"]
    kept = {key: declared[key] for key in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    client.create_table(TableName=name, **kept)
