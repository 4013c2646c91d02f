"""Generation stopped for a cancelled or expired request."""

from typing import ClassVar

from ..envelope import Event, Payload
from ..options import Billed


class GenerationWithdrawnData(Payload):
    """Whether images of the request were paid for."""

    billed: Billed
    """Whether an image was paid for. ``unknown``: a model call is running, or its response was lost."""


class GenerationWithdrawn(Event):
    """Generation stopped for a cancelled or expired request. No further image is paid for."""

    source: ClassVar[str] = "genai-images.generation"
    detail_type: ClassVar[str] = "GenerationWithdrawn"
    version: ClassVar[int] = 1

    data: GenerationWithdrawnData
