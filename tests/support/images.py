"""Images that a test downloads or decodes."""

import base64
import urllib.request
from io import BytesIO

from PIL import Image


def fetch(url: str) -> bytes:
    """Download a file."""
    with urllib.request.urlopen(url, timeout=30) as response:
        content: bytes = response.read()
    return content


def opened(content: bytes) -> Image.Image:
    """Decode an image completely."""
    with Image.open(BytesIO(content)) as image:
        image.load()
        return image


def decoded(b64_json: str | None) -> Image.Image:
    """Decode an image in base64."""
    assert b64_json, "the response contains an image"
    return opened(base64.b64decode(b64_json))
