"""Fakes of analytics' ports, with hooks for concurrent changes."""

from collections.abc import Callable, Iterator, Sequence

from events.envelope import Event
from services.analytics.archive_format import pack, unpack
from services.analytics.counters import Amounts, add
from services.analytics.service import Addition, AlreadyCountedError, Generations, GenerationsMovedError


def nothing() -> None:
    """A hook that does nothing."""


class InMemoryArchive:
    """An archive with the objects that S3 would have."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.before_append: Callable[[], None] = nothing
        self.before_read: Callable[[], None] = nothing

    def append(self, events: Sequence[Event]) -> None:
        self.before_append()
        for key, content in pack(events):
            self.objects.setdefault(key, content)

    def read(self) -> Iterator[Event]:
        for key in sorted(self.objects):
            self.before_read()
            yield from unpack(key, self.objects[key])


class InMemoryCounters:
    """Counters with transactions."""

    def __init__(self) -> None:
        self.pointer = Generations()
        self.counts: dict[str, dict[str, Amounts]] = {}
        self.seen: dict[str, set[str]] = {}
        self.retired: dict[str, int] = {}
        self.commits = 0
        self.before_commit: Callable[[], None] = nothing

    def commit(self, additions: Sequence[Addition], expected: Generations, expires_at: int) -> None:
        self.before_commit()
        self.commits += 1
        if expected.revision != self.pointer.revision:
            raise GenerationsMovedError(self.pointer)
        known = frozenset(
            (addition.generation, event_id)
            for addition in additions
            for event_ids in addition.seen.values()
            for event_id in event_ids
            if event_id in self.seen.get(addition.generation, set())
        )
        if known:
            raise AlreadyCountedError(known)
        for addition in additions:
            for event_ids in addition.seen.values():
                self.seen.setdefault(addition.generation, set()).update(event_ids)
            for day, counted in addition.days.items():
                add(self.counts.setdefault(addition.generation, {}).setdefault(day, {}), counted)

    def generations(self) -> Generations:
        return self.pointer

    def move(self, expected: Generations, to: Generations) -> None:
        if expected.revision != self.pointer.revision:
            raise GenerationsMovedError(self.pointer)
        self.pointer = to

    def days(self, generation: str, first: str = "0", last: str = "9") -> dict[str, Amounts]:
        counted = self.counts.get(generation, {})
        return {day: dict(counted[day]) for day in sorted(counted) if first <= day <= last}

    def pair(self, day: str, one: str, other: str) -> tuple[Amounts, Amounts]:
        return self.days(one).get(day, {}), self.days(other).get(day, {})

    def retire(self, generation: str, expires_at: int) -> None:
        self.retired[generation] = expires_at
