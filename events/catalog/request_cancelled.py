"""The caller took a request back."""

from typing import ClassVar

from events.envelope import Event, Payload


class RequestCancelledData(Payload):
    """Nothing to add to the fact."""


class RequestCancelled(Event):
    """The caller took the request back before a image was drawn. The request ends here."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "RequestCancelled"
    version: ClassVar[int] = 1

    data: RequestCancelledData
