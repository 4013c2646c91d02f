"""Request and response bodies. They never contain bodies of messages, because those contain prompts."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.operations.dead_letters.failures import Kind, Origin, OutcomeAction, ReplayVerdict

Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{4,12}$")]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
LIMIT: int = 100
"""Maximum number of letters per call, so that it ends in time."""


class _View(BaseModel):
    model_config = ConfigDict(defer_build=True)


class _Body(BaseModel):
    model_config = ConfigDict(defer_build=True, extra="forbid")


class QueueRow(_View):
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


class QueueList(_View):
    """Every dead-letter queue."""

    queues: list[QueueRow]


class Group(_View):
    """Dead letters of one step with one fingerprint."""

    step: str
    fingerprint: str
    kind: Kind
    advice: str
    error: str
    reason: str
    count: int
    oldest: datetime


class GroupList(_View):
    """Groups, largest first."""

    groups: list[Group]
    complete: bool
    """Whether all letters were read."""


class TimelineLineView(_View):
    """One event of a request's timeline."""

    at: datetime
    event: str
    event_id: str
    note: str


class Letter(_View):
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
    timeline: list[TimelineLineView] | None = None


class GroupView(Group):
    """A group with its letters, oldest first."""

    letters: list[Letter]


class Selected(_Body):
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


class NewReplay(Selected):
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


class NewQuarantine(Selected):
    """A selection to move into quarantine."""


class Outcome(Letter):
    """What was done with a letter, or with ``dry_run`` would be done."""

    action: OutcomeAction | None = None
    verdict: ReplayVerdict | None = None
    why: str | None = None


class OutcomeList(_View):
    """The outcome of each letter, and the entry of the audit trail."""

    action_id: str | None = None
    """Null if nothing was done."""
    outcomes: list[Outcome]


class ActionView(_View):
    """An entry of the audit trail. Without an outcome, the action is running or was interrupted."""

    action_id: str
    at: datetime
    operator: str
    verb: str
    about: dict[str, str]
    count: int
    event_ids: list[str]
    request_ids: list[str]
    outcome: dict[str, int] | None = None
    error: str | None = None
    finished_at: datetime | None = None


class ActionList(_View):
    """Actions of operators, newest first."""

    actions: list[ActionView]


class QuarantinedLetter(Letter):
    """A dead letter in quarantine."""

    since: datetime
    by: str


class QuarantineList(_View):
    """The dead letters in quarantine."""

    letters: list[QuarantinedLetter]


class LettersQuery(_Body):
    """Filter of groups."""

    queue: Annotated[str, Field(max_length=80)] | None = None
    request_id: Uuid | None = None


class LimitQuery(_Body):
    """Maximum number of results."""

    limit: Annotated[int, Field(ge=1, le=LIMIT)] = 20


def outcomes_of(items: list[dict[str, Any]], action_id: str | None) -> OutcomeList:
    """Return the response for ``items``."""
    return OutcomeList(action_id=action_id, outcomes=[Outcome.model_validate(item) for item in items])
