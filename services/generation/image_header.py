"""The format and size of an image, from its first bytes. No decoder runs here; storage decodes every image."""

from dataclasses import dataclass
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers. The three excluded markers start tables."""


@dataclass(frozen=True)
class ImageHeader:
    """Media type and size in pixels."""

    media_type: str
    width: int
    height: int


def read_header(content: bytes) -> ImageHeader:
    """Return the header of ``content``. Raises ``ValueError`` if it is neither a PNG nor a JPEG."""
    if content.startswith(_PNG) and content[12:16] == b"IHDR" and len(content) >= 24:
        return _sized("image/png", content[16:20], content[20:24])
    if content.startswith(_JPEG):
        return _jpeg(content)
    raise ValueError("neither a PNG nor a JPEG")


def _jpeg(content: bytes) -> ImageHeader:
    """Skip the segments (marker, length, payload) before the frame."""
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker in _FRAME_MARKERS:
            return _sized("image/jpeg", content[position + 7 : position + 9], content[position + 5 : position + 7])
        # 0xFF may pad a marker.
        position += 1 if marker == 0xFF else 2 + int.from_bytes(content[position + 2 : position + 4])
    raise ValueError("a JPEG without a frame")


def _sized(media_type: str, width: bytes, height: bytes) -> ImageHeader:
    header = ImageHeader(media_type, int.from_bytes(width), int.from_bytes(height))
    if not header.width or not header.height:
        raise ValueError("an image without pixels")
    return header
