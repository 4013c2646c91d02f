"""A dead letter: a message of a dead-letter queue, read as far as it can be read.

Bodies hold prompts, which are personal data: what is here for showing comes from the envelope and from message
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
from services.operations.dead_letters.failures import ADVICE, Kind, Origin, OutcomeAction, classify

DELIVERY: Final = {
    "rule": "RULE_ARN",
    "target": "TARGET_ARN",
    "attempts": "RETRY_ATTEMPTS",
    "exhausted": "EXHAUSTED_RETRY_CONDITION",
}
"""What EventBridge says of an event that it could not deliver, and our names for it."""


@dataclass(frozen=True)
class QueuePair:
    """A dead-letter queue and the queue whose messages end in it."""

    step: str
    """``service.step``."""
    name: str
    """Of the dead-letter queue."""
    url: str
    source_url: str | None
    """None where there is no queue to replay to."""

    def answers_to(self, name: str) -> bool:
        """Tell whether an operator who says ``name`` means this pair: its step or either queue's name will do."""
        return name in {self.step, self.name, self.name.removesuffix("-dlq")}


@dataclass(frozen=True)
class Message:
    """One SQS message as received."""

    message_id: str
    receipt_handle: str
    body: str
    sent_at: datetime
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class DeadLetter:
    """One thing that failed, with every copy of it that lies in the queue."""

    queue: QueuePair
    messages: tuple[Message, ...]
    """The copy to replay first, then the others."""
    metadata: Metadata | None
    """None where the body is not an event."""
    detail_type: str
    origin: Origin
    error: str
    reason: str
    fingerprint: str
    first_seen: datetime

    @property
    def key(self) -> tuple[str, str]:
        """What makes two messages copies of one: the queue and the event."""
        return self.queue.name, self.metadata.event_id if self.metadata else self.messages[0].message_id

    @property
    def kind(self) -> Kind:
        """What kind of failure it is."""
        return classify(self.origin, self.error, self.reason)

    @property
    def advice(self) -> str:
        """What helps against it."""
        return ADVICE[self.kind]

    @property
    def delivery(self) -> dict[str, str]:
        """What EventBridge says of it: the rule, its target, how often it tried and why no more. Else empty."""
        said = self.messages[0].attributes
        return {name: said[attribute] for name, attribute in DELIVERY.items() if attribute in said}

    @property
    def replays(self) -> int:
        """How often it was sent back already."""
        return self.metadata.replays if self.metadata else 0

    def replay_body(self) -> str:
        """Return the body to send back: the original with ``replays`` one higher.

        Raises ``ValueError`` where the body is not an event.
        """
        if self.metadata is None:
            raise ValueError("not an event")
        body: dict[str, Any] = json.loads(self.messages[0].body)
        body["detail"]["metadata"]["replays"] = self.replays + 1
        return json.dumps(body)  # escaped: SQS refuses some characters that JSON allows

    def to_dict(self) -> dict[str, Any]:
        """Return what a script may want to know."""
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
    """Which dead letters are meant. What is None does not narrow."""

    fingerprint: str | None = None
    """Or its first digits."""
    request_id: str | None = None
    event_id: str | None = None

    def of(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """Return the letters that are meant."""
        return [
            letter
            for letter in letters
            if (self.fingerprint is None or letter.fingerprint.startswith(self.fingerprint))
            and (self.request_id is None or (letter.metadata and letter.metadata.request_id == self.request_id))
            and (self.event_id is None or (letter.metadata and letter.metadata.event_id == self.event_id))
        ]


def read_letter(queue: QueuePair, message: Message) -> DeadLetter:
    """Return ``message`` as a dead letter, whatever its body is."""
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
    """Return ``letters`` with the copies of one event in one queue made one, oldest first.

    A consumer that crashed between dead-lettering and reporting leaves a second copy, an operator who was interrupted
    between sending and deleting one with fewer replays: the one that was replayed most speaks for all.
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
    """Return what a script may want to know of letters that failed the same way."""
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
    """Return ``letters`` in groups that failed the same way at the same step, largest first."""
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
