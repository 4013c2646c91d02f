"""Keeping the compressed pixels of a PNG file: bit-identical, with nothing else of the file."""

import random
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kit.errors import UnprocessableError
from local.painter import Brief, paint
from services.storage.png import MAX_CHUNKS, Chunk, keep_pixels
from services.storage.variants import ImageVariants, create_variants
from tests.unit.storage.fakes import encode, gradient, raw_image

WIDTH, HEIGHT = 96, 64
XMP = b"<our-metadata/>"
METADATA = [b"sRGB", b"iTXt"]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
SECRET = b"secret-planted-text"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FRAME = struct.pack(">IIIIHHBB", WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0)


def joined(chunks: list[Chunk]) -> bytes:
    """Return a file of ``chunks`` with correct checksums."""
    parts = [SIGNATURE]
    for name, data in chunks:
        parts.append(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
    return b"".join(parts)


def split(content: bytes) -> list[Chunk]:
    """Return the chunks of a valid file."""
    assert content.startswith(SIGNATURE)
    chunks, rest = [], content[len(SIGNATURE) :]
    while rest:
        length = int.from_bytes(rest[:4])
        name, data, checksum = rest[4:8], rest[8 : 8 + length], rest[8 + length : 12 + length]
        assert int.from_bytes(checksum) == zlib.crc32(name + data)
        chunks.append((name, data))
        rest = rest[12 + length :]
    return chunks


def pixel_data(content: bytes) -> bytes:
    return b"".join(data for name, data in split(content) if name == b"IDAT")


def pixels(content: bytes) -> bytes:
    with Image.open(BytesIO(content)) as image:
        return image.convert("RGB").tobytes()


RAW = encode(gradient())
HEADER, DATA, END = split(RAW)[0], (b"IDAT", pixel_data(RAW)), (b"IEND", b"")
ROWS = zlib.decompress(DATA[1])
CRITICAL = {b"IHDR", b"IDAT", b"IEND"}


def stored(content: bytes, **options: Any) -> ImageVariants:
    return create_variants(content, raw_image(content), XMP, **options)


def original(content: bytes) -> bytes:
    """Return the stored original. It is sound, and has our chunks only."""
    file = stored(content).original
    chunks = split(file.content)
    names = [name for name, _ in chunks if name != b"IDAT"]
    assert names == [b"IHDR", *METADATA, b"IEND"]
    assert dict(chunks)[b"iTXt"] == b"XML:com.adobe.xmp\0\0\0\0\0" + XMP
    stream = zlib.decompressobj()
    assert len(stream.decompress(pixel_data(file.content))) == HEIGHT * (1 + 3 * WIDTH)
    assert stream.eof
    assert not stream.unused_data
    with Image.open(BytesIO(file.content)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (WIDTH, HEIGHT))
    return file.content


def kept(content: bytes) -> bool:
    """Return whether the original has the compressed pixels of ``content``. Its pixels are the same in any case."""
    found = original(content)
    assert pixels(found) == pixels(content)
    return pixel_data(found) == pixel_data(content)


@pytest.mark.parametrize("level", [1, 6, 9])
def test_compressed_pixels_of_a_png_are_copied(level: int) -> None:
    assert kept(encode(gradient(), compress_level=level))


def test_an_image_of_the_model_stand_in_is_kept() -> None:
    content = paint(Brief("a red fox in a snowy pine forest", style="photo", width=WIDTH * 4, height=HEIGHT * 4))
    image = raw_image(content, width=WIDTH * 4, height=HEIGHT * 4)
    assert pixel_data(create_variants(content, image, XMP).original.content) == pixel_data(content)


def test_pixels_in_several_chunks_become_one_chunk() -> None:
    parts = [(b"IDAT", DATA[1][start : start + 50]) for start in range(0, len(DATA[1]), 50)]
    assert len(parts) > 2
    content = original(joined([HEADER, *parts[:1], (b"IDAT", b""), *parts[1:], END]))
    assert [data for name, data in split(content) if name == b"IDAT"] == [DATA[1]]


def test_the_same_png_gives_the_same_bytes() -> None:
    assert stored(RAW) == stored(bytes(bytearray(RAW)))


def test_a_kept_png_has_the_metadata_of_an_encoded_one() -> None:
    encoded = original(encode(gradient(), "WEBP", lossless=True))
    assert split(original(RAW))[:3] == split(encoded)[:3]


def test_the_small_files_show_the_kept_pixels() -> None:
    encoded = stored(encode(gradient(), "WEBP", lossless=True, exact=True))
    found = stored(RAW)
    assert (found.display, found.thumbnail, found.placeholder) == (
        *(encoded.display, encoded.thumbnail, encoded.placeholder),
    )


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_another_requested_format_is_encoded(output_format: str) -> None:
    with Image.open(BytesIO(stored(RAW, output_format=output_format).original.content)) as image:
        assert image.format == output_format.upper()


ENCODED = pixel_data(original(encode(gradient(), "WEBP", lossless=True)))
"""The pixels as storage encodes them."""
PLANTED = {
    "text": (b"tEXt", b"Comment\0" + SECRET),
    "compressed text": (b"zTXt", b"Comment\0\0" + zlib.compress(SECRET)),
    "foreign XMP": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET),
    "EXIF": (b"eXIf", b"II*\0\x08\0\0\0\0\0" + SECRET),
    "time": (b"tIME", b"\x07\xea\x0b\x1c\x0c\0\0"),
    "resolution": (b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
    "gamma": (b"gAMA", struct.pack(">I", 100_000)),
    "coding of colors": (b"cICP", b"\x09\x10\0\1"),
    "primaries": (b"cHRM", struct.pack(">8I", *(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))),
    "foreign sRGB": (b"sRGB", b"\x03"),
    "content credentials": (b"caBX", SECRET),
    "unknown": (b"prVt", SECRET),
    "malformed text": (b"iTXt", SECRET),
    "animation": (b"acTL", struct.pack(">II", 1, 0)),
}


@pytest.mark.parametrize("name", list(PLANTED))
@pytest.mark.parametrize("place", [1, 2])
def test_a_chunk_that_no_pixel_needs_is_dropped(name: str, place: int) -> None:
    chunks = [HEADER, DATA, END]
    chunks.insert(place, PLANTED[name])
    content = joined(chunks)
    assert kept(content)
    assert SECRET not in original(content)


def test_the_frames_of_an_animation_are_dropped() -> None:
    frames = [(b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", struct.pack(">I", 0) + FRAME)]
    second = [(b"fcTL", struct.pack(">I", 1) + FRAME), (b"fdAT", struct.pack(">I", 2) + zlib.compress(SECRET))]
    assert kept(joined([HEADER, *frames, DATA, *second, END]))


def test_a_text_that_is_a_bomb_is_dropped_without_reading_it() -> None:
    bomb = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))
    assert original(joined([HEADER, bomb, DATA, END])) == original(RAW)


UNEXPECTED = {
    "data after the end": RAW + SECRET,
    "a second image after the end": RAW + RAW,
    "an archive after the end": RAW + b"PK\x03\x04" + SECRET,
    "data in the end": joined([HEADER, DATA, (b"IEND", SECRET)]),
    "data after the pixels": joined([HEADER, (b"IDAT", DATA[1] + SECRET), END]),
    "more pixels than the header says": joined([HEADER, (b"IDAT", zlib.compress(ROWS + SECRET * 100, 0)), END]),
    "a byte after the last row": joined([HEADER, (b"IDAT", zlib.compress(ROWS + b"\0")), END]),
    "a suggested palette": joined([HEADER, (b"PLTE", SECRET[:18]), DATA, END]),
    "an unknown critical chunk": joined([HEADER, (b"EVIL", SECRET), DATA, END]),
    "a reserved chunk type": joined([HEADER, (b"evil", SECRET), DATA, END]),
    "a bomb of pixels": joined([HEADER, (b"IDAT", zlib.compress(ROWS + bytes(100_000_000))), END]),
    "too many chunks": joined([HEADER, *[(b"prVt", b"")] * MAX_CHUNKS, DATA, END]),
    "blocks without content": joined(
        [HEADER, (b"IDAT", DATA[1][:2] + b"\0\0\0\xff\xff" * 5000 + DATA[1][2:]), END],
    ),
    "a wrong checksum of a chunk": joined([HEADER, DATA])[:-1] + b"\0" + joined([END])[len(SIGNATURE) :],
    "no checksum of the pixels": joined([HEADER, (b"IDAT", DATA[1][:-4]), END]),
    "uncompressed pixels": encode(gradient(), compress_level=0),
    "a color profile": encode(gradient(), icc_profile=SRGB),
    "a transparent color": joined([HEADER, (b"tRNS", struct.pack(">HHH", 1, 2, 3)), DATA, END]),
}


@pytest.mark.parametrize("name", list(UNEXPECTED))
def test_an_unexpected_file_is_encoded_again(name: str) -> None:
    content = original(UNEXPECTED[name])
    assert pixel_data(content) == ENCODED != DATA[1]
    assert SECRET not in content


def interlaced() -> bytes:
    """Return the gradient in Adam7's seven passes."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    plain = gradient().tobytes()
    rows = bytearray()
    for left, top, across, down in passes:
        for row in range(top, HEIGHT, down):
            rows += b"\0" + b"".join(
                plain[start : start + 3] for start in range((row * WIDTH + left) * 3, (row + 1) * WIDTH * 3, across * 3)
            )
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    return joined([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), END])


def test_an_interlaced_file_is_encoded_again() -> None:
    assert pixel_data(original(interlaced())) == ENCODED


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_pixels_in_another_form_are_encoded_again(mode: str) -> None:
    content = encode(gradient(mode=mode))
    assert keep_pixels(content, WIDTH, HEIGHT, ()) is None
    assert pixels(original(content)) == pixels(content)


INVALID = {
    "a filter that does not exist": joined([HEADER, (b"IDAT", zlib.compress(b"\5" + ROWS[1:])), END]),
    "too few pixels": joined([HEADER, (b"IDAT", zlib.compress(ROWS[:-1])), END]),
    "no pixels": joined([HEADER, END]),
    "no header": joined([DATA, END]),
    "pixels in two places": joined([HEADER, (b"IDAT", DATA[1][:50]), PLANTED["text"], (b"IDAT", DATA[1][50:]), END]),
    "an incomplete stream": joined([HEADER, (b"IDAT", DATA[1][:-20]), END]),
    "a wrong checksum of the pixels": joined([HEADER, (b"IDAT", DATA[1][:-4] + bytes(4)), END]),
    "an interlaced header": joined([(b"IHDR", HEADER[1][:-1] + b"\1"), DATA, END]),
    "half a file": RAW[: len(RAW) // 2],
    "a signature only": SIGNATURE,
}


@pytest.mark.parametrize("name", list(INVALID))
def test_a_file_that_cannot_be_decoded_is_rejected(name: str) -> None:
    with pytest.raises(UnprocessableError):
        stored(INVALID[name])


@pytest.mark.parametrize("size", [(-1, 64), (0, 0), (2**32, 1), (96, 2**31)])
def test_a_size_that_no_file_can_have_keeps_nothing(size: tuple[int, int]) -> None:
    assert keep_pixels(RAW, *size, ()) is None


def test_an_image_with_too_many_pixels_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.variants.MAX_PIXELS", WIDTH * HEIGHT - 1)
    monkeypatch.setattr("services.storage.variants.keep_pixels", lambda *_: pytest.fail("inflated"))
    with pytest.raises(UnprocessableError, match="more than"):
        stored(RAW)


NAMES = [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"gAMA", b"sRGB", b"tEXt", b"zTXt", b"iTXt", b"eXIf"]
ANIMATION = [b"acTL", b"fcTL", b"fdAT"]
DAMAGES = ["insert", "remove", "repeat", "swap", "change", "rows", "header", "append", "cut", "flip"]


def mutated(draw: Callable[[Any], Any]) -> bytes:
    """Return a file with one to four damages. All checksums are correct, except after the damages to bytes."""
    rows, header = bytearray(ROWS), bytearray(HEADER[1])
    damages = draw(st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=4))
    for _ in range(damages.count("rows")):
        start = draw(st.integers(0, len(rows)))
        rows[start : start + draw(st.integers(0, 300))] = draw(st.binary(max_size=300))
    for _ in range(damages.count("header")):
        header[draw(st.integers(0, 12))] = draw(st.integers(0, 255))
    pixel_chunks = [(b"IDAT", part) for part in parts(zlib.compress(rows, draw(st.integers(0, 9))), draw)]
    chunks = [(b"IHDR", bytes(header)), PLANTED["text"], *pixel_chunks, END]
    for damage in damages:
        place = draw(st.integers(0, max(0, len(chunks) - 1)))
        match damage:
            case "insert":
                name = draw(st.sampled_from(NAMES + ANIMATION) | st.binary(min_size=4, max_size=4))
                chunks.insert(place, (name, draw(st.binary(max_size=40))))
            case "remove" if chunks:
                del chunks[place]
            case "repeat" if chunks:
                chunks.insert(place, chunks[place])
            case "swap" if chunks:
                chunks.append(chunks.pop(place))
            case "change" if chunks:
                name, data = chunks[place]
                start = draw(st.integers(0, len(data)))
                chunks[place] = (name, data[:start] + draw(st.binary(max_size=8)) + data[start + 4 :])
    content = bytearray(joined(chunks))
    for damage in damages:
        place = draw(st.integers(0, len(content) - 1))
        match damage:
            case "flip":
                content[place] ^= draw(st.integers(1, 255))
            case "append":
                content += draw(st.binary(max_size=40))
            case "cut" if place:
                del content[place:]
    return bytes(content)


def parts(data: bytes, draw: Callable[[Any], Any]) -> list[bytes]:
    """Return ``data`` in one to three parts, which may be empty."""
    first, second = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
    return [data[:first], data[first:second], data[second:]]


@pytest.mark.filterwarnings("ignore:Invalid APNG")
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_mutated_file_becomes_a_sound_file_or_is_rejected(data: Any) -> None:
    content = mutated(data.draw)
    try:
        found = original(content)
    except UnprocessableError:
        return
    assert SECRET not in found
    if keep_pixels(content, WIDTH, HEIGHT, ()) is not None:
        assert pixel_data(found) == pixel_data(content)
        assert pixels(found) == pixels(joined([(name, data) for name, data in split(content) if name in CRITICAL]))


@settings(max_examples=50, deadline=None)
@given(
    width=st.integers(16, 64),
    height=st.integers(16, 64),
    seed=st.integers(0, 99),
    spread=st.integers(3, 300),
    level=st.integers(1, 9),
)
def test_any_pixels_are_kept_bit_by_bit(width: int, height: int, seed: int, spread: int, level: int) -> None:
    plain = bytes(random.Random(seed).choices(range(256), k=spread)) * (width * height)
    plain = plain[: width * height * 3]
    content = encode(Image.frombytes("RGB", (width, height), plain), compress_level=level)
    file = create_variants(content, raw_image(content, width=width, height=height), XMP).original.content
    assert pixel_data(file) == pixel_data(content)
    assert pixels(file) == plain
