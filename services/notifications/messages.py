"""What clients are told, by the socket and by webhooks alike, and the little else that is said on a socket."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from events.catalog.request_status_changed import RequestStatusChanged


class Message(BaseModel):
    """One thing that is said, told apart by its ``type``."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class StatusData(Message):
    """From where to where a request moved."""

    request_id: str
    sequence: int
    """Counts the request's changes of status from 1, without gaps: a larger step means that something was missed."""
    status: str
    previous: str


class StatusChanged(Message):
    """The status of a request moved. Comes at least once, and in any order: go by ``sequence``."""

    type: Literal["request.status_changed"] = "request.status_changed"
    id: str
    """The same however often it is told."""
    timestamp: datetime
    """When the status moved."""
    data: StatusData

    @classmethod
    def of(cls, event: RequestStatusChanged) -> Self:
        """Return what is told of ``event``."""
        about, moved = event.metadata, event.data
        data = StatusData(
            request_id=about.request_id, sequence=moved.sequence, status=moved.status, previous=moved.previous
        )
        return cls(id=about.event_id, timestamp=about.occurred_at, data=data)


class Ping(Message):
    """What a webhook is told when its owner asks whether it hears."""

    type: Literal["webhook.ping"] = "webhook.ping"
    id: str
    timestamp: datetime


class Pong(Message):
    """The answer to `{"type": "ping"}`."""

    type: Literal["pong"] = "pong"


class NotUnderstood(Message):
    """The answer to whatever else a client says."""

    type: Literal["error"] = "error"
    code: Literal["not_understood"] = "not_understood"
    title: str = 'Clients say {"type": "ping"} and nothing else'
