"""The counters on DynamoDB, and the archive on S3.

pk POINTER                          sk POINTER      current, building, revision
pk COUNTS#<generation>              sk <day>        one number per counter; a report of N days is one query
pk SEEN#<generation>#<request id>   sk SEEN         ids of the request's counted events; expires
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from events.envelope import Event
from kit.dynamodb import from_item, to_item
from kit.errors import TransientError, error_code
from kit.keyring import SecretVersion
from services.analytics.archive_format import PREFIX, pack, unpack
from services.analytics.counters import Amounts
from services.analytics.service import Addition, AlreadyCountedError, Generations, GenerationsMovedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef
    from mypy_boto3_s3.client import S3Client

POINTER: Final = {"pk": {"S": "POINTER"}, "sk": {"S": "POINTER"}}
AT_REVISION: Final = "attribute_not_exists(pk) OR revision = :revision"
"""The pointer does not exist before the first rebuild."""
CONFLICT_TRIES: Final = 6
CONFLICTS: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Transient cancellation reasons: another writer updates the same day."""
READERS: Final = 8
"""Objects of the archive that are read in parallel."""


class EventArchive:
    """The archive's bucket. Implements ``Archive`` and ``ArchiveReader``."""

    def __init__(self, client: "S3Client", bucket: str, hash_key: Callable[[], SecretVersion]) -> None:
        self._client = client
        self._bucket = bucket
        self._hash_key = hash_key

    def append(self, events: Sequence[Event]) -> None:
        """Write one object per day and batch. Objects are never overwritten."""
        for key, content in pack(events, self._hash_key()):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=content, ContentType="application/gzip", IfNoneMatch="*"
                )
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise

    def read(self) -> Iterator[Event]:
        """Yield every archived event, days ascending."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=PREFIX)
        with ThreadPoolExecutor(READERS) as pool:
            for page in pages:
                for events in pool.map(self._fetch, [entry["Key"] for entry in page.get("Contents", [])]):
                    yield from events

    def _fetch(self, key: str) -> list[Event]:
        return unpack(key, self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())


class CounterTable:
    """The counters' table. Implements ``Counters`` and ``Projection``."""

    def __init__(self, client: "DynamoDBClient", name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def commit(self, additions: Sequence[Addition], expected: Generations, expires_at: int) -> None:
        """Write ``additions`` in one transaction. See ``Counters``."""
        owners: list[str | None] = [None]
        writes: list[TransactWriteItemTypeDef] = [self._pointer_check(expected)]
        for addition in additions:
            for request_id, event_ids in addition.seen.items():
                owners.append(addition.generation)
                writes.append(self._remember(addition.generation, request_id, event_ids, expires_at))
            for day, counted in addition.days.items():
                owners.append(None)
                writes.append(self._increment(addition.generation, day, counted))
        for attempt in range(CONFLICT_TRIES):
            try:
                self._client.transact_write_items(TransactItems=writes)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons: Any = error.response["CancellationReasons"]
                _raise_refusal(reasons, owners)
                if not any(reason["Code"] in CONFLICTS for reason in reasons):
                    raise
                self._sleep(random.uniform(0.01, 0.02) * 2**attempt)  # noqa: S311 - jitter, not a secret
            else:
                return
        raise TransientError("counters: too many writers update the same day")

    def generations(self) -> Generations:
        """Return the pointer."""
        answer = self._client.get_item(TableName=self._name, Key=POINTER, ConsistentRead=True)
        return _generations(answer.get("Item"))

    def move(self, expected: Generations, to: Generations) -> None:
        """Move the pointer. Raises ``GenerationsMovedError`` if it is not at ``expected``."""
        values = {"current": to.current, "building": to.building, "revision": to.revision}
        try:
            self._client.put_item(
                TableName=self._name,
                Item={**POINTER, **to_item(values)},
                ConditionExpression=AT_REVISION,
                ExpressionAttributeValues={":revision": {"N": str(expected.revision)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            found = _generations(error.response.get("Item"))
            if found != to:  # the SDK's retry may find its own first write
                raise GenerationsMovedError(found) from error

    def days(self, generation: str, first: str = "0", last: str = "9") -> dict[str, Amounts]:
        """Return the counters of each day from ``first`` to ``last``, both included, days ascending. One query."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item({":pk": f"COUNTS#{generation}", ":first": first, ":last": last}),
        )
        return {item["sk"]["S"]: _amounts(item) for page in pages for item in page["Items"]}

    def pair(self, day: str, one: str, other: str) -> tuple[Amounts, Amounts]:
        """Return a day's counters in two generations, read at the same time."""
        answer = self._client.transact_get_items(
            TransactItems=[
                {"Get": {"TableName": self._name, "Key": _day_key(generation, day)}} for generation in (one, other)
            ]
        )
        first, second = (_amounts(response.get("Item", {})) for response in answer["Responses"])
        return first, second

    def retire(self, generation: str, expires_at: int) -> None:
        """Set the expiry (Unix seconds) of the counters of an inactive generation."""
        for day in self.days(generation):
            self._client.update_item(
                TableName=self._name,
                Key=_day_key(generation, day),
                UpdateExpression="SET expires_at = :at",
                ExpressionAttributeValues={":at": {"N": str(expires_at)}},
            )

    def _pointer_check(self, expected: Generations) -> "TransactWriteItemTypeDef":
        return {
            "ConditionCheck": {
                "TableName": self._name,
                "Key": POINTER,
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

    def _increment(self, generation: str, day: str, counted: Amounts) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": self._name,
                "Key": _day_key(generation, day),
                "UpdateExpression": "ADD " + ", ".join(f"#{n} :{n}" for n in range(len(counted))),
                "ExpressionAttributeNames": {f"#{n}": name for n, name in enumerate(counted)},
                "ExpressionAttributeValues": {f":{n}": {"N": str(amount)} for n, amount in enumerate(counted.values())},
            }
        }


def _day_key(generation: str, day: str) -> dict[str, Any]:
    return {"pk": {"S": f"COUNTS#{generation}"}, "sk": {"S": day}}


def _raise_refusal(reasons: Sequence[Any], owners: Sequence[str | None]) -> None:
    """Raise the reason of a cancelled transaction: first a changed pointer, then counted events."""
    if reasons[0]["Code"] == "ConditionalCheckFailed":
        raise GenerationsMovedError(_generations(reasons[0].get("Item")))
    known = frozenset(
        (owner, event_id)
        for owner, reason in zip(owners, reasons, strict=True)
        if owner is not None and reason["Code"] == "ConditionalCheckFailed"
        for event_id in reason["Item"]["event_ids"]["SS"]
    )
    if known:
        raise AlreadyCountedError(known)


def _generations(item: Any) -> Generations:
    if not item:
        return Generations()
    values = from_item(item)
    return Generations(values["current"], values.get("building"), int(values["revision"]))


def _amounts(item: Any) -> Amounts:
    return {name: value for name, value in from_item(item).items() if name not in {"pk", "sk", "expires_at"}}
