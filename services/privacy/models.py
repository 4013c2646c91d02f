"""Domain types of privacy: an erasure, its parts, and what follows from the answers of the services."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from events.catalog.erasure_started import ErasureStarted, ErasureStartedData
from events.erasure import ERASERS, ErasureScope, StoreReceipt

SWEEPS: Final = (timedelta(0), timedelta(minutes=10), timedelta(hours=26))
"""When each sweep starts, after the erasure was requested. The first erases what is stored. The second one follows the
calls and messages that were being handled: a revoked key works for a minute at most, and a model call takes at most six
and a half. The third one follows the last event that may arrive late: a rule of the bus retries for 24 hours, and a
consumer for a quarter of an hour."""
REPEAT_AFTER: Final = timedelta(minutes=15)
"""Events without an answer are published again after this time, which is longer than consumers retry."""
RETENTION: Final = timedelta(days=400)
"""How long a receipt is kept after the erasure is complete, by default."""


@dataclass(frozen=True)
class Erasure:
    """An erasure of personal data."""

    erasure_id: str
    owner: str
    scope: ErasureScope
    requested_at: datetime
    sweep: int = 1
    """Number of the current sweep, from 1."""
    sweep_at: datetime | None = None
    """When the current sweep started; None for the first one."""
    completed_at: datetime | None = None
    stores: tuple[StoreReceipt, ...] = ()
    """The receipt of a complete erasure. Before, it follows from the parts."""
    request_ids: tuple[str, ...] = ()
    """The requests, if they are the scope."""

    def started(self) -> ErasureStarted:
        """Return the event that starts the current sweep: the same event each time."""
        data = ErasureStartedData(
            erasure_id=self.erasure_id, scope=self.scope, sweep=self.sweep, request_ids=self.request_ids
        )
        return ErasureStarted.first(self.erasure_id, self.owner, data, occurred_at=self.started_at, index=self.sweep)

    @property
    def started_at(self) -> datetime:
        """When the current sweep started."""
        return self.sweep_at or self.requested_at

    @property
    def next_sweep_at(self) -> datetime | None:
        """When the next sweep starts; None after the last one."""
        return next((at for delay in SWEEPS if (at := self.requested_at + delay) > self.started_at), None)


@dataclass(frozen=True)
class Answer:
    """The answer of one service to one part."""

    stores: tuple[StoreReceipt, ...] = ()
    parts: tuple[str, ...] = ()
    """Ids of further parts, which must be answered, too."""
    more: bool = False


@dataclass(frozen=True)
class Part:
    """One ``ErasureStarted`` of an erasure, and the answers to it."""

    part_id: str
    """The id of the event."""
    sweep: int
    event: ErasureStarted | None = None
    """None as long as only answers have arrived: events arrive in any order."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """By service."""

    @property
    def missing(self) -> frozenset[str]:
        """The services that have not answered. Without the event, the scope is unknown, and so is who answers."""
        if self.event is None:
            return frozenset({"unknown"})
        return ERASERS[self.event.data.scope] - self.answers.keys()


@dataclass(frozen=True)
class Progress:
    """What the parts of an erasure say about its current sweep."""

    is_complete: bool
    more: bool
    """Whether a service has more to erase than it could list."""
    unanswered: Sequence[ErasureStarted]
    """Events to publish again if they stay without an answer."""


def progress_of(erasure: Erasure, parts: Iterable[Part]) -> Progress:
    """Return the progress of the current sweep. It depends on the set of answers, not on their order."""
    current = {part.part_id: part for part in parts if part.sweep == erasure.sweep}
    start = erasure.started()
    answers = [answer for part in current.values() for answer in part.answers.values()]
    expected = {start.metadata.event_id}.union(*(answer.parts for answer in answers))
    open_parts = [part for part in current.values() if part.missing]
    unanswered = [part.event for part in open_parts if part.event]
    if start.metadata.event_id not in {event.metadata.event_id for event in unanswered} and (
        expected - current.keys() or any(part.event is None for part in open_parts)
    ):
        unanswered.append(start)  # whoever lists parts lists them again
    return Progress(
        is_complete=not open_parts and expected <= current.keys(),
        more=any(answer.more for answer in answers),
        unanswered=unanswered,
    )


def receipt_of(parts: Iterable[Part]) -> tuple[StoreReceipt, ...]:
    """Return one entry per store: the sum of what was erased, and what remains for the longest time."""
    found: dict[str, StoreReceipt] = {}
    for part in sorted(parts, key=lambda part: (part.sweep, part.part_id)):
        for answer in part.answers.values():
            for store in answer.stores:
                found[store.store] = _merged(found[store.store], store) if store.store in found else store
    return tuple(found[name] for name in sorted(found))


def _merged(one: StoreReceipt, other: StoreReceipt) -> StoreReceipt:
    latest = max((one, other), key=lambda each: each.until.timestamp() if each.until else 0.0)
    kept = latest if latest.remains else one if one.remains else other
    return kept.model_copy(update={"erased": one.erased + other.erased})
