"""In-memory stores with the same conditions as DynamoDB, and helpers that fill them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from events.catalog.image_requested import ImageRequested
from events.parameters import GenerationParameters
from events.pipeline import RANKS, TERMINAL, Status, TimelineEntry
from services.intake.creation import CreationStore, new_state
from services.intake.models import (
    IdempotencyKeyTakenError,
    IdempotencyRecord,
    ListedRequest,
    RequestPage,
    RequestState,
    Window,
)
from services.intake.quota import WindowCounts
from services.intake.service import RequestService
from services.intake.signals import BudgetSignal, ModelSignal, ShedSignal, Signals
from tests.support.clock import FakeClock


def accept(
    store: CreationStore,
    request_id: str,
    owner: str,
    parameters: GenerationParameters,
    now: datetime,
    *,
    record: IdempotencyRecord | None = None,
    **options: Any,
) -> RequestState:
    """Write a new request to a store and return its state."""
    event, state = new_state(request_id, owner, parameters, now, **options)
    store.create([(event, state)], record)
    return state


def cancel(store: Any, request_id: str, owner: str, now: datetime) -> tuple[ImageRequested, RequestState]:
    """Cancel a request in a store at a point in time."""
    return RequestService(store, FakeClock(now)).cancel(request_id, owner)


class InMemoryRequests:
    """Implements every store of the use cases."""

    def __init__(self, first_check: timedelta = timedelta(minutes=15)) -> None:
        self.requests: dict[str, ImageRequested] = {}
        self.states: dict[str, RequestState] = {}
        self.ranks: dict[str, int] = {}
        self.needs_fold: set[str] = set()
        self.checks: dict[str, datetime] = {}
        self.records: dict[tuple[str, str], IdempotencyRecord] = {}
        self.erased: set[str] = set()
        self._first_check = first_check

    def create(
        self, requests: Sequence[tuple[ImageRequested, RequestState]], record: IdempotencyRecord | None = None
    ) -> None:
        now = requests[0][1].created_at
        if record is not None and (taken := self.find_record(record.owner, record.key, now)):
            raise IdempotencyKeyTakenError(taken)
        for _, state in requests:
            if state.request_id in self.states:
                raise KeyError(state.request_id)
        if record is not None:
            self.records[record.owner, record.key] = record
        for event, state in requests:
            self.requests[state.request_id] = event
            self.states[state.request_id] = state
            self.ranks[state.request_id] = RANKS[state.status]
            self.checks[state.request_id] = state.created_at + self._first_check

    def advance(self, request_id: str, entry: TimelineEntry) -> RequestState | None:
        state = self.read_state(request_id)
        status = entry.status
        assert status is not None
        known, behind = entry.event_id in state.timeline, self.ranks[request_id] >= RANKS[status]
        if known or behind or request_id in self.needs_fold:
            return state
        self._store(
            replace(
                state,
                timeline={**state.timeline, entry.event_id: entry},
                status=status,
                status_sequence=state.status_sequence + 1,
                revision=state.revision + 1,
            )
        )
        return self.states[request_id] if status in TERMINAL else None

    def find_record(self, owner: str, key: str, now: datetime) -> IdempotencyRecord | None:
        record = self.records.get((owner, key))
        return record if record and record.expires_at > now else None

    def list_page(self, owner: str, *, limit: int, after: str | None, status: Status | None) -> RequestPage:
        states = [state for state in self.states.values() if state.owner == owner]
        states = [state for state in states if after is None or state.request_id < after]
        states = sorted(states, key=lambda state: state.request_id, reverse=True)
        states = [state for state in states if status in (None, state.status)]
        listed = [ListedRequest(state.request_id, state.status, state.created_at) for state in states[:limit]]
        return RequestPage(listed, listed[-1].request_id if len(states) > limit else None)

    def read_state(self, request_id: str) -> RequestState:
        return self.states[request_id]

    def is_erased(self, request_id: str) -> bool:
        return request_id in self.erased

    def request_ids(self, owner: str) -> Iterator[str]:
        return iter(sorted(state.request_id for state in self.states.values() if state.owner == owner))

    def erase_of_owner(self, owner: str) -> int:
        keys = [key for key in self.records if key[0] == owner]
        for key in keys:
            del self.records[key]
        return len(keys)

    def erase(self, request_id: str, owner: str, at: datetime) -> bool:
        if request_id not in self.states or self.states[request_id].owner != owner:
            return False
        del self.states[request_id], self.requests[request_id]
        self.checks.pop(request_id, None)
        self.erased.add(request_id)
        return True

    def read_request(self, request_id: str) -> ImageRequested:
        return self.requests[request_id]

    def read(self, request_id: str) -> tuple[ImageRequested, RequestState]:
        return self.requests[request_id], self.states[request_id]

    def recompute(self, old: RequestState, new: RequestState, entry: TimelineEntry) -> bool:
        assert entry.event_id in new.timeline
        if self.states[old.request_id].revision != old.revision:
            return False
        self._store(new)
        return True

    def due(self, now: datetime) -> Iterable[str]:
        return [request_id for request_id, at in self.checks.items() if at <= now]

    def schedule_check(self, request_id: str, at: datetime) -> None:
        if request_id in self.checks:
            self.checks[request_id] = at

    def _store(self, state: RequestState) -> None:
        self.states[state.request_id] = state
        if state.status == Status.STALLED:
            self.needs_fold.add(state.request_id)
        else:
            self.ranks[state.request_id] = RANKS[state.status]
        if state.is_terminal:
            self.checks.pop(state.request_id, None)


class InMemoryRates:
    """Implements ``RateStore``."""

    def __init__(self) -> None:
        self.counts: dict[Window, WindowCounts] = {}
        self.refunded: set[tuple[Window, str]] = set()

    def increment(self, window: Window, images: int, max_count: int, max_blocked: int) -> tuple[bool, WindowCounts]:
        counts = self.counts.get(window, WindowCounts())
        if counts.closed or counts.count >= max_count or counts.blocked >= max_blocked:
            return False, counts
        self.counts[window] = replace(counts, count=counts.count + images)
        return True, self.counts[window]

    def close(self, window: Window) -> WindowCounts:
        self.counts[window] = replace(self.counts.get(window, WindowCounts()), closed=True)
        return self.counts[window]

    def refund(self, window: Window, request_id: str, images: int, *, blocked: bool) -> None:
        counts = self.counts.get(window, WindowCounts())
        if counts.count and counts.count >= images and (window, request_id) not in self.refunded:
            self.refunded.add((window, request_id))
            self.counts[window] = replace(counts, count=counts.count - images, blocked=counts.blocked + blocked)


class InMemoryDurations:
    """Implements ``DurationStore``."""

    def __init__(self) -> None:
        self.averages: dict[str, float] = {}
        self.reads = self.writes = 0

    def read(self) -> Mapping[str, float]:
        self.reads += 1
        return dict(self.averages)

    def write(self, averages: Mapping[str, float]) -> None:
        self.writes += 1
        self.averages |= averages


class InMemorySignals:
    """Implements ``SignalStore``, ``RecordStore`` and ``ShedStore``."""

    def __init__(self) -> None:
        self.models: dict[str, ModelSignal] = {}
        self.budget: tuple[datetime, BudgetSignal | None] | None = None
        self.reads = 0
        self.active_elsewhere: str | None = None
        self.shed: ShedSignal | None = None

    def read(self) -> Signals:
        self.reads += 1
        budget = self.budget[1] if self.budget else None
        return Signals(dict(self.models), budget, active_elsewhere=self.active_elsewhere, shed=self.shed)

    def read_shed(self) -> ShedSignal | None:
        return self.shed

    def save_shed(self, signal: ShedSignal | None) -> None:
        self.shed = signal

    def save_model(self, key: str, signal: ModelSignal) -> None:
        if key not in self.models or self.models[key].sequence < signal.sequence:
            self.models[key] = signal

    def save_budget(self, signal: BudgetSignal | None, at: datetime) -> None:
        if self.budget is None or self.budget[0] < at:
            self.budget = (at, signal)
