"""Rebuilding the counters from the archive, while events keep coming.

    1  the pointer names a fresh generation: from that revision on every transaction counts into both
    2  the archive is read from end to end and counted into the fresh one, through the code that counts live events
    3  the two are compared, day by day, each day as of one moment
    4  the pointer makes the fresh one current; the old one expires

Why nothing is missed: what was counted under the old revision was archived before, so step 2 finds it. Why nothing is
counted twice: a generation remembers the events it counted, wherever they came from.

The one caveat: copies of an event are told apart by nothing but their time, and only one is counted. Live, it is the
copy that came first; here, the one of the earliest day. They differ only where both an event was published twice with
different times, which no step that records its decisions does, and a midnight lies in between.
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

BATCH: Final = 25
"""Events counted in one transaction."""
COMPARISONS: Final = 10
"""What was archived a moment ago may still be on its way to the old generation: it is given time to follow."""
COMPARISON_PAUSE_SECONDS: Final = 3.0
KEEP_SECONDS: Final = 30 * 24 * 3600
"""How long an old generation stays to be looked at."""


class ArchiveReader(Protocol):
    """The archive, read."""

    def read(self) -> Iterator[Event]:
        """Yield every archived event, days ascending; some more than once."""


class Projection(Counters, Protocol):
    """The counters with their generations."""

    def generations(self) -> Generations:
        """Return the pointer."""

    def move(self, expected: Generations, to: Generations) -> None:
        """Move the pointer. Raises ``GenerationsMovedError`` where it is not at ``expected``."""

    def days(self, generation: str, first: str = "0", last: str = "9") -> dict[str, Amounts]:
        """Return the counters of each day from ``first`` to ``last``, both included, days ascending."""

    def pair(self, day: str, one: str, other: str) -> tuple[Amounts, Amounts]:
        """Return a day's counters in two generations, as of one moment."""

    def retire(self, generation: str, expires_at: int) -> None:
        """Let the counters of a generation that is no longer active expire (Unix seconds)."""


@dataclass(frozen=True)
class Difference:
    """A counter that came out otherwise."""

    day: str
    counter: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Rebuilt:
    """What came of a rebuild."""

    generation: str
    current: bool
    """Whether the fresh generation is the current one now."""
    events: int
    """Read from the archive, copies included."""
    differences: list[Difference]


def rebuild(
    archive: ArchiveReader,
    projection: Projection,
    *,
    accept_differences: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Rebuilt:
    """Count the archive into a fresh generation, and make it current where it is equal to the old one.

    With ``accept_differences`` it becomes current in any case: the archive is the truth, and after the counting rules
    changed they are meant to differ. ``progress`` hears the number of events read so far. A rebuild that was
    interrupted is started over. Raises ``SupersededError`` where another one was begun meanwhile.
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
        raise SupersededError("another rebuild was begun meanwhile") from moved
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
