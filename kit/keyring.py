"""Secret keys in versions, so that each key can be replaced while it is in use."""

import json
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class SecretVersion:
    """One version of a key."""

    number: int
    """What was made with this version names it by this number."""
    key: bytes = field(repr=False)
    active_from: datetime | None = None
    """When it becomes the current version. None for the first."""
    public_key_id: str | None = None
    """The id under which CloudFront knows the public key, if this is a key that signs image links."""


@dataclass(frozen=True)
class Keyring:
    """The valid versions of a key, oldest first."""

    versions: tuple[SecretVersion, ...]

    def current(self, now: datetime) -> SecretVersion:
        """Return the version to use for something new: the newest active one."""
        return [each for each in self.versions if each.active_from is None or each.active_from <= now][-1]

    def get(self, number: int) -> SecretVersion | None:
        """Return a version, or None if it is not valid (any more)."""
        return next((each for each in self.versions if each.number == number), None)

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Return the keyring in the value of a secret."""
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            return cls((SecretVersion(1, text.encode()),))
        versions = [
            SecretVersion(
                int(number),
                each["key"].encode(),
                datetime.fromisoformat(each["active_from"]) if "active_from" in each else None,
                each.get("public_key_id"),
            )
            for number, each in found.items()
        ]
        return cls(tuple(sorted(versions, key=lambda each: each.number)))

    def to_text(self) -> str:
        """Return the value of the secret."""
        return json.dumps(
            {
                str(each.number): {"key": each.key.decode()}
                | ({"active_from": each.active_from.isoformat()} if each.active_from else {})
                | ({"public_key_id": each.public_key_id} if each.public_key_id else {})
                for each in self.versions
            }
        )

    def rotated(self, key: bytes, active_from: datetime) -> "Keyring":
        """Return the keyring with a new version."""
        return Keyring((*self.versions, SecretVersion(self.versions[-1].number + 1, key, active_from)))

    def without(self, number: int) -> "Keyring":
        """Return the keyring without a version."""
        return Keyring(tuple(each for each in self.versions if each.number != number))
