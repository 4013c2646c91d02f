"""A request was accepted."""

from typing import ClassVar

from events.drawing import Drawing
from events.envelope import Event, Payload


class ImageRequestedData(Payload):
    """What is to be drawn."""

    drawing: Drawing


class ImageRequested(Event):
    """A request was accepted: its parameters and the ordered list of models that may serve it."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "ImageRequested"
    version: ClassVar[int] = 1

    data: ImageRequestedData
