"""The request-state table in memory, as strict about its conditions as DynamoDB."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from events.catalog.image_requested import ImageRequested
from services.intake.lifecycle import ENDINGS, RANKS, STALLED, Fact
from services.intake.logic import State


class InMemoryRequests:
    """Implements ``RequestStore`` and ``SweepStore``."""

    def __init__(self, first_check: timedelta = timedelta(minutes=15)) -> None:
        self.requests: dict[str, ImageRequested] = {}
        self.states: dict[str, State] = {}
        self.ranks: dict[str, int] = {}
        self.weighed: set[str] = set()
        self.checks: dict[str, datetime] = {}
        self._first_check = first_check

    def create(self, event: ImageRequested, state: State) -> None:
        if state.request_id in self.states:
            raise KeyError(state.request_id)
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
        return None

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
