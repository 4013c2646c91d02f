"""Creates the files of an image from the bytes that a model returned. Pure: the same input gives the same bytes.

Only the pixels of the raw image are kept: it is decoded within limits and encoded again. If the original is a PNG file
like the raw image, the compressed pixels are copied instead (``png.py``).
"""

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from events.images import RawImage
from events.options import OutputFormat
from kit.errors import UnprocessableError
from kit.handoff import sha256
from services.storage.models import DISPLAY, THUMBNAIL, original_name
from services.storage.png import Chunk, keep_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS: Final = ("PNG", "JPEG", "WEBP")
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_PIXELS: Final = 4096 * 4096
DISPLAY_SIDE: Final = 1024
THUMBNAIL_SIDE: Final = 320
PLACEHOLDER_SIDE: Final = 32
MODES: Final = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
"""Modes with eight bits per channel. Deeper ones would be clipped silently."""

PNG_LEVEL: Final = 1
"""Measured on 1344 x 768 with grain: level 6 takes 2.7 times the CPU for a file 9 % smaller."""
WEBP_METHOD: Final = 2
"""Measured likewise: method 4 takes twice the CPU for a file 5 % smaller."""
BEST_QUALITY: Final = 100
"""Of an original, unless the request chose a quality."""
DISPLAY_QUALITY: Final = 85
THUMBNAIL_QUALITY: Final = 78


@dataclass(frozen=True)
class EncodedFile:
    """A file to store."""

    name: str
    """Such as ``display.webp``."""
    content: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class ImageVariants:
    """The files of an image, and its placeholder."""

    original: EncodedFile
    display: EncodedFile
    thumbnail: EncodedFile
    placeholder: str
    """BlurHash (https://blurha.sh)."""


def create_variants(
    raw: bytes, image: RawImage, xmp: bytes, output_format: OutputFormat = "png", quality: int = BEST_QUALITY
) -> ImageVariants:
    """Return the variants of ``raw``, with ``xmp`` as their only metadata.

    ``output_format`` and ``quality`` are those of the original. A PNG file loses nothing, whatever its ``quality``.

    Raises ``UnprocessableError`` if the image differs from its description ``image``, exceeds a limit, or cannot be
    decoded completely.
    """
    if len(raw) > MAX_BYTES:
        raise UnprocessableError(f"image.bytes: {image.key} has {len(raw)}, more than {MAX_BYTES}")
    kept = _keep(raw, image, xmp) if output_format == "png" else None
    pixels = _decode(kept or raw, image)
    display = _fit(pixels, DISPLAY_SIDE)
    thumbnail = _fit(display, THUMBNAIL_SIDE)
    return ImageVariants(
        original=_kept_original(kept, pixels) if kept else _original(output_format, pixels, quality, xmp),
        display=_webp(DISPLAY, display, DISPLAY_QUALITY, xmp),
        thumbnail=_webp(THUMBNAIL, thumbnail, THUMBNAIL_QUALITY, xmp),
        placeholder=_blurhash(_fit(thumbnail, PLACEHOLDER_SIDE)),
    )


def content_hash(file: EncodedFile) -> str:
    """Return the SHA-256 of the file's content, 64 hexadecimal digits."""
    return sha256(file.content)


def _keep(raw: bytes, image: RawImage, xmp: bytes) -> bytes | None:
    """Return the original as a PNG file with the compressed pixels of ``raw``, or None if it must be encoded again."""
    if image.width * image.height > MAX_PIXELS:
        return None
    return keep_pixels(raw, image.width, image.height, _png_metadata(xmp))


def _decode(raw: bytes, image: RawImage) -> "Image":
    """Return the pixels in sRGB without metadata."""
    # Importing these plugins keeps Pillow from importing all forty of them to find WebP.
    from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401, PLC0415

    try:
        with Image.open(BytesIO(raw), formats=FORMATS) as opened:  # reads the header only
            _check(opened, image)
            opened.load()
            pixels = _to_srgb(opened)
    except UnprocessableError:
        raise
    except UnidentifiedImageError as error:
        raise UnprocessableError(f"image.bytes: {image.key} is not a PNG, JPEG or WebP image") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many exceptions for a corrupt file
        raise UnprocessableError(f"image.bytes: {image.key} is truncated or corrupt") from error
    pixels.info = {}
    return pixels


def _check(opened: "Image", image: RawImage) -> None:
    if opened.width * opened.height > MAX_PIXELS:
        raise UnprocessableError(
            f"image.width: {image.key} has {opened.width} x {opened.height} pixels, more than {MAX_PIXELS}"
        )
    if opened.size != (image.width, image.height):
        raise UnprocessableError(
            f"image.width: {image.key} is {opened.width} x {opened.height}, "
            f"its event says {image.width} x {image.height}"
        )
    if opened.mode not in MODES:
        raise UnprocessableError(f"image.bytes: {image.key} has the pixel format {opened.mode}, which is not supported")


def _to_srgb(image: "Image") -> "Image":
    from PIL import Image, ImageCms  # noqa: PLC0415

    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        image = Image.new("RGBA", layers.size, "white")
        image.alpha_composite(layers)
    if image.mode != "CMYK":
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            return _require(ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"))
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that does not match the pixels is ignored, as in browsers
    return image.convert("RGB")


def _require(image: "Image | None") -> "Image":
    assert image is not None  # noqa: S101 - profileToProfile returns None only when it works in place
    return image


def _fit(image: "Image", side: int) -> "Image":
    """Return ``image`` scaled down so that no side is longer than ``side``."""
    from PIL import Image  # noqa: PLC0415

    scale = side / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def _original(output_format: OutputFormat, image: "Image", quality: int, xmp: bytes) -> EncodedFile:
    match output_format:
        case "png":
            return _png(image, xmp)
        case "jpeg":
            return _jpeg(image, quality, xmp)
        case "webp":
            return _webp(original_name("webp"), image, quality, xmp)


def _kept_original(content: bytes, image: "Image") -> EncodedFile:
    return EncodedFile(original_name("png"), content, "image/png", image.width, image.height)


def _png(image: "Image", xmp: bytes) -> EncodedFile:
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415

    chunks = PngInfo()
    for chunk in _png_metadata(xmp):
        chunks.add(*chunk)
    name = original_name("png")
    return _encode(name, "image/png", image, format="PNG", compress_level=PNG_LEVEL, pnginfo=chunks)


def _png_metadata(xmp: bytes) -> list[Chunk]:
    return [(b"sRGB", b"\x00"), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)]


def _jpeg(image: "Image", quality: int, xmp: bytes) -> EncodedFile:
    # 4:4:4 keeps the colors of every pixel: text and thin lines stay clean.
    options = {"format": "JPEG", "quality": quality, "subsampling": "4:4:4", "xmp": xmp}
    return _encode(original_name("jpeg"), "image/jpeg", image, **options)


def _webp(name: str, image: "Image", quality: int, xmp: bytes) -> EncodedFile:
    return _encode(name, "image/webp", image, format="WEBP", quality=quality, method=WEBP_METHOD, xmp=xmp)


def _encode(name: str, media_type: str, image: "Image", **options: Any) -> EncodedFile:
    target = BytesIO()
    image.save(target, **options)
    return EncodedFile(name, target.getvalue(), media_type, image.width, image.height)


def _blurhash(image: "Image") -> str:
    import blurhash  # noqa: PLC0415

    pixels, row = image.tobytes(), image.width * 3
    rows = [
        [pixels[start : start + 3] for start in range(top, top + row, 3)] for top in range(0, row * image.height, row)
    ]
    columns, lines = (4, 3) if image.width >= image.height else (3, 4)
    return str(blurhash.encode(rows, columns, lines))
