"""What a image is, from its first bytes: no decoder runs here, storage re-encodes what is kept."""

from dataclasses import dataclass
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers; the three others in the range are tables."""


@dataclass(frozen=True)
class Header:
    """Pixels, and the media type the signature stands for."""

    media_type: str
    width: int
    height: int


def read_header(content: bytes) -> Header:
    """Return what ``content`` is. Raises ``ValueError`` where it is neither a PNG nor a JPEG."""
    if content.startswith(_PNG) and content[12:16] == b"IHDR" and len(content) >= 24:
        return _sized("image/png", content[16:20], content[20:24])
    if content.startswith(_JPEG):
        return _jpeg(content)
    raise ValueError("neither a PNG nor a JPEG")


def _jpeg(content: bytes) -> Header:
    """Walk the segments (marker, length, payload) up to the frame's."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAMES:
            return _sized("image/jpeg", content[at + 7 : at + 9], content[at + 5 : at + 7])
        at += 1 if marker == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4])  # 0xFF may pad a marker
    raise ValueError("a JPEG without a frame")


def _sized(media_type: str, width: bytes, height: bytes) -> Header:
    header = Header(media_type, int.from_bytes(width), int.from_bytes(height))
    if not header.width or not header.height:
        raise ValueError("a image without pixels")
    return header
