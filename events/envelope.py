"""The envelope of every event: ``{"metadata": …, "data": …}``, the ``detail`` of an EventBridge event."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, get_args
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""A UUID in its canonical lower-case form."""


class Payload(BaseModel):
    """The content of an event. Frozen. Unknown fields are ignored, so that adding a field breaks no consumer."""

    # An error names the field and the rule. It never quotes the value, which may be a prompt.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, hide_input_in_errors=True)

    @classmethod
    def build(cls) -> None:
        """Build this model and those inside it now.

        Models are built on first use, so that a function does not build models that it does not need at cold start.
        Pydantic's deferred build is not thread-safe: code that handles messages in parallel builds them first.
        """
        cls.model_rebuild()
        for field in cls.model_fields.values():
            for nested in _payloads(field.annotation):
                nested.build()


def _payloads(annotation: Any) -> Iterator[type[Payload]]:
    """Yield the models that an annotation such as ``list[Model] | None`` names."""
    if isinstance(annotation, type) and issubclass(annotation, Payload):
        yield annotation
    for argument in get_args(annotation):
        yield from _payloads(argument)


class Metadata(Payload):
    """The request, cause, owner and time of an event."""

    event_id: Id
    """Identifies the event: the same in every delivery, so that consumers recognise duplicates."""
    request_id: Id
    """The correlation id, which all events of a request share."""
    cause_id: Id
    """The id of the event (or the request) that caused this one."""
    owner: str
    """The owner of the API key that the request was sent with. ``-`` for events that belong to no owner."""
    occurred_at: AwareDatetime
    """When it happened, not when the event was published or published again."""
    caused_at: AwareDatetime
    """``occurred_at`` of the cause, from which consumers compute the latency of a step without a lookup."""
    version: int
    """The version of the event's schema: with ``detail-type``, it says what ``data`` contains."""
    replays: int = 0
    """How often an operator replayed this message from a dead-letter queue."""
    traceparent: str
    """W3C trace context. The trace is the request, the span is the event."""
    analytics_opt_out: bool | None = None
    """True if the owner had opted out of analytics when the request was sent: count the event only in totals that name
    no owner, and do not keep the owner with it. Absent otherwise."""


def derive_id(cause_id: str, detail_type: str, index: int = 0) -> str:
    """Return the id of the ``index``-th ``detail_type`` event that follows from ``cause_id``.

    It is deterministic: a retried step publishes the same event, and consumers recognise the duplicate.
    """
    return str(uuid5(UUID(cause_id), f"{detail_type}:{index}"))


def subject_id(subject: str) -> str:
    """Return the ``request_id`` of events that belong to no request, such as those about ``model/titan-v2``."""
    return str(uuid5(NAMESPACE_URL, f"genai-images:{subject}"))


def traceparent(request_id: str, event_id: str) -> str:
    """Return the W3C trace context of an event: the request's id is the trace id."""
    return f"00-{request_id.replace('-', '')}-{event_id.replace('-', '')[-16:]}-01"


class Event(Payload):
    """Something that happened. Subclasses set their source, name and version on the wire."""

    source: ClassVar[str]
    detail_type: ClassVar[str]
    version: ClassVar[int]

    metadata: Metadata
    """The request, cause, owner and time."""
    data: Any
    """What happened. Its fields depend on ``detail-type`` and version."""

    @classmethod
    def first(
        cls,
        request_id: str,
        owner: str,
        data: Payload,
        *,
        occurred_at: datetime,
        index: int = 0,
        analytics_opt_out: bool = False,
    ) -> Self:
        """Build an event caused by the request itself rather than by another event.

        ``index`` numbers the events of one subject (`subject_id`).
        """
        return cls._build(
            data,
            request_id=request_id,
            owner=owner,
            cause_id=request_id,
            caused_at=occurred_at,
            occurred_at=occurred_at,
            index=index,
            analytics_opt_out=analytics_opt_out or None,
        )

    @classmethod
    def follow(
        cls,
        cause: "Event | Metadata",
        data: Payload,
        *,
        occurred_at: datetime | None = None,
        index: int = 0,
        qualifier: str = "",
    ) -> Self:
        """Build the event that follows from ``cause``.

        Pass ``occurred_at`` from the step's own record if it has one: a redelivery then repeats the event exactly.
        ``qualifier`` distinguishes events that several steps publish about the same cause.
        """
        origin = cause if isinstance(cause, Metadata) else cause.metadata
        return cls._build(
            data,
            request_id=origin.request_id,
            owner=origin.owner,
            cause_id=origin.event_id,
            caused_at=origin.occurred_at,
            occurred_at=occurred_at or datetime.now(UTC),
            index=index,
            analytics_opt_out=origin.analytics_opt_out,
            qualifier=qualifier,
        )

    def as_delivered(self) -> str:
        """Serialise the event as EventBridge delivers it to SQS, with the fields that consumers read."""
        head = json.dumps({"source": self.source, "detail-type": self.detail_type})
        return f'{head[:-1]}, "detail": {self.model_dump_json(exclude_none=True)}}}'

    @classmethod
    def _build(
        cls,
        data: Payload,
        *,
        request_id: str,
        owner: str,
        cause_id: str,
        caused_at: datetime,
        occurred_at: datetime,
        index: int,
        analytics_opt_out: bool | None,
        qualifier: str = "",
    ) -> Self:
        name = f"{cls.detail_type}:{qualifier}" if qualifier else cls.detail_type
        event_id = derive_id(cause_id, name, index)
        metadata = Metadata(
            event_id=event_id,
            request_id=request_id,
            cause_id=cause_id,
            owner=owner,
            occurred_at=occurred_at,
            caused_at=caused_at,
            version=cls.version,
            traceparent=traceparent(request_id, event_id),
            analytics_opt_out=analytics_opt_out,
        )
        return cls(metadata=metadata, data=data)
