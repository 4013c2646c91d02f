"""Request and response bodies. They never contain bodies of messages, because those contain prompts."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

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
    queue: str
    dead: int
    hidden: int
    """Reserved by an operator."""
    oldest: datetime | None = None
    mostly: str | None = None
    """The most frequent error."""
    kind: Kind | None = None
    estimated: bool
    """Whether the queue has more letters than were read."""
    source_waiting: int | None = None


class QueueList(Schema):
    """Every dead-letter queue."""

    queues: list[QueueRow]


class DeadLetterGroup(Schema):
    """Dead letters of one step with one fingerprint."""

    step: str
    fingerprint: str
    kind: Kind
    advice: str
    error: str
    reason: str
    count: int
    oldest: datetime


class DeadLetterGroupList(Schema):
    """Groups, largest first."""

    groups: list[DeadLetterGroup]
    complete: bool
    """Whether all letters were read."""


class RequestEvent(Schema):
    """One event of a request's timeline."""

    at: datetime
    event: str
    event_id: str
    note: str


class DeadLetterView(Schema):
    """One dead letter."""

    step: str
    queue: str
    message_ids: list[str]
    detail_type: str
    event_id: str | None = None
    request_id: str | None = None
    replays: int
    origin: Origin
    kind: Kind
    advice: str
    error: str
    reason: str
    fingerprint: str
    first_seen: datetime
    delivery: dict[str, str] | None = None
    """EventBridge's attributes of an event that it could not deliver."""
    status: str | None = None
    """Status of its request."""
    timeline: list[RequestEvent] | None = None


class DeadLetterGroupView(DeadLetterGroup):
    """A group with its letters, oldest first."""

    letters: list[DeadLetterView]


class DeadLetterSelection(RequestBody):
    """A selection of dead letters. At least one field is required."""

    queue: Annotated[str, Field(max_length=80)] | None = None
    """Step, for example ``storage.store``."""
    fingerprint: Fingerprint | None = None
    request_id: Uuid | None = None
    event_id: Uuid | None = None
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
    canary: bool = False
    """Replay only the oldest selected letter and watch it for a few seconds. Replay the rest with another call."""
    max_replays: Annotated[int, Field(ge=1, le=100)] = 3
    """Letters that were replayed this often are refused, or moved into quarantine."""
    quarantine: bool = False
    force: bool = False
    drop_terminal: bool = False
    """Delete letters whose request has a terminal status."""


class NewQuarantine(DeadLetterSelection):
    """A selection to move into quarantine."""


class DeadLetterOutcome(DeadLetterView):
    """What was done with a letter, or with ``dry_run`` would be done."""

    action: OutcomeAction | None = None
    verdict: ReplayVerdict | None = None
    why: str | None = None


class DeadLetterOutcomeList(Schema):
    """The outcome of each letter, and the entry of the audit trail."""

    action_id: str | None = None
    """Null if nothing was done."""
    outcomes: list[DeadLetterOutcome]


class ActionView(Schema):
    """An entry of the audit trail. Without an outcome, the action is running or was interrupted."""

    action_id: str
    at: datetime
    operator: str
    """The owner of the API key, or the name given on the command line."""
    identity: str
    """``key <key id>``, or the ARN that AWS reported to the command line."""
    verb: str
    about: dict[str, str]
    count: int
    event_ids: list[str]
    request_ids: list[str]
    outcome: dict[str, int] | None = None
    error: str | None = None
    finished_at: datetime | None = None


class ActionList(Schema):
    """Actions of operators, newest first."""

    actions: list[ActionView]


class QuarantinedDeadLetter(DeadLetterView):
    """A dead letter in quarantine."""

    since: datetime
    by: str


class QuarantineList(Schema):
    """The dead letters in quarantine."""

    letters: list[QuarantinedDeadLetter]


class DeadLetterQuery(QueryParameters):
    """Filter of groups."""

    queue: Annotated[str, Field(max_length=80)] | None = None
    request_id: Uuid | None = None


class LimitQuery(QueryParameters):
    """Maximum number of results."""

    limit: Annotated[int, Field(ge=1, le=LIMIT)] = 20


def outcomes_of(items: list[dict[str, Any]], action_id: str | None) -> DeadLetterOutcomeList:
    """Return the response for ``items``."""
    return DeadLetterOutcomeList(
        action_id=action_id, outcomes=[DeadLetterOutcome.model_validate(item) for item in items]
    )
