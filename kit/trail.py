"""The audit trail: actions of operators, written before they start, and their outcomes, written after they end.

It only grows: an action and its outcome are two items, neither can be written twice, and no role may change or delete
one. An action without an outcome was interrupted and should be investigated.

pk ACTIONS#<year>-<month>  sk <time>#<action id>           one action; expires after a year
                           sk <time>#<action id>#outcome   how it ended
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, Self
from uuid import uuid4

from kit.dynamodb import from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEPT: Final = timedelta(days=365)
OUTCOME: Final = "#outcome"
IDS_KEPT: Final = 100
"""Maximum number of event and request ids per action. ``count`` is the total."""


@dataclass(frozen=True)
class Operator:
    """Who acts, and with which credentials."""

    name: str
    """The owner of the API key, or what the operator calls themself on the command line."""
    identity: str
    """``key <key id>``, or the ARN that AWS reports."""

    @classmethod
    def with_key(cls, owner: str, key_id: str) -> Self:
        """Return the operator behind an API key. Several people may be one owner, so the key stands beside it."""
        return cls(owner, f"key {key_id}")


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
    """Stores actions for a year."""

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


class TrailTable:
    """The audit trail on DynamoDB. Implements ``Trail``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def begin(self, action: Action) -> None:
        """Store an action that is about to start."""
        self._add(action, _position(action), action.to_dict())

    def end(self, action: Action) -> None:
        """Store the outcome of an action."""
        values = action.to_dict()
        self._add(
            action, _position(action) + OUTCOME, {name: values[name] for name in ("outcome", "error", "finished_at")}
        )

    def _add(self, action: Action, position: str, values: Mapping[str, object]) -> None:
        item = {"pk": _month(action.at), "sk": position, "expires_at": int((action.at + KEPT).timestamp()), **values}
        self._client.put_item(TableName=self._name, Item=to_item(item), ConditionExpression="attribute_not_exists(pk)")

    def latest(self, limit: int) -> list[Action]:
        """Return up to ``limit`` actions, newest first, of the last year."""
        found: list[Action] = []
        for month in _months(datetime.now(UTC)):
            answer = self._client.query(
                TableName=self._name,
                KeyConditionExpression="pk = :month",
                ExpressionAttributeValues=to_item({":month": month}),
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=2 * (limit - len(found)),  # an outcome comes just before its action
            )
            found += _actions(map(from_item, answer["Items"]))
            if len(found) >= limit:
                break
        return found[:limit]


def _position(action: Action) -> str:
    return f"{action.at.isoformat()}#{action.action_id}"


def _month(at: datetime) -> str:
    return f"ACTIONS#{at:%Y-%m}"


def _months(now: datetime) -> Iterator[str]:
    """Yield the keys of this month and the twelve before."""
    first = now.replace(day=1)
    for _ in range(13):
        yield _month(first)
        first = (first - timedelta(days=1)).replace(day=1)


def _actions(items: Iterator[dict[str, Any]]) -> Iterator[Action]:
    """Yield the actions in ``items``, each with its outcome if that came before it."""
    outcomes: dict[str, dict[str, Any]] = {}
    for values in items:
        if values["sk"].endswith(OUTCOME):
            outcomes[values["sk"].removesuffix(OUTCOME)] = values
        else:
            yield _action({**values, **outcomes.get(values["sk"], {})})


def _action(values: dict[str, Any]) -> Action:
    outcome, finished = values.get("outcome"), values.get("finished_at")
    return Action(
        action_id=values["action_id"],
        at=datetime.fromisoformat(values["at"]),
        operator=values["operator"],
        identity=values["identity"],
        verb=values["verb"],
        about=values["about"],
        count=int(values["count"]),
        event_ids=values["event_ids"],
        request_ids=values["request_ids"],
        outcome=None if outcome is None else {name: int(count) for name, count in outcome.items()},
        error=values.get("error"),
        finished_at=datetime.fromisoformat(finished) if finished else None,
    )
