"""The messages of WebSockets and webhooks."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from events.catalog.appeal_decided import AppealDecided, AppealDecision
from events.catalog.export_ready import ExportReady
from events.catalog.request_status_changed import RequestStatusChanged
from events.pipeline import Status


class Message(BaseModel):
    """A message. Its ``type`` identifies it."""

    model_config = ConfigDict(
        frozen=True, defer_build=True, json_schema_serialization_defaults_required=True, hide_input_in_errors=True
    )


class StatusData(Message):
    """A change of a request's status."""

    request_id: str
    """Id of the request."""
    sequence: int
    """Number of the change, from 1 without gaps. After a gap, read the request."""
    status: Status
    """The new status."""
    previous: Status
    """The status before the change."""


class StatusChanged(Message):
    """The status of a request changed. Delivered at least once and in any order: use ``sequence``."""

    type: Literal["request.status_changed"] = "request.status_changed"
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: datetime
    """When the status changed."""
    data: StatusData
    """The change."""

    @classmethod
    def of(cls, event: RequestStatusChanged) -> Self:
        """Return the message for ``event``."""
        metadata, change = event.metadata, event.data
        data = StatusData(
            request_id=metadata.request_id,
            sequence=change.sequence,
            status=Status(change.status),
            previous=Status(change.previous),
        )
        return cls(id=metadata.event_id, timestamp=metadata.occurred_at, data=data)


class DecisionData(Message):
    """The decision about an appeal."""

    request_id: str
    """Id of the rejected request. `GET /v1/requests/{request_id}/appeal` has the reason."""
    decision: AppealDecision
    """``granted``: the rejection was wrong. ``refused``: it stands."""
    granted_request_id: str | None = None
    """The new request with the same parameters. Present if and only if the appeal was granted."""


class AppealAnnounced(Message):
    """An appeal of yours was decided. Delivered at least once."""

    type: Literal["appeal.decided"] = "appeal.decided"
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: datetime
    """When it was decided."""
    data: DecisionData
    """The decision."""

    @classmethod
    def of(cls, event: AppealDecided) -> Self:
        """Return the message for ``event``."""
        metadata, decided = event.metadata, event.data
        data = DecisionData(
            request_id=metadata.request_id, decision=decided.decision, granted_request_id=decided.granted_request_id
        )
        return cls(id=metadata.event_id, timestamp=metadata.occurred_at, data=data)


class ExportData(Message):
    """An export that is ready."""

    export_id: str
    """Id of the export. `GET /v1/me/exports/{export_id}` has links to its files."""
    files: int
    """Number of its ZIP files."""
    bytes: int
    """Size of all of them."""
    expires_at: datetime
    """When they are deleted."""


class ExportAnnounced(Message):
    """An export of everything that belongs to you is ready. Delivered at least once."""

    type: Literal["export.ready"] = "export.ready"
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: datetime
    """When the export became ready."""
    data: ExportData
    """The export."""

    @classmethod
    def of(cls, event: ExportReady) -> Self:
        """Return the message for ``event``."""
        metadata, data = event.metadata, ExportData(**event.data.model_dump())
        return cls(id=metadata.event_id, timestamp=metadata.occurred_at, data=data)


class Ping(Message):
    """A test message to a webhook."""

    type: Literal["webhook.ping"] = "webhook.ping"
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: datetime
    """When the ping was requested."""


class Pong(Message):
    """The response to `{"type": "ping"}`."""

    type: Literal["pong"] = "pong"
    """Identifies this kind of message."""


class NotUnderstood(Message):
    """The response to any other message."""

    type: Literal["error"] = "error"
    """Identifies this kind of message."""
    code: Literal["not_understood"] = "not_understood"
    """A stable code, for programs."""
    title: str = 'The only message that clients may send is {"type": "ping"}.'
    """An explanation, for people."""
