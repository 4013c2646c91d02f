"""A request as intake's table describes it. The audit and traces read it; operations never writes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from events.pipeline import TERMINAL, TimelineEntry
from kit.timeline import read_timeline

ATTRIBUTES: Final = ("request_id", "status", "created_at", "revision", "timeline", "open_shard", "next_check_at")
"""The attributes of a ``STATE`` item that operations reads. None of them has a prompt."""


@dataclass(frozen=True)
class Request:
    """The state of a request and its timeline."""

    request_id: str
    status: str
    created_at: datetime
    revision: int
    """Number of writes; it changes with every change of the state."""
    timeline: Sequence[TimelineEntry]
    """In order of time."""
    open_shard: str | None = None
    """With ``next_check_at``, the key of the sweeper's sparse index."""
    next_check_at: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether the status is terminal."""
        return self.status in TERMINAL

    def of(self, detail_type: str) -> list[TimelineEntry]:
        """Return the entries of one detail type."""
        return [entry for entry in self.timeline if entry.detail_type == detail_type]


def request_of(values: Mapping[str, Any]) -> Request:
    """Return the request of a ``STATE`` item, given as plain values."""
    checked = values.get("next_check_at")
    entries = read_timeline(values["timeline"], values["request_id"]).values()
    return Request(
        request_id=values["request_id"],
        status=values["status"],
        created_at=datetime.fromisoformat(values["created_at"]),
        revision=int(values["revision"]),
        timeline=sorted(entries, key=lambda entry: entry.at),
        open_shard=values.get("open_shard"),
        next_check_at=datetime.fromisoformat(checked) if checked else None,
    )
