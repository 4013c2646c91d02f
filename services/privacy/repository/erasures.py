"""Erasures on DynamoDB.

pk ERASURE#<id>     sk ERASURE                      an erasure: owner, scope, times, sweep; the hashes of its receipt's
                                                    secrets. `open` and due_at are the keys of the sparse index `open`.
                                                    Once it is complete: the receipt, until expires_at
pk ERASURE#<id>     sk PART#<sweep>#<event id>      one ErasureStarted as JSON, and `from#<service>`: the answers
pk OWNER#<owner>    sk RUNNING                      the erasure of an owner that is not complete
pk OWNER#<owner>    sk ERASED                       an owner who was erased, until the receipt expires

Both keep exports from starting.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from events.catalog.data_erased import DataErased
from events.catalog.erasure_started import ErasureStarted
from events.erasure import StoreReceipt
from kit.dynamodb import delete_items, from_item, time_text, to_item
from services.privacy.models import RETENTION, Answer, Erasure, Part

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

OPEN: Final = "open"
RECEIPTS_MAX: Final = 10
"""Secrets per receipt: the owner's later calls get one, too, as only its hash is stored."""
DUE_MAX: Final = 100
"""Erasures, and exports, per run of the sweeper."""


def _key(erasure_id: str, sk: str = "ERASURE") -> dict[str, Any]:
    return to_item({"pk": f"ERASURE#{erasure_id}", "sk": sk})


def running_key(owner: str) -> dict[str, Any]:
    """Return the key of the item that names the erasure of an owner that is not complete."""
    return to_item({"pk": f"OWNER#{owner}", "sk": "RUNNING"})


def erased_key(owner: str) -> dict[str, Any]:
    """Return the key of the item that says that an owner was erased."""
    return to_item({"pk": f"OWNER#{owner}", "sk": "ERASED"})


def due_items(client: "DynamoDBClient", table: str, kind: str, now: datetime) -> Sequence[Any]:
    """Return the items of ``kind`` in the index ``open`` that are due, the most overdue first. They have keys only."""
    found = client.query(
        TableName=table,
        IndexName="open",
        KeyConditionExpression="#open = :open AND due_at <= :now",
        ExpressionAttributeNames={"#open": "open"},
        ExpressionAttributeValues=to_item({":open": kind, ":now": time_text(now)}),
        Limit=DUE_MAX,
    )
    return found["Items"]


def _part_sk(sweep: int, part_id: str) -> str:
    return f"PART#{sweep:04}#{part_id}"


def _new_item(erasure: Erasure) -> dict[str, Any]:
    values = {
        "erasure_id": erasure.erasure_id,
        "owner": erasure.owner,
        "scope": erasure.scope,
        "requested_at": time_text(erasure.requested_at),
        "sweep": erasure.sweep,
        "request_ids": list(erasure.request_ids) or None,
        "open": OPEN,
        "due_at": time_text(erasure.requested_at),
        "listed": "erasure",
    }
    return _key(erasure.erasure_id) | to_item(values)


def _erasure_of(item: Mapping[str, Any]) -> Erasure:
    values = from_item(item)
    return Erasure(
        erasure_id=values["erasure_id"],
        owner=values["owner"],
        scope=values["scope"],
        requested_at=datetime.fromisoformat(values["requested_at"]),
        sweep=int(values["sweep"]),
        sweep_at=datetime.fromisoformat(values["sweep_at"]) if "sweep_at" in values else None,
        completed_at=datetime.fromisoformat(values["completed_at"]) if "completed_at" in values else None,
        stores=tuple(StoreReceipt.model_validate(store) for store in json.loads(values.get("stores", "[]"))),
        request_ids=tuple(values.get("request_ids", ())),
    )


def _answer_text(answer: Answer) -> str:
    stores = [store.model_dump(mode="json", exclude_none=True) for store in answer.stores]
    return json.dumps(asdict(answer) | {"stores": stores})


def _answer_of(text: str) -> Answer:
    values = json.loads(text)
    stores = tuple(StoreReceipt.model_validate(store) for store in values["stores"])
    return Answer(stores, tuple(values["parts"]), values["more"])


def _part_of(item: Mapping[str, Any]) -> Part:
    values = from_item(item)
    _, sweep, part_id = values["sk"].split("#")
    answers = {
        name.removeprefix("from#"): _answer_of(text) for name, text in values.items() if name.startswith("from#")
    }
    event = ErasureStarted.model_validate_json(values["event"]) if "event" in values else None
    return Part(part_id, int(sweep), event, answers)


class ErasureTable:
    """The erasures. Implements ``service.ErasureStore``."""

    def __init__(self, client: "DynamoDBClient", name: str, retention: timedelta = RETENTION) -> None:
        """``retention`` is how long a receipt is kept."""
        self._client = client
        self._name = name
        self._retention = retention

    def _expiry(self, at: datetime) -> int:
        """Return when an item of ``at`` expires, in seconds since the epoch."""
        return int((at + self._retention).timestamp())

    def start(self, erasure: Erasure, receipt_sha256: str) -> Erasure:
        """Store an erasure and mark it as the running one of its owner, in one transaction; see ``ErasureStore``."""
        running = running_key(erasure.owner) | to_item({"erasure_id": erasure.erasure_id})
        new = _new_item(erasure) | to_item({"receipts": {receipt_sha256}})
        condition = "attribute_not_exists(pk)"
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._name,
                            "Item": running,
                            "ConditionExpression": condition,
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                        }
                    },
                    {"Put": {"TableName": self._name, "Item": new, "ConditionExpression": condition}},
                ]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            first: Any = error.response["CancellationReasons"][0]
            if first.get("Code") != "ConditionalCheckFailed":
                raise
            found, _ = self.find(from_item(first["Item"])["erasure_id"])
            self._add_receipt(found.erasure_id, receipt_sha256)
            return found
        return erasure

    def _add_receipt(self, erasure_id: str, receipt_sha256: str) -> None:
        self._client.update_item(
            TableName=self._name,
            Key=_key(erasure_id),
            UpdateExpression="ADD receipts :new",
            ConditionExpression="attribute_not_exists(receipts) OR size(receipts) < :most",
            ExpressionAttributeValues=to_item({":new": {receipt_sha256}, ":most": RECEIPTS_MAX}),
        )

    def note(self, event: ErasureStarted) -> None:
        """Store a part, and the erasure if another service started it; see ``ErasureStore``."""
        about = event.data
        if event.metadata.cause_id == about.erasure_id:
            self._add_started_elsewhere(event)
        self._client.update_item(
            TableName=self._name,
            Key=_key(about.erasure_id, _part_sk(about.sweep, event.metadata.event_id)),
            UpdateExpression="SET #event = :event, expires_at = :expires",
            ExpressionAttributeNames={"#event": "event"},
            ExpressionAttributeValues=to_item(
                {
                    ":event": event.model_dump_json(exclude_none=True),
                    ":expires": self._expiry(event.metadata.occurred_at),
                }
            ),
        )

    def _add_started_elsewhere(self, event: ErasureStarted) -> None:
        about, metadata = event.data, event.metadata
        erasure = Erasure(
            about.erasure_id, metadata.owner, about.scope, metadata.occurred_at, request_ids=about.request_ids
        )
        try:
            self._client.put_item(
                TableName=self._name, Item=_new_item(erasure), ConditionExpression="attribute_not_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def add_answer(self, event: DataErased) -> None:
        """Store the first answer of a service to a part."""
        about = event.data
        answer = Answer(about.stores, about.parts, about.more)
        self._client.update_item(
            TableName=self._name,
            Key=_key(about.erasure_id, _part_sk(about.sweep, event.metadata.cause_id)),
            UpdateExpression="SET #from = if_not_exists(#from, :answer), expires_at = :expires",
            ExpressionAttributeNames={"#from": f"from#{about.service}"},
            ExpressionAttributeValues=to_item(
                {":answer": _answer_text(answer), ":expires": self._expiry(event.metadata.occurred_at)}
            ),
        )

    def find(self, erasure_id: str) -> tuple[Erasure, frozenset[str]]:
        """Return an erasure and the hashes of its receipt's secrets. Raise ``KeyError`` if it is unknown."""
        item = self._client.get_item(TableName=self._name, Key=_key(erasure_id), ConsistentRead=True).get("Item")
        if not item:
            raise KeyError(erasure_id)
        return _erasure_of(item), frozenset(item.get("receipts", {}).get("SS", ()))

    def running(self, owner: str) -> str | None:
        """Return the id of the owner's erasure that is not complete, or None."""
        item = self._client.get_item(TableName=self._name, Key=running_key(owner), ConsistentRead=True).get("Item")
        return item["erasure_id"]["S"] if item else None

    def parts(self, erasure_id: str) -> Sequence[Part]:
        """Return all parts of an erasure, with consistent reads."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
            ExpressionAttributeValues=to_item({":pk": f"ERASURE#{erasure_id}", ":part": "PART#"}),
            ConsistentRead=True,
        )
        return [_part_of(item) for page in pages for item in page["Items"]]

    def due(self, now: datetime) -> Iterable[Erasure]:
        """Yield the erasures that are not complete and due, the most overdue first."""
        for item in due_items(self._client, self._name, OPEN, now):
            yield self.find(item["pk"]["S"].removeprefix("ERASURE#"))[0]

    def latest(self, limit: int) -> Iterator[Erasure]:
        """Yield the newest erasures."""
        found = self._client.query(
            TableName=self._name,
            IndexName="listing",
            KeyConditionExpression="listed = :all",
            ExpressionAttributeValues=to_item({":all": "erasure"}),
            ScanIndexForward=False,
            Limit=limit,
        )
        for item in found["Items"]:
            yield self.find(item["pk"]["S"].removeprefix("ERASURE#"))[0]

    def schedule(self, erasure: Erasure, due_at: datetime) -> None:
        """Store the current sweep of an erasure, and when to look at it again."""
        values: dict[str, Any] = {":due": time_text(due_at), ":sweep": erasure.sweep}
        expression = "SET due_at = :due, sweep = :sweep"
        if erasure.sweep_at:
            expression += ", sweep_at = :at"
            values[":at"] = time_text(erasure.sweep_at)
        self._client.update_item(
            TableName=self._name,
            Key=_key(erasure.erasure_id),
            UpdateExpression=expression,
            ConditionExpression="attribute_exists(due_at)",
            ExpressionAttributeValues=to_item(values),
        )

    def complete(self, erasure: Erasure, parts: Sequence[Part]) -> None:
        """Store the receipt of a complete erasure, and delete its parts; see ``ErasureStore``."""
        assert erasure.completed_at is not None  # noqa: S101 - the caller sets it
        stores = [store.model_dump(mode="json", exclude_none=True) for store in erasure.stores]
        values = {
            ":at": time_text(erasure.completed_at),
            ":stores": json.dumps(stores),
            ":expires": self._expiry(erasure.completed_at),
        }
        keys = [_key(erasure.erasure_id, _part_sk(part.sweep, part.part_id)) for part in parts]
        self._client.update_item(
            TableName=self._name,
            Key=_key(erasure.erasure_id),
            UpdateExpression="SET stores = if_not_exists(stores, :stores), expires_at = :expires,"
            " completed_at = if_not_exists(completed_at, :at) REMOVE request_ids",
            ExpressionAttributeValues=to_item(values),
        )
        delete_items(self._client, self._name, keys)
        if self.running(erasure.owner) == erasure.erasure_id:
            erased = erased_key(erasure.owner) | to_item({"expires_at": self._expiry(erasure.completed_at)})
            self._client.put_item(TableName=self._name, Item=erased)
            self._client.delete_item(TableName=self._name, Key=running_key(erasure.owner))
        # Last, so that the sweeper repeats what a crash left undone.
        self._client.update_item(
            TableName=self._name,
            Key=_key(erasure.erasure_id),
            UpdateExpression="REMOVE #open, due_at",
            ExpressionAttributeNames={"#open": "open"},
        )
