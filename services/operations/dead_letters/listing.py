"""What lies in the dead-letter queues: looked at, held, let go."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.operations.dead_letters.classes import Kind
from services.operations.dead_letters.letters import DeadLetter, Message, QueuePair, collapse, read_letter
from services.operations.dead_letters.ports import Counts, Queues

READ_SECONDS: Final = 600
"""How long messages stay hidden while the operator makes up their mind."""
LIST_SAMPLE: Final = 100
"""Messages of one queue that a listing looks at to tell age and commonest error."""
SIDE_BY_SIDE: Final = 8
"""Queues that are read at a time: each takes a second to be known as empty."""


@dataclass(frozen=True)
class QueueSummary:
    """One line of the listing."""

    queue: QueuePair
    dead: Counts
    source: Counts | None
    oldest: datetime | None
    commonest: str | None
    """Error of most of the letters that were looked at."""
    kind: Kind | None
    """What kind of failure most of them are of."""
    sampled: bool
    """There are more letters than were looked at, so ``oldest`` and ``commonest`` are estimates."""

    def facts(self) -> dict[str, Any]:
        """Return what a script may want to know."""
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
    """Return every dead-letter queue with its counts and the age of what is in it."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(lambda pair: _summary(queues, pair), queues.pairs()))


def _summary(queues: Queues, pair: QueuePair) -> QueueSummary:
    dead = queues.counts(pair.url)
    letters = collect(queues, [pair], limit=LIST_SAMPLE, hidden_seconds=60) if dead.waiting else []
    let_go(queues, letters)
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


def collect(
    queues: Queues, pairs: Iterable[QueuePair], *, limit: int, hidden_seconds: int = READ_SECONDS
) -> list[DeadLetter]:
    """Return the dead letters of ``pairs``, copies collapsed. They stay hidden until they are released or deleted."""

    def read(pair: QueuePair) -> list[DeadLetter]:
        return [read_letter(pair, message) for message in queues.read(pair, limit=limit, hidden_seconds=hidden_seconds)]

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return collapse(letter for letters in pool.map(read, pairs) for letter in letters)


def holding(queues: Queues) -> list[QueuePair]:
    """Return the pairs whose dead-letter queue holds anything: reading an empty queue takes a second."""
    pairs = queues.pairs()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        totals = pool.map(lambda pair: queues.counts(pair.url).total, pairs)
        return [pair for pair, total in zip(pairs, totals, strict=True) if total]


def let_go(queues: Queues, letters: Iterable[DeadLetter]) -> None:
    """Let everybody see ``letters`` again."""
    for queue, messages in by_queue(letters):
        queues.hold(queue, messages, 0)


def by_queue(letters: Iterable[DeadLetter]) -> Iterable[tuple[QueuePair, list[Message]]]:
    """Return the messages of ``letters`` with the queue that each lies in."""
    found: dict[QueuePair, list[Message]] = defaultdict(list)
    for letter in letters:
        found[letter.queue] += letter.messages
    return found.items()
