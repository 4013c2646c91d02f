"""The layer of Amazon Bedrock Guardrails for images. Only an installation with a guardrail imports it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from events.images import RawImage
from kit.errors import UnprocessableError
from services.moderation.guardrail import Guardrail
from services.moderation.policy import GUARDRAIL_LABEL

IMAGE_BYTES_MAX: Final = 4_000_000
"""The limit of AWS is 4 MB, for images of at most 8,000 by 8,000 pixels, which no model generates."""
IMAGES_AT_ONCE: Final = 3
"""Concurrent calls with an image. Each has its file in memory, also as Base64 and as JSON."""

ReadImage = Callable[[RawImage], bytes]
"""Returns the content of an image. Raises ``UnprocessableError`` if it is missing."""


class GuardrailImageLayer:
    """The layer for images. Their labels are what the guardrail blocked."""

    name: Final = "guardrail"

    def __init__(self, guardrail: Guardrail, read: ReadImage) -> None:
        self._guardrail = guardrail
        self._read = read
        self._pool = ThreadPoolExecutor(IMAGES_AT_ONCE)

    def labels(self, images: Sequence[RawImage]) -> list[dict[str, float]]:
        """Return what the guardrail blocked in each image, with one call per image: an answer is about all of a call.

        Raises ``UnprocessableError`` for an image that is missing or that a guardrail does not accept.
        """
        return list(self._pool.map(self._labels, images))

    def _labels(self, image: RawImage) -> dict[str, float]:
        kind: Any = image.media_type.removeprefix("image/")
        if kind not in ("png", "jpeg"):
            raise UnprocessableError(f"image.media_type: {image.media_type}; a guardrail accepts image/png, image/jpeg")
        if image.bytes > IMAGE_BYTES_MAX:
            raise UnprocessableError(f"image.bytes: {image.bytes}; a guardrail accepts {IMAGE_BYTES_MAX}")
        found = self._guardrail.interventions({"image": {"format": kind, "source": {"bytes": self._read(image)}}})
        return {GUARDRAIL_LABEL + each: 100.0 for each in found}
