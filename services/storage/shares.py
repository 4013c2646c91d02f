"""Share links: whoever has the link sees the image, until it expires, is revoked, or the image is deleted.

A link's token names the image and carries a secret of 192 bits; only the secret's hash is kept, inside the image's
entry, so it goes where the entry goes. Whether a link has expired is a matter of the clock, not of what was cleaned up.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.storage.gallery import Entry, Share, image_id

LONGEST_SECONDS: Final = 30 * 24 * 3600
LIVE_AT_ONCE: Final = 20
"""Share links of one image."""
_SECRET_BYTES: Final = 24
_TOKEN_BYTES: Final = 16 + 1 + _SECRET_BYTES


def new_share(image: str, expires_in_seconds: int, now: datetime) -> tuple[Share, str]:
    """Return a new share of ``image`` and its token, which nobody can make again."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    request_id, _, index = image.rpartition("-")
    token = urlsafe_b64encode(UUID(request_id).bytes + bytes([int(index)]) + secret).decode().rstrip("=")
    digest = hashlib.sha256(secret).hexdigest()
    expires_at = now + timedelta(seconds=expires_in_seconds)
    return Share(share_id=digest[:16], secret_sha256=digest, created_at=now, expires_at=expires_at), token


def is_share_id(text: str) -> bool:
    """Tell whether ``text`` could be the id of a share."""
    return re.fullmatch(r"[0-9a-f]{16}", text, re.ASCII) is not None


def read_token(token: str) -> tuple[str, str] | None:
    """Return the image that ``token`` names and the hash of its secret, or None where it is no token."""
    try:
        content = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    if len(content) != _TOKEN_BYTES:
        return None
    return image_id(str(UUID(bytes=content[:16])), content[16]), hashlib.sha256(content[17:]).hexdigest()


def live(shares: Iterable[Share], now: datetime) -> list[Share]:
    """Return the shares that have not expired, the newest first."""
    return sorted((share for share in shares if share.expires_at > now), key=lambda s: s.created_at, reverse=True)


def opened(entry: Entry, secret_sha256: str, now: datetime) -> Share | None:
    """Return the live share that a token with this secret opens, or None."""
    return next((s for s in live(entry.shares, now) if hmac.compare_digest(s.secret_sha256, secret_sha256)), None)
