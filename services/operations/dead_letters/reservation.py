"""Reserve and release dead letters: while an operator works on them, they are hidden from others."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.operations.dead_letters.failures import Kind
from services.operations.dead_letters.letters import (
    DeadLetter,
    Message,
    Outcome,
    QueuePair,
    Selection,
    collapse,
    read_letter,
)
from services.operations.dead_letters.ports import Counts, Queues

READ_SECONDS: Final = 600
"""Default duration of a reservation."""
LIST_SAMPLE: Final = 100
"""Messages per queue that a listing reads, to estimate age and most frequent error."""
PARALLEL_READS: Final = 8
"""Queues that are read at the same time. It takes a second to find out that a queue is empty."""
REMOVED: Final = frozenset({"replayed", "edited", "dropped", "quarantined", "purged"})
"""Outcomes after which a letter is no longer in its dead-letter queue."""


class Reservation:
    """Dead letters that are hidden from others, and the chosen ones among them."""

    def __init__(self, letters: list[DeadLetter]) -> None:
        self.letters = letters
        """All reserved letters, oldest first."""
        self.chosen = letters
        self._remaining = {letter.key: letter for letter in letters}

    def choose(self, selection: Selection, limit: int | None = None) -> list[DeadLetter]:
        """Set and return ``chosen``: the letters of ``selection``, oldest first, at most ``limit``."""
        self.chosen = selection.of(self.letters)[:limit]
        return self.chosen

    def watch(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield ``outcomes`` and note which letters have left their queue, so that they are not released."""
        for outcome in outcomes:
            if outcome.action in REMOVED:
                self._remaining.pop(outcome.letter.key, None)
            yield outcome

    @property
    def remaining(self) -> Iterable[DeadLetter]:
        """The letters that are still in their queues."""
        return self._remaining.values()


@contextmanager
def reserved(
    queues: Queues, pairs: Iterable[QueuePair], *, limit: int, hidden_seconds: int = READ_SECONDS
) -> Iterator[Reservation]:
    """Reserve up to ``limit`` letters of each of ``pairs``; release those that are still there afterwards."""
    reservation = Reservation(reserve(queues, pairs, limit=limit, hidden_seconds=hidden_seconds))
    try:
        yield reservation
    finally:
        release(queues, reservation.remaining)


def reserve(
    queues: Queues, pairs: Iterable[QueuePair], *, limit: int, hidden_seconds: int = READ_SECONDS
) -> list[DeadLetter]:
    """Return the dead letters of ``pairs`` with copies collapsed. They stay hidden until released or deleted."""

    def read(pair: QueuePair) -> list[DeadLetter]:
        return [read_letter(pair, message) for message in queues.read(pair, limit=limit, hidden_seconds=hidden_seconds)]

    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        return collapse(letter for letters in pool.map(read, pairs) for letter in letters)


def release(queues: Queues, letters: Iterable[DeadLetter]) -> None:
    """Make ``letters`` visible again."""
    for queue, messages in by_queue(letters):
        queues.change_visibility(queue, messages, 0)


def non_empty(queues: Queues) -> list[QueuePair]:
    """Return the pairs with dead letters. Counting is faster than reading an empty queue."""
    pairs = queues.pairs()
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        totals = pool.map(lambda pair: queues.counts(pair.url).total, pairs)
        return [pair for pair, total in zip(pairs, totals, strict=True) if total]


def by_queue(letters: Iterable[DeadLetter]) -> Iterable[tuple[QueuePair, list[Message]]]:
    """Return the messages of ``letters`` per queue."""
    found: dict[QueuePair, list[Message]] = defaultdict(list)
    for letter in letters:
        found[letter.queue] += letter.messages
    return found.items()


@dataclass(frozen=True)
class QueueSummary:
    """A dead-letter queue in a listing."""

    queue: QueuePair
    dead: Counts
    source: Counts | None
    oldest: datetime | None
    commonest: str | None
    """Most frequent error of the letters that were read."""
    kind: Kind | None
    """Most frequent kind of failure."""
    sampled: bool
    """Whether the queue has more letters than were read, so that the other values are estimates."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {
            "step": self.queue.step,
            "queue": self.queue.name,
            "dead": self.dead.waiting,
            "hidden": self.dead.in_flight,
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "mostly": self.commonest,
            "kind": self.kind,
            "estimated": self.sampled,
            "source_waiting": self.source.total if self.source else None,
        }


def summarize(queues: Queues) -> list[QueueSummary]:
    """Return every dead-letter queue with its counts and the age of its oldest letter."""
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        return list(pool.map(lambda pair: _summary(queues, pair), queues.pairs()))


def _summary(queues: Queues, pair: QueuePair) -> QueueSummary:
    dead = queues.counts(pair.url)
    letters = reserve(queues, [pair], limit=LIST_SAMPLE, hidden_seconds=60) if dead.waiting else []
    release(queues, letters)
    errors = Counter(letter.error for letter in letters)
    return QueueSummary(
        queue=pair,
        dead=dead,
        source=queues.counts(pair.source_url) if pair.source_url else None,
        oldest=min((letter.first_seen for letter in letters), default=None),
        commonest=errors.most_common(1)[0][0] if errors else None,
        kind=Counter(letter.kind for letter in letters).most_common(1)[0][0] if letters else None,
        sampled=dead.total > sum(len(letter.messages) for letter in letters),
    )
