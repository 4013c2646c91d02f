"""The sweeper: nudge requests without progress, expire them at their deadline. So every request reaches its end."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from events.catalog.image_requested import ImageRequested
from events.catalog.request_expired import RequestExpired, RequestExpiredData
from events.envelope import Event
from events.pipeline import Status, TimelineEntry
from kit.clock import Clock
from kit.telemetry import logger
from services.intake.models import RequestState


class OpenRequests(Protocol):
    """The index of open requests."""

    def due(self, now: datetime) -> Iterable[str]:
        """Return the ids of open requests whose next check is due."""

    def schedule_check(self, request_id: str, at: datetime) -> None:
        """Set the next check of an open request. A finished request stays as it is."""


class SweepStore(Protocol):
    """The requests and their states in the request table."""

    def read_state(self, request_id: str) -> RequestState:
        """Return the state of a request. Raise ``KeyError`` if it is unknown."""

    def is_erased(self, request_id: str) -> bool:
        """Return whether a request was erased, with a consistent read."""

    def read_request(self, request_id: str) -> ImageRequested:
        """Return a request."""

    def recompute(self, old: RequestState, new: RequestState, entry: TimelineEntry) -> bool:
        """Write ``new``, if the stored revision is still that of ``old``. Return whether it was."""


class Bus(Protocol):
    """The event bus."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish events."""


@dataclass(frozen=True)
class SweepRules:
    """When a request is nudged and when it expires."""

    nudge_after: timedelta
    """Since the last event."""
    deadline: timedelta
    """Since the request was accepted."""
    stalled_deadline: timedelta
    """The deadline of a stalled request."""


@dataclass
class SweepReport:
    """The result of one sweep."""

    checked: int = 0
    nudged: int = 0
    expired: int = 0
    failures: dict[str, Exception] = field(default_factory=dict)
    """By request id."""


@dataclass(frozen=True)
class Sweeper:
    """Nudges and expires open requests."""

    open_requests: OpenRequests
    store: SweepStore
    bus: Bus
    rules: SweepRules
    refund: Callable[[RequestState], None]
    clock: Clock

    def sweep(self) -> SweepReport:
        """Check every open request that is due. A failure with one request does not affect the others."""
        now, report = self.clock.now(), SweepReport()
        for request_id in self.open_requests.due(now):
            report.checked += 1
            try:
                if state := self._state(request_id):
                    self._check(state, now, report)
            except Exception as error:  # the next sweep tries again; the handler raises at the end
                report.failures[request_id] = error
        return report

    def _state(self, request_id: str) -> RequestState | None:
        """Return the state of a request, or None if it was erased since the index was written."""
        try:
            return self.store.read_state(request_id)
        except KeyError:
            if self.store.is_erased(request_id):
                return None
            raise

    def _check(self, state: RequestState, now: datetime, report: SweepReport) -> None:
        if state.is_terminal:
            return
        stalled = state.status == Status.STALLED
        deadline = state.created_at + (self.rules.stalled_deadline if stalled else self.rules.deadline)
        if now >= deadline:
            self._expire(state, deadline, now, report)
            return
        last_progress = max(entry.at for entry in state.timeline.values())
        if stalled:
            # It waits for an operator. If it were always due, it would crowd out requests that can be nudged.
            last_progress = now
        elif now - last_progress >= self.rules.nudge_after:
            self.bus.publish([self.store.read_request(state.request_id)])
            logger.info("request nudged", request_id=state.request_id, status=state.status)
            report.nudged += 1
            last_progress = now
        self.open_requests.schedule_check(state.request_id, min(deadline, last_progress + self.rules.nudge_after))

    def _expire(self, state: RequestState, deadline: datetime, now: datetime, report: SweepReport) -> None:
        entry = expiry(state, deadline, now)
        expired = state.with_entry(entry)
        if not self.store.recompute(state, expired, entry):
            return  # an event arrived in between; the next sweep decides
        logger.info("request expired", request_id=state.request_id, status=state.status)
        report.expired += 1
        self.refund(expired)


def expiry(state: RequestState, deadline: datetime, now: datetime) -> TimelineEntry:
    """Return the timeline entry of an expired request. The table's stream publishes its event.

    `timeline.py` would return the same one. It imports every event that has details, and the sweeper needs no other.
    """
    data = RequestExpiredData(last_status=state.status, deadline=deadline)
    event = RequestExpired.first(state.request_id, state.owner, data, occurred_at=now)
    details = {"last_status": data.last_status, "deadline": data.deadline.isoformat()}
    return TimelineEntry(event.metadata.event_id, event.detail_type, now, details)
