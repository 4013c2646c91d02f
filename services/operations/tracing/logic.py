"""A request's causal tree: every event with what it followed from, and the deliveries that made it so.

    event ─▶ the steps that heard it, with their deliveries ─▶ the events that these said ─▶ …

Events and their times come from the request's timeline; attempts, waiting and working from the functions' logs. Without
logs (they are kept for a while only) the tree is whole, and says nothing of attempts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict

from services.operations.timeline import Fact, Request
from services.operations.tracing.causes import cause_of, maker

SAME_MOMENT: Final = timedelta(seconds=2)
"""A step's own line and its batch's are no further apart."""
FAILED: Final = frozenset({"retried", "dead_lettered"})
BEFORE: Final = timedelta(minutes=1)
AFTER: Final = timedelta(minutes=15)
"""Around the events, the part of the logs that is searched: a delivery may fail for a quarter of an hour."""


class _View(BaseModel):
    model_config = ConfigDict(defer_build=True)


class Delivery(_View):
    """One time that a step had the message in hand."""

    at: datetime
    """When it began."""
    seconds: float
    """That the batch took which it was in."""
    outcome: str
    """``handled``, ``retried``, ``in_progress`` or ``dead_lettered``."""
    error: str | None = None
    reason: str | None = None


class Step(_View):
    """A step that heard an event. Seconds are missing where the logs do not tell."""

    step: str
    attempts: int
    waited_seconds: float | None = None
    """From the event to the first delivery's beginning: the bus, the queue, a cold start."""
    worked_seconds: float | None = None
    """In all deliveries."""
    deliveries: list[Delivery]
    calls: list[str]
    """Model calls: which image, which model, what came of it, how long."""
    events: list["Happening"]
    """What followed."""


class Happening(_View):
    """An event."""

    event_id: str
    event: str
    at: datetime
    after_seconds: float
    """Since the request was accepted."""
    since_cause_seconds: float
    certain: bool
    """Whether the cause is proved by the ids; False where it is only the usual one."""
    steps: list[Step]


class Trace(_View):
    """Everything that followed from a request."""

    request_id: str
    trace_id: str
    status: str
    accepted_at: datetime
    seconds: float
    """From being accepted to the last event."""
    attempts_known: bool
    """False where no log line tells of this request: then steps show no attempts."""
    events: list[Happening]


@dataclass(frozen=True)
class Line:
    """One log line about the request."""

    at: datetime
    values: Mapping[str, Any]


class Requests(Protocol):
    """Where requests stand."""

    def requests(self, ids: Iterable[str]) -> Mapping[str, Request]:
        """Return requests by id; unknown ones are left out."""


class Logs(Protocol):
    """The functions' logs."""

    def about(self, request_id: str, since: datetime, until: datetime) -> list[Line]:
        """Return the lines that name a request, in order of time."""


@dataclass(frozen=True)
class _Heard:
    """A delivery, as a line tells it: which step had which kind of event in hand."""

    step: str
    detail_type: str
    delivery: Delivery


def trace(requests: Requests, logs: Logs | None, request_id: str) -> Trace:
    """Return the trace of one request. Raises ``KeyError`` for an unknown one."""
    request = requests.requests([request_id])[request_id]
    last = max(fact.at for fact in request.facts)
    lines = logs.about(request_id, request.created_at - BEFORE, last + AFTER) if logs else []
    return tree(request, lines)


def tree(request: Request, lines: Sequence[Line]) -> Trace:
    """Return the tree that a timeline and log lines make."""
    heard = deliveries(lines, request.request_id)
    calls = [called for line in lines if (called := _call(line))]
    causes = {fact.event_id: cause_of(fact, request.facts, request.request_id) for fact in request.facts}
    known = {fact.event_id: fact for fact in request.facts}

    def happening(fact: Fact) -> Happening:
        cause = known.get(causes[fact.event_id][0])
        following = [other for other in request.facts if causes[other.event_id][0] == fact.event_id]
        mine = [one for one in heard if _consumed(one, request.facts) is fact]
        names = dict.fromkeys([*(maker(other) for other in following), *(one.step for one in mine)])
        return Happening(
            event_id=fact.event_id,
            event=fact.detail_type,
            at=fact.at,
            after_seconds=_seconds(request.created_at, fact.at),
            since_cause_seconds=_seconds(cause.at if cause else request.created_at, fact.at),
            certain=causes[fact.event_id][1],
            steps=[step(name, fact, mine, [other for other in following if maker(other) == name]) for name in names],
        )

    def step(name: str, fact: Fact, mine: Sequence[_Heard], following: Sequence[Fact]) -> Step:
        own = [one.delivery for one in mine if one.step == name]
        return Step(
            step=name,
            attempts=len(own),
            waited_seconds=_seconds(fact.at, own[0].at) if own else None,
            worked_seconds=round(sum(delivery.seconds for delivery in own), 3) if own else None,
            deliveries=own,
            calls=calls if name == "generation.generate" else [],
            events=[happening(other) for other in following],
        )

    roots = [fact for fact in request.facts if causes[fact.event_id][0] not in known]
    return Trace(
        request_id=request.request_id,
        trace_id=request.request_id.replace("-", ""),
        status=request.status,
        accepted_at=request.created_at,
        seconds=_seconds(request.created_at, max(fact.at for fact in request.facts)),
        attempts_known=bool(heard),
        events=[happening(fact) for fact in roots],
    )


def deliveries(lines: Sequence[Line], request_id: str) -> list[_Heard]:
    """Return what the batches' lines tell of one request, with the error that a step's own line gave."""
    errors = [line for line in lines if line.values.get("message") in {"retry", "dead-letter"}]
    found = []
    for line in lines:
        if line.values.get("message") != "batch":
            continue
        seconds = float(line.values["seconds"])
        for message in line.values["messages"]:
            if message.get("request_id") != request_id:
                continue
            why = next(
                (
                    error.values
                    for error in errors
                    if message["outcome"] in FAILED
                    and error.values.get("step") == line.values["step"]
                    and error.values.get("detail_type") == message["detail_type"]
                    and -SAME_MOMENT <= line.at - error.at <= SAME_MOMENT
                ),
                {},
            )
            delivery = Delivery(
                at=line.at - timedelta(seconds=seconds),
                seconds=seconds,
                outcome=message["outcome"],
                error=why.get("error"),
                reason=why.get("reason"),
            )
            found.append(_Heard(line.values["step"], message["detail_type"], delivery))
    return sorted(found, key=lambda one: one.delivery.at)


def _consumed(heard: _Heard, facts: Sequence[Fact]) -> Fact | None:
    """Return the event of a delivery: the newest of its kind that was there when the delivery ended."""
    ended = heard.delivery.at + timedelta(seconds=heard.delivery.seconds) + SAME_MOMENT
    alike = [fact for fact in facts if fact.detail_type == heard.detail_type]
    return next((fact for fact in reversed(alike) if fact.at <= ended), None)


def _call(line: Line) -> str | None:
    values = line.values
    if values.get("message") != "model called":
        return None
    seconds = values.get("model_seconds", [0])
    took = float(seconds[0] if isinstance(seconds, list) else seconds)
    return f"image {values['index']}: {values['model']} {values['outcome']} in {took:.2f} s"


def _seconds(since: datetime, until: datetime) -> float:
    return round((until - since).total_seconds(), 3)
