"""The audit trail: actions of operators, written before they start, and their outcomes, written after they end.

It only grows: an action and its outcome are two records, neither can be written twice, and no role may change or delete
one. An action without an outcome was interrupted and should be investigated.

How it is stored, and how a change of it shows: `kit/trail_table.py`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol, Self
from uuid import uuid4

IDS_KEPT: Final = 100
"""Maximum number of event and request ids per action. ``count`` is the total."""


@dataclass(frozen=True)
class Operator:
    """Who acts, and with which credentials."""

    name: str
    """The id of the owner of the API key, or what the operator calls themself on the command line."""
    identity: str
    """``key <key id>``, or the ARN that AWS reports."""
    address: str | None = None
    """IP address of the client, if the action is a call of the HTTP API."""

    @classmethod
    def with_key(cls, owner: str, key_id: str, address: str | None = None) -> Self:
        """Return the operator behind an API key. Several people may be one owner, so the key stands beside it."""
        return cls(owner, f"key {key_id}", address)


@dataclass(frozen=True)
class Action:
    """An action of an operator."""

    action_id: str
    at: datetime
    operator: str
    identity: str
    verb: str
    """For example ``replay``, ``edit`` or ``purge``."""
    about: Mapping[str, str] = field(default_factory=dict)
    """The selection: step, fingerprint, request. Never a prompt."""
    count: int = 0
    """Number of messages or other subjects."""
    event_ids: Sequence[str] = ()
    request_ids: Sequence[str] = ()
    outcome: Mapping[str, int] | None = None
    """Number per result; None until the action has ended."""
    error: str | None = None
    """Name of the error that interrupted it."""
    finished_at: datetime | None = None
    address: str | None = None
    """IP address of the client of the HTTP API."""

    @classmethod
    def begin(
        cls,
        operator: Operator,
        verb: str,
        *,
        about: Mapping[str, str | None],
        count: int,
        event_ids: Sequence[str] = (),
        request_ids: Sequence[str] = (),
    ) -> Self:
        """Return an action that starts now. Entries of ``about`` that are None are omitted."""
        return cls(
            action_id=str(uuid4()),
            at=datetime.now(UTC),
            operator=operator.name,
            identity=operator.identity,
            address=operator.address,
            verb=verb,
            about={name: value for name, value in about.items() if value is not None},
            count=count,
            event_ids=list(dict.fromkeys(event_ids))[:IDS_KEPT],
            request_ids=list(dict.fromkeys(request_ids))[:IDS_KEPT],
        )

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-serialisable representation."""
        return {
            "action_id": self.action_id,
            "at": self.at.isoformat(),
            "operator": self.operator,
            "identity": self.identity,
            "address": self.address,
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
    """Stores actions."""

    def begin(self, action: Action) -> None:
        """Store an action that is about to start."""

    def end(self, action: Action) -> None:
        """Store the outcome of an action."""

    def latest(self, limit: int) -> list[Action]:
        """Return up to ``limit`` actions, newest first."""


@contextmanager
def recorded(trail: Trail, action: Action) -> Iterator["Counter[str]"]:
    """Write ``action`` before the body runs, and the yielded counts afterwards, even if it is interrupted.

    The body does not run if the trail cannot be written.
    """
    trail.begin(action)
    outcomes: Counter[str] = Counter()
    error: str | None = None
    try:
        yield outcomes
    except BaseException as cut_off:
        error = type(cut_off).__name__
        raise
    finally:
        trail.end(replace(action, outcome=outcomes, error=error, finished_at=datetime.now(UTC)))


def record_fact(trail: Trail, operator: Operator, verb: str, outcome: str, about: Mapping[str, str | None]) -> None:
    """Record what has just happened or is certain to happen, such as a consent, as an action with its outcome.

    For work that can fail or be interrupted, use ``recorded``.
    """
    with recorded(trail, Action.begin(operator, verb, about=about, count=1)) as outcomes:
        outcomes[outcome] += 1
