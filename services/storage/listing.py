"""Lists of an owner's images, newest first, a page at a time. Pure: what holds the images is a port.

Whatever is asked for, a page costs a bounded amount of reading, however many images there are. Everything, one model,
one style and favourites each have an index of their own, so their pages are always full. Words in prompts, and filters
on top of one another, are looked for entry by entry: at most ``EXAMINED`` of them for a page. Such a page may be short,
or empty, and still carry a cursor: the search goes on from there.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final, Literal, Protocol
from unicodedata import normalize

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kit.text import Text
from services.storage.gallery import Card, is_image_id

CHUNK: Final = 200
"""Entries looked at in one read of a search."""
EXAMINED: Final = 1000
"""Entries looked at for one page of a search."""
SEARCHED: Final = 2000
"""Characters of a prompt, from its beginning, in which words are looked for."""
WORDS: Final = 8

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", re.ASCII)


def searchable(text: str) -> str:
    """Return ``text`` as searches compare it: without case, and without the widths and ligatures of Unicode."""
    return normalize("NFKC", text).casefold()


def partition(owner: str, value: str) -> str:
    """Return the partition of an owner's images that have ``value``; as JSON, no two pairs spell the same."""
    return json.dumps([owner, value], ensure_ascii=False)


@dataclass(frozen=True)
class Listing:
    """Which of an owner's images are wanted, and the index that is closest to it."""

    index: str
    attribute: str
    """The index's partition key."""
    value: str
    day: str | None = None
    """``YYYY-MM-DD``, in UTC: a range of the index."""
    equals: Mapping[str, str] = field(default_factory=dict)
    """Attribute → value, entry by entry."""
    words: Sequence[str] = ()
    """Every one of them has to be in the prompt."""

    @property
    def is_search(self) -> bool:
        """Tell whether entries have to be looked at one by one."""
        return bool(self.equals or self.words)


@dataclass(frozen=True)
class Chunk:
    """What one read found."""

    cards: Sequence[Card]
    stopped_at: str | None
    """The position of the last entry looked at, or None at the end."""


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    cards: Sequence[Card]
    position: str | None
    """Where the next page begins, or None where this was the last one."""


class Index(Protocol):
    """The catalog's indexes: each holds an owner's images by their position."""

    def read(self, listing: Listing, after: str | None, count: int) -> Chunk:
        """Look at ``count`` entries older than the position ``after``; return those that are wanted."""


def page(index: Index, listing: Listing, after: str | None, limit: int) -> Page:
    """Return the ``limit`` newest images of ``listing`` older than the position ``after``."""
    if listing.day and after:
        if after[:10] < listing.day:
            return Page([], None)
        if after[:10] > listing.day:
            after = None
    found: list[Card] = []
    examined = 0
    while True:
        # One more than asked for tells whether there is another page.
        count = CHUNK if listing.is_search else limit + 1 - len(found)
        chunk = index.read(listing, after, count)
        found += chunk.cards
        examined += count
        if len(found) > limit:
            return Page(found[:limit], found[limit - 1].position)
        if chunk.stopped_at is None:
            return Page(found, None)
        after = chunk.stopped_at
        if listing.is_search and examined >= EXAMINED:
            return Page(found, after)


def cursor(at: str) -> str:
    """Return a position as callers see it."""
    return urlsafe_b64encode(at.encode()).decode().rstrip("=")


def position_of(text: str) -> str:
    """Return the position that ``cursor`` made ``text`` of. Raises ``ValueError`` where it did not."""
    try:
        at = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:
        raise ValueError("is not a cursor of ours") from error
    time, _, image = at.partition("#")
    if not (_TIME.fullmatch(time) and is_image_id(image)) or cursor(at) != text:
        raise ValueError("is not a cursor of ours")
    return at


def _checked_cursor(text: str) -> str:
    position_of(text)
    return text


def _checked_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is not a day") from error
    return text


class ImagesQuery(BaseModel):
    """What may be asked of the list of images."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    limit: int = Field(24, ge=1, le=100)
    cursor: Annotated[str, Field(max_length=200), AfterValidator(_checked_cursor)] | None = None
    """From `next_cursor` of the page before."""
    model: Annotated[Text, Field(max_length=100)] | None = None
    style: Annotated[Text, Field(max_length=100)] | None = None
    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_checked_day)] | None = None
    """Of storing, in UTC."""
    favourite: Literal["true"] | None = None
    """Favourites only."""
    q: Annotated[Text, Field(max_length=200)] | None = None
    """Words, at most eight, all of which have to be in the prompt: in any case and order, also inside longer words."""

    def listing(self, owner: str) -> Listing:
        """Return the list that ``owner`` asked for."""
        equals = {name: value for name, value in (("model", self.model), ("style", self.style)) if value is not None}
        index, attribute, value = "by-owner", "owner", owner
        if self.favourite:
            index, attribute = "favourites", "favourite_of"
        elif self.style is not None:
            index, attribute, value = "by-style", "style_of", partition(owner, equals.pop("style"))
        elif self.model is not None:
            index, attribute, value = "by-model", "model_of", partition(owner, equals.pop("model"))
        words = searchable(self.q or "").split()[:WORDS]
        return Listing(index, attribute, value, self.day, equals, tuple(dict.fromkeys(words)))

    @property
    def after(self) -> str | None:
        """Where the page begins."""
        return None if self.cursor is None else position_of(self.cursor)
