"""Images in, files out: within limits, stripped, labelled, and the same every time."""

import struct
import zlib
from io import BytesIO
from typing import Any

import blurhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from kit.errors import UnprocessableError
from services.storage.images import Encoded, Picture, process
from services.storage.provenance import DIGITAL_SOURCE_TYPE, NAMESPACE, Provenance, prompt_hash
from tests.unit.storage.fakes import encode, painting, raw_image

PROVENANCE = Provenance("r-0", "r", 'a "quoted" <model> & co', 4242, prompt_hash(b"key", "a prompt"))
XMP = PROVENANCE.xmp()
SRGB, LAB = (ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes() for name in ("sRGB", "LAB"))


def stored(content: bytes, width: int = 96, height: int = 64) -> Picture:
    return process(content, raw_image(content, width=width, height=height), XMP)


def files(picture: Picture) -> list[Encoded]:
    return [picture.original, picture.display, picture.thumbnail]


def opened(file: Encoded) -> Image.Image:
    image = Image.open(BytesIO(file.content))
    image.load()
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_every_format_a_model_answers_with_becomes_a_png_and_two_webps(format: str) -> None:
    picture = stored(encode(painting(1500, 750), format), 1500, 750)
    assert [(f.name, f.media_type, (f.width, f.height)) for f in files(picture)] == [
        ("original.png", "image/png", (1500, 750)),
        ("display.webp", "image/webp", (1024, 512)),
        ("thumbnail.webp", "image/webp", (320, 160)),
    ]
    assert [opened(f).format for f in files(picture)] == ["PNG", "WEBP", "WEBP"]
    assert all(opened(f).size == (f.width, f.height) for f in files(picture))


def test_the_original_loses_no_pixel() -> None:
    assert opened(stored(encode(painting())).original).tobytes() == painting().tobytes()


def test_a_small_image_is_not_blown_up() -> None:
    assert {(f.width, f.height) for f in files(stored(encode(painting(20, 10)), 20, 10))} == {(20, 10)}


def test_a_sliver_keeps_at_least_one_pixel() -> None:
    assert stored(encode(painting(4000, 1)), 4000, 1).thumbnail.height == 1


def test_the_same_input_gives_the_same_bytes() -> None:
    content = encode(painting(700, 900), "JPEG")
    assert stored(content, 700, 900) == stored(content, 700, 900)


def test_every_file_says_what_made_it_and_that_a_model_did() -> None:
    for file in files(stored(encode(painting(400, 300)), 400, 300)):
        described = opened(file).getxmp()["xmpmeta"]["RDF"]["Description"]
        assert described["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
        assert described["AISystemUsed"] == PROVENANCE.model
        assert described["CreatorTool"] == "GenAI Image Generator"
        assert described["identifier"] == "r-0"
        assert (described["requestId"], described["seed"]) == ("r", "4242")
        assert described["promptHmacSha256"] == PROVENANCE.prompt_hash
        assert NAMESPACE.encode() in file.content


def test_the_prompt_hash_needs_the_key() -> None:
    assert prompt_hash(b"key", "a cat") == prompt_hash(b"key", "a cat")
    assert len({prompt_hash(b"key", "a cat"), prompt_hash(b"other", "a cat"), prompt_hash(b"key", "a dog")}) == 3


def test_nothing_that_came_with_the_image_is_passed_on() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret-description"
    info = PngInfo()
    info.add_text("parameters", "secret-text")
    info.add_itxt("XML:com.adobe.xmp", "secret-xmp")
    for content in (
        encode(painting(), "PNG", pnginfo=info, exif=exif, icc_profile=SRGB, dpi=(300, 300)),
        encode(painting(), "JPEG", exif=exif, icc_profile=SRGB, comment=b"secret-comment"),
        encode(painting(), "WEBP", exif=exif, icc_profile=SRGB, xmp=b"secret-xmp"),
    ):
        for file in files(stored(content)):
            assert b"secret" not in file.content
            assert set(opened(file).info) <= {
                "srgb",
                "xmp",
                "XML:com.adobe.xmp",
                "loop",
                "background",
                "timestamp",
                "duration",
            }


def test_what_follows_the_image_in_its_file_is_dropped() -> None:
    assert all(b"PAYLOAD" not in f.content for f in files(stored(encode(painting()) + b"PAYLOAD<script>")))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_pixel_format_becomes_rgb(mode: str) -> None:
    assert {opened(f).mode for f in files(stored(encode(painting(mode=mode))))} == {"RGB"}


def test_cmyk_becomes_rgb() -> None:
    assert opened(stored(encode(painting(mode="CMYK"), "JPEG")).original).mode == "RGB"


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (96, 64), (255, 0, 0, 0))
    assert opened(stored(encode(clear)).original).getpixel((5, 5)) == (255, 255, 255)


def test_colours_of_a_profile_are_converted_to_srgb() -> None:
    swapped = bytearray(SRGB)  # a colour space whose red primary is sRGB's blue one
    red, blue = swapped.index(b"rXYZ"), swapped.index(b"bXYZ")
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    image = Image.new("RGB", (96, 64), (200, 30, 30))
    pixel = opened(stored(encode(image, icc_profile=bytes(swapped))).original).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    assert all(abs(found - expected) < 4 for found, expected in zip(pixel, (30, 30, 200), strict=True))


@pytest.mark.parametrize("profile", [SRGB, LAB, b"not a profile"], ids=["srgb", "lab", "broken"])
def test_a_profile_that_says_nothing_about_the_pixels_changes_none(profile: bytes) -> None:
    image = Image.new("RGB", (96, 64), (200, 30, 30))
    assert opened(stored(encode(image, icc_profile=profile)).original).getpixel((0, 0)) == (200, 30, 30)


@pytest.mark.parametrize(("width", "height", "components"), [(96, 64, (4, 3)), (64, 96, (3, 4))])
def test_the_placeholder_is_a_blurhash_of_the_image(width: int, height: int, components: tuple[int, int]) -> None:
    placeholder = stored(encode(Image.new("RGB", (width, height), (200, 40, 40))), width, height).placeholder
    assert blurhash.components(placeholder) == components
    red, green, blue = blurhash.decode(placeholder, 4, 4)[1][1]
    assert abs(red - 200) < 12
    assert max(green, blue) < 80


def test_other_dimensions_than_the_event_says_are_refused() -> None:
    with pytest.raises(UnprocessableError, match=r"96 x 64.*event says 100 x 64"):
        stored(encode(painting()), 100, 64)


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(4097, 4096), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(UnprocessableError, match=r"more than|corrupt"):
        stored(png_header(*size), *size)


def test_a_text_bomb_is_refused() -> None:
    info = PngInfo()
    info.add_itxt("bomb", "a" * 80_000_000, zip=True)
    with pytest.raises(UnprocessableError, match="corrupt"):
        stored(encode(painting(), pnginfo=info))


def test_too_many_bytes_are_refused_before_anything_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.images.MAX_BYTES", 100)
    with pytest.raises(UnprocessableError, match="more than 100"):
        stored(encode(painting()))


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", encode(painting(), "GIF"), encode(painting(), "TIFF"), encode(painting(), "BMP")],
    ids=["empty", "text", "gif", "tiff", "bmp"],
)
def test_other_formats_are_refused(content: bytes) -> None:
    with pytest.raises(UnprocessableError, match="not a PNG, JPEG or WebP"):
        stored(content)


def test_depth_that_would_be_lost_is_refused() -> None:
    with pytest.raises(UnprocessableError, match="pixel format"):
        stored(encode(Image.new("I;16", (96, 64))))


SOUND: dict[str, bytes] = {
    "PNG": encode(painting()),
    "JPEG": encode(painting(), "JPEG", quality=90),
    "WEBP": encode(painting(), "WEBP", quality=90),
}


@pytest.mark.parametrize("format", list(SOUND))
def test_a_truncated_file_is_refused_by_name(format: str) -> None:
    content = SOUND[format][: len(SOUND[format]) // 2]
    with pytest.raises(UnprocessableError, match=rf"{raw_image(content).key} is truncated or corrupt"):
        stored(content)


@pytest.mark.parametrize("format", list(SOUND))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_becomes_sound_files(format: str, data: Any) -> None:
    content = bytearray(SOUND[format])
    for _ in range(data.draw(st.integers(1, 8))):
        where = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "zero"])):
            case "flip":
                content[where] ^= data.draw(st.integers(1, 255))
            case "cut":
                del content[where : where + data.draw(st.integers(1, 64))]
            case "insert":
                content[where:where] = data.draw(st.binary(min_size=1, max_size=32))
            case _:
                content[where : where + 16] = bytes(len(content[where : where + 16]))
        content = content or bytearray(b"\x89")
    try:
        picture = stored(bytes(content))
    except UnprocessableError:
        return
    for file in files(picture):
        assert opened(file).size == (96, 64)
