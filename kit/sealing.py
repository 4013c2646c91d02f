"""Sealed texts: what an owner wrote, readable only with the key of that owner.

A sealed text is ``s1.`` and, in URL-safe base64 without padding, 12 bytes of nonce, the ciphertext and the tag of
AES-256-GCM. The associated data are the version and the owner, so a text opens only for the owner for whom it was
sealed. Destroying the key of an owner makes all sealed texts of the owner unreadable, wherever they are. ADR 26.
"""

import base64
import binascii
import hmac
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from kit.errors import OwnerErasedError, UnprocessableError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from events.parameters import GenerationParameters

VERSION: Final = "s1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
CACHE_SECONDS: Final = 300
"""Age at which a container reads an owner's key again. That long it may still open texts after the key's end."""
CACHE_SIZE: Final = 1000
"""Owners whose keys a container holds at most."""


class SealedTextError(UnprocessableError):
    """A sealed text cannot be opened, and no retry changes that."""


@dataclass(frozen=True)
class Texts:
    """What an owner wrote for a request, in plain text. It must not be logged, published or stored."""

    prompt: str = field(repr=False)
    negative_prompt: str | None = field(default=None, repr=False)


class OpenTexts(Protocol):
    """Opens the texts of a request: ``Sealer.open_texts``."""

    def __call__(self, owner: str, parameters: "GenerationParameters", /) -> Texts:
        """Return the texts of a request of ``owner``. Raise ``OwnerErasedError`` or ``SealedTextError``."""


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
        self._read: OrderedDict[str, tuple[float, _Key | None]] = OrderedDict()
        """Owner → until when it is valid, and the key, or None if it was destroyed."""

    def seal(self, owner: str, text: str) -> str:
        """Return ``text`` sealed for ``owner``, whose key is created on first use.

        The same text is sealed differently each time. Raise ``OwnerErasedError`` if the key was destroyed.
        """
        nonce = os.urandom(NONCE_BYTES)
        key = self._key(owner, self._keys.create)
        content = nonce + key.cipher.encrypt(nonce, text.encode(), _associated_data(owner))
        return f"{VERSION}.{base64.urlsafe_b64encode(content).decode().rstrip('=')}"

    def open(self, owner: str, sealed: str) -> str:
        """Return the text that was sealed for ``owner``.

        Raise ``OwnerErasedError`` if the key was destroyed, ``SealedTextError`` if the text was changed, was sealed
        for another owner or was never sealed.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see `_Key.cipher`

        version, _, encoded = sealed.partition(".")
        if version != VERSION:
            raise SealedTextError(f"A sealed text must start with {VERSION}.")
        try:
            content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise SealedTextError("A sealed text must be URL-safe base64 without padding.") from None
        key = self._key(owner, self._no_key)
        try:
            return key.cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _associated_data(owner)).decode()
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce or a tag
            raise SealedTextError("A sealed text must be unchanged, and of the owner that the event names.") from None

    def open_texts(self, owner: str, parameters: "GenerationParameters") -> Texts:
        """Return the texts of a request of ``owner``. Raise like ``open``; the error names the field."""

        def opened(name: str, sealed: str) -> str:
            try:
                return self.open(owner, sealed)
            except SealedTextError as error:
                raise SealedTextError(f"parameters.{name}: {error}") from None

        negative = parameters.negative_prompt
        return Texts(
            opened("prompt", parameters.prompt), None if negative is None else opened("negative_prompt", negative)
        )

    def digest(self, owner: str, text: str) -> str:
        """Return 64 hexadecimal digits that are equal for equal texts of ``owner``, to compare texts without them.

        They depend on the owner's key, so a guess can be tested only with it. Raise ``OwnerErasedError`` if the key was
        destroyed.
        """
        key = self._key(owner, self._keys.create)
        return hmac.digest(key.for_digests, text.encode(), "sha256").hex()

    def destroy(self, owner: str, at: datetime) -> datetime:
        """Destroy the key of ``owner``. Return when it was destroyed first; repetition changes nothing.

        Other containers may seal and open texts of the owner until they read the key again.
        """
        with self._lock:
            destroyed_at = self._keys.destroy(owner, at)
            self._remember(owner, None)
        return destroyed_at

    def _key(self, owner: str, create: Callable[[str], bytes]) -> "_Key":
        # The lock is held during a read, so that messages handled side by side read the key of their owner once.
        with self._lock:
            until, key = self._read.get(owner, (0.0, None))
            if until <= self._clock():
                try:
                    key = _Key(self._keys.read(owner) or create(owner))
                except OwnerErasedError:
                    key = None
                self._remember(owner, key)
        if key is None:
            raise OwnerErasedError
        return key

    def _remember(self, owner: str, key: "_Key | None") -> None:
        self._read[owner] = (self._clock() + CACHE_SECONDS, key)
        self._read.move_to_end(owner)
        if len(self._read) > CACHE_SIZE:
            self._read.popitem(last=False)

    @staticmethod
    def _no_key(_owner: str) -> bytes:
        raise SealedTextError("The owner must have a key. The table owner-keys has neither a key nor a tombstone.")


class _Key:
    """The key of an owner, in the forms in which it is used."""

    def __init__(self, key: bytes) -> None:
        self._bytes = key
        self.for_digests = hmac.digest(key, b"digest", "sha256")

    @cached_property
    def cipher(self) -> "AESGCM":
        """The cipher for texts.

        The import takes 17 ms and exists in the layer `crypto` only, so functions that never get here are spared both.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        return AESGCM(self._bytes)


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


def _associated_data(owner: str) -> bytes:
    return f"{VERSION}:{owner}".encode()
