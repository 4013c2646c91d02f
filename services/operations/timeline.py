"""A request as its state item in intake's table tells it: read by the audit and by traces, never written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

ENDED: Final = frozenset({"succeeded", "rejected", "failed", "cancelled", "expired"})
STALLED: Final = "stalled"


@dataclass(frozen=True)
class Fact:
    """What the state remembers of one event. Nothing in it quotes a prompt."""

    event_id: str
    detail_type: str
    at: datetime
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """Where a request stands, and how it got there."""

    request_id: str
    status: str
    created_at: datetime
    revision: int
    """Counts writes: another one means that it moved."""
    facts: Sequence[Fact]
    open_shard: str | None = None
    """It and ``next_check_at`` make the sweeper's sparse index."""
    next_check_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is to come any more."""
        return self.status in ENDED

    def of(self, detail_type: str) -> list[Fact]:
        """Return the facts of one kind."""
        return [fact for fact in self.facts if fact.detail_type == detail_type]

    def open_stalls(self) -> list[Fact]:
        """Return the stalls that no replay with a higher count answered; intake weighs them the same way."""
        replays = self.of("MessageReplayed")
        return [
            stall
            for stall in self.of("ProcessingStalled")
            if not any(_message(replay) == _message(stall) and _count(replay) > _count(stall) for replay in replays)
        ]


def request_of(values: Mapping[str, Any]) -> Request:
    """Return the request that a ``STATE`` item holds, as plain values."""
    checked = values.get("next_check_at")
    facts = [
        Fact(event_id, fact["type"], datetime.fromisoformat(fact["at"]), fact.get("details", {}))
        for event_id, fact in values["timeline"].items()
    ]
    return Request(
        request_id=values["request_id"],
        status=values["status"],
        created_at=datetime.fromisoformat(values["created_at"]),
        revision=int(values["revision"]),
        facts=sorted(facts, key=lambda fact: fact.at),
        open_shard=values.get("open_shard"),
        next_check_at=datetime.fromisoformat(checked) if checked else None,
    )


def _message(fact: Fact) -> tuple[str, str]:
    return fact.about["step"], fact.about["message"]


def _count(fact: Fact) -> int:
    return int(fact.about["replays"])
