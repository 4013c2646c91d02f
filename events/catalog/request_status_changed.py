"""The state of a request moved."""

from typing import ClassVar

from events.envelope import Event, Payload


class RequestStatusChangedData(Payload):
    """From where to where, numbered without gaps."""

    status: str
    previous: str
    sequence: int
    """Counts this request's changes of status from 1, so that a reader sees what it missed."""
    webhook_id: str | None = None
    """The webhook that the request named, to be told of it."""


class RequestStatusChanged(Event):
    """The state of a request moved. For people who watch; nothing is drawn because of it."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "RequestStatusChanged"
    version: ClassVar[int] = 1

    data: RequestStatusChangedData
