"""Record events: first in the archive, then in the counters, each exactly once.

Counters belong to *generations* of the projection. One is current. During a rebuild, a second one is being built, and
events are counted in both. A pointer names them. Every transaction checks the pointer's revision, in the days to which
it adds, so none can commit without knowing about a rebuild: there is no cache to wait for, and no read on the happy
path.

A transaction also stores the ids of the events that it counts, and is cancelled if one of them is stored already.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol, Self

from events.envelope import Event
from kit.errors import TransientError
from services.analytics.counters import Amounts, add, amounts, day_of

EVENT_ID_RETENTION: Final = timedelta(days=60)
"""How long the ids of counted events are kept by default: longer than queues and dead-letter queues keep messages."""
ITEMS_MAX: Final = 100
"""Items of one transaction, a quota of DynamoDB."""
GENERATIONS_MAX: Final = 2
REQUESTS_MAX: Final = (ITEMS_MAX - 1) // GENERATIONS_MAX - 1
"""Requests whose events of one day are counted in one transaction, also during a rebuild."""
ROUNDS: Final = 8
"""Attempts per transaction. Each round knows the reasons why the previous one failed."""


@dataclass(frozen=True)
class Generations:
    """The pointer. Before the first rebuild it does not exist, which stands for this state."""

    current: str = "g1"
    building: str | None = None
    revision: int = 1

    @property
    def active(self) -> tuple[str, ...]:
        """The generations in which events are counted."""
        return (self.current,) if self.building is None else (self.current, self.building)

    def begin(self) -> Self:
        """Return the pointer with a new generation being built, replacing any other."""
        return replace(self, building=f"g{self.revision + 1}", revision=self.revision + 1)

    def finish(self) -> Self:
        """Return the pointer with the new generation as the current one."""
        return replace(self, current=self.building or self.current, building=None, revision=self.revision + 1)

    def abandon(self) -> Self:
        """Return the pointer without a generation being built."""
        return replace(self, building=None, revision=self.revision + 1)


@dataclass(frozen=True)
class Addition:
    """What a transaction adds to a generation."""

    generation: str
    seen: dict[str, list[str]] = field(default_factory=dict)
    """Request id → ids of its events that are counted."""
    days: dict[str, Amounts] = field(default_factory=dict)


class AlreadyCountedError(Exception):
    """Some events are counted already. Nothing was written."""

    def __init__(self, known: frozenset[tuple[str, str]]) -> None:
        super().__init__(f"{len(known)} events are counted already")
        self.known = known
        """(generation, event id) of counted events, including events of other batches."""


class GenerationsMovedError(Exception):
    """The pointer has changed. Nothing was written."""

    def __init__(self, generations: Generations) -> None:
        super().__init__(f"the pointer is at revision {generations.revision}")
        self.generations = generations


class SupersededError(Exception):
    """Another rebuild has replaced the generation being built."""


class Archive(Protocol):
    """Stores all events."""

    def append(self, events: Sequence[Event]) -> None:
        """Store ``events``. Storing one again changes nothing."""


class Counters(Protocol):
    """Counts events."""

    def commit(self, additions: Sequence[Addition], expected: Generations, expires_at: int) -> None:
        """Write ``additions`` in one transaction and store the ids of their events until ``expires_at`` (Unix seconds).

        Raises ``GenerationsMovedError``, ``AlreadyCountedError`` or ``TransientError``; then nothing was written.
        """


class Recorder:
    """Records events."""

    def __init__(
        self,
        archive: Archive,
        counters: Counters,
        now: Callable[[], float] = time.time,
        on_counted: Callable[[Amounts], None] = lambda _: None,
        retention: timedelta = EVENT_ID_RETENTION,
    ) -> None:
        """``on_counted`` receives what each batch added, once. ``retention`` is that of the ids of counted events."""
        self._archive = archive
        self._counters = counters
        self._now = now
        self._on_counted = on_counted
        self._retention = retention
        self._generations = Generations()

    def record(self, events: Sequence[Event]) -> list[Event]:
        """Archive and count ``events``. No events follow.

        The archive is first, so that everything that is counted can be counted again. After a crash in between, events
        are archived but not counted, and their messages are still in the queue.
        """
        self._archive.append(events)
        self._generations = count(
            events,
            self._counters,
            self._generations,
            now=self._now(),
            on_counted=self._on_counted,
            retention=self._retention,
        )
        return []


def count(
    events: Sequence[Event],
    counters: Counters,
    generations: Generations,
    *,
    now: float,
    only: str | None = None,
    on_counted: Callable[[Amounts], None] = lambda _: None,
    retention: timedelta = EVENT_ID_RETENTION,
) -> Generations:
    """Count each of ``events`` once in every active generation, or in ``only`` one; return the current pointer.

    The earliest copy of an event counts. One transaction counts all events, unless they have too many requests.
    ``on_counted`` receives what each transaction added to the current generation.
    Raises ``SupersededError`` if ``only`` is no longer being built, ``TransientError`` if every round failed.
    """
    for tally in _transactions(_tally(events)):
        generations = _count_once(
            tally, counters, generations, now=now, only=only, on_counted=on_counted, retention=retention
        )
    return generations


def _count_once(
    tally: Sequence[tuple[Event, Amounts]],
    counters: Counters,
    generations: Generations,
    *,
    now: float,
    only: str | None,
    on_counted: Callable[[Amounts], None],
    retention: timedelta,
) -> Generations:
    """Count the events of one transaction. See ``count``."""
    known: frozenset[tuple[str, str]] = frozenset()
    for _ in range(ROUNDS):
        targets = generations.active if only is None else (only,)
        additions = [addition for target in targets if (addition := _addition(target, tally, known)).seen]
        if not additions:
            return generations
        try:
            counters.commit(additions, generations, int(now + retention.total_seconds()))
        except AlreadyCountedError as refusal:
            known |= refusal.known
        except GenerationsMovedError as moved:
            generations = moved.generations
            if only is not None and generations.building != only:
                raise SupersededError(f"generation {only} is no longer being built") from moved
        else:
            if additions[0].generation == generations.current:
                on_counted(_total(additions[0]))
            return generations
    raise TransientError(f"counters: no transaction succeeded in {ROUNDS} rounds")


def _tally(events: Sequence[Event]) -> list[tuple[Event, Amounts]]:
    """Return what each event counts, without copies and without events that count nothing."""
    distinct: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: event.metadata.occurred_at):
        distinct.setdefault(event.metadata.event_id, event)
    return [(event, counted) for event in distinct.values() if (counted := amounts(event))]


def _transactions(tally: Sequence[tuple[Event, Amounts]]) -> Iterator[list[tuple[Event, Amounts]]]:
    """Yield the parts that a transaction can count: each request and each day is an item of every generation.

    The events of a request stay together, so that its item is written once.
    """
    part: list[tuple[Event, Amounts]] = []
    items: set[str] = set()
    for event, counted in sorted(tally, key=lambda one: one[0].metadata.request_id):
        its_items = {event.metadata.request_id, day_of(event)}
        if 1 + GENERATIONS_MAX * len(items | its_items) > ITEMS_MAX:  # and the pointer
            yield part
            part, items = [], set()
        part.append((event, counted))
        items |= its_items
    if part:
        yield part


def _total(addition: Addition) -> Amounts:
    total: Amounts = {}
    for amounts_of_day in addition.days.values():
        add(total, amounts_of_day)
    return total


def _addition(generation: str, tally: Sequence[tuple[Event, Amounts]], known: frozenset[tuple[str, str]]) -> Addition:
    seen: defaultdict[str, list[str]] = defaultdict(list)
    days: defaultdict[str, Amounts] = defaultdict(dict)
    for event, counted in tally:
        if (generation, event.metadata.event_id) not in known:
            seen[event.metadata.request_id].append(event.metadata.event_id)
            add(days[day_of(event)], counted)
    return Addition(generation, dict(seen), dict(days))
