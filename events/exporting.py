"""What the events about exports share, and which services answer them."""

from typing import Final

from .envelope import Payload

EXPORTERS: Final = frozenset({"accounts", "intake", "notifications", "operations", "storage"})
"""The services that answer an ``ExportStarted`` with ``DataExported``: those that find data by its owner.

What generation and moderation know of a request is in its timeline, and analytics keeps nothing that names an owner."""


class ExportedPart(Payload):
    """A file in the exports bucket, in JSON Lines: a part of the data of one service."""

    name: str
    """Name of the file in the export, such as ``requests.jsonl``. Parts with the same name are joined."""
    key: str
    """S3 key in the exports bucket. It contains the hash, so another attempt never overwrites it."""
    sha256: str
    """SHA-256 of the part, 64 hexadecimal digits."""
    bytes: int
    """Size of the part."""
    records: int
    """Number of lines."""


class ExportedImage(Payload):
    """One line of a part that lists images: an object of the gallery bucket that belongs into the export."""

    name: str
    """Name of the file in the export, such as ``images/<image id>.png``."""
    key: str
    """S3 key in the gallery bucket."""
    sha256: str
    """SHA-256 of the object, 64 hexadecimal digits."""
    bytes: int
    """Size of the object."""
