"""Types that events share with the API. None is a model, so importing them costs nothing."""

from typing import Final, Literal

IMAGES_MAX: Final = 4
"""Images per request."""
Quality = Literal["standard", "premium"]
OutputFormat = Literal["png", "jpeg", "webp"]
"""The format of the original file of an image: the second part of its media type."""
Billed = Literal["true", "false", "unknown"]
"""Whether an image was paid for. ``unknown``: a model call is running, or its response was lost."""
