"""The public keys with which CloudFront checks image links. They follow from the versions of one secret.

CloudFront's key group contains one public key per version: two during a rotation. Every step can be repeated.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import uuid4

from kit.cdn_signatures import public_key
from kit.keyring import Keyring
from kit.signed_urls import EXPIRES_SECONDS

ACTIVATION: Final = timedelta(hours=1)
"""After a new version was made, until it signs. By then, all edges of CloudFront know its public key."""


def unpublished(keyring: Keyring) -> Keyring:
    """Return ``keyring`` without the ids of public keys: CloudFront knows none."""
    return Keyring(tuple(replace(each, public_key_id=None) for each in keyring.versions))


def links_end(keyring: Keyring, number: int, now: datetime) -> datetime | None:
    """Return when the last link expires that a version has signed, or None if there is none or no end.

    A version signs until the next one becomes active.
    """
    later = (each.active_from for each in keyring.versions if each.number > number and each.active_from)
    replaced = min(later, default=now)
    return replaced + timedelta(seconds=EXPIRES_SECONDS) if replaced < now else None


class Published(NamedTuple):
    """What CloudFront knows."""

    keyring: Keyring
    """With the ids of the public keys."""
    group_id: str
    """The id of the key group."""


class LinkKeys:
    """The key group of an installation and its public keys. ``client`` is CloudFront's."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._name = f"{prefix}-image-links"

    def add(self, keyring: Keyring) -> Published:
        """Make the key group contain the public keys of ``keyring``, besides those that it has.

        What is not stored yet is added with this: the keys of the stored versions stay, whatever happens next.
        """
        found = self._public_keys()
        ids = {}
        for each in keyring.versions:
            text = public_key(each.key)
            name = self._key_name(text)
            ids[each.number] = found.get(name) or self._create(name, text)
        group_id = self._fill_group(ids.values())
        return Published(
            Keyring(tuple(replace(each, public_key_id=ids[each.number]) for each in keyring.versions)), group_id
        )

    def publish(self, keyring: Keyring) -> Published:
        """Make the key group contain exactly the public keys of ``keyring``. It is created if there is none."""
        published = self.add(keyring)
        found, names = self._public_keys(), {self._key_name(public_key(each.key)) for each in keyring.versions}
        self._fill_group([found[name] for name in names], only=True)
        for name in found.keys() - names:
            self._delete(found[name])
        return published

    def delete(self) -> None:
        """Delete the key group and its public keys."""
        if group_id := self._group_id():
            self._client.delete_key_group(Id=group_id, IfMatch=self._client.get_key_group(Id=group_id)["ETag"])
        for key_id in self._public_keys().values():
            self._delete(key_id)

    def _create(self, name: str, text: str) -> str:
        config = {"CallerReference": str(uuid4()), "Name": name, "EncodedKey": text}
        return str(self._client.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"])

    def _delete(self, key_id: str) -> None:
        self._client.delete_public_key(Id=key_id, IfMatch=self._client.get_public_key(Id=key_id)["ETag"])

    def _key_name(self, text: str) -> str:
        return f"{self._name}-{sha256(text.encode()).hexdigest()[:16]}"

    def _fill_group(self, ids: Iterable[str], *, only: bool = False) -> str:
        """Make the key group contain ``ids``, ``only`` these or besides others, and return its own id."""
        wanted, group_id = set(ids), self._group_id()
        if group_id is None:
            config = {"Name": self._name, "Items": sorted(wanted)}
            return str(self._client.create_key_group(KeyGroupConfig=config)["KeyGroup"]["Id"])
        group = self._client.get_key_group(Id=group_id)
        present = set(group["KeyGroup"]["KeyGroupConfig"]["Items"])
        wanted |= set() if only else present
        if present != wanted:
            config = {"Name": self._name, "Items": sorted(wanted)}
            self._client.update_key_group(Id=group_id, IfMatch=group["ETag"], KeyGroupConfig=config)
        return group_id

    def _group_id(self) -> str | None:
        groups = (item["KeyGroup"] for item in _items(self._client.list_key_groups, "KeyGroupList"))
        return next((group["Id"] for group in groups if group["KeyGroupConfig"]["Name"] == self._name), None)

    def _public_keys(self) -> dict[str, str]:
        """Return the public keys of this installation: name → id."""
        found = _items(self._client.list_public_keys, "PublicKeyList")
        return {key["Name"]: key["Id"] for key in found if key["Name"].startswith(f"{self._name}-")}


def _items(call: Callable[..., Any], name: str) -> Iterator[Any]:
    """Return the items of all pages of a list. boto3 has no paginator for these."""
    marker: dict[str, str] = {}
    while True:
        page = call(**marker)[name]
        yield from page.get("Items", [])
        if not page.get("NextMarker"):
            return
        marker = {"Marker": page["NextMarker"]}
