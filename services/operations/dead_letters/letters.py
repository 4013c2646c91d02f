"""Dead letters: messages of dead-letter queues, decoded as far as possible.

Bodies contain prompts, which are personal data: everything that is shown comes from the envelope and from message
attributes, never from an event's data.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from events.envelope import Metadata
from kit.tracing import SYSTEM_ATTRIBUTE
from services.operations.dead_letters.failures import ADVICE, Kind, Origin, OutcomeAction, classify

DELIVERY: Final = {
    "rule": "RULE_ARN",
    "target": "TARGET_ARN",
    "attempts": "RETRY_ATTEMPTS",
    "exhausted": "EXHAUSTED_RETRY_CONDITION",
}
"""Our names for EventBridge's attributes of an event that it could not deliver."""


@dataclass(frozen=True)
class QueuePair:
    """A dead-letter queue and its source queue."""

    step: str
    """``service.step``."""
    name: str
    """Name of the dead-letter queue."""
    url: str
    source_url: str | None
    """None if there is no source queue."""

    def answers_to(self, name: str) -> bool:
        """Return whether ``name`` is the step or the name of either queue."""
        return name in {self.step, self.name, self.name.removesuffix("-dlq")}


@dataclass(frozen=True)
class Message:
    """A received SQS message."""

    message_id: str
    receipt_handle: str
    body: str
    sent_at: datetime
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class DeadLetter:
    """A failed message with all its copies in the queue."""

    queue: QueuePair
    messages: tuple[Message, ...]
    """First the copy to replay, then the others."""
    metadata: Metadata | None
    """None if the body is not an event."""
    detail_type: str
    origin: Origin
    error: str
    reason: str
    fingerprint: str
    first_seen: datetime

    @property
    def key(self) -> tuple[str, str]:
        """Queue and event: messages with the same key are copies."""
        return self.queue.name, self.metadata.event_id if self.metadata else self.messages[0].message_id

    @property
    def kind(self) -> Kind:
        """Kind of the failure."""
        return classify(self.origin, self.error, self.reason)

    @property
    def advice(self) -> str:
        """Advice for an operator."""
        return ADVICE[self.kind]

    @property
    def delivery(self) -> dict[str, str]:
        """EventBridge's attributes: rule, target, attempts and the reason why it stopped. Empty for other origins."""
        attributes = self.messages[0].attributes
        return {name: attributes[attribute] for name, attribute in DELIVERY.items() if attribute in attributes}

    @property
    def trace_header(self) -> str | None:
        """X-Ray's trace header, if the message has one."""
        return self.messages[0].attributes.get(SYSTEM_ATTRIBUTE)

    @property
    def replays(self) -> int:
        """Number of replays so far."""
        return self.metadata.replays if self.metadata else 0

    def replay_body(self) -> str:
        """Return the body of a replay: the original with ``replays`` incremented.

        Raises ``ValueError`` if the body is not an event.
        """
        if self.metadata is None:
            raise ValueError("not an event")
        body: dict[str, Any] = json.loads(self.messages[0].body)
        body["detail"]["metadata"]["replays"] = self.replays + 1
        return json.dumps(body)  # ASCII only: SQS refuses some characters that JSON allows

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {
            "step": self.queue.step,
            "queue": self.queue.name,
            "message_ids": [message.message_id for message in self.messages],
            "detail_type": self.detail_type,
            "event_id": self.metadata.event_id if self.metadata else None,
            "request_id": self.metadata.request_id if self.metadata else None,
            "replays": self.replays,
            "origin": self.origin,
            "kind": self.kind,
            "advice": self.advice,
            "error": self.error,
            "reason": self.reason,
            "fingerprint": self.fingerprint,
            "first_seen": self.first_seen.isoformat(),
            **({"delivery": self.delivery} if self.delivery else {}),
        }


@dataclass(frozen=True)
class Outcome:
    """What was done with one letter."""

    letter: DeadLetter
    action: OutcomeAction
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable representation."""
        return {**self.letter.to_dict(), "action": self.action, "why": self.why}


@dataclass(frozen=True)
class Selection:
    """A filter of dead letters. None matches all."""

    fingerprint: str | None = None
    """The fingerprint or its first digits."""
    request_id: str | None = None
    event_id: str | None = None

    def of(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """Return the matching letters."""
        return [
            letter
            for letter in letters
            if (self.fingerprint is None or letter.fingerprint.startswith(self.fingerprint))
            and (self.request_id is None or (letter.metadata and letter.metadata.request_id == self.request_id))
            and (self.event_id is None or (letter.metadata and letter.metadata.event_id == self.event_id))
        ]


def read_letter(queue: QueuePair, message: Message) -> DeadLetter:
    """Return ``message`` as a dead letter, even if its body is invalid."""
    detail_type, metadata = _envelope(message.body)
    attributes = message.attributes
    origin: Origin
    if "error" in attributes:
        origin, error, reason = "consumer", attributes["error"], attributes.get("reason", "")
    elif "ERROR_CODE" in attributes:
        origin, error, reason = "rule", attributes["ERROR_CODE"], attributes.get("ERROR_MESSAGE", "")
    else:
        origin, error, reason = "redrive", "NotFinished", "every delivery crashed or timed out"
    derived = hashlib.sha256(f"{queue.step}|{error}|{detail_type}".encode()).hexdigest()[:12]
    first_seen = attributes.get("first_seen", "")
    return DeadLetter(
        queue=queue,
        messages=(message,),
        metadata=metadata,
        detail_type=detail_type,
        origin=origin,
        error=error,
        reason=reason,
        fingerprint=attributes.get("fingerprint", derived),
        first_seen=datetime.fromtimestamp(int(first_seen) / 1000, UTC)
        if first_seen.isdecimal() and int(first_seen)
        else message.sent_at,
    )


def collapse(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Return ``letters`` with the copies of an event in a queue merged, oldest first.

    A consumer that crashes between dead-lettering and reporting leaves a second copy; an interrupted replay leaves one
    with fewer replays. The copy with the most replays represents all.
    """
    copies: dict[tuple[str, str], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        copies[letter.key].append(letter)
    collapsed = []
    for alike in copies.values():
        newest = max(alike, key=lambda letter: (letter.replays, letter.messages[0].sent_at))
        others = [message for letter in alike if letter is not newest for message in letter.messages]
        collapsed.append(
            replace(
                newest,
                messages=(*newest.messages, *others),
                first_seen=min(letter.first_seen for letter in alike),
            )
        )
    return sorted(collapsed, key=lambda letter: letter.first_seen)


def group_to_dict(letters: Sequence[DeadLetter]) -> dict[str, Any]:
    """Return a JSON-serialisable representation of letters with one fingerprint."""
    head = letters[0]
    return {
        "step": head.queue.step,
        "fingerprint": head.fingerprint,
        "kind": head.kind,
        "advice": head.advice,
        "error": head.error,
        "reason": head.reason,
        "count": len(letters),
        "oldest": min(letter.first_seen for letter in letters).isoformat(),
    }


def by_fingerprint(letters: Iterable[DeadLetter]) -> list[list[DeadLetter]]:
    """Return ``letters`` grouped by queue and fingerprint, largest group first."""
    groups: dict[tuple[str, str], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        groups[letter.queue.name, letter.fingerprint].append(letter)
    return sorted(groups.values(), key=len, reverse=True)


def _envelope(body: str) -> tuple[str, Metadata | None]:
    """Return the detail type and the metadata of an EventBridge event, as far as ``body`` is one."""
    detail_type = "not an event"
    try:
        event = json.loads(body)
        detail_type = str(event["detail-type"])[:80]
        return detail_type, Metadata.model_validate(event["detail"]["metadata"])
    except (ValueError, KeyError, TypeError, RecursionError):  # pydantic's ValidationError is a ValueError
        return detail_type, None
