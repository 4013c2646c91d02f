"""Queues, request states and time in memory, and builders of dead letters."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from events.envelope import Event
from kit.trail import Action
from services.operations.dead_letters.letters import DeadLetter, Message, QueuePair
from services.operations.dead_letters.ports import Counts, Quarantined, RequestTimeline, TimelineLine
from tests.support.events import eventbridge_body, sample

STORE = QueuePair("storage.store", "dev-storage-store-dlq", "dlq/storage-store", "storage-store")
RECORD = QueuePair("analytics.record", "dev-analytics-record-dlq", "dlq/analytics-record", "analytics-record")
ORPHAN = QueuePair("intake.relay", "dev-intake-relay-dlq", "dlq/intake-relay", None)
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def with_metadata(
    event: Event, *, replays: int = 0, request_id: str | None = None, event_id: str | None = None
) -> Event:
    """Return ``event`` with some of its metadata changed."""
    changes = {"replays": replays, "request_id": request_id, "event_id": event_id}
    known = {name: value for name, value in changes.items() if value is not None}
    return event.model_copy(update={"metadata": event.metadata.model_copy(update=known)})


class FakeClock:
    """A clock that advances only by sleeping."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float, /) -> None:
        self.at += seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)


class FakeStates:
    """Statuses by request id; ``default`` for all others."""

    def __init__(self, default: str | None = "stalled") -> None:
        self.default = default
        self.statuses: dict[str, str] = {}
        self.lines: dict[str, list[TimelineLine]] = {}

    def status(self, request_id: str) -> str | None:
        return self.statuses.get(request_id, self.default)

    def timeline(self, request_id: str) -> RequestTimeline | None:
        status = self.status(request_id)
        return RequestTimeline(status, self.lines.get(request_id, [])) if status else None


class FakeQueues:
    """Dead-letter queues that hide received messages until they are released."""

    def __init__(self, *pairs: QueuePair) -> None:
        self._pairs = list(pairs)
        self.dead: dict[str, list[Message]] = {pair.url: [] for pair in pairs}
        self.sent: dict[str, list[str]] = {pair.source_url: [] for pair in pairs if pair.source_url}
        self.hidden: set[str] = set()
        self.holds: list[int] = []
        self._count = 0

    def put(
        self, queue: QueuePair, body: Event | str, attributes: dict[str, str] | None = None, *, age: float = 0
    ) -> Message:
        """Dead-letter a body ``age`` seconds before the start."""
        self._count += 1
        message = Message(
            message_id=f"message-{self._count}",
            receipt_handle=f"handle-{self._count}",
            body=body if isinstance(body, str) else eventbridge_body(body),
            sent_at=START - timedelta(seconds=age),
            attributes=attributes or {},
        )
        self.dead[queue.url].append(message)
        return message

    def pairs(self) -> list[QueuePair]:
        return self._pairs

    def counts(self, url: str) -> Counts:
        if url not in self.dead:
            return Counts(len(self.sent[url]), 0)
        hidden = sum(message.message_id in self.hidden for message in self.dead[url])
        return Counts(len(self.dead[url]) - hidden, hidden)

    def read(self, queue: QueuePair, *, limit: int, hidden_seconds: int) -> list[Message]:
        found = [message for message in self.dead[queue.url] if message.message_id not in self.hidden][:limit]
        self.hidden |= {message.message_id for message in found}
        return found

    def change_visibility(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        self.holds.append(seconds)
        if not seconds:
            self.hidden -= {message.message_id for message in messages}

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        gone = {message.message_id for message in messages}
        self.dead[queue.url] = [message for message in self.dead[queue.url] if message.message_id not in gone]

    def send(self, queue: QueuePair, body: str, trace_header: str | None) -> None:
        assert queue.source_url is not None
        self.sent[queue.source_url].append(body)


class FakeQuarantine:
    """A quarantine in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Quarantined] = {}

    def put(self, item: Quarantined) -> None:
        self.kept[item.letter.key] = item

    def items(self) -> list[Quarantined]:
        return list(self.kept.values())

    def remove(self, letter: DeadLetter) -> None:
        self.kept.pop(letter.key, None)


class FakeTrail:
    """An audit trail in memory. ``written`` has every version of every action."""

    def __init__(self) -> None:
        self.written: list[Action] = []

    def begin(self, action: Action) -> None:
        self.written.append(action)

    def end(self, action: Action) -> None:
        self.written.append(action)

    def latest(self, limit: int) -> list[Action]:
        return list({action.action_id: action for action in self.written}.values())[::-1][:limit]


def stalled(
    reason: str = "at services/storage/service.py:12 in store", fingerprint: str = "aaaabbbbcccc"
) -> dict[str, str]:
    """Return the attributes with which a consumer dead-letters."""
    return {
        "error": "KeyError",
        "reason": reason,
        "step": "storage.store",
        "fingerprint": fingerprint,
        "first_seen": str(int((START - timedelta(hours=1)).timestamp() * 1000)),
    }


def approved(number: int = 0, *, replays: int = 0) -> Event:
    """Return the ``number``-th request's ImageApproved."""
    request_id = f"01a0b9c4-7d2e-7c31-9f60-{number:012d}"
    return with_metadata(sample("ImageApproved"), replays=replays, request_id=request_id, event_id=request_id)
