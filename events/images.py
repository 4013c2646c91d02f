"""Generated and stored images, which several events share."""

from decimal import Decimal
from typing import Literal

from .envelope import Payload

DeletionReason = Literal["owner", "erasure", "withdrawn"]


class RawImage(Payload):
    """An image as the model returned it, in the hand-off bucket (claim check)."""

    key: str
    """S3 key in the hand-off bucket, which deletes images after 30 days."""
    sha256: str
    """SHA-256 of the file, 64 hexadecimal digits."""
    bytes: int
    """Size of the file in bytes."""
    media_type: str
    """Media type of the file, such as ``image/png``."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    model: str
    """Key of the model that generated the image, which may be a successor of the requested one."""
    seed: int
    """The seed that the model was given."""
    cost_usd: Decimal
    """List price of the image in US dollars."""


class ImageOutcome(Payload):
    """The result of generating the ``index``-th image of a request."""

    index: int
    """Number of the image in its request, from 0."""
    status: Literal["generated", "filtered", "failed"]
    """``filtered``: withheld by the model's own content filter."""
    image: RawImage | None = None
    """Present if and only if ``status`` is ``generated``."""
    reason: str | None = None
    """A stable code if ``status`` is ``filtered`` or ``failed``: ``content_filtered``, ``model_end_of_life`` …"""


class RemovedImage(Payload):
    """An image that will not be delivered, with the reason."""

    index: int
    """Number of the image in its request, from 0."""
    reason: str
    """A stable code: a category of the moderation policy, such as ``violence``, or the outcome's own reason."""


class Variant(Payload):
    """One file of a stored image, in the gallery bucket."""

    key: str
    """S3 key in the gallery bucket."""
    sha256: str
    """SHA-256 of the file, 64 hexadecimal digits."""
    bytes: int
    """Size of the file in bytes."""
    media_type: str
    """Media type of the file, such as ``image/webp``."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""


class StoredImage(Payload):
    """An image in the gallery."""

    image_id: str
    """The id of the image in the HTTP API: the request's id, a hyphen, and the index."""
    index: int
    """Number of the image in its request, from 0."""
    original: Variant
    """The image in full size, in the format that the request names: by default PNG, without loss."""
    display: Variant
    """The image for screens: WebP; its longer side has at most 1024 pixels."""
    thumbnail: Variant
    """The image for lists: WebP; its longer side has at most 320 pixels."""
    placeholder: str
    """BlurHash (https://blurha.sh), to show while the image loads."""
    model: str
    """Key of the model that generated the image, which may be a successor of the requested one."""
    seed: int
    """The seed that the model was given."""
    cost_usd: Decimal
    """List price of the image in US dollars."""
