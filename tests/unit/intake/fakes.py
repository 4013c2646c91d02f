"""The request-state table in memory, and what lies beside it, as strict about their conditions as DynamoDB."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from events.catalog.image_requested import ImageRequested
from services.intake.lifecycle import ENDINGS, RANKS, STALLED, Fact
from services.intake.listing import Page, Row
from services.intake.quota import Tally, Window
from services.intake.service import IdempotencyRecord, KeyTakenError, State
from services.intake.signals import ModelSignal, Signals


class InMemoryRequests:
    """Implements ``CreationStore``, ``CancelStore``, ``ListStore`` and ``SweepStore``."""

    def __init__(self, first_check: timedelta = timedelta(minutes=15)) -> None:
        self.requests: dict[str, ImageRequested] = {}
        self.states: dict[str, State] = {}
        self.ranks: dict[str, int] = {}
        self.weighed: set[str] = set()
        self.checks: dict[str, datetime] = {}
        self.records: dict[tuple[str, str], IdempotencyRecord] = {}
        self._first_check = first_check

    def create(self, event: ImageRequested, state: State, record: IdempotencyRecord | None = None) -> None:
        if record is not None and (standing := self.recorded(record.owner, record.key, state.created_at)):
            raise KeyTakenError(standing)
        if state.request_id in self.states:
            raise KeyError(state.request_id)
        if record is not None:
            self.records[record.owner, record.key] = record
        self.requests[state.request_id] = event
        self.states[state.request_id] = state
        self.ranks[state.request_id] = RANKS[state.status]
        self.checks[state.request_id] = state.created_at + self._first_check

    def advance(self, request_id: str, fact: Fact) -> State | None:
        state = self.state(request_id)
        status = fact.reached
        assert status is not None
        if fact.event_id in state.facts or self.ranks[request_id] >= RANKS[status] or request_id in self.weighed:
            return state
        self._store(
            replace(
                state,
                facts={**state.facts, fact.event_id: fact},
                status=status,
                status_sequence=state.status_sequence + 1,
                revision=state.revision + 1,
            )
        )
        return self.states[request_id] if status in ENDINGS else None

    def recorded(self, owner: str, key: str, now: datetime) -> IdempotencyRecord | None:
        record = self.records.get((owner, key))
        return record if record and record.expires_at > now else None

    def page(self, owner: str, *, limit: int, after: str | None, status: str | None) -> Page:
        mine = [state for state in self.states.values() if state.owner == owner]
        mine = [state for state in mine if after is None or state.request_id < after]
        mine = sorted(mine, key=lambda state: state.request_id, reverse=True)
        mine = [state for state in mine if status in (None, state.status)]
        rows = [Row(state.request_id, state.status, state.created_at) for state in mine[:limit]]
        return Page(rows, rows[-1].request_id if len(mine) > limit else None)

    def state(self, request_id: str) -> State:
        return self.states[request_id]

    def request(self, request_id: str) -> ImageRequested:
        return self.requests[request_id]

    def both(self, request_id: str) -> tuple[ImageRequested, State]:
        return self.requests[request_id], self.states[request_id]

    def replace(self, old: State, new: State, added: Fact) -> bool:
        assert added.event_id in new.facts
        if self.states[old.request_id].revision != old.revision:
            return False
        self._store(new)
        return True

    def due(self, now: datetime) -> Iterable[str]:
        return [request_id for request_id, at in self.checks.items() if at <= now]

    def check_again(self, request_id: str, at: datetime) -> None:
        if request_id in self.checks:
            self.checks[request_id] = at

    def _store(self, state: State) -> None:
        self.states[state.request_id] = state
        if state.status == STALLED:
            self.weighed.add(state.request_id)
        else:
            self.ranks[state.request_id] = RANKS[state.status]
        if state.status in ENDINGS:
            self.checks.pop(state.request_id, None)


class InMemoryRates:
    """Implements ``RateStore``."""

    def __init__(self) -> None:
        self.tallies: dict[Window, Tally] = {}
        self.returned: set[tuple[Window, str]] = set()

    def take(self, window: Window, most: int, most_blocked: int) -> tuple[bool, Tally]:
        tally = self.tallies.get(window, Tally())
        if tally.closed or tally.count >= most or tally.blocked >= most_blocked:
            return False, tally
        self.tallies[window] = replace(tally, count=tally.count + 1)
        return True, self.tallies[window]

    def close(self, window: Window) -> Tally:
        self.tallies[window] = replace(self.tallies.get(window, Tally()), closed=True)
        return self.tallies[window]

    def give_back(self, window: Window, request_id: str, *, blocked: bool) -> None:
        tally = self.tallies.get(window, Tally())
        if tally.count and (window, request_id) not in self.returned:
            self.returned.add((window, request_id))
            self.tallies[window] = replace(tally, count=tally.count - 1, blocked=tally.blocked + blocked)


class InMemoryFigures:
    """Implements ``FigureStore``."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.reads = self.writes = 0

    def read(self) -> Mapping[str, float]:
        self.reads += 1
        return dict(self.figures)

    def write(self, figures: Mapping[str, float]) -> None:
        self.writes += 1
        self.figures |= figures


class InMemorySignals:
    """Implements ``SignalStore``."""

    def __init__(self) -> None:
        self.models: dict[str, ModelSignal] = {}
        self.budget: tuple[datetime, datetime | None] | None = None
        self.reads = 0

    def read(self) -> Signals:
        self.reads += 1
        return Signals(dict(self.models), self.budget[1] if self.budget else None)

    def note_model(self, key: str, signal: ModelSignal) -> None:
        if key not in self.models or self.models[key].sequence < signal.sequence:
            self.models[key] = signal

    def note_budget(self, spent_until: datetime | None, at: datetime) -> None:
        if self.budget is None or self.budget[0] < at:
            self.budget = (at, spent_until)
