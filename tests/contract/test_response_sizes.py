"""Images in a response: the files that storage writes against what the OpenAI facade can return."""

import random
from collections.abc import Mapping
from io import BytesIO
from typing import get_args

import pytest
from PIL import Image

from events.options import OutputFormat
from services.intake.facades.openai_images.calls import MAX_BASE64
from services.intake.facades.openai_images.schemas import MAX_IMAGES
from services.storage.models import DISPLAY, THUMBNAIL, original_name
from services.storage.provenance import Provenance
from services.storage.variants import MAX_PIXELS, create_variants
from tests.unit.storage.fakes import raw_image

XMP = Provenance("r-0", "r", "a prompt", 1, "0" * 64).xmp()


def base64_sizes(side: int, format: str, output_format: OutputFormat = "png") -> Mapping[str, int]:
    """Return the size in base64 of each file of an image that cannot be compressed."""
    pixels = Image.frombytes("RGB", (side, side), random.Random(1).randbytes(side * side * 3))
    content = BytesIO()
    pixels.save(content, format)
    raw = content.getvalue()
    variants = create_variants(raw, raw_image(raw, width=side, height=side), XMP, output_format)
    files = (variants.original, variants.display, variants.thumbnail)
    return {file.name: (len(file.content) + 2) // 3 * 4 for file in files}


@pytest.mark.parametrize("output_format", get_args(OutputFormat))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_the_thumbnails_of_the_worst_images_fit_into_one_response(format: str, output_format: OutputFormat) -> None:
    sizes = base64_sizes(1024, format, output_format)
    assert sizes[original_name(output_format)] < MAX_BASE64, "one image of the usual size is always returned as it is"
    assert MAX_IMAGES * sizes[THUMBNAIL] < MAX_BASE64
    assert sizes[DISPLAY] < MAX_BASE64


def test_the_largest_image_fits_in_its_display_file() -> None:
    side = int(MAX_PIXELS**0.5) // 2
    sizes = base64_sizes(side, "PNG")
    assert sizes[original_name("png")] > MAX_BASE64
    assert sizes[DISPLAY] < MAX_BASE64
    assert MAX_IMAGES * sizes[THUMBNAIL] < MAX_BASE64
