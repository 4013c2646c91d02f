"""Lists of an owner's images, newest first, in pages. Pure: the index is a port.

The reads per page are bounded, however many images there are. All images, one model, one style, and favourites have
an index each, so their pages are always full. Words in prompts and combined filters are checked entry by entry, at
most ``MAX_EXAMINED`` per page. Such a page may be short or empty and still have a cursor, where the search continues.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from services.storage.models import EntrySummary, is_image_id

CHUNK: Final = 200
"""Entries examined per read of a search."""
MAX_EXAMINED: Final = 1000
"""Entries examined per page of a search."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", re.ASCII)


def is_position(text: str) -> bool:
    """Return whether ``text`` has the form of a position in a list."""
    time, _, image_id = text.partition("#")
    return _TIME.fullmatch(time) is not None and is_image_id(image_id)


@dataclass(frozen=True)
class Listing:
    """A selection of an owner's images, and the index that serves it best."""

    index: str
    attribute: str
    """The index's partition key."""
    value: str
    day: str | None = None
    """``YYYY-MM-DD``, in UTC: a range of the index."""
    equals: Mapping[str, str] = field(default_factory=dict)
    """Attribute → value, checked entry by entry."""
    words: Sequence[Sequence[str]] = ()
    """The prompt must contain one spelling of every word."""

    @property
    def is_search(self) -> bool:
        """Whether entries must be checked one by one."""
        return bool(self.equals or self.words)


@dataclass(frozen=True)
class Chunk:
    """The result of one read."""

    images: Sequence[EntrySummary]
    stopped_at: str | None
    """The position of the last examined entry, or None at the end of the list."""


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    images: Sequence[EntrySummary]
    next_position: str | None
    """Where the next page starts, or None if this is the last page."""


class GalleryIndex(Protocol):
    """The indexes of the gallery: each sorts an owner's images by position."""

    def read(self, listing: Listing, after: str | None, count: int) -> Chunk:
        """Examine ``count`` entries older than the position ``after``. Return those that the listing selects."""


def read_page(index: GalleryIndex, listing: Listing, after: str | None, limit: int) -> Page:
    """Return the ``limit`` newest images of ``listing`` that are older than the position ``after``."""
    if listing.day and after:
        if after[:10] < listing.day:
            return Page([], None)
        if after[:10] > listing.day:
            after = None
    found: list[EntrySummary] = []
    examined = 0
    while True:
        # One image more than requested shows whether there is another page.
        count = CHUNK if listing.is_search else limit + 1 - len(found)
        chunk = index.read(listing, after, count)
        found += chunk.images
        examined += count
        if len(found) > limit:
            return Page(found[:limit], found[limit - 1].position)
        if chunk.stopped_at is None:
            return Page(found, None)
        after = chunk.stopped_at
        if listing.is_search and examined >= MAX_EXAMINED:
            return Page(found, after)
