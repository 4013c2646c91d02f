"""What the logic needs of the world; `adapters` has the real things, the tests have fakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from events.envelope import Event
from services.operations.dead_letters.letters import Message, QueuePair


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

    def hold(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden for ``seconds`` from now."""

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Remove received messages from the dead-letter queue."""

    def send(self, queue: QueuePair, body: str) -> None:
        """Send ``body`` to the source queue."""


class RequestStates(Protocol):
    """Where requests stand."""

    def status(self, request_id: str) -> str | None:
        """Return the status of a request, or None where there is no such request."""


class Bus(Protocol):
    """Where replays are announced."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish all of ``events`` or raise."""


class Clock(Protocol):
    """Time, as `time` has it."""

    def monotonic(self) -> float:
        """Return seconds that only go up."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
