"""The status of a request changed."""

from typing import ClassVar

from ..envelope import Event, Payload


class RequestStatusChangedData(Payload):
    """The new and the previous status, numbered without gaps."""

    status: str
    """``accepted``, ``generating``, ``checking``, ``storing`` or ``stalled``; terminal: ``succeeded``, ``rejected``,
    ``failed``, ``cancelled`` or ``expired``."""
    previous: str
    """The status before."""
    sequence: int
    """Number of this change, from 1 per request, so that consumers notice missing ones."""
    webhook_id: str | None = None
    """The webhook that the request named."""


class RequestStatusChanged(Event):
    """The status of a request changed. For observers; no step of the pipeline consumes it."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "RequestStatusChanged"
    version: ClassVar[int] = 1

    data: RequestStatusChangedData
