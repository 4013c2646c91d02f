"""The audit trail on DynamoDB, in hash chains.

`python -m cli trail verify` checks them. An actor writes to one of eight, so that many actors at the same time do not
wait for each other (ADR 28).

pk ACTIONS#<chain>  sk <number>   one record: an action, or how it ended; expires after the days of the retention
pk CHAINS#<chain>   sk HEAD       number and hash of the chain's last record
"""

import hashlib
import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, to_item
from kit.errors import TransientError
from kit.hash_chain import Break, Head, Record, first_break
from kit.trail import Action

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

RETENTION: Final = timedelta(days=365)
"""The default of the parameter `TrailRetentionDays`."""
CHAINS: Final = 8
RECORDS: Final = "ACTIONS#"
HEADS: Final = "CHAINS#"
ACTION: Final = "action"
OUTCOME: Final = "outcome"
ATTEMPTS: Final = 8
PAUSE: Final = 0.02
"""Seconds that a writer waits at most before its second attempt. The maximum doubles with each attempt."""


class TrailTable:
    """The audit trail on DynamoDB. Implements ``Trail``."""

    def __init__(self, client: "DynamoDBClient", name: str, retention: timedelta = RETENTION) -> None:
        """``retention`` is how long new records are kept."""
        self._client = client
        self._name = name
        self._retention = retention

    def begin(self, action: Action) -> None:
        """Store an action that is about to start."""
        self._append(action, {"kind": ACTION, **action.to_dict()})

    def end(self, action: Action) -> None:
        """Store the outcome of an action."""
        values = action.to_dict()
        names = ("action_id", "outcome", "error", "finished_at")
        self._append(action, {"kind": OUTCOME, **{name: values[name] for name in names}})

    def latest(self, limit: int) -> list[Action]:
        """Return up to ``limit`` actions, newest first."""
        found = [action for chain in range(CHAINS) for action in _actions(self._newest(chain, 2 * limit))]
        return sorted(found, key=lambda action: action.at, reverse=True)[:limit]

    def read(self, position: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Return up to ``limit`` records after a position, chain by chain, oldest first, each as it was written.

        The second value is the position of the last one, or None at the end of the last chain.
        """
        chain, _, after = (position or "0:").partition(":")
        found: list[dict[str, Any]] = []
        for number in range(int(chain), CHAINS):
            start: Any = {"ExclusiveStartKey": _record_key(number, after)} if after else {}
            answer = self._client.query(
                TableName=self._name,
                KeyConditionExpression="pk = :chain",
                ExpressionAttributeValues=to_item({":chain": f"{RECORDS}{number}"}),
                ConsistentRead=True,
                Limit=limit - len(found),
                **start,
            )
            found += [json.loads(_record_of(item).content) for item in answer["Items"]]
            if last := answer.get("LastEvaluatedKey"):
                return found, f"{number}:{last['sk']['S']}"
            after = ""
            if len(found) == limit:
                return found, f"{number + 1}:"
        return found, None

    def verify(self, chain: int, now: datetime) -> tuple[Break | None, Head | None]:
        """Return the first break of a chain or None, and the end of the chain. Reads the whole chain."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :chain",
            ExpressionAttributeValues=to_item({":chain": f"{RECORDS}{chain}"}),
            ConsistentRead=True,
        )
        records = (_record_of(item) for page in pages for item in page["Items"])
        broken = first_break(records, lambda: self.head(chain), int(now.timestamp()))
        return broken, self.head(chain)

    def _append(self, action: Action, values: Mapping[str, object]) -> None:
        """Add a record to the chain of the action's actor.

        One transaction adds the record and moves the head. If another writer moved it, the record is built again.
        """
        chain = chain_of(action.identity)
        content = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
        for attempt in range(ATTEMPTS):
            head = self.head(chain)
            record = Record.after(head, content, int(time.time() + self._retention.total_seconds()))
            try:
                self._client.transact_write_items(TransactItems=self._writes(chain, record, head))
            except self._client.exceptions.TransactionCanceledException as error:
                codes = {reason.get("Code", "None") for reason in error.response["CancellationReasons"]}
                if not codes <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
                    raise
                time.sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311 - spreads writers
            else:
                return
        raise TransientError(f"the audit trail had other writers in {ATTEMPTS} attempts")

    def _writes(self, chain: int, record: Record, head: Head | None) -> "list[TransactWriteItemTypeDef]":
        moved = {":number": record.number, ":hash": record.hash, ":expires_at": record.expires_at}
        condition = "attribute_not_exists(pk)" if head is None else "#number = :before"
        values = moved if head is None else {**moved, ":before": head.number}
        return [
            {
                "Put": {
                    "TableName": self._name,
                    "Item": _item_of(chain, record),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
            {
                "Update": {
                    "TableName": self._name,
                    "Key": _head_key(chain),
                    # Not `expires_at`, the table's TTL attribute: a head is kept.
                    "UpdateExpression": "SET #number = :number, #hash = :hash, last_expires_at = :expires_at",
                    "ConditionExpression": condition,
                    "ExpressionAttributeNames": {"#number": "number", "#hash": "hash"},
                    "ExpressionAttributeValues": to_item(values),
                }
            },
        ]

    def head(self, chain: int) -> Head | None:
        """Return the head of a chain, or None if it has no records yet."""
        found = self._client.get_item(TableName=self._name, Key=_head_key(chain), ConsistentRead=True).get("Item")
        if not found:
            return None
        values = from_item(found)
        return Head(int(values["number"]), values["hash"], int(values["last_expires_at"]))

    def _newest(self, chain: int, limit: int) -> Iterator[dict[str, Any]]:
        """Yield the content of the newest records of a chain."""
        answer = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :chain",
            ExpressionAttributeValues=to_item({":chain": f"{RECORDS}{chain}"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        for item in answer["Items"]:
            yield json.loads(_record_of(item).content)


def chain_of(identity: str) -> int:
    """Return the chain of an actor. Each actor has one, so that its outcomes follow its actions."""
    return hashlib.sha256(identity.encode()).digest()[0] % CHAINS


def _head_key(chain: int) -> dict[str, Any]:
    return to_item({"pk": f"{HEADS}{chain}", "sk": "HEAD"})


def _record_key(chain: int, number: str) -> dict[str, Any]:
    return to_item({"pk": f"{RECORDS}{chain}", "sk": number})


def _item_of(chain: int, record: Record) -> dict[str, Any]:
    values = {name: value for name, value in vars(record).items() if name != "number"}
    return to_item({"pk": f"{RECORDS}{chain}", "sk": f"{record.number:012}", **values})


def _record_of(item: Mapping[str, Any]) -> Record:
    values = from_item(item)
    return Record(
        number=int(values["sk"]),
        content=values["content"],
        previous=values["previous"],
        previous_expires_at=int(values["previous_expires_at"]),
        expires_at=int(values["expires_at"]),
        hash=values["hash"],
    )


def _actions(records: Iterable[dict[str, Any]]) -> Iterator[Action]:
    """Yield the actions in ``records``, newest first, each with its outcome if that came before it."""
    outcomes: dict[str, dict[str, Any]] = {}
    for values in records:
        if values["kind"] == OUTCOME:
            outcomes[values["action_id"]] = values
        else:
            yield _action({**values, **outcomes.get(values["action_id"], {})})


def _action(values: dict[str, Any]) -> Action:
    outcome, finished = values.get("outcome"), values.get("finished_at")
    return Action(
        action_id=values["action_id"],
        at=datetime.fromisoformat(values["at"]),
        operator=values["operator"],
        identity=values["identity"],
        address=values["address"],
        verb=values["verb"],
        about=values["about"],
        count=int(values["count"]),
        event_ids=values["event_ids"],
        request_ids=values["request_ids"],
        outcome=None if outcome is None else {name: int(count) for name, count in outcome.items()},
        error=values.get("error"),
        finished_at=datetime.fromisoformat(finished) if finished else None,
    )
