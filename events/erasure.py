"""What the events about erasure share, and which services answer them."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import AwareDatetime

from .envelope import Payload

ErasureScope = Literal["owner", "request", "image"]
"""What is erased: everything of an owner, some of the owner's requests, or some of the owner's images."""

ERASERS: Final[Mapping[ErasureScope, frozenset[str]]] = {
    "owner": frozenset({"accounts", "intake", "notifications", "operations", "privacy", "storage"}),
    "request": frozenset({"generation", "intake", "moderation", "operations", "storage"}),
    "image": frozenset({"storage"}),
}
"""The services that answer an ``ErasureStarted`` of each scope with a ``DataErased``. Generation and moderation know
requests, not owners: intake lists the requests of the owner for them. Analytics keeps nothing that names an owner."""


class StoreReceipt(Payload):
    """The result of an erasure in one store."""

    store: str
    """``<service>/<table, bucket or queue>``, as in docs/privacy.md."""
    erased: int = 0
    """Items, objects or messages that were erased. If an attempt crashed, what it had erased is not counted."""
    remains: str | None = None
    """What is kept; absent if nothing is."""
    reason: str | None = None
    """Why it is kept."""
    until: AwareDatetime | None = None
    """When it is deleted at the latest."""
