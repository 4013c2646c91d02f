"""Sealed texts: what an owner wrote, readable only with the key of that owner.

A sealed text is ``s1.`` and, in URL-safe base64 without padding, 12 bytes of nonce, the ciphertext and the tag of
AES-256-GCM. The associated data are the version and the owner, so a text opens only for the owner for whom it was
sealed. Destroying the key of an owner makes all sealed texts of the owner unreadable, wherever they are. ADR 26.
"""

import base64
import binascii
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from kit.errors import OwnerErasedError, UnprocessableError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from mypy_boto3_dynamodb.client import DynamoDBClient

VERSION: Final = "s1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
CACHE_SECONDS: Final = 300
"""Age at which a container reads an owner's key again. That long it may still open texts after the key's end."""
CACHE_SIZE: Final = 1000
"""Owners whose keys a container holds at most."""


class SealedTextError(UnprocessableError):
    """A sealed text cannot be opened, and no retry changes that."""


class KeyStore(Protocol):
    """The key of every owner. The key of an owner never changes, and is never made again once it was destroyed."""

    def read(self, owner: str) -> bytes | None:
        """Return the key of ``owner``, or None if there is none yet. Raise ``OwnerErasedError`` if it was destroyed."""

    def create(self, owner: str) -> bytes:
        """Create the key of ``owner``, or return the one that another call created first.

        Raise ``OwnerErasedError`` if it was destroyed.
        """

    def destroy(self, owner: str, at: datetime) -> datetime:
        """Destroy the key of ``owner`` and keep a tombstone. Return when it was destroyed first."""


class Sealer:
    """Seals and opens texts. It reads the key of an owner at most once per ``CACHE_SECONDS``."""

    def __init__(self, keys: KeyStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._lock = Lock()
        self._read: OrderedDict[str, tuple[float, AESGCM | None]] = OrderedDict()
        """Owner → until when it is valid, and the cipher with the key, or None if the key was destroyed."""

    def seal(self, owner: str, text: str) -> str:
        """Return ``text`` sealed for ``owner``, whose key is created on first use.

        The same text is sealed differently each time. Raise ``OwnerErasedError`` if the key was destroyed.
        """
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._cipher(owner, self._keys.create)
        content = nonce + cipher.encrypt(nonce, text.encode(), _associated_data(owner))
        return f"{VERSION}.{base64.urlsafe_b64encode(content).decode().rstrip('=')}"

    def open(self, owner: str, sealed: str) -> str:
        """Return the text that was sealed for ``owner``.

        Raise ``OwnerErasedError`` if the key was destroyed, ``SealedTextError`` if the text was changed, was sealed
        for another owner or was never sealed.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see `_new_cipher`

        version, _, encoded = sealed.partition(".")
        if version != VERSION:
            raise SealedTextError(f"A sealed text must start with {VERSION}.")
        try:
            content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise SealedTextError("A sealed text must be URL-safe base64 without padding.") from None
        cipher = self._cipher(owner, self._no_key)
        try:
            return cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _associated_data(owner)).decode()
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce or a tag
            raise SealedTextError("A sealed text must be unchanged, and of the owner that the event names.") from None

    def destroy(self, owner: str, at: datetime) -> datetime:
        """Destroy the key of ``owner``. Return when it was destroyed first; repetition changes nothing.

        Other containers may seal and open texts of the owner until they read the key again.
        """
        with self._lock:
            destroyed_at = self._keys.destroy(owner, at)
            self._remember(owner, None)
        return destroyed_at

    def _cipher(self, owner: str, create: Callable[[str], bytes]) -> "AESGCM":
        # The lock is held during a read, so that messages handled side by side read the key of their owner once.
        with self._lock:
            found = self._read.get(owner)
            if found is None or found[0] <= self._clock():
                try:
                    cipher = _new_cipher(self._keys.read(owner) or create(owner))
                except OwnerErasedError:
                    cipher = None
                self._remember(owner, cipher)
            else:
                cipher = found[1]
        if cipher is None:
            raise OwnerErasedError
        return cipher

    def _remember(self, owner: str, cipher: "AESGCM | None") -> None:
        self._read[owner] = (self._clock() + CACHE_SECONDS, cipher)
        self._read.move_to_end(owner)
        if len(self._read) > CACHE_SIZE:
            self._read.popitem(last=False)

    @staticmethod
    def _no_key(_owner: str) -> bytes:
        raise SealedTextError("The owner must have a key. The table owner-keys has neither a key nor a tombstone.")


class OwnerKeyTable:
    """The table ``owner-keys``: one item per owner, with a key or the time at which it was destroyed."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._name = table

    def read(self, owner: str) -> bytes | None:
        """Return the key of ``owner``, or None. The read is consistent: the key may be milliseconds old."""
        item = self._client.get_item(TableName=self._name, Key={"pk": {"S": owner}}, ConsistentRead=True).get("Item")
        return None if item is None else _key_of(item)

    def create(self, owner: str) -> bytes:
        """Create the key of ``owner``, or return the one that another call created first."""
        key = os.urandom(KEY_BYTES)
        try:
            self._client.put_item(
                TableName=self._name,
                Item={"pk": {"S": owner}, "data_key": {"B": key}, "created_at": {"S": datetime.now(UTC).isoformat()}},
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            found: Any = error.response
            return _key_of(found["Item"])
        return key

    def destroy(self, owner: str, at: datetime) -> datetime:
        """Destroy the key of ``owner``, or leave a tombstone in place of a key that never was."""
        answer = self._client.update_item(
            TableName=self._name,
            Key={"pk": {"S": owner}},
            UpdateExpression="SET destroyed_at = if_not_exists(destroyed_at, :at) REMOVE data_key",
            ExpressionAttributeValues={":at": {"S": at.isoformat()}},
            ReturnValues="ALL_NEW",
        )
        return datetime.fromisoformat(answer["Attributes"]["destroyed_at"]["S"])


def _key_of(item: Mapping[str, Any]) -> bytes:
    if "destroyed_at" in item:
        raise OwnerErasedError
    return bytes(item["data_key"]["B"])


def _new_cipher(key: bytes) -> "AESGCM":
    """Return the cipher. The import takes 17 ms and exists in the layer `crypto` only, so functions that never get
    here are spared both.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)


def _associated_data(owner: str) -> bytes:
    return f"{VERSION}:{owner}".encode()
