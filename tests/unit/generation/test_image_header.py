"""Reading an image's format and size from its first bytes."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.generation.image_header import ImageHeader, read_header
from tests.unit.generation.fakes import png

SIDES = st.integers(1, 80)


@given(SIDES, SIDES, st.sampled_from(["PNG", "JPEG"]), st.booleans())
def test_the_header_matches_what_an_encoder_wrote(width: int, height: int, kind: str, progressive: bool) -> None:
    file = io.BytesIO()
    options = {"progressive": progressive, "exif": Image.Exif().tobytes()} if kind == "JPEG" else {}
    Image.new("RGB", (width, height)).save(file, kind, **options)
    assert read_header(file.getvalue()) == ImageHeader(f"image/{kind.lower()}", width, height)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]))
def test_other_content_raises_only_value_error(junk: bytes, start: bytes) -> None:
    try:
        header = read_header(start + junk)
    except ValueError:
        return
    assert header.width > 0
    assert header.height > 0


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"RIFF\0\0\0\0WEBP", png()[:20], png(0, 5), b"\xff\xd8\xff\xd9"])
def test_an_incomplete_header_is_rejected(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"JP|image"):
        read_header(content)
