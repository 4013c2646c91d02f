"""What the logic needs of the world; `adapters` has the real things, the tests have fakes."""

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
        """All that are in the queue."""
        return self.waiting + self.in_flight


class Queues(Protocol):
    """The dead-letter queues of one installation."""

    def pairs(self) -> list[QueuePair]:
        """Return every dead-letter queue with its source, by step."""

    def counts(self, url: str) -> Counts:
        """Return how many messages a queue holds."""

    def read(self, queue: QueuePair, *, limit: int, hidden_seconds: int) -> list[Message]:
        """Receive up to ``limit`` dead letters, each once, hidden from others for a while."""

    def change_visibility(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden for ``seconds`` from now."""

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Remove received messages from the dead-letter queue."""

    def send(self, queue: QueuePair, body: str) -> None:
        """Send ``body`` to the source queue."""


@dataclass(frozen=True)
class TimelineLine:
    """One event of a request's timeline."""

    at: datetime
    event: str
    event_id: str
    note: str = ""
    """A few words that say nothing of the prompt."""


@dataclass(frozen=True)
class RequestTimeline:
    """What became of a request so far."""

    status: str
    lines: Sequence[TimelineLine]
    """In order of time."""

    def to_dict(self) -> dict[str, Any]:
        """Return what a script may want to know."""
        return {
            "status": self.status,
            "timeline": [{**asdict(line), "at": line.at.isoformat()} for line in self.lines],
        }


class RequestStates(Protocol):
    """Where requests stand."""

    def timeline(self, request_id: str) -> RequestTimeline | None:
        """Return a request's status and timeline, or None where there is no such request."""

    def status(self, request_id: str) -> str | None:
        """Return the status of a request, or None where there is no such request."""


class Bus(Protocol):
    """Where replays are announced."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish all of ``events`` or raise."""


@dataclass(frozen=True)
class Quarantined:
    """A dead letter that was taken out of its queue, to be kept until somebody releases or discards it."""

    letter: DeadLetter
    since: datetime
    by: str

    def to_dict(self) -> dict[str, Any]:
        """Return what a script may want to know."""
        return {**self.letter.to_dict(), "since": self.since.isoformat(), "by": self.by}


class Quarantine(Protocol):
    """Where messages are kept that must neither be replayed nor run out."""

    def put(self, item: Quarantined) -> None:
        """Keep ``item``; the same letter again takes its place."""

    def items(self) -> list[Quarantined]:
        """Return everything that is kept, by step."""

    def remove(self, letter: DeadLetter) -> None:
        """Keep ``letter`` no longer."""


class Clock(Protocol):
    """Time, as `time` has it."""

    def monotonic(self) -> float:
        """Return seconds that only go up."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
