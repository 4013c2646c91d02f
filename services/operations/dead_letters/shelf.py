"""The quarantine: what is put aside, sent to its step after all, or thrown away; and purging a queue.

A request whose message is in quarantine stays ``stalled``, which is what it is; after 14 days it expires, as it would
with its message in the dead-letter queue. What is released then is refused, for its request has ended.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from services.operations.dead_letters.letters import DeadLetter, Message, QueuePair
from services.operations.dead_letters.logic import Outcome, put_aside
from services.operations.dead_letters.ports import Counts, Quarantine, Quarantined, Queues


def quarantine_all(
    queues: Queues, quarantine: Quarantine, letters: Iterable[DeadLetter], operator: str, now: datetime
) -> Iterator[Outcome]:
    """Move ``letters`` from their dead-letter queues into quarantine."""
    for letter in letters:
        yield put_aside(queues, quarantine, letter, operator, now)


def discard_all(quarantine: Quarantine, items: Iterable[Quarantined]) -> Iterator[Outcome]:
    """Throw what is in quarantine away for good."""
    for item in items:
        quarantine.remove(item.letter)
        yield Outcome(item.letter, "discarded")


def purge(queues: Queues, letters: Iterable[DeadLetter]) -> Iterator[Outcome]:
    """Delete ``letters`` from their dead-letter queues for good. What arrived since is kept."""
    for letter in letters:
        queues.delete(letter.queue, letter.messages)
        yield Outcome(letter, "purged")


class Shelf:
    """The dead-letter queues as a release sees them: what it sends comes off the shelf, not out of a queue.

    Implements ``Queues``.
    """

    def __init__(self, queues: Queues, quarantine: Quarantine, items: Iterable[Quarantined]) -> None:
        self._queues = queues
        self._quarantine = quarantine
        self._shelved = {item.letter.messages[0].message_id: item.letter for item in items}

    def pairs(self) -> list[QueuePair]:
        """Return every dead-letter queue with its source, by step."""
        return self._queues.pairs()

    def counts(self, url: str) -> Counts:
        """Return how many messages a queue holds."""
        return self._queues.counts(url)

    def read(self, queue: QueuePair, *, limit: int, hidden_seconds: int) -> list[Message]:
        """Receive what came back."""
        return self._queues.read(queue, limit=limit, hidden_seconds=hidden_seconds)

    def hold(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden; nobody else sees what is on the shelf."""
        received = [message for message in messages if message.message_id not in self._shelved]
        if received:
            self._queues.hold(queue, received, seconds)

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Take off the shelf what was sent."""
        for message in messages:
            self._quarantine.remove(self._shelved[message.message_id])

    def send(self, queue: QueuePair, body: str) -> None:
        """Send ``body`` to the source queue."""
        self._queues.send(queue, body)
