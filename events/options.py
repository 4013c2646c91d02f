"""What a caller can choose for images: types without models, so that importing them costs nothing."""

from typing import Final, Literal

IMAGES_MAX: Final = 4
"""Images per request."""
Quality = Literal["standard", "premium"]
OutputFormat = Literal["png", "jpeg", "webp"]
"""The format of the original file of an image: the second part of its media type."""
