"""The domain types of intake. No pydantic: consumers and the relay import them at cold start."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from events.pipeline import TERMINAL, Status, TimelineEntry, status_of

if TYPE_CHECKING:
    from events.envelope import Event
    from events.parameters import AppealSubject

AppealStatus = Literal["pending", "granted", "refused"]


@dataclass(frozen=True)
class Window:
    """One fixed window of one key's quota. ``start``, in seconds since the epoch, is a multiple of ``seconds``."""

    key_id: str
    start: int
    seconds: int

    @property
    def previous(self) -> "Window":
        """The window before this one."""
        return Window(self.key_id, self.start - self.seconds, self.seconds)

    @property
    def next(self) -> "Window":
        """The window after this one."""
        return Window(self.key_id, self.start + self.seconds, self.seconds)

    def is_relevant(self, now: float) -> bool:
        """Return whether its count still limits the key: it is the current window or the previous one."""
        return now < self.start + 2 * self.seconds


@dataclass(frozen=True)
class RequestState:
    """The state of a request. It changes with every event; the request itself never does."""

    request_id: str
    owner: str
    created_at: datetime
    status: Status
    status_sequence: int
    """Counts changes of status, without gaps."""
    revision: int
    """Counts writes. A write that follows a read is conditional on it."""
    timeline: Mapping[str, TimelineEntry]
    """By event id."""
    quota_window: Window | None = None
    """The window of the key's quota in which the request was counted."""
    quota_images: int = 0
    """The images that were counted in it."""
    webhook_id: str | None = None
    """The webhook to notify, if the request named one."""
    analytics_opt_out: bool = False
    """Whether the owner had opted out of analytics when the request was sent."""

    @property
    def is_terminal(self) -> bool:
        """Whether the request is finished, so that its status changes no more."""
        return self.status in TERMINAL

    def has(self, detail_type: str) -> bool:
        """Return whether an event of this type is in the timeline."""
        return any(entry.detail_type == detail_type for entry in self.timeline.values())

    def with_entry(self, entry: TimelineEntry) -> "RequestState":
        """Return the state with one more timeline entry and the status that follows from all of them."""
        timeline = {**self.timeline, entry.event_id: entry}
        status = status_of(timeline.values())
        return replace(
            self,
            timeline=timeline,
            status=status,
            status_sequence=self.status_sequence + (status != self.status),
            revision=self.revision + 1,
        )


@dataclass(frozen=True)
class IdempotencyRecord:
    """The response that an owner's idempotency key stands for."""

    owner: str
    key: str
    digest: str
    """SHA-256 of the requests that came with the key."""
    response: str
    """The bodies of the 202 responses, one per request, as a JSON list."""
    expires_at: datetime


class IdempotencyKeyTakenError(Exception):
    """The idempotency key already stands for ``record``."""

    def __init__(self, record: IdempotencyRecord) -> None:
        super().__init__("the idempotency key is taken")
        self.record = record


class TooLateToCancelError(Exception):
    """An image was generated, or the status is terminal."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"the request is {status}")
        self.status = status


@dataclass(frozen=True)
class Appeal:
    """The appeal of a rejected request. There is at most one per request."""

    request_id: str
    """The rejected request."""
    owner: str
    status: AppealStatus
    subject: "AppealSubject"
    category: str
    policy_version: str
    """Version of the moderation policy that rejected."""
    reason: str
    """Why the owner appeals, sealed."""
    appealed_at: datetime
    key_id: str
    """The API key that appealed. A new request is counted against its limit, as it was then."""
    limit: int
    window: int
    """Seconds."""
    webhook_id: str | None = None
    """The webhook that the rejected request named."""
    analytics_opt_out: bool = False
    """Whether the owner had opted out of analytics when the request was sent."""
    decided_at: datetime | None = None
    decision_reason: str | None = None
    """Why the operator decided so, sealed."""
    granted_request_id: str | None = None
    """The new request, if the appeal was granted."""


@dataclass(frozen=True)
class AppealReasons:
    """What the owner and the operator wrote, in plain text."""

    appeal: str
    decision: str | None


class AlreadyAppealedError(Exception):
    """The request was appealed before."""


class AlreadyDecidedError(Exception):
    """The appeal is not pending any more."""


@dataclass(frozen=True)
class ListedRequest:
    """A request as a list shows it."""

    request_id: str
    status: Status
    created_at: datetime


@dataclass(frozen=True)
class RequestPage:
    """One page of an owner's requests, newest first."""

    requests: list[ListedRequest]
    after: str | None
    """The id of the last request that the query read, or None on the last page."""


def entry_without_details(event: "Event") -> TimelineEntry:
    """Return the timeline entry of an event of which it keeps no details, as `timeline.py` does for all events.

    `timeline.py` imports every event that has details. The API, which creates and cancels requests, needs none of them.
    """
    return TimelineEntry(event.metadata.event_id, event.detail_type, event.metadata.occurred_at)
