"""What the operators' API is asked and what it answers. Never a body of a message: bodies hold prompts."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.operations.dead_letters.failures import Kind, Origin, OutcomeAction, ReplayVerdict

Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{4,12}$")]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
LIMIT: int = 100
"""Letters that one call acts on: what fits into its time."""


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
    """Somebody has them in hand."""
    oldest: datetime | None = None
    mostly: str | None = None
    """The commonest error."""
    kind: Kind | None = None
    estimated: bool
    """There are more letters than were looked at."""
    source_waiting: int | None = None


class QueueList(_View):
    """Every dead-letter queue."""

    queues: list[QueueRow]


class Group(_View):
    """Letters of one step that failed the same way."""

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
    """Whether every letter was looked at."""


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
    """What EventBridge says of an event that it could not deliver."""
    status: str | None = None
    """Of its request."""
    timeline: list[TimelineLineView] | None = None


class GroupView(Group):
    """A group with its letters, oldest first."""

    letters: list[Letter]


class Selected(_Body):
    """Which letters are meant; at least one field narrows."""

    queue: Annotated[str, Field(max_length=80)] | None = None
    """Its step, such as ``storage.store``."""
    fingerprint: Fingerprint | None = None
    request_id: Uuid | None = None
    event_id: Uuid | None = None
    limit: Annotated[int, Field(ge=1, le=LIMIT)] = 25
    """At most so many, oldest first."""

    @model_validator(mode="after")
    def _narrows(self) -> Self:
        if not (self.queue or self.fingerprint or self.request_id or self.event_id):
            raise ValueError("say which: queue, fingerprint, request_id or event_id")
        return self


class NewReplay(Selected):
    """What to send back, and how."""

    dry_run: bool = False
    canary: bool = False
    """Send only the oldest of what is selected and watch it for a few seconds; send the rest with another call."""
    max_replays: Annotated[int, Field(ge=1, le=100)] = 3
    """What was sent back this often is refused, or put into quarantine."""
    quarantine: bool = False
    force: bool = False
    drop_terminal: bool = False
    """Remove what its request, having ended, no longer needs."""


class NewQuarantine(Selected):
    """What to put into quarantine."""


class Outcome(Letter):
    """What was done with one letter, or with ``dry_run`` what would be."""

    action: OutcomeAction | None = None
    verdict: ReplayVerdict | None = None
    why: str | None = None


class OutcomeList(_View):
    """What was done, letter by letter, and where the audit trail has it."""

    action_id: str | None = None
    """Missing where nothing was done."""
    outcomes: list[Outcome]


class ActionView(_View):
    """An entry of the audit trail; without an outcome it is still going on, or was cut off."""

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
    """What operators did, newest first."""

    actions: list[ActionView]


class QuarantinedLetter(Letter):
    """A letter in quarantine."""

    since: datetime
    by: str


class QuarantineList(_View):
    """What is in quarantine."""

    letters: list[QuarantinedLetter]


class LettersQuery(_Body):
    """Which groups to show."""

    queue: Annotated[str, Field(max_length=80)] | None = None
    request_id: Uuid | None = None


class LimitQuery(_Body):
    """How many to show."""

    limit: Annotated[int, Field(ge=1, le=LIMIT)] = 20


def outcomes_of(items: list[dict[str, Any]], action_id: str | None) -> OutcomeList:
    """Return what was done as the answer."""
    return OutcomeList(action_id=action_id, outcomes=[Outcome.model_validate(item) for item in items])
