"""Consent to the terms and the privacy notice. Their current versions are in ``legal_versions.json``."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Versions:
    """Versions of both documents: the dates on which they were published."""

    terms: str
    privacy_notice: str

    def __str__(self) -> str:
        return f"terms of {self.terms} and the privacy notice of {self.privacy_notice}"


@dataclass(frozen=True)
class Consent:
    """What an owner agreed to."""

    versions: Versions
    given_at: datetime
    key_id: str
    """The key with which it was given."""
    withdrawn_at: datetime | None = None

    @property
    def valid_versions(self) -> Versions | None:
        """The versions that the owner agrees to; None after a withdrawal."""
        return None if self.withdrawn_at else self.versions

    def to_dict(self) -> dict[str, str | None]:
        """Return a JSON-serialisable representation."""
        return {
            **vars(self.versions),
            "given_at": self.given_at.isoformat(),
            "key_id": self.key_id,
            "withdrawn_at": self.withdrawn_at.isoformat() if self.withdrawn_at else None,
        }

    @classmethod
    def from_dict(cls, values: dict[str, str]) -> Self:
        """Return the consent of ``to_dict``'s representation, in which None is absent."""
        withdrawn = values.get("withdrawn_at")
        return cls(
            Versions(values["terms"], values["privacy_notice"]),
            datetime.fromisoformat(values["given_at"]),
            values["key_id"],
            datetime.fromisoformat(withdrawn) if withdrawn else None,
        )


@cache
def current_versions() -> Versions:
    """Return the versions that an owner has to agree to."""
    return Versions(**json.loads((Path(__file__).parent / "legal_versions.json").read_text()))
