"""The ports of the use cases. `repository` implements them; the tests have fakes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from events.envelope import Event
from services.operations.dead_letters.letters import DeadLetter, Message, QueuePair


@dataclass(frozen=True)
class Counts:
    """Approximate numbers of messages."""

    waiting: int
    in_flight: int

    @property
    def total(self) -> int:
        """All messages in the queue."""
        return self.waiting + self.in_flight


class Queues(Protocol):
    """The dead-letter queues of one installation."""

    def pairs(self) -> list[QueuePair]:
        """Return every dead-letter queue with its source, by step."""

    def counts(self, url: str) -> Counts:
        """Return the numbers of messages in a queue."""

    def read(self, queue: QueuePair, *, limit: int, hidden_seconds: int) -> list[Message]:
        """Receive up to ``limit`` dead letters, each once, hidden from others for a while."""

    def change_visibility(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden for ``seconds`` from now."""

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Delete received messages from the dead-letter queue."""

    def send(self, queue: QueuePair, body: str, trace_header: str | None) -> None:
        """Send ``body`` to the source queue, with X-Ray's trace header if the dead letter has one."""


@dataclass(frozen=True)
class TimelineLine:
    """One event of a request's timeline."""

    at: datetime
    event: str
    event_id: str
    note: str = ""
    """Codes and names, never a prompt."""


@dataclass(frozen=True)
class RequestTimeline:
    """Status and timeline of a request."""

    status: str
    lines: Sequence[TimelineLine]
    """In order of time."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {
            "status": self.status,
            "timeline": [{**asdict(line), "at": line.at.isoformat()} for line in self.lines],
        }


class RequestStates(Protocol):
    """The states of requests."""

    def timeline(self, request_id: str) -> RequestTimeline | None:
        """Return a request's status and timeline, or None if it is unknown."""

    def status(self, request_id: str) -> str | None:
        """Return the status of a request, or None if it is unknown."""


class Bus(Protocol):
    """The bus on which replays are published."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish all of ``events`` or raise."""


@dataclass(frozen=True)
class Quarantined:
    """A dead letter in quarantine."""

    letter: DeadLetter
    since: datetime
    by: str

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {**self.letter.to_dict(), "since": self.since.isoformat(), "by": self.by}


class Quarantine(Protocol):
    """Stores messages that must neither be replayed nor expire."""

    def put(self, item: Quarantined) -> None:
        """Store ``item``, replacing the same letter."""

    def items(self) -> list[Quarantined]:
        """Return all items, by step."""

    def remove(self, letter: DeadLetter) -> None:
        """Delete ``letter``."""


class Clock(Protocol):
    """Time, with the functions of `time`."""

    def monotonic(self) -> float:
        """Return seconds that only increase."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
