"""Images that a test decodes."""

import base64
from io import BytesIO

from PIL import Image


def opened(content: bytes) -> Image.Image:
    """Decode an image completely."""
    with Image.open(BytesIO(content)) as image:
        image.load()
        return image


def decoded(b64_json: str | None) -> Image.Image:
    """Decode an image in base64."""
    assert b64_json, "the response contains an image"
    return opened(base64.b64decode(b64_json))
