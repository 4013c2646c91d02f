"""Hash chains: numbered records, each with the hash of the one before it, so that a changed or removed one shows.

The head of a chain has the number and the hash of its last record. Records may expire, oldest first, within days of
each other: a record states when the one before it expires, so that one that is missing too early shows.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Record:
    """One record of a chain. Times are Unix seconds."""

    number: int
    """1 for the first."""
    content: str
    previous: str
    """Hash of the record before it. Empty in the first."""
    previous_expires_at: int
    """When the record before it expires. 0 in the first."""
    expires_at: int
    hash: str

    @classmethod
    def after(cls, last: "Record | Head | None", content: str, expires_at: int) -> Self:
        """Return the record that follows ``last``, or the first one of a chain."""
        number, previous, before = (last.number + 1, last.hash, last.expires_at) if last else (1, "", 0)
        own_hash = hash_of(number, content, previous, before, expires_at)
        return cls(number, content, previous, before, expires_at, own_hash)

    @property
    def is_unchanged(self) -> bool:
        """Whether the record has the hash of its fields."""
        fields = (self.number, self.content, self.previous, self.previous_expires_at, self.expires_at)
        return self.hash == hash_of(*fields)


@dataclass(frozen=True)
class Head:
    """The end of a chain: number, hash and expiry of its last record."""

    number: int
    hash: str
    expires_at: int


@dataclass(frozen=True)
class Break:
    """The first place at which a chain is not what was written."""

    number: int
    """Number of the record."""
    reason: str


def hash_of(number: int, content: str, previous: str, previous_expires_at: int, expires_at: int) -> str:
    """Return the SHA-256 of a record. ``content`` is last, so that no two records have the same text."""
    text = f"{number}\n{previous}\n{previous_expires_at}\n{expires_at}\n{content}"
    return hashlib.sha256(text.encode()).hexdigest()


def first_break(records: Iterable[Record], head: Callable[[], Head | None], now: int) -> Break | None:
    """Return the first break of a chain, or None. ``records`` are in the order of their numbers and read lazily.

    ``head`` reads the head, once before the records and once after them, because others may add records meanwhile.
    A record may be missing if it has expired at ``now``.
    """
    before, last = head(), None
    for record in records:
        following = last.number + 1 if last else 1
        if not record.is_unchanged:
            return Break(record.number, "was changed")
        if record.number != following and record.previous_expires_at > now:
            return Break(following if last else record.number - 1, "is missing")
        if record.number == following and record.previous != (last.hash if last else ""):
            return Break(record.number, "does not follow the record before it")
        if before and record.number == before.number and record.hash != before.hash:
            return Break(record.number, "is not the record that the head of its chain names")
        last = record
    if before and (last is None or last.number < before.number) and before.expires_at > now:
        return Break(last.number + 1 if last else before.number, "is missing")
    after = head()
    if last and (after is None or after.number < last.number):
        return Break(last.number, "is not in the head of its chain")
    return None
