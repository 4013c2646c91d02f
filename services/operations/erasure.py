"""Erases messages about an owner or a request from the quarantine and from every dead-letter queue."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from events.catalog.data_erased import DataErased
from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.erasure import answer
from services.operations.dead_letters.letters import DeadLetter, Message, QueuePair, read_letter
from services.operations.dead_letters.ports import Quarantined

QUARANTINE: Final = "operations/operations"
READ_MAX: Final = 500
"""Dead letters per queue that are read."""
QUEUE_RETENTION: Final = timedelta(days=14)
HIDDEN_SECONDS: Final = 120
"""How long they are hidden from others: longer than the function runs."""
KEPT: Final = frozenset({ErasureStarted.detail_type, DataErased.detail_type})
"""Messages of erasures themselves: an operator must see why an erasure is stuck."""


class Quarantine(Protocol):
    """The quarantine."""

    def items(self) -> list[Quarantined]:
        """Return all items."""

    def remove(self, letter: DeadLetter) -> None:
        """Delete ``letter``."""


class Queues(Protocol):
    """The dead-letter queues."""

    def pairs(self) -> Sequence[QueuePair]:
        """Return every dead-letter queue."""

    def read(self, queue: QueuePair, *, limit: int, hidden_seconds: int) -> list[Message]:
        """Receive up to ``limit`` dead letters, each once, hidden from others for a while."""

    def change_visibility(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden for ``seconds`` from now; 0 makes them visible."""

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Delete received messages."""


@dataclass(frozen=True)
class MessageEraser:
    """Erases messages and answers for operations."""

    quarantine: Quarantine
    queues: Queues
    now: Callable[[], datetime]
    trail_kept: timedelta
    """How long an entry of the audit trail is kept."""

    def erase(self, event: ErasureStarted) -> list[Event]:
        """Erase the messages about the owner, or about the requests.

        For requests that intake has listed, the event for their owner does it: reading every queue once per list would
        take hours.
        """
        about, is_listed = event.data, event.metadata.cause_id != event.data.erasure_id
        if about.scope == "image":
            return []
        if is_listed:
            return [answer(event, "operations", [])]
        owner, request_ids = event.metadata.owner, frozenset(about.request_ids)

        def is_meant(letter: DeadLetter) -> bool:
            metadata = letter.metadata
            if metadata is None or metadata.owner != owner or letter.detail_type in KEPT:
                return False
            return about.scope == "owner" or metadata.request_id in request_ids

        return [answer(event, "operations", [self._from_quarantine(is_meant), *self._from_queues(is_meant)])]

    def _from_quarantine(self, is_meant: Callable[[DeadLetter], bool]) -> StoreReceipt:
        found = [item.letter for item in self.quarantine.items() if is_meant(item.letter)]
        for letter in found:
            self.quarantine.remove(letter)
        return StoreReceipt(
            store=QUARANTINE,
            erased=len(found),
            remains="the audit trail of operators, with the id of the owner",
            reason="It shows what was done to whose data, and cannot be changed.",
            until=self.now() + self.trail_kept,
        )

    def _from_queues(self, is_meant: Callable[[DeadLetter], bool]) -> Iterator[StoreReceipt]:
        for queue in self.queues.pairs():
            messages = self.queues.read(queue, limit=READ_MAX, hidden_seconds=HIDDEN_SECONDS)
            meant = [message for message in messages if is_meant(read_letter(queue, message))]
            self.queues.delete(queue, meant)
            others = [message for message in messages if message not in meant]
            self.queues.change_visibility(queue, others, 0)
            is_full = len(messages) >= READ_MAX
            yield StoreReceipt(
                store=f"{queue.step.replace('.', '/')}-dlq",
                erased=len(meant),
                remains=f"messages beyond the first {READ_MAX}, whose texts are unreadable" if is_full else None,
                reason="A queue cannot be searched, only read in parts." if is_full else None,
                until=self.now() + QUEUE_RETENTION if is_full else None,
            )
