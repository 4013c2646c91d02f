"""API keys: their text, the keyed hash of it that is stored, and their attributes."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from kit.keyring import Keyring, SecretVersion
from services.accounts.consent import Versions

if TYPE_CHECKING:
    from kit.callers import Priority

PREFIX: Final = "gik"
"""Start of every key, so that people and secret scanners recognise a leaked one."""
ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
SECRET_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105 - what secrets are made of
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 40
"""About 238 bits, which cannot be guessed, so the hash need not be slow."""

_KEY = re.compile(rf"{PREFIX}_([{ID_ALPHABET}]{{{ID_LENGTH}}})_[{SECRET_ALPHABET}]{{{SECRET_LENGTH}}}")
_KEY_ID = re.compile(rf"[{ID_ALPHABET}]{{{ID_LENGTH}}}")

Status = Literal["active", "expired", "revoked"]
Refusal = Literal["missing", "malformed", "unknown", "wrong_secret", "expired", "revoked"]


@dataclass(frozen=True)
class Key:
    """The record of a key. Times have a time zone."""

    key_id: str
    digest: str
    """Keyed hash of the key's text; see ``digest_of``."""
    owner: str
    """The owner's id; see ``owners.py``."""
    name: str
    """Its purpose, as its creator named it."""
    scopes: tuple[str, ...]
    limit: int
    """Images per ``window`` seconds."""
    window: int
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """Up to an hour old."""
    previous_digest: str | None = None
    """Hash of the text before the last rotation, valid until ``previous_until``."""
    previous_until: datetime | None = None
    owner_changes: int = 1
    """``changes`` of the owner's record from which the next two are copies."""
    analytics_opt_out: bool = False
    """Whether the owner has opted out of analytics."""
    agreed: Versions | None = None
    """The versions of the terms and the privacy notice that the owner agrees to, if any."""
    priority: "Priority" = "normal"

    def status(self, now: datetime) -> Status:
        """Return the status of the key at ``now``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def digests(self, now: datetime) -> tuple[str, ...]:
        """Return the digests of the texts that are valid at ``now``, newest first."""
        if self.previous_digest is None or self.previous_until is None or now >= self.previous_until:
            return (self.digest,)
        return self.digest, self.previous_digest

    def refusal(self, text: str, secrets: Keyring, now: datetime) -> Refusal | None:
        """Return why ``text`` is refused at ``now``, or None if it is valid."""
        if not any(_matches(text, digest, secrets) for digest in self.digests(now)):
            return "wrong_secret"
        status = self.status(now)
        return None if status == "active" else status

    def new_digest(self, text: str, secrets: Keyring, now: datetime) -> str | None:
        """Return the digest of ``text`` with the current secret, or None if that is what is stored."""
        current = secrets.current(now)
        if secret_of(self.digest) == current.number or not _matches(text, self.digest, secrets):
            return None
        return digest_of(text, current)


def new_key_id() -> str:
    """Return a new random id."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


def new_text(key_id: str) -> str:
    """Return a new text for a key, which is shown once and never stored."""
    return f"{PREFIX}_{key_id}_" + "".join(secrets.choice(SECRET_ALPHABET) for _ in range(SECRET_LENGTH))


def key_id_of(text: str) -> str | None:
    """Return the id in a key's text, or None if it does not have the format of a key."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def is_key_id(text: str) -> bool:
    """Return whether ``text`` has the format of a key's id."""
    return bool(_KEY_ID.fullmatch(text))


def digest_of(text: str, secret: SecretVersion) -> str:
    """Return the version of the secret and the keyed hash of a key's text, such as ``1:9f86d0…``.

    Without ``secret``, a copy of the table is useless.
    """
    return f"{secret.number}:{hmac.new(secret.key, text.encode(), hashlib.sha256).hexdigest()}"


def secret_of(digest: str) -> int:
    """Return the number of the secret with which ``digest`` was made; 0 without one."""
    number = digest.partition(":")[0]
    return int(number) if number.isdecimal() else 0


def _matches(text: str, digest: str, secrets: Keyring) -> bool:
    secret = secrets.get(secret_of(digest))
    return secret is not None and hmac.compare_digest(digest, digest_of(text, secret))
