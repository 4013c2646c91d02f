"""A request was accepted."""

from typing import ClassVar

from ..envelope import Event, Payload
from ..parameters import GenerationParameters


class ImageRequestedData(Payload):
    """The parameters of the request."""

    parameters: GenerationParameters
    """The parameters of the request."""


class ImageRequested(Event):
    """A request was accepted, with its parameters and the ordered list of models that may serve it."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "ImageRequested"
    version: ClassVar[int] = 1

    data: ImageRequestedData
