"""Creating the files of an image: within limits, without foreign metadata, with provenance, reproducible."""

import struct
import zlib
from io import BytesIO
from typing import Any

import blurhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from kit.errors import UnprocessableError
from kit.keyring import SecretVersion
from services.storage.provenance import DIGITAL_SOURCE_TYPE, NAMESPACE, Provenance, prompt_hash
from services.storage.variants import EncodedFile, ImageVariants, create_variants
from tests.unit.storage.fakes import encode, gradient, raw_image

HASH_KEY = SecretVersion(1, b"key")
PROVENANCE = Provenance("r-0", "r", 'a "quoted" <model> & co', 4242, prompt_hash(HASH_KEY, "a prompt"))
XMP = PROVENANCE.xmp()
SRGB, LAB = (ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes() for name in ("sRGB", "LAB"))


def stored(content: bytes, width: int = 96, height: int = 64, **options: Any) -> ImageVariants:
    return create_variants(content, raw_image(content, width=width, height=height), XMP, **options)


def files(variants: ImageVariants) -> list[EncodedFile]:
    return [variants.original, variants.display, variants.thumbnail]


def opened(file: EncodedFile) -> Image.Image:
    image = Image.open(BytesIO(file.content))
    image.load()
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_every_format_of_a_model_becomes_a_png_and_two_webps(format: str) -> None:
    variants = stored(encode(gradient(1500, 750), format), 1500, 750)
    assert [(f.name, f.media_type, (f.width, f.height)) for f in files(variants)] == [
        ("original.png", "image/png", (1500, 750)),
        ("display.webp", "image/webp", (1024, 512)),
        ("thumbnail.webp", "image/webp", (320, 160)),
    ]
    assert [opened(f).format for f in files(variants)] == ["PNG", "WEBP", "WEBP"]
    assert all(opened(f).size == (f.width, f.height) for f in files(variants))


@pytest.mark.parametrize("raw", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("wanted", ["png", "jpeg", "webp"])
def test_the_original_has_the_requested_format(wanted: str, raw: str) -> None:
    variants = stored(encode(gradient(1500, 750), raw), 1500, 750, output_format=wanted)
    assert (variants.original.name, variants.original.media_type) == (f"original.{wanted}", f"image/{wanted}")
    assert (opened(variants.original).format, opened(variants.original).size) == (wanted.upper(), (1500, 750))
    assert [file.name for file in (variants.display, variants.thumbnail)] == ["display.webp", "thumbnail.webp"]


@pytest.mark.parametrize("lossy", ["jpeg", "webp"])
def test_a_lower_quality_gives_a_smaller_original_only(lossy: str) -> None:
    sizes, others = [], []
    for quality in (0, 30, 60, 100):
        variants = stored(encode(gradient(400, 300)), 400, 300, output_format=lossy, quality=quality)
        sizes.append(len(variants.original.content))
        others.append((variants.display, variants.thumbnail, variants.placeholder))
    assert sizes == sorted(set(sizes))
    assert all(other == others[0] for other in others)
    assert sizes[-1] == len(stored(encode(gradient(400, 300)), 400, 300, output_format=lossy).original.content)


def test_a_jpeg_original_keeps_the_colors_of_single_pixels() -> None:
    stripes = Image.new("RGB", (64, 64))
    stripes.putdata([(255, 0, 0) if number % 2 else (0, 0, 255) for number in range(64 * 64)])
    original = opened(stored(encode(stripes), 64, 64, output_format="jpeg").original)
    difference = ImageChops.difference(original, stripes)
    assert all(channel.getextrema()[1] < 25 for channel in difference.split())  # type: ignore[operator]


def test_the_original_loses_no_pixel() -> None:
    assert opened(stored(encode(gradient())).original).tobytes() == gradient().tobytes()


def test_a_small_image_is_not_enlarged() -> None:
    assert {(f.width, f.height) for f in files(stored(encode(gradient(20, 10)), 20, 10))} == {(20, 10)}


def test_a_very_narrow_image_keeps_at_least_one_pixel() -> None:
    assert stored(encode(gradient(4000, 1)), 4000, 1).thumbnail.height == 1


def test_the_same_input_gives_the_same_bytes() -> None:
    content = encode(gradient(700, 900), "JPEG")
    assert stored(content, 700, 900) == stored(content, 700, 900)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_every_file_contains_its_provenance(output_format: str) -> None:
    for file in files(stored(encode(gradient(400, 300)), 400, 300, output_format=output_format)):
        described = opened(file).getxmp()["xmpmeta"]["RDF"]["Description"]
        assert described["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
        assert described["AISystemUsed"] == PROVENANCE.model
        assert described["CreatorTool"] == "GenAI Image Generator"
        assert described["identifier"] == "r-0"
        assert (described["requestId"], described["seed"]) == ("r", "4242")
        assert described["promptHmacSha256"] == PROVENANCE.prompt_hash
        assert NAMESPACE.encode() in file.content


def test_the_prompt_hash_needs_the_key() -> None:
    assert prompt_hash(HASH_KEY, "a cat") == prompt_hash(HASH_KEY, "a cat")
    assert prompt_hash(SecretVersion(2, b"key"), "a cat").startswith("2:")
    assert (
        len(
            {
                prompt_hash(HASH_KEY, "a cat"),
                prompt_hash(SecretVersion(1, b"other"), "a cat"),
                prompt_hash(HASH_KEY, "a dog"),
            }
        )
        == 3
    )


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_no_metadata_of_the_raw_image_is_kept(output_format: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret-description"
    info = PngInfo()
    info.add_text("parameters", "secret-text")
    info.add_itxt("XML:com.adobe.xmp", "secret-xmp")
    for content in (
        encode(gradient(), "PNG", pnginfo=info, exif=exif, icc_profile=SRGB, dpi=(300, 300)),
        encode(gradient(), "JPEG", exif=exif, icc_profile=SRGB, comment=b"secret-comment"),
        encode(gradient(), "WEBP", exif=exif, icc_profile=SRGB, xmp=b"secret-xmp"),
    ):
        for file in files(stored(content, output_format=output_format)):
            assert b"secret" not in file.content
            assert set(opened(file).info) <= {
                "srgb",
                "xmp",
                "XML:com.adobe.xmp",
                "loop",
                "background",
                "timestamp",
                "duration",
                *("jfif", "jfif_version", "jfif_unit", "jfif_density"),
            }


def test_content_after_the_image_is_dropped() -> None:
    assert all(b"PAYLOAD" not in f.content for f in files(stored(encode(gradient()) + b"PAYLOAD<script>")))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_pixel_format_becomes_rgb(mode: str) -> None:
    assert {opened(f).mode for f in files(stored(encode(gradient(mode=mode))))} == {"RGB"}


def test_cmyk_becomes_rgb() -> None:
    assert opened(stored(encode(gradient(mode="CMYK"), "JPEG")).original).mode == "RGB"


def test_transparent_pixels_become_white() -> None:
    clear = Image.new("RGBA", (96, 64), (255, 0, 0, 0))
    assert opened(stored(encode(clear)).original).getpixel((5, 5)) == (255, 255, 255)


def test_colours_of_a_profile_are_converted_to_srgb() -> None:
    swapped = bytearray(SRGB)  # a colour space with sRGB's red and blue primaries swapped
    red, blue = swapped.index(b"rXYZ"), swapped.index(b"bXYZ")
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    image = Image.new("RGB", (96, 64), (200, 30, 30))
    pixel = opened(stored(encode(image, icc_profile=bytes(swapped))).original).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    assert all(abs(found - expected) < 4 for found, expected in zip(pixel, (30, 30, 200), strict=True))


@pytest.mark.parametrize("profile", [SRGB, LAB, b"not a profile"], ids=["srgb", "lab", "broken"])
def test_an_irrelevant_or_broken_profile_changes_no_pixel(profile: bytes) -> None:
    image = Image.new("RGB", (96, 64), (200, 30, 30))
    assert opened(stored(encode(image, icc_profile=profile)).original).getpixel((0, 0)) == (200, 30, 30)


@pytest.mark.parametrize(("width", "height", "components"), [(96, 64, (4, 3)), (64, 96, (3, 4))])
def test_the_placeholder_is_a_blurhash_of_the_image(width: int, height: int, components: tuple[int, int]) -> None:
    placeholder = stored(encode(Image.new("RGB", (width, height), (200, 40, 40))), width, height).placeholder
    assert blurhash.components(placeholder) == components
    red, green, blue = blurhash.decode(placeholder, 4, 4)[1][1]
    assert abs(red - 200) < 12
    assert max(green, blue) < 80


def test_an_image_with_unexpected_dimensions_is_rejected() -> None:
    with pytest.raises(UnprocessableError, match=r"96 x 64.*event says 100 x 64"):
        stored(encode(gradient()), 100, 64)


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(4097, 4096), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_rejected_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(UnprocessableError, match=r"more than|corrupt"):
        stored(png_header(*size), *size)


def test_a_text_bomb_is_rejected_if_the_file_is_encoded_again() -> None:
    info = PngInfo()
    info.add_itxt("bomb", "a" * 80_000_000, zip=True)
    with pytest.raises(UnprocessableError, match="corrupt"):
        stored(encode(gradient(), pnginfo=info), output_format="jpeg")


def test_a_file_that_is_too_large_is_rejected_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.storage.variants.MAX_BYTES", 100)
    with pytest.raises(UnprocessableError, match="more than 100"):
        stored(encode(gradient()))


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", encode(gradient(), "GIF"), encode(gradient(), "TIFF"), encode(gradient(), "BMP")],
    ids=["empty", "text", "gif", "tiff", "bmp"],
)
def test_other_formats_are_rejected(content: bytes) -> None:
    with pytest.raises(UnprocessableError, match="not a PNG, JPEG or WebP"):
        stored(content)


def test_an_image_with_more_than_eight_bits_is_rejected() -> None:
    with pytest.raises(UnprocessableError, match="pixel format"):
        stored(encode(Image.new("I;16", (96, 64))))


VALID: dict[str, bytes] = {
    "PNG": encode(gradient()),
    "JPEG": encode(gradient(), "JPEG", quality=90),
    "WEBP": encode(gradient(), "WEBP", quality=90),
}


@pytest.mark.parametrize("format", list(VALID))
def test_a_truncated_file_is_rejected_by_name(format: str) -> None:
    content = VALID[format][: len(VALID[format]) // 2]
    with pytest.raises(UnprocessableError, match=rf"{raw_image(content).key} is truncated or corrupt"):
        stored(content)


@pytest.mark.parametrize("format", list(VALID))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_rejected_or_becomes_valid_files(format: str, data: Any) -> None:
    content = bytearray(VALID[format])
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "zero"])):
            case "flip":
                content[position] ^= data.draw(st.integers(1, 255))
            case "cut":
                del content[position : position + data.draw(st.integers(1, 64))]
            case "insert":
                content[position:position] = data.draw(st.binary(min_size=1, max_size=32))
            case _:
                content[position : position + 16] = bytes(len(content[position : position + 16]))
        content = content or bytearray(b"\x89")
    try:
        variants = stored(bytes(content))
    except UnprocessableError:
        return
    for file in files(variants):
        assert opened(file).size == (96, 64)
