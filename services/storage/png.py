"""Keeps the compressed pixels of a PNG file and drops everything else. Pure: the same input gives the same bytes.

https://www.w3.org/TR/png-3/
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

Chunk = tuple[bytes, bytes]
"""Its type, such as ``b"IDAT"``, and its data."""

MAX_CHUNKS: Final = 20_000
"""A file of 64 MiB in chunks of 8 KiB, libpng's default for pixels, has 8,192."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_ORDER: Final = re.compile(rb"IHDR(?:[a-z][A-Za-z][A-Z][A-Za-z])*(?:IDAT)+(?:[a-z][A-Za-z][A-Z][A-Za-z])*IEND")
"""The types of all chunks, joined. A lowercase first letter marks chunks that decoders may ignore."""
_CHANGES_PIXELS: Final = frozenset({b"iCCP", b"tRNS"})
"""Color profile and transparency: the pixels are converted. Pillow ignores ``gAMA``, ``cHRM`` and ``cICP``, so encoding
again would not change these pixels either."""


def keep_pixels(content: bytes, width: int, height: int, metadata: Sequence[Chunk]) -> bytes | None:
    """Return the PNG file ``content`` with ``metadata`` instead of everything that is not needed to show its pixels.

    Return None for a file that must be encoded again: any file but a PNG of ``width`` x ``height`` pixels with eight
    bits of red, green and blue, in one pass, without transparency or color profile, and without any error. Whether
    its rows can be decoded is not checked here.
    """
    try:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        pixels = _read_pixels(content, header)
        _check_length(pixels, height * (1 + 3 * width))
    except (ValueError, struct.error, zlib.error):
        return None
    chunks = [(b"IHDR", header), *metadata, (b"IDAT", pixels), (b"IEND", b"")]
    return b"".join([_SIGNATURE, *(_encode(*chunk) for chunk in chunks)])


def _read_pixels(content: bytes, header: bytes) -> bytes:
    """Return the data of all ``IDAT`` chunks, which are one zlib stream."""
    if not content.startswith(_SIGNATURE):
        raise ValueError("not a PNG file")
    chunks = list(_chunks(content))
    types = [name for name, _ in chunks]
    if not _ORDER.fullmatch(b"".join(types)) or _CHANGES_PIXELS.intersection(types):
        raise ValueError("other chunks than expected")
    if chunks[0][1] != header or chunks[-1][1]:
        raise ValueError("another header or end than expected")
    return b"".join(data for name, data in chunks if name == b"IDAT")


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield all chunks up to the end of the file. Each is length, type, data, and the CRC-32 of type and data."""
    view, start = memoryview(content), len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", view, start)
        end = start + 8 + length
        if struct.unpack_from(">I", view, end)[0] != zlib.crc32(view[start + 4 : end]):
            raise ValueError("wrong checksum")
        yield name, view[start + 8 : end]
        start = end + 4
        if start == len(view):
            return
    raise ValueError("too many chunks")


def _check_length(pixels: bytes, expected: int) -> None:
    """Check that the zlib stream ``pixels`` is complete, contains ``expected`` bytes, and that nothing follows it."""
    # Uncompressed pixels cost more storage than time, and blocks without content could hide anything.
    if len(pixels) > expected * 15 // 16:
        raise ValueError("hardly compressed")
    stream = zlib.decompressobj()
    # One byte more than expected shows whether there is more, and leaves room to reach the checksum at the end.
    if len(stream.decompress(pixels, expected + 1)) != expected or not stream.eof or stream.unused_data:
        raise ValueError("another length than expected")


def _encode(name: bytes, data: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))])
