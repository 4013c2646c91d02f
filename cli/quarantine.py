"""The quarantine: send its letters to their steps, or delete them; and purge a queue.

A request with a message in quarantine stays ``stalled`` and expires after 14 days, as it would with the message in its
dead-letter queue. After that, a release is refused, because the request has a terminal status.
"""

from collections.abc import Iterable, Iterator, Sequence

from services.operations.dead_letters.letters import DeadLetter, Message, Outcome, QueuePair
from services.operations.dead_letters.ports import Counts, Quarantine, Quarantined, Queues


def discard_all(quarantine: Quarantine, items: Iterable[Quarantined]) -> Iterator[Outcome]:
    """Delete quarantined letters permanently."""
    for item in items:
        quarantine.remove(item.letter)
        yield Outcome(item.letter, "discarded")


def purge_all(queues: Queues, letters: Iterable[DeadLetter]) -> Iterator[Outcome]:
    """Delete ``letters`` from their dead-letter queues permanently. Letters that arrived later are kept."""
    for letter in letters:
        queues.delete(letter.queue, letter.messages)
        yield Outcome(letter, "purged")


class QuarantinedQueues:
    """The queues as a release sees them: a letter that was sent is removed from quarantine, not from a queue.

    Implements ``Queues``.
    """

    def __init__(self, queues: Queues, quarantine: Quarantine, items: Iterable[Quarantined]) -> None:
        self._queues = queues
        self._quarantine = quarantine
        self._quarantined = {item.letter.messages[0].message_id: item.letter for item in items}

    def pairs(self) -> list[QueuePair]:
        """Return every dead-letter queue with its source, by step."""
        return self._queues.pairs()

    def counts(self, url: str) -> Counts:
        """Return the numbers of messages in a queue."""
        return self._queues.counts(url)

    def read(self, queue: QueuePair, *, limit: int, hidden_seconds: int) -> list[Message]:
        """Receive messages that were dead-lettered again."""
        return self._queues.read(queue, limit=limit, hidden_seconds=hidden_seconds)

    def change_visibility(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden. Quarantined ones are not in a queue."""
        received = [message for message in messages if message.message_id not in self._quarantined]
        if received:
            self._queues.change_visibility(queue, received, seconds)

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Remove sent letters from quarantine."""
        for message in messages:
            self._quarantine.remove(self._quarantined[message.message_id])

    def send(self, queue: QueuePair, body: str, trace_header: str | None) -> None:
        """Send ``body`` to the source queue."""
        self._queues.send(queue, body, trace_header)
