"""The counters on DynamoDB.

pk POINTER#<shard>                  sk POINTER      current, building, revision: the same in every shard
pk COUNTS#<generation>#<shard>      sk <day>        one number per counter; a day is the sum of its shards; and the
                                                    pointer's revision
pk SEEN#<generation>#<request id>   sk SEEN         ids of the request's counted events; expires

Every batch adds to its day, which has shards, because one item takes one transaction at a time and 1,000 write units
per second (ADR 24). A batch uses one shard, so it costs the same as without shards.

A writer must not count at an outdated revision of the pointer. So a day has the revision too, and a batch checks it
with its own write. Only a batch that finds no such day, or another revision, checks the pointer. When the pointer
moves, the days of its generations get the new revision, and a new day needs the pointer: no writer can use the old one
(ADR 25).
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kit.dynamodb import from_item, to_item
from kit.errors import TransientError
from services.analytics.counters import Amounts, add
from services.analytics.service import Addition, AlreadyCountedError, Generations, GenerationsMovedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactGetItemTypeDef, TransactWriteItemTypeDef

SHARDS: Final = 8
"""A change needs a rebuild: the shards beyond a smaller number would not be read."""
AT_REVISION: Final = "attribute_not_exists(pk) OR revision = :revision"
"""The pointer does not exist before the first rebuild."""
NO_COUNTERS: Final = {"pk", "sk", "expires_at", "revision"}
CONFLICT_TRIES: Final = 6
MOVE_TRIES: Final = 10
CONFLICTS: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Transient cancellation reasons: another transaction has an item of this one."""

T = TypeVar("T")


def _ignore(_reasons: Sequence[Any]) -> None:
    """Leave a cancellation to the caller."""


class CounterTable:
    """The counters' table. Implements ``Counters`` and ``Projection``."""

    def __init__(self, client: "DynamoDBClient", name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def commit(self, additions: Sequence[Addition], expected: Generations, expires_at: int) -> None:
        """Write ``additions`` in one transaction; in a second one if a day lacks the revision. See ``Counters``."""
        owners: list[str] = []
        memories: list[TransactWriteItemTypeDef] = []
        for addition in additions:
            for request_id, event_ids in addition.seen.items():
                owners.append(addition.generation)
                memories.append(self._remember(addition.generation, request_id, event_ids, expires_at))

        days = [(addition.generation, day, counted) for addition in additions for day, counted in addition.days.items()]

        def write(shard: int) -> None:
            known = [self._increment(shard, *day, expected.revision, is_known=True) for day in days]
            try:
                self._client.transact_write_items(TransactItems=[*memories, *known])
            except self._client.exceptions.TransactionCanceledException as error:
                reasons: Any = error.response["CancellationReasons"]
                if not any(reason["Code"] == "ConditionalCheckFailed" for reason in reasons[len(memories) :]):
                    raise
                anew = [self._increment(shard, *day, expected.revision, is_known=False) for day in days]
                pointer = self._pointer_check(shard, expected)
                self._client.transact_write_items(TransactItems=[*memories, *anew, pointer])

        first = len(memories) + len(days)
        self._without_conflicts(write, lambda reasons: _raise_refusal(reasons, owners, of_pointer=reasons[first:]))

    def generations(self) -> Generations:
        """Return the pointer."""
        answer = self._client.get_item(TableName=self._name, Key=_pointer_key(0), ConsistentRead=True)
        return _generations(answer.get("Item"))

    def move(self, expected: Generations, to: Generations) -> None:
        """Move the pointer in all shards, then the days. Raises ``GenerationsMovedError`` if it is not at ``expected``.

        When it returns, nothing is counted at ``expected`` any more. A crash in between leaves writers who count as
        before the move; the next move ends that.
        """
        values = to_item({"current": to.current, "building": to.building, "revision": to.revision})
        puts: list[TransactWriteItemTypeDef] = [
            {
                "Put": {
                    "TableName": self._name,
                    "Item": {**_pointer_key(shard), **values},
                    "ConditionExpression": AT_REVISION,
                    "ExpressionAttributeValues": {":revision": {"N": str(expected.revision)}},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
            for shard in range(SHARDS)
        ]
        self._without_conflicts(lambda _: self._client.transact_write_items(TransactItems=puts), _raise_if_moved)
        for generation in expected.active:
            for shard in range(SHARDS):
                for item in self._days_of(generation, shard, "0", "9"):
                    self._move_day(_day_key(generation, shard, item["sk"]["S"]), to.revision)

    def _move_day(self, key: dict[str, Any], revision: int) -> None:
        """Give a day ``revision`` unless it has a later one. Raises ``TransientError`` if writers always use it."""
        for attempt in range(MOVE_TRIES):
            try:
                self._client.update_item(
                    TableName=self._name,
                    Key=key,
                    UpdateExpression="SET revision = :revision",
                    ConditionExpression="revision < :revision",
                    ExpressionAttributeValues={":revision": {"N": str(revision)}},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return
            except self._client.exceptions.TransactionConflictException:
                self._sleep(random.uniform(0.01, 0.02) * 2**attempt)  # noqa: S311 - jitter, not a secret
            else:
                return
        raise TransientError("counters: too many transactions use a day")

    def days(self, generation: str, first: str = "0", last: str = "9") -> dict[str, Amounts]:
        """Return the counters of each day from ``first`` to ``last``, both included, days ascending.

        One query per shard, one after the other: a batch that is counted meanwhile is in the sum or not.
        """
        found: dict[str, Amounts] = {}
        for shard in range(SHARDS):
            for item in self._days_of(generation, shard, first, last):
                add(found.setdefault(item["sk"]["S"], {}), _amounts(item))
        return dict(sorted(found.items()))

    def pair(self, day: str, one: str, other: str) -> tuple[Amounts, Amounts]:
        """Return a day's counters in two generations, read at the same time."""
        keys = [_day_key(generation, shard, day) for generation in (one, other) for shard in range(SHARDS)]
        gets: list[TransactGetItemTypeDef] = [{"Get": {"TableName": self._name, "Key": key}} for key in keys]
        answer = self._without_conflicts(lambda _: self._client.transact_get_items(TransactItems=gets))
        counted = [_amounts(response.get("Item", {})) for response in answer["Responses"]]
        return _sum(counted[:SHARDS]), _sum(counted[SHARDS:])

    def retire(self, generation: str, expires_at: int) -> None:
        """Set the expiry (Unix seconds) of the counters of an inactive generation."""
        for shard in range(SHARDS):
            for item in self._days_of(generation, shard, "0", "9"):
                self._client.update_item(
                    TableName=self._name,
                    Key=_day_key(generation, shard, item["sk"]["S"]),
                    UpdateExpression="SET expires_at = :at",
                    ExpressionAttributeValues={":at": {"N": str(expires_at)}},
                )

    def _without_conflicts(
        self, transact: Callable[[int], T], on_cancel: Callable[[Sequence[Any]], None] = _ignore
    ) -> T:
        """Return the result of ``transact`` for a random shard; after a conflict, for another one, with backoff.

        ``on_cancel`` may raise what the reasons of a cancellation mean. Raises ``TransientError`` if all conflict.
        """
        for attempt, shard in enumerate(random.sample(range(SHARDS), CONFLICT_TRIES)):
            try:
                return transact(shard)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons: Any = error.response["CancellationReasons"]
                on_cancel(reasons)
                if not any(reason["Code"] in CONFLICTS for reason in reasons):
                    raise
                self._sleep(random.uniform(0.01, 0.02) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise TransientError("counters: too many transactions use the same items")

    def _days_of(self, generation: str, shard: int, first: str, last: str) -> Iterator[Any]:
        """Yield the items of a shard from the day ``first`` to ``last``, both included, with consistent reads."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item({":pk": _counts_pk(generation, shard), ":first": first, ":last": last}),
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _pointer_check(self, shard: int, expected: Generations) -> "TransactWriteItemTypeDef":
        return {
            "ConditionCheck": {
                "TableName": self._name,
                "Key": _pointer_key(shard),
                "ConditionExpression": AT_REVISION,
                "ExpressionAttributeValues": {":revision": {"N": str(expected.revision)}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _remember(
        self, generation: str, request_id: str, event_ids: list[str], expires_at: int
    ) -> "TransactWriteItemTypeDef":
        """Store event ids in one item per request, because writes are billed per item."""
        names = [f":e{position}" for position in range(len(event_ids))]
        return {
            "Update": {
                "TableName": self._name,
                "Key": {"pk": {"S": f"SEEN#{generation}#{request_id}"}, "sk": {"S": "SEEN"}},
                "ConditionExpression": " AND ".join(f"NOT contains(event_ids, {name})" for name in names),
                "UpdateExpression": "SET expires_at = :at ADD event_ids :ids",
                "ExpressionAttributeValues": {
                    ":at": {"N": str(expires_at)},
                    ":ids": {"SS": event_ids},
                    **{name: {"S": event_id} for name, event_id in zip(names, event_ids, strict=True)},
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _increment(
        self, shard: int, generation: str, day: str, counted: Amounts, revision: int, *, is_known: bool
    ) -> "TransactWriteItemTypeDef":
        """Add to a day that must have ``revision``, or give it to the day if it is not known to have it."""
        values = {f":{n}": {"N": str(amount)} for n, amount in enumerate(counted.values())}
        update: Any = {
            "TableName": self._name,
            "Key": _day_key(generation, shard, day),
            "UpdateExpression": "ADD " + ", ".join(f"#{n} :{n}" for n in range(len(counted))),
            "ExpressionAttributeNames": {f"#{n}": name for n, name in enumerate(counted)},
            "ExpressionAttributeValues": {**values, ":revision": {"N": str(revision)}},
        }
        if is_known:
            update["ConditionExpression"] = "revision = :revision"
        else:
            update["UpdateExpression"] += " SET revision = :revision"
        return {"Update": update}


def _pointer_key(shard: int) -> dict[str, Any]:
    return {"pk": {"S": f"POINTER#{shard}"}, "sk": {"S": "POINTER"}}


def _counts_pk(generation: str, shard: int) -> str:
    return f"COUNTS#{generation}#{shard}"


def _day_key(generation: str, shard: int, day: str) -> dict[str, Any]:
    return {"pk": {"S": _counts_pk(generation, shard)}, "sk": {"S": day}}


def _sum(counted: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for amounts in counted:
        add(total, amounts)
    return total


def _raise_refusal(reasons: Sequence[Any], owners: Sequence[str], of_pointer: Sequence[Any]) -> None:
    """Raise the reason of a cancelled transaction: first a changed pointer, then counted events.

    The first actions store the event ids of the generations ``owners``.
    """
    _raise_if_moved(of_pointer)
    known = frozenset(
        (owner, event_id)
        for owner, reason in zip(owners, reasons[: len(owners)], strict=True)
        if reason["Code"] == "ConditionalCheckFailed"
        for event_id in reason["Item"]["event_ids"]["SS"]
    )
    if known:
        raise AlreadyCountedError(known)


def _raise_if_moved(reasons: Sequence[Any]) -> None:
    """Raise ``GenerationsMovedError`` if the pointer is the reason of a cancelled transaction."""
    for reason in reasons:
        if reason["Code"] == "ConditionalCheckFailed":
            raise GenerationsMovedError(_generations(reason.get("Item")))


def _generations(item: Any) -> Generations:
    if not item:
        return Generations()
    values = from_item(item)
    return Generations(values["current"], values.get("building"), int(values["revision"]))


def _amounts(item: Any) -> Amounts:
    return {name: value for name, value in from_item(item).items() if name not in NO_COUNTERS}
