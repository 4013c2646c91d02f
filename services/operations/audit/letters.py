"""Read all dead-letter queues for the audit. Nothing is deleted."""

from collections.abc import Iterable
from typing import Final

from services.operations.audit.records import Letter, Letters
from services.operations.dead_letters.letters import DeadLetter, QueuePair
from services.operations.dead_letters.ports import Quarantine, Queues
from services.operations.dead_letters.reservation import release, reserve

READ_MAX: Final = 2000
"""Messages per queue that an audit reads."""
HIDDEN_SECONDS: Final = 60
"""Duration of the reservation. Messages are released immediately."""


def read_letters(queues: Queues, pairs: Iterable[QueuePair], quarantine: Quarantine) -> Letters:
    """Return the letters of all queues of ``pairs`` and those in quarantine.

    A queue is partly read if it has more letters than were read, or if others have reserved some.
    """
    found: list[DeadLetter] = []
    partly: set[str] = set()
    for pair in pairs:
        before = queues.counts(pair.url)
        if not before.total:
            continue
        letters = reserve(queues, [pair], limit=READ_MAX, hidden_seconds=HIDDEN_SECONDS)
        release(queues, letters)
        if before.total > sum(len(letter.messages) for letter in letters):
            partly.add(pair.step)
        found += letters
    # Last, so that letters that are quarantined in the meantime are read twice rather than never.
    found += [item.letter for item in quarantine.items()]
    return Letters(tuple(map(_letter, found)), frozenset(partly))


def _letter(letter: DeadLetter) -> Letter:
    return Letter(
        step=letter.queue.step,
        queue=letter.queue.name,
        event_id=letter.metadata.event_id if letter.metadata else None,
        request_id=letter.metadata.request_id if letter.metadata else None,
        message_id=letter.messages[0].message_id,
    )
