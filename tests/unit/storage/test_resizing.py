"""Derived files: the width and format that were asked for, the provenance of the original, and nothing larger."""

from io import BytesIO
from typing import get_args

import pytest
from PIL import Image

from kit.errors import UnprocessableError
from kit.signed_urls import WIDTHS
from services.storage.derived_files import DerivedFile, DerivedFormat
from services.storage.provenance import DIGITAL_SOURCE_TYPE
from services.storage.resizing import resize
from services.storage.variants import create_variants
from tests.unit.storage.fakes import REQUEST, encode, gradient, raw_image
from tests.unit.storage.test_variants import XMP

FOLDER = f"images/{REQUEST}/0-{'a' * 64}"


def original(output_format: str = "png") -> bytes:
    """Return an original file as storage writes it."""
    raw = encode(gradient(1000, 500))
    return create_variants(raw, raw_image(raw, width=1000, height=500), XMP, output_format).original.content  # type: ignore[arg-type]


@pytest.mark.parametrize("stored", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("wanted", get_args(DerivedFormat))
def test_a_derived_file_has_its_width_format_and_provenance(stored: str, wanted: DerivedFormat) -> None:
    with Image.open(BytesIO(resize(original(stored), 640, wanted))) as image:
        assert (image.format, image.size, image.mode) == (wanted.upper(), (640, 320), "RGB")
        assert DIGITAL_SOURCE_TYPE.encode() in image.info["xmp"]


def test_no_image_is_enlarged() -> None:
    with Image.open(BytesIO(resize(original(), 1920, "avif"))) as image:
        assert image.size == (1000, 500)


def test_an_image_keeps_at_least_one_row() -> None:
    with Image.open(BytesIO(resize(encode(gradient(1300, 1)), 320, "webp"))) as image:
        assert image.size == (320, 1)


def test_the_same_original_gives_the_same_bytes() -> None:
    assert resize(original(), 320, "avif") == resize(original(), 320, "avif")


def test_more_pixels_than_an_original_can_have_are_not_decoded() -> None:
    content = encode(Image.new("L", (4097, 4096)))
    with pytest.raises(UnprocessableError, match="4097 x 4096 pixels"):
        resize(content, 320, "webp")


@pytest.mark.parametrize("content", [b"", b"text", original()[:-200]], ids=["empty", "text", "cut off"])
def test_a_damaged_original_is_reported(content: bytes) -> None:
    with pytest.raises(UnprocessableError, match="truncated or corrupt"):
        resize(content, 320, "webp")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("format", get_args(DerivedFormat))
def test_a_key_names_the_image_the_width_and_the_format(width: int, format: DerivedFormat) -> None:
    wanted = DerivedFile(f"{REQUEST}-0", FOLDER, width, format)
    assert wanted.key == f"derived/{REQUEST}/0-{'a' * 64}/{width}.{format}"
    assert DerivedFile.parse(wanted.key) == wanted


@pytest.mark.parametrize(
    "change",
    [
        ("/640.", "/641."),
        (".avif", ".tiff"),
        (".avif", ".avif/"),
        ("derived/", "images/"),
        ("derived/", "derived/../"),
        ("/0-", "/100-"),
        ("aaaa", "AAAA"),
        (REQUEST, "1"),
    ],
)
def test_other_keys_name_nothing(change: tuple[str, str]) -> None:
    key = DerivedFile(f"{REQUEST}-0", FOLDER, 640, "avif").key
    assert DerivedFile.parse(key) is not None
    assert DerivedFile.parse(key.replace(*change, 1)) is None
