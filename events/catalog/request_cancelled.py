"""The caller cancelled a request."""

from typing import ClassVar

from ..envelope import Event, Payload


class RequestCancelledData(Payload):
    """No data."""


class RequestCancelled(Event):
    """The caller cancelled the request before an image was generated. The status is terminal."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "RequestCancelled"
    version: ClassVar[int] = 1

    data: RequestCancelledData
