"""Keys of owners in memory, and sealers with them."""

import os
from datetime import datetime
from typing import Any, Final

from kit.errors import OwnerErasedError
from kit.sealing import KEY_BYTES, Sealer, Texts
from tests.support import templates

SAMPLE_TEXTS: Final = Texts("A lighthouse on a cliff at dusk, waves below, 灯台", "people")
"""The texts of the sample events."""


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


class SampleKeys(MemoryKeys):
    """Keys of zeros for every owner who was not erased: those of the sample events."""

    def read(self, owner: str) -> bytes:
        """Return the key of ``owner``."""
        return super().read(owner) or bytes(KEY_BYTES)


def memory_sealer() -> Sealer:
    """Return a sealer with random keys of its own."""
    return Sealer(MemoryKeys())


def sample_sealer() -> Sealer:
    """Return a sealer that opens the sample events, and what ``sealed`` returns."""
    return Sealer(SampleKeys())


def sealed(text: str, owner: str = "demo") -> str:
    """Return ``text`` sealed for ``owner``, for ``sample_sealer``."""
    return sample_sealer().seal(owner, text)


def create_owner_keys(client: Any, name: str, *owners: str) -> None:
    """Create the table of the root template, with the keys of ``sample_sealer`` for ``owners``."""
    declared = templates.root_template()["Resources"]["OwnerKeysTable"]["Properties"]
    kept = {key: declared[key] for key in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    client.create_table(TableName=name, **kept)
    for owner in owners:
        client.put_item(TableName=name, Item={"pk": {"S": owner}, "data_key": {"B": bytes(KEY_BYTES)}})
