"""What intake does: accept a request, show it, track it, relay its outbox, sweep what is late. No I/O in here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from events.catalog.image_requested import ImageRequested, ImageRequestedData
from events.catalog.request_expired import RequestExpired, RequestExpiredData
from events.drawing import Drawing
from events.envelope import Event
from events.errors import RetriableError
from services.intake.facts import fact_of
from services.intake.lifecycle import ACCEPTED, ENDINGS, STALLED, Fact, status_of


@dataclass(frozen=True)
class State:
    """The small, moving half of a request."""

    request_id: str
    owner: str
    created_at: datetime
    status: str
    status_sequence: int
    """Counts changes of status, without gaps."""
    revision: int
    """Counts writes; the condition of every write that follows a read."""
    facts: Mapping[str, Fact]
    """The timeline, by event id."""


class RequestStore(Protocol):
    """The request-state table."""

    def create(self, event: ImageRequested, state: State) -> None:
        """Write the immutable request and its state in one transaction. Raises ``KeyError`` where the id is taken."""

    def advance(self, request_id: str, fact: Fact) -> State | None:
        """Add ``fact`` and the status it stands for in one conditional write.

        Returns None where that was right as it is, or the state as it stands where the fact is already known, does
        not move the status forward, or a stall has to be weighed. Raises ``KeyError`` for an unknown request.
        """

    def state(self, request_id: str) -> State:
        """Return the state. Raises ``KeyError`` for an unknown request."""

    def replace(self, old: State, new: State, added: Fact) -> bool:
        """Write ``new`` where the stored revision is still ``old``'s; return whether it was."""


class SweepStore(Protocol):
    """What the sweeper needs of the table."""

    def state(self, request_id: str) -> State:
        """Return the state. Raises ``KeyError`` for an unknown request."""

    def request(self, request_id: str) -> ImageRequested:
        """Return the immutable request."""

    def due(self, now: datetime) -> Iterable[str]:
        """Return the ids of open requests whose next check is due."""

    def check_again(self, request_id: str, at: datetime) -> None:
        """Set when to look at an open request again; an ended one is left alone."""

    def replace(self, old: State, new: State, added: Fact) -> bool:
        """Write ``new`` where the stored revision is still ``old``'s; return whether it was."""


def accept(store: RequestStore, request_id: str, owner: str, drawing: Drawing, now: datetime) -> State:
    """Accept a request: after this it is never lost. The table's stream publishes it."""
    event = ImageRequested.first(request_id, owner, ImageRequestedData(drawing=drawing), occurred_at=now)
    fact = fact_of(event)
    state = State(request_id, owner, now, ACCEPTED, 0, 1, {fact.event_id: fact})
    store.create(event, state)
    return state


def track(store: RequestStore, event: Event) -> None:
    """Add an event to its request's timeline and move the status, whatever came before or will come again.

    Raises ``RetriableError`` for a request the table does not know.
    """
    fact = fact_of(event)
    request_id = event.metadata.request_id
    try:
        found = store.advance(request_id, fact) if fact.reached else store.state(request_id)
        while found is not None:
            if fact.event_id in found.facts or store.replace(found, with_fact(found, fact), fact):
                return
            found = store.state(request_id)
    except KeyError as error:
        raise RetriableError(f"request {request_id} is not in the table") from error


def with_fact(state: State, fact: Fact) -> State:
    """Return ``state`` with one more fact and the status that then holds."""
    facts = {**state.facts, fact.event_id: fact}
    status = status_of(facts.values())
    moved = status != state.status
    return replace(
        state,
        facts=facts,
        status=status,
        status_sequence=state.status_sequence + moved,
        revision=state.revision + 1,
    )


@dataclass(frozen=True)
class SweepRules:
    """When a request that does not end is helped along, and when it is given up."""

    nudge_after: timedelta
    deadline: timedelta
    stalled_deadline: timedelta


@dataclass
class SweepReport:
    """What one sweep did."""

    looked_at: int = 0
    nudged: int = 0
    expired: int = 0
    failed: int = 0


def sweep(
    store: SweepStore,
    publish: Callable[[Sequence[Event]], None],
    rules: SweepRules,
    now: datetime,
    on_error: Callable[[str, Exception], None],
) -> SweepReport:
    """Look at every open request that is due: nudge what shows no progress, expire what is past its deadline.

    A failure on one request is reported and does not keep the others from being looked at.
    """
    report = SweepReport()
    for request_id in store.due(now):
        report.looked_at += 1
        try:
            _sweep_one(store, publish, rules, now, store.state(request_id), report)
        except Exception as error:  # the next sweep tries again; the caller raises at the end
            report.failed += 1
            on_error(request_id, error)
    return report


def _sweep_one(
    store: SweepStore,
    publish: Callable[[Sequence[Event]], None],
    rules: SweepRules,
    now: datetime,
    state: State,
    report: SweepReport,
) -> None:
    if state.status in ENDINGS:
        return
    stalled = state.status == STALLED
    deadline = state.created_at + (rules.stalled_deadline if stalled else rules.deadline)
    if now >= deadline:
        fact = expiry(state, deadline, now)
        report.expired += store.replace(state, with_fact(state, fact), fact)
        return
    last_sign = max(fact.at for fact in state.facts.values())
    if not stalled and now - last_sign >= rules.nudge_after:
        publish([store.request(state.request_id)])
        report.nudged += 1
        last_sign = now
    store.check_again(state.request_id, min(deadline, last_sign + rules.nudge_after))


def expiry(state: State, deadline: datetime, now: datetime) -> Fact:
    """Return the fact that the deadline passed. Like every fact of intake's own, the table's stream publishes it."""
    data = RequestExpiredData(last_status=state.status, deadline=deadline)
    event = RequestExpired.first(state.request_id, state.owner, data, occurred_at=now)
    about: dict[str, Any] = {"last_status": state.status, "deadline": deadline.isoformat()}
    return replace(fact_of(event), about=about)
