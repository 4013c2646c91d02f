"""A request's deadline passed."""

from typing import ClassVar

from pydantic import AwareDatetime

from events.envelope import Event, Payload


class RequestExpiredData(Payload):
    """What the request was waiting for, and until when."""

    last_status: str
    deadline: AwareDatetime


class RequestExpired(Event):
    """The deadline passed without an ending. The request ends here."""

    source: ClassVar[str] = "genai-images.intake"
    detail_type: ClassVar[str] = "RequestExpired"
    version: ClassVar[int] = 1

    data: RequestExpiredData
