"""A request expired."""

from typing import ClassVar

from pydantic import AwareDatetime

from ..envelope import Event, Payload


class RequestExpiredData(Payload):
    """The last status and the deadline."""

    last_status: str
    """The status of the request before it expired."""
    deadline: AwareDatetime
    """The time until which the request could be processed."""


class RequestExpired(Event):
    """The request had no terminal status at its deadline. The status is terminal now."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "RequestExpired"
    version: ClassVar[int] = 1

    data: RequestExpiredData
