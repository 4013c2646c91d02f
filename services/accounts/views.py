"""What callers see of keys and their pages."""

import base64
import binascii
import re
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from services.accounts.keys import PREFIX, Key, Status
from services.accounts.service import KeyPage

_PLACE: Final = re.compile(r"[0-9T:.+-]{20,40}#[a-z2-7]{12}")


class KeyView(BaseModel):
    """A key, without its text: nobody has that but who was given it."""

    key_id: str
    prefix: str
    """How its text begins."""
    owner: str
    name: str
    scopes: list[str]
    limit: int
    """Requests that it may make in ``window_seconds``."""
    window_seconds: int
    status: Status
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """At most an hour behind."""
    previous_until: datetime | None
    """Until when the text before the last rotation works."""

    @classmethod
    def of(cls, key: Key, now: datetime) -> "KeyView":
        """Return what is shown of ``key``."""
        return cls(**_shown(key, now))


class KeyWithText(KeyView):
    """A key that was just made or rotated, with its text: it is shown this once."""

    key: str

    @classmethod
    def with_text(cls, key: Key, text: str, now: datetime) -> "KeyWithText":
        """Return what is shown of ``key`` to who made it."""
        return cls(**_shown(key, now), key=text)


class KeyList(BaseModel):
    """A page of keys, newest first."""

    keys: list[KeyView]
    next_cursor: str | None
    """Where the next page begins; absent on the last one."""

    @classmethod
    def of(cls, page: KeyPage, now: datetime) -> "KeyList":
        """Return what is shown of ``page``."""
        cursor = base64.urlsafe_b64encode(page.last.encode()).decode() if page.last else None
        return cls(keys=[KeyView.of(key, now) for key in page.keys], next_cursor=cursor)


def place_of(cursor: str) -> str:
    """Return the place that a cursor of ours names. Raises ``ValueError`` for any other text."""
    try:
        place = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("no cursor") from error
    if not _PLACE.fullmatch(place):
        raise ValueError("no cursor")
    return place


def _shown(key: Key, now: datetime) -> dict[str, object]:
    in_grace = key.previous_until is not None and now < key.previous_until
    return {
        "key_id": key.key_id,
        "prefix": f"{PREFIX}_{key.key_id}",
        "owner": key.owner,
        "name": key.name,
        "scopes": list(key.scopes),
        "limit": key.limit,
        "window_seconds": key.window,
        "status": key.status(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "previous_until": key.previous_until if in_grace else None,
    }
