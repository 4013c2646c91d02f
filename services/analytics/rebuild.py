"""Rebuild the counters from the archive while new events are counted.

    1  the pointer names a new generation: from this revision on, every transaction counts in both
    2  the whole archive is counted in the new generation, with the code that counts live events
    3  both are compared, day by day, each day with one consistent read
    4  the pointer makes the new generation the current one; the old one expires

Nothing is missed: events that were counted at the old revision were archived before, so step 2 reads them. Nothing is
counted twice: a generation stores the ids of the events that it counted, live or from the archive.

One limitation: copies of an event differ only in their time, and one of them is counted. Live, it is the first to
arrive; here, the one of the earliest day. The results differ only if an event was published twice with different times,
which no step that records its decisions does, and on different days.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final, Protocol

from events.envelope import Event
from services.analytics.counters import Amounts
from services.analytics.service import Counters, Generations, GenerationsMovedError, SupersededError, count

BATCH: Final = 100
"""Events counted together."""
COMPARISONS: Final = 10
"""Attempts to compare. Events that were just archived may not be counted in the old generation yet."""
COMPARISON_PAUSE_SECONDS: Final = 3.0
KEEP_SECONDS: Final = 30 * 24 * 3600
"""How long an old generation is kept for inspection."""


class ArchiveReader(Protocol):
    """Reads the archive."""

    def read(self) -> Iterator[Event]:
        """Yield every archived event by day, some more than once."""


class Projection(Counters, Protocol):
    """The counters with their generations."""

    def generations(self) -> Generations:
        """Return the pointer."""

    def move(self, expected: Generations, to: Generations) -> None:
        """Move the pointer. Raises ``GenerationsMovedError`` if it is not at ``expected``."""

    def days(self, generation: str, first: str = "0", last: str = "9") -> dict[str, Amounts]:
        """Return the counters of each day from ``first`` to ``last``, both included, days ascending."""

    def pair(self, day: str, one: str, other: str) -> tuple[Amounts, Amounts]:
        """Return a day's counters in two generations, read at the same time."""

    def retire(self, generation: str, expires_at: int) -> None:
        """Set the expiry (Unix seconds) of the counters of an inactive generation."""


@dataclass(frozen=True)
class Difference:
    """A counter with different values."""

    day: str
    counter: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Rebuilt:
    """The result of a rebuild."""

    generation: str
    current: bool
    """Whether the new generation is current."""
    events: int
    """Number of events read from the archive, with copies."""
    differences: list[Difference]


def rebuild(
    archive: ArchiveReader,
    projection: Projection,
    *,
    accept_differences: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Rebuilt:
    """Count the archive in a new generation, and make it current if it equals the old one.

    With ``accept_differences``, it becomes current in any case, for example after a change of the counting rules.
    ``progress`` receives the number of events read so far. An interrupted rebuild is repeated from the start. Raises
    ``SupersededError`` if another rebuild started in the meantime.
    """
    old = projection.generations()
    begun = old.begin()
    fresh = str(begun.building)
    try:
        projection.move(old, begun)
        if old.building is not None:
            projection.retire(old.building, _expiry())
        read = _count_archive(archive, projection, begun, progress)
        differences = _compare(projection, begun, sleep)
        accepted = accept_differences or not differences
        projection.move(begun, begun.finish() if accepted else begun.abandon())
    except GenerationsMovedError as moved:
        raise SupersededError("another rebuild has started") from moved
    except BaseException:
        with suppress(GenerationsMovedError):
            projection.move(begun, begun.abandon())
        projection.retire(fresh, _expiry())
        raise
    projection.retire(old.current if accepted else fresh, _expiry())
    return Rebuilt(fresh, accepted, read, differences)


def _count_archive(
    archive: ArchiveReader, projection: Projection, begun: Generations, progress: Callable[[int], None]
) -> int:
    read = 0
    for batch in _batched(archive.read()):
        count(batch, projection, begun, now=time.time(), only=begun.building)
        read += len(batch)
        progress(read)
    return read


def _batched(events: Iterable[Event]) -> Iterator[list[Event]]:
    remaining = iter(events)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _compare(projection: Projection, begun: Generations, sleep: Callable[[float], None]) -> list[Difference]:
    for _ in range(COMPARISONS):
        differences = list(_differences(projection, begun.current, str(begun.building)))
        if not differences:
            return []
        sleep(COMPARISON_PAUSE_SECONDS)
    return differences


def _differences(projection: Projection, old: str, fresh: str) -> Iterator[Difference]:
    for day in sorted({*projection.days(old), *projection.days(fresh)}):
        before, after = projection.pair(day, old, fresh)
        for counter in sorted({*before, *after}):
            one, other = Decimal(before.get(counter, 0)), Decimal(after.get(counter, 0))
            if one != other:
                yield Difference(day, counter, one, other)


def _expiry() -> int:
    return int(time.time()) + KEEP_SECONDS
