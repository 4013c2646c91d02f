"""The messages of WebSockets and webhooks."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from events.catalog.request_status_changed import RequestStatusChanged


class Message(BaseModel):
    """A message. Its ``type`` identifies it."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True, hide_input_in_errors=True)


class StatusData(Message):
    """A change of a request's status."""

    request_id: str
    sequence: int
    """Number of the change, from 1 without gaps. After a gap, read the request."""
    status: str
    previous: str


class StatusChanged(Message):
    """The status of a request changed. Delivered at least once and in any order: use ``sequence``."""

    type: Literal["request.status_changed"] = "request.status_changed"
    id: str
    """The same in every delivery."""
    timestamp: datetime
    """When the status changed."""
    data: StatusData

    @classmethod
    def of(cls, event: RequestStatusChanged) -> Self:
        """Return the message for ``event``."""
        metadata, change = event.metadata, event.data
        data = StatusData(
            request_id=metadata.request_id, sequence=change.sequence, status=change.status, previous=change.previous
        )
        return cls(id=metadata.event_id, timestamp=metadata.occurred_at, data=data)


class Ping(Message):
    """A test message to a webhook."""

    type: Literal["webhook.ping"] = "webhook.ping"
    id: str
    timestamp: datetime


class Pong(Message):
    """The response to `{"type": "ping"}`."""

    type: Literal["pong"] = "pong"


class NotUnderstood(Message):
    """The response to any other message."""

    type: Literal["error"] = "error"
    code: Literal["not_understood"] = "not_understood"
    title: str = 'The only message that clients may send is {"type": "ping"}.'
