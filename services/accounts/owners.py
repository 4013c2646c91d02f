"""Owners: the name that an operator chose, and the random id by which everything outside of this service knows them."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from kit.errors import TransientError
from services.accounts.consent import Consent, Versions

PREFIX: Final = "own_"
ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
LENGTH: Final = 20
"""100 random bits, so that an id is never used again, also after its owner was erased."""

_OWNER_ID = re.compile(rf"{PREFIX}[{ALPHABET}]{{{LENGTH}}}")


@dataclass(frozen=True)
class Owner:
    """The record of an owner."""

    owner_id: str
    name: str
    created_at: datetime
    changes: int = 0
    """Counts writes. 0 for an owner that is not stored: its first key is stored with it."""
    analytics_opt_out: bool = False
    """As in the preferences."""
    consent: Consent | None = None

    @property
    def agreed(self) -> Versions | None:
        """The versions of the terms and the privacy notice that the owner agrees to, if any."""
        return self.consent.valid_versions if self.consent else None


class PreferenceStore(Protocol):
    """Stores the preferences of owners."""

    def preferences(self, owner_id: str) -> tuple[dict[str, Any], int]:
        """Return an owner's preferences as plain values with their revision: empty and 0 if none are set."""

    def replace_preferences(self, owner_id: str, wanted: Mapping[str, Any], revision: int | None) -> int:
        """Replace an owner's preferences if they are at ``revision`` (None: at any), and return the new revision."""


class UnknownOwnerError(Exception):
    """No owner has this id. An erased owner's key may still be in the authorizer's cache."""


class OwnerChangedError(TransientError):
    """The owner was created or changed in the meantime. Nothing was written."""


def new_owner(name: str, now: datetime) -> Owner:
    """Return a new owner with a random id."""
    return Owner(PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH)), name, now)


def is_owner_id(text: str) -> bool:
    """Return whether ``text`` has the format of an owner's id."""
    return bool(_OWNER_ID.fullmatch(text))
