"""Reading every dead-letter queue for the audit: which requests' messages lie where. Nothing is taken out."""

from collections.abc import Iterable
from typing import Final

from services.operations.audit.records import Letter, Letters
from services.operations.dead_letters.letters import DeadLetter, QueuePair
from services.operations.dead_letters.listing import collect, let_go
from services.operations.dead_letters.ports import Quarantine, Queues

READ_AT_MOST: Final = 2000
"""Messages of one queue that an audit reads; where there are more, what it did not see may be there."""
HIDDEN_SECONDS: Final = 60
"""While they are read. They are let go at once."""


def read_letters(queues: Queues, pairs: Iterable[QueuePair], quarantine: Quarantine) -> Letters:
    """Return the letters of every queue of ``pairs`` that holds any, and those in quarantine.

    A queue counts as partly read where it holds more than was read, or where somebody else has some of it in hand.
    """
    found: list[DeadLetter] = []
    partly: set[str] = set()
    for pair in pairs:
        before = queues.counts(pair.url)
        if not before.total:
            continue
        letters = collect(queues, [pair], limit=READ_AT_MOST, hidden_seconds=HIDDEN_SECONDS)
        let_go(queues, letters)
        if before.total > sum(len(letter.messages) for letter in letters):
            partly.add(pair.step)
        found += letters
    found += [
        item.letter for item in quarantine.items()
    ]  # last: what is moved there meanwhile is seen twice, not never
    return Letters(tuple(map(_letter, found)), frozenset(partly))


def _letter(letter: DeadLetter) -> Letter:
    return Letter(
        step=letter.queue.step,
        queue=letter.queue.name,
        event_id=letter.metadata.event_id if letter.metadata else None,
        request_id=letter.metadata.request_id if letter.metadata else None,
        message_id=letter.messages[0].message_id,
    )
