"""The audit trail: what operators did, written before it is done, and what came of it, written after.

An action without an outcome is one that was cut off: somebody should look at what it was about.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol, Self
from uuid import uuid4

IDS_KEPT: Final = 100
"""Event and request ids that one action names; ``count`` says how many there were."""


@dataclass(frozen=True)
class Action:
    """One thing that an operator did, or began to do."""

    action_id: str
    at: datetime
    operator: str
    verb: str
    """Such as ``replay``, ``edit`` or ``purge``."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What was asked for, in plain words: step, fingerprint, request. Never anything of a prompt."""
    count: int = 0
    """How many things it was about."""
    event_ids: Sequence[str] = ()
    request_ids: Sequence[str] = ()
    outcome: Mapping[str, int] | None = None
    """How many of them ended how; None until it is known."""
    error: str | None = None
    """Name of what cut it off."""
    finished_at: datetime | None = None

    @classmethod
    def begin(
        cls,
        operator: str,
        verb: str,
        *,
        about: Mapping[str, str | None],
        count: int,
        event_ids: Sequence[str] = (),
        request_ids: Sequence[str] = (),
    ) -> Self:
        """Return an action that begins now; what ``about`` holds as None is left out."""
        return cls(
            action_id=str(uuid4()),
            at=datetime.now(UTC),
            operator=operator,
            verb=verb,
            about={name: value for name, value in about.items() if value is not None},
            count=count,
            event_ids=list(dict.fromkeys(event_ids))[:IDS_KEPT],
            request_ids=list(dict.fromkeys(request_ids))[:IDS_KEPT],
        )

    def to_dict(self) -> dict[str, object]:
        """Return what a script may want to know."""
        return {
            "action_id": self.action_id,
            "at": self.at.isoformat(),
            "operator": self.operator,
            "verb": self.verb,
            "about": dict(self.about),
            "count": self.count,
            "event_ids": list(self.event_ids),
            "request_ids": list(self.request_ids),
            "outcome": None if self.outcome is None else dict(self.outcome),
            "error": self.error,
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
        }


class Trail(Protocol):
    """Where actions are kept for a year."""

    def write(self, action: Action) -> None:
        """Keep ``action``, in place of what was kept of it before."""

    def latest(self, limit: int) -> list[Action]:
        """Return up to ``limit`` actions, newest first."""


@contextmanager
def recorded(trail: Trail, action: Action) -> Iterator["Counter[str]"]:
    """Write ``action`` before the body runs, and after it the counts that the body kept, also where it was cut off.

    Nothing is done where the trail can't be written.
    """
    trail.write(action)
    outcomes: Counter[str] = Counter()
    error: str | None = None
    try:
        yield outcomes
    except BaseException as cut_off:
        error = type(cut_off).__name__
        raise
    finally:
        trail.write(replace(action, outcome=outcomes, error=error, finished_at=datetime.now(UTC)))
