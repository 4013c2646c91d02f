"""Request and response bodies. They never contain bodies of messages, because those contain prompts."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from events.pipeline import Status
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import matching
from services.operations.dead_letters.failures import Kind, Origin, OutcomeAction, ReplayVerdict

Fingerprint = Annotated[str, *matching(r"[0-9a-f]{4,12}", "must be 4 to 12 hexadecimal digits")]
Uuid = Annotated[str, *matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "must be a UUID in lower case")]
LIMIT: int = 100
"""Maximum number of letters per call, so that it ends in time."""


class QueueRow(Schema):
    """A dead-letter queue and its source."""

    step: str
    """The step whose messages it has."""
    queue: str
    """Name of the dead-letter queue."""
    dead: int
    """Approximate number of dead letters, without hidden ones."""
    hidden: int
    """Letters that an operator has reserved."""
    oldest: datetime | None = None
    """When the message of its oldest letter was first received."""
    mostly: str | None = None
    """The most frequent error."""
    kind: Kind | None = None
    """The most frequent kind of failure."""
    estimated: bool
    """Whether the queue has more letters than were read."""
    source_waiting: int | None = None
    """Messages that wait in the source queue. Absent if there is no source queue."""


class QueueList(Schema):
    """Every dead-letter queue."""

    queues: list[QueueRow]
    """One entry per queue."""


class DeadLetterGroup(Schema):
    """Dead letters of one step with one fingerprint."""

    step: str
    """The step that failed."""
    fingerprint: str
    """The same for letters that failed in the same way."""
    kind: Kind
    """Kind of the failure."""
    advice: str
    """What to do about this kind."""
    error: str
    """Name of the error."""
    reason: str
    """Description of the error, for people."""
    count: int
    """Number of letters."""
    oldest: datetime
    """When the message of the oldest letter was first received."""


class DeadLetterGroupList(Schema):
    """Groups, largest first."""

    groups: list[DeadLetterGroup]
    """One entry per step and fingerprint."""
    complete: bool
    """Whether all letters were read."""


class RequestEvent(Schema):
    """One event of a request's timeline."""

    at: datetime
    """When the event occurred."""
    event: str
    """Name of the event."""
    event_id: str
    """Id of the event."""
    note: str
    """Details of the event, for people."""


class DeadLetterView(Schema):
    """One dead letter."""

    step: str
    """The step that failed."""
    queue: str
    """Name of the dead-letter queue."""
    message_ids: list[str]
    """Ids that SQS gave the letter. Several if it is in the queue more than once."""
    detail_type: str
    """Name of the event in the message."""
    event_id: str | None = None
    """Id of the event. Absent if the message is unreadable."""
    request_id: str | None = None
    """Id of the request. Absent if the message is unreadable."""
    replays: int
    """How often it was replayed already."""
    origin: Origin
    """Who dead-lettered it: the consumer, SQS after the last delivery (``redrive``), or EventBridge (``rule``)."""
    kind: Kind
    """Kind of the failure."""
    advice: str
    """What to do about this kind."""
    error: str
    """Name of the error."""
    reason: str
    """Description of the error, for people."""
    fingerprint: str
    """The same for letters that failed in the same way."""
    first_seen: datetime
    """When the message was first received."""
    delivery: dict[str, str] | None = None
    """EventBridge's attributes of an event that it could not deliver."""
    status: Status | None = None
    """Status of its request."""
    timeline: list[RequestEvent] | None = None
    """The timeline of its request, oldest first."""


class DeadLetterGroupView(DeadLetterGroup):
    """A group with its letters, oldest first."""

    letters: list[DeadLetterView]
    """The letters of the group."""


class DeadLetterSelection(RequestBody):
    """A selection of dead letters. At least one field is required."""

    queue: Annotated[str, Field(max_length=80)] | None = None
    """Step, for example ``storage.store``."""
    fingerprint: Fingerprint | None = None
    """Only letters whose fingerprint starts with these digits."""
    request_id: Uuid | None = None
    """Only letters of this request."""
    event_id: Uuid | None = None
    """Only the letter of this event."""
    limit: Annotated[int, Field(ge=1, le=LIMIT)] = 25
    """Maximum number, oldest first."""

    @model_validator(mode="after")
    def _narrows(self) -> Self:
        if not (self.queue or self.fingerprint or self.request_id or self.event_id):
            raise ValueError("one of queue, fingerprint, request_id and event_id is required")
        return self


class NewReplay(DeadLetterSelection):
    """A replay of dead letters."""

    dry_run: bool = False
    """Return what would be done, but do nothing."""
    canary: bool = False
    """Replay only the oldest selected letter and watch it for a few seconds. Replay the rest with another call."""
    max_replays: Annotated[int, Field(ge=1, le=100)] = 3
    """Letters that were replayed this often are refused, or moved into quarantine."""
    quarantine: bool = False
    """Move letters with too many replays into quarantine instead of refusing them."""
    force: bool = False
    """Also replay letters of unknown requests, and letters with too many replays."""
    drop_terminal: bool = False
    """Delete letters whose request has a terminal status."""


class NewQuarantine(DeadLetterSelection):
    """A selection to move into quarantine."""


class DeadLetterOutcome(DeadLetterView):
    """What was done with a letter, or with ``dry_run`` would be done."""

    action: OutcomeAction | None = None
    """What was done. Absent in a dry run."""
    verdict: ReplayVerdict | None = None
    """Whether the letter can be replayed. Present in a dry run only."""
    why: str | None = None
    """Why the letter was not replayed, for people."""


class DeadLetterOutcomeList(Schema):
    """The outcome of each letter, and the entry of the audit trail."""

    action_id: str | None = None
    """Id of the entry in the audit trail. Absent if nothing was done."""
    outcomes: list[DeadLetterOutcome]
    """One entry per letter."""


class ActionView(Schema):
    """An entry of the audit trail. Without an outcome, the action is running or was interrupted."""

    action_id: str
    """Id of the action."""
    at: datetime
    """When it started."""
    operator: str
    """The id of the owner of the API key, or the name given on the command line."""
    identity: str
    """``key <key id>``, or the ARN that AWS reported to the command line."""
    address: str | None = None
    """IP address of the client, if the action was a call of this API."""
    verb: str
    """What the operator did."""
    about: dict[str, str]
    """What the action was applied to."""
    count: int
    """Number of affected messages or resources."""
    event_ids: list[str]
    """Ids of the affected events."""
    request_ids: list[str]
    """Ids of the affected requests."""
    outcome: dict[str, int] | None = None
    """Number of messages or resources by result."""
    error: str | None = None
    """Name of the error that interrupted the action."""
    finished_at: datetime | None = None
    """When it finished."""


class ActionList(Schema):
    """Actions of operators, newest first."""

    actions: list[ActionView]
    """The actions."""


class QuarantinedDeadLetter(DeadLetterView):
    """A dead letter in quarantine."""

    since: datetime
    """When it was moved into quarantine."""
    by: str
    """The operator who moved it."""


class QuarantineList(Schema):
    """The dead letters in quarantine."""

    letters: list[QuarantinedDeadLetter]
    """The letters, by step."""


class DeadLetterQuery(QueryParameters):
    """Filter of groups."""

    queue: Annotated[str, Field(max_length=80)] | None = None
    """Only this step, for example ``storage.store``."""
    request_id: Uuid | None = None
    """Only letters of this request."""


class LimitQuery(QueryParameters):
    """Maximum number of results."""

    limit: Annotated[int, Field(ge=1, le=LIMIT)] = 20
    """Maximum number of entries."""


def outcomes_of(items: list[dict[str, Any]], action_id: str | None) -> DeadLetterOutcomeList:
    """Return the response for ``items``."""
    return DeadLetterOutcomeList(
        action_id=action_id, outcomes=[DeadLetterOutcome.model_validate(item) for item in items]
    )
