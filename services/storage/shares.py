"""Share links: everyone with the link sees the image, until the link expires or is revoked, or the image is deleted.

A link's token names the image and contains a secret of 192 bits. Only the hash of the secret is stored, inside the
image's entry, and is deleted with it. A link expires by the clock, whether or not it was removed from the entry.
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

from services.storage.models import Entry, Share, make_image_id

_SECRET_BYTES: Final = 24
_TOKEN_BYTES: Final = 16 + 1 + _SECRET_BYTES


def create_share(image_id: str, expires_in_seconds: int, now: datetime) -> tuple[Share, str]:
    """Return a new share of an image and its token, which cannot be recovered later."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    request_id, _, index = image_id.rpartition("-")
    token = urlsafe_b64encode(UUID(request_id).bytes + bytes([int(index)]) + secret).decode().rstrip("=")
    digest = hashlib.sha256(secret).hexdigest()
    expires_at = now + timedelta(seconds=expires_in_seconds)
    return Share(share_id=digest[:16], secret_sha256=digest, created_at=now, expires_at=expires_at), token


def is_share_id(text: str) -> bool:
    """Return whether ``text`` has the form of a share id."""
    return re.fullmatch(r"[0-9a-f]{16}", text, re.ASCII) is not None


def read_token(token: str) -> tuple[str, str] | None:
    """Return the image id in ``token`` and the hash of its secret, or None if it is not a token."""
    try:
        content = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    if len(content) != _TOKEN_BYTES:
        return None
    return make_image_id(str(UUID(bytes=content[:16])), content[16]), hashlib.sha256(content[17:]).hexdigest()


def valid_shares(shares: Iterable[Share], now: datetime) -> list[Share]:
    """Return the shares that have not expired, newest first."""
    return sorted((share for share in shares if share.expires_at > now), key=lambda s: s.created_at, reverse=True)


def find_share(entry: Entry, secret_sha256: str, now: datetime) -> Share | None:
    """Return the valid share with this secret, or None."""
    shares = valid_shares(entry.shares, now)
    return next((s for s in shares if hmac.compare_digest(s.secret_sha256, secret_sha256)), None)
