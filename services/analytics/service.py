"""Recording: the archive first, then the counters, each event exactly once.

Counters live in *generations*. One is current; while the projection is rebuilt there is a second one in the making, and
everything heard is counted into both. A pointer says which they are. Every counting transaction checks the pointer's
revision, so none can commit that does not know of a rebuild: no cache to outwait, and no read on the happy path.

A transaction also remembers the ids of the events it counts, and is cancelled as a whole where one is known already.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, Self

from events.envelope import Event
from kit.errors import TransientError
from services.analytics.counters import Amounts, add, amounts, day_of

REMEMBER_SECONDS: Final = 60 * 24 * 3600
"""How long an event's id is remembered: far longer than the queue (4 days) and its dead-letter queue (14) together."""
ROUNDS: Final = 8
"""Tries of one batch. Each round learns everything that stood against the one before."""


@dataclass(frozen=True)
class Generations:
    """The pointer. An installation that was never rebuilt has none, and is in this first state."""

    current: str = "g1"
    building: str | None = None
    revision: int = 1

    @property
    def active(self) -> tuple[str, ...]:
        """The generations into which events are counted."""
        return (self.current,) if self.building is None else (self.current, self.building)

    def begin(self) -> Self:
        """Return the pointer with a fresh generation in the making, in place of any other."""
        return replace(self, building=f"g{self.revision + 1}", revision=self.revision + 1)

    def finish(self) -> Self:
        """Return the pointer with the generation in the making made current."""
        return replace(self, current=self.building or self.current, building=None, revision=self.revision + 1)

    def abandon(self) -> Self:
        """Return the pointer without a generation in the making."""
        return replace(self, building=None, revision=self.revision + 1)


@dataclass(frozen=True)
class Addition:
    """What one transaction adds to one generation."""

    generation: str
    seen: dict[str, list[str]] = field(default_factory=dict)
    """Request id → the ids of its events that are counted now."""
    days: dict[str, Amounts] = field(default_factory=dict)


class AlreadyCountedError(Exception):
    """Some events were counted before. Nothing was written."""

    def __init__(self, known: frozenset[tuple[str, str]]) -> None:
        super().__init__(f"{len(known)} events were counted before")
        self.known = known
        """(generation, event id); may hold more than was asked."""


class GenerationsMovedError(Exception):
    """The pointer is not what the writer thought. Nothing was written."""

    def __init__(self, generations: Generations) -> None:
        super().__init__(f"the pointer is at revision {generations.revision}")
        self.generations = generations


class SupersededError(Exception):
    """The generation in the making was given up, by another rebuild."""


class Archive(Protocol):
    """Where every event is kept."""

    def append(self, events: Sequence[Event]) -> None:
        """Keep ``events``; keeping one again changes nothing."""


class Counters(Protocol):
    """Where events are counted."""

    def commit(self, additions: Sequence[Addition], expected: Generations, expires_at: int) -> None:
        """Write ``additions`` in one transaction and remember their events until ``expires_at`` (Unix seconds).

        Raises ``GenerationsMovedError``, ``AlreadyCountedError`` or ``TransientError``; then nothing was written.
        """


class Recorder:
    """Records what the queue brings."""

    def __init__(
        self,
        archive: Archive,
        counters: Counters,
        now: Callable[[], float] = time.time,
        tell: Callable[[Amounts], None] = lambda _: None,
    ) -> None:
        """``tell`` hears what each batch added, once."""
        self._archive = archive
        self._counters = counters
        self._now = now
        self._tell = tell
        self._generations = Generations()

    def record(self, events: Sequence[Event]) -> list[Event]:
        """Archive and count ``events``. Nothing follows from them.

        The archive comes first: whatever is counted can be counted again from it. A crash in between leaves events that
        are archived and not counted, and their messages in the queue.
        """
        self._archive.append(events)
        self._generations = count(events, self._counters, self._generations, now=self._now(), tell=self._tell)
        return []


def count(
    events: Sequence[Event],
    counters: Counters,
    generations: Generations,
    *,
    now: float,
    only: str | None = None,
    tell: Callable[[Amounts], None] = lambda _: None,
) -> Generations:
    """Count each of ``events`` once into every active generation, or into ``only`` one; return the pointer as it is.

    Of several copies of an event the earliest is taken. At most 25 events: a transaction takes 100 items.
    ``tell`` hears what was added to the current one, once it was.
    Raises ``SupersededError`` where ``only`` is no longer in the making, ``TransientError`` where nothing came through.
    """
    tally = _tally(events)
    known: frozenset[tuple[str, str]] = frozenset()
    for _ in range(ROUNDS):
        targets = generations.active if only is None else (only,)
        additions = [addition for target in targets if (addition := _addition(target, tally, known)).seen]
        if not additions:
            return generations
        try:
            counters.commit(additions, generations, int(now) + REMEMBER_SECONDS)
        except AlreadyCountedError as refusal:
            known |= refusal.known
        except GenerationsMovedError as moved:
            generations = moved.generations
            if only is not None and generations.building != only:
                raise SupersededError(f"generation {only} is no longer in the making") from moved
        else:
            if additions[0].generation == generations.current:
                tell(_total(additions[0]))
            return generations
    raise TransientError(f"counters: no transaction came through in {ROUNDS} rounds")


def _tally(events: Sequence[Event]) -> list[tuple[Event, Amounts]]:
    """Return what each event counts, copies and events that count nothing left out: they need no remembering."""
    distinct: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: event.metadata.occurred_at):
        distinct.setdefault(event.metadata.event_id, event)
    return [(event, counted) for event in distinct.values() if (counted := amounts(event))]


def _total(addition: Addition) -> Amounts:
    total: Amounts = {}
    for amounts_of_day in addition.days.values():
        add(total, amounts_of_day)
    return total


def _addition(generation: str, tally: list[tuple[Event, Amounts]], known: frozenset[tuple[str, str]]) -> Addition:
    seen: defaultdict[str, list[str]] = defaultdict(list)
    days: defaultdict[str, Amounts] = defaultdict(dict)
    for event, counted in tally:
        if (generation, event.metadata.event_id) not in known:
            seen[event.metadata.request_id].append(event.metadata.event_id)
            add(days[day_of(event)], counted)
    return Addition(generation, dict(seen), dict(days))
