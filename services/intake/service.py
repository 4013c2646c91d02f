"""What intake does: accept a request, find it, take it back, track it, sweep what is late. No I/O in here."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from events.catalog.image_requested import ImageRequested, ImageRequestedData
from events.catalog.image_stored import ImageStoredData
from events.catalog.processing_stalled import ProcessingStalled
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.catalog.request_expired import RequestExpired, RequestExpiredData
from events.envelope import Event
from events.images import GenerationParameters
from kit.errors import RetriableError
from kit.telemetry import logger
from services.intake.facts import fact_of
from services.intake.lifecycle import (
    ACCEPTED,
    CHECKING,
    ENDINGS,
    EXPIRED,
    FAILED,
    RANKS,
    REJECTED,
    STALLED,
    Fact,
    status_of,
)
from services.intake.quota import RateLimiter, Window


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
    charged_to: Window | None = None
    """The window of the key's rate limit that the request was counted in."""
    webhook_id: str | None = None
    """The webhook that the request named, to be told of it."""


@dataclass(frozen=True)
class IdempotencyRecord:
    """What an owner's idempotency key stands for."""

    owner: str
    key: str
    digest: str
    """Of the request it came with."""
    answer: str
    """The 202's body, JSON."""
    expires_at: datetime


class KeyTakenError(Exception):
    """An idempotency key stands for ``record``."""

    def __init__(self, record: IdempotencyRecord) -> None:
        super().__init__("the idempotency key is taken")
        self.record = record


class RequestStore(Protocol):
    """The request-state table."""

    def create(self, event: ImageRequested, state: State, record: IdempotencyRecord | None = None) -> None:
        """Write the immutable request, its state and its idempotency record in one transaction.

        Raises ``KeyTakenError`` where the idempotency key stands for something, ``KeyError`` where the id is taken.
        """

    def advance(self, request_id: str, fact: Fact) -> State | None:
        """Add ``fact`` and the status it stands for in one conditional write.

        Returns None where that was right as it is and the request goes on. Otherwise the state as it now stands: with
        the fact where the request ended by it or knew it, without it where it does not move the status forward or a
        stall has to be weighed. Raises ``KeyError`` for an unknown request.
        """

    def state(self, request_id: str) -> State:
        """Return the state. Raises ``KeyError`` for an unknown request."""

    def replace(self, old: State, new: State, added: Fact) -> bool:
        """Write ``new`` where the stored revision is still ``old``'s; return whether it was."""


class CancelStore(Protocol):
    """What finding a request and taking it back need of the table."""

    def both(self, request_id: str) -> tuple[ImageRequested, State]:
        """Return the request and its state. Raises ``KeyError`` for an unknown one."""

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


def accept(
    store: RequestStore,
    request_id: str,
    owner: str,
    parameters: GenerationParameters,
    now: datetime,
    *,
    charged_to: Window | None = None,
    record: IdempotencyRecord | None = None,
    webhook_id: str | None = None,
) -> State:
    """Accept a request: after this it is never lost. The table's stream publishes it.

    Raises ``KeyTakenError`` where the record's key stands for another.
    """
    event = ImageRequested.first(request_id, owner, ImageRequestedData(parameters=parameters), occurred_at=now)
    fact = fact_of(event)
    state = State(request_id, owner, now, ACCEPTED, 0, 1, {fact.event_id: fact}, charged_to, webhook_id)
    store.create(event, state, record)
    return state


def track(store: RequestStore, event: Event) -> State | None:
    """Add an event to its request's timeline and move the status, whatever came before or will come again.

    Returns the state where the request has ended (or it had to be read), None where it simply goes on.
    Raises ``RetriableError`` for a request the table does not know.
    """
    fact = fact_of(event)
    request_id = event.metadata.request_id
    try:
        found = store.advance(request_id, fact) if fact.reached else store.state(request_id)
        while found is not None and fact.event_id not in found.facts:
            new = with_fact(found, fact)
            found = new if store.replace(found, new, fact) else store.state(request_id)
    except KeyError as error:
        raise RetriableError(f"request {request_id} is not in the table") from error
    return found


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


class TooLateError(Exception):
    """The request can no longer be taken back."""

    def __init__(self, status: str) -> None:
        super().__init__(f"the request is {status}")
        self.status = status


def find(store: CancelStore, request_id: str, owner: str) -> tuple[ImageRequested, State]:
    """Return an owner's request. Raises ``KeyError`` for an unknown one; another owner's is one."""
    if not re.fullmatch(r"[0-9a-f-]{36}", request_id):
        raise KeyError(request_id)
    request, state = store.both(request_id)
    if state.owner != owner:
        raise KeyError(request_id)
    return request, state


def cancel(store: CancelStore, request_id: str, owner: str, now: datetime) -> tuple[ImageRequested, State]:
    """Take a request back, and return it as it then stands; a repetition changes nothing.

    Raises ``TooLateError`` once a image was drawn or the request ended, ``KeyError`` for an unknown request.
    """
    while True:
        request, state = find(store, request_id, owner)
        if any(fact.detail_type == RequestCancelled.detail_type for fact in state.facts.values()):
            return request, state
        if any(RANKS[fact.reached] >= RANKS[CHECKING] for fact in state.facts.values() if fact.reached):
            raise TooLateError(state.status)
        fact = fact_of(RequestCancelled.first(request_id, owner, RequestCancelledData(), occurred_at=now))
        new = with_fact(state, fact)
        if store.replace(state, new, fact):
            return request, new


def settle(limiter: RateLimiter, state: State) -> None:
    """Give back what an ended request was charged: a failure of ours is not counted, a block is counted as one."""
    if state.charged_to and state.status in (FAILED, EXPIRED, REJECTED):
        limiter.give_back(state.charged_to, state.request_id, blocked=state.status == REJECTED)


def duration(event: Event, state: State) -> tuple[str, float] | None:
    """Return the model and the seconds that a request took to succeed. None where it waited for an operator."""
    if not isinstance(event.data, ImageStoredData) or any(
        f.detail_type == ProcessingStalled.detail_type for f in state.facts.values()
    ):
        return None
    return event.data.images[0].model, (event.metadata.occurred_at - state.created_at).total_seconds()


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
    on_expired: Callable[[State], None],
) -> SweepReport:
    """Look at every open request that is due: nudge what shows no progress, expire what is past its deadline.

    A failure on one request is reported and does not keep the others from being looked at.
    """
    report = SweepReport()
    for request_id in store.due(now):
        report.looked_at += 1
        try:
            state = store.state(request_id)
            if expired := _sweep_one(store, publish, rules, now, state, report):
                on_expired(expired)
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
) -> State | None:
    """Return the state of a request that was expired."""
    if state.status in ENDINGS:
        return None
    stalled = state.status == STALLED
    deadline = state.created_at + (rules.stalled_deadline if stalled else rules.deadline)
    if now >= deadline:
        fact = expiry(state, deadline, now)
        expired = with_fact(state, fact)
        if not store.replace(state, expired, fact):
            return None
        logger.info("expired", request_id=state.request_id, status=state.status)
        report.expired += 1
        return expired
    last_sign = max(fact.at for fact in state.facts.values())
    if stalled:
        last_sign = (
            now  # it waits for an operator: being due all the time, it would keep the others from being looked at
        )
    elif now - last_sign >= rules.nudge_after:
        publish([store.request(state.request_id)])
        logger.info("nudged", request_id=state.request_id, status=state.status)
        report.nudged += 1
        last_sign = now
    store.check_again(state.request_id, min(deadline, last_sign + rules.nudge_after))
    return None


def expiry(state: State, deadline: datetime, now: datetime) -> Fact:
    """Return the fact that the deadline passed. Like every fact of intake's own, the table's stream publishes it."""
    data = RequestExpiredData(last_status=state.status, deadline=deadline)
    event = RequestExpired.first(state.request_id, state.owner, data, occurred_at=now)
    about: dict[str, Any] = {"last_status": state.status, "deadline": deadline.isoformat()}
    return replace(fact_of(event), about=about)
