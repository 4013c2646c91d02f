"""What an API key is: its text, the keyed hash that is all we keep of the text, and what is known about it."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

PREFIX: Final = "gik"
"""Of every key, so that a leaked one is recognized for what it is: by people, and by scanners of repositories."""
ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
SECRET_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105 - what secrets are made of
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 40
"""About 238 bits: nobody guesses one, so the hash needs no deliberate slowness."""

_KEY = re.compile(rf"{PREFIX}_([{ID_ALPHABET}]{{{ID_LENGTH}}})_[{SECRET_ALPHABET}]{{{SECRET_LENGTH}}}")
_KEY_ID = re.compile(rf"[{ID_ALPHABET}]{{{ID_LENGTH}}}")

Status = Literal["active", "expired", "revoked"]
Refusal = Literal["missing", "malformed", "unknown", "wrong_secret", "expired", "revoked"]


@dataclass(frozen=True)
class Key:
    """What is kept of a key. Times have a time zone."""

    key_id: str
    digest: str
    """Keyed hash of the key's text; see ``digest_of``."""
    owner: str
    name: str
    """What it is for, in its owner's words."""
    scopes: tuple[str, ...]
    limit: int
    """Requests that it may make in ``window`` seconds."""
    window: int
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """At most an hour behind."""
    previous_digest: str | None = None
    """Of the text before the last rotation, which still works until ``previous_until``."""
    previous_until: datetime | None = None

    def status(self, now: datetime) -> Status:
        """Return whether the key works at ``now``, and if not, why."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def refusal(self, digest: str, now: datetime) -> Refusal | None:
        """Return why the text that hashes to ``digest`` does not work at ``now``, None where it does."""
        is_current = hmac.compare_digest(self.digest, digest)
        is_previous = hmac.compare_digest(self.previous_digest or "", digest)
        in_grace = self.previous_until is not None and now < self.previous_until
        if not (is_current or (is_previous and in_grace)):
            return "wrong_secret"
        status = self.status(now)
        return None if status == "active" else status


def new_key_id() -> str:
    """Return an id that no other key has."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


def new_text(key_id: str) -> str:
    """Return the text of a key: what its owner sends, shown once and never kept."""
    return f"{PREFIX}_{key_id}_" + "".join(secrets.choice(SECRET_ALPHABET) for _ in range(SECRET_LENGTH))


def key_id_of(text: str) -> str | None:
    """Return the id in a key's text, None where ``text`` is not of a key's shape."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def is_key_id(text: str) -> bool:
    """Tell whether ``text`` is of the shape of a key's id."""
    return bool(_KEY_ID.fullmatch(text))


def digest_of(text: str, secret: bytes) -> str:
    """Return the keyed hash of a key's text. Without ``secret`` a copy of the table is of no use to anybody."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
