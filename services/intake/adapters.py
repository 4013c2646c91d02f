"""The request-state table on DynamoDB, and the queue the relay falls back to.

pk REQUEST#<id>  sk REQUEST   the immutable request: the very event that announces it
pk REQUEST#<id>  sk STATE     status, timeline; owner and request_id make the index `by-owner`,
                              open_shard and next_check_at the sparse index `open`
pk IDEMPOTENCY#<owner>  sk KEY#<key>   what an Idempotency-Key stands for, for a day

`tables.py` has the counters and figures that lie beside them.
"""

import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from events.catalog.image_requested import ImageRequested
from events.envelope import Event
from kit.dynamodb import from_item, to_item
from kit.errors import error_code
from services.intake.lifecycle import ENDINGS, RANKS, STALLED, Fact
from services.intake.listing import Page, Row
from services.intake.quota import Window
from services.intake.service import IdempotencyRecord, KeyTakenError, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient

SHARDS: Final = 4
"""Partitions of the index of open requests: a burst of requests must not wait for one of them."""
DUE_AT_ONCE: Final = 500
"""Requests of one shard that one sweep looks at."""
FILTERED_AT_ONCE: Final = 250
"""Requests that one page of a filtered list looks at: three read units of the thin index."""
CONFLICTS: Final = 8
"""Times that a transaction is tried against others that hold the same idempotency key."""


def _key(request_id: str, part: str) -> dict[str, Any]:
    return to_item({"pk": f"REQUEST#{request_id}", "sk": part})


def _shard(request_id: str) -> str:
    return str(int(request_id[-4:], 16) % SHARDS)


def _fact_values(fact: Fact) -> dict[str, Any]:
    return {"type": fact.detail_type, "at": fact.at.isoformat(), "about": dict(fact.about)}


def state_of(item: Mapping[str, Any]) -> State:
    """Return the state that a ``STATE`` item (in wire form, as a read or a stream gives it) holds."""
    values = from_item(item)
    return State(
        request_id=values["request_id"],
        owner=values["owner"],
        created_at=datetime.fromisoformat(values["created_at"]),
        status=values["status"],
        status_sequence=int(values["status_sequence"]),
        revision=int(values["revision"]),
        facts={
            event_id: Fact(event_id, fact["type"], datetime.fromisoformat(fact["at"]), fact["about"])
            for event_id, fact in values["timeline"].items()
        },
        charged_to=_window_of(values.get("charged_to")),
        webhook_id=values.get("webhook_id"),
    )


def _window_of(values: Mapping[str, Any] | None) -> Window | None:
    return Window(values["key_id"], int(values["start"]), int(values["seconds"])) if values else None


def _record_key(owner: str, key: str) -> dict[str, Any]:
    return to_item({"pk": f"IDEMPOTENCY#{owner}", "sk": f"KEY#{key}"})


def _record_of(owner: str, key: str, item: Mapping[str, Any]) -> IdempotencyRecord:
    values = from_item(item)
    expires_at = datetime.fromtimestamp(int(values["expires_at"]), UTC)
    return IdempotencyRecord(owner, key, values["digest"], values["answer"], expires_at)


def request_of(item: Mapping[str, Any]) -> ImageRequested:
    """Return the request that a ``REQUEST`` item (in wire form) holds."""
    return ImageRequested.model_validate_json(item["event"]["S"])


class RequestTable:
    """The request-state table. Implements ``CreationStore``, ``CancelStore``, ``ListStore`` and ``SweepStore``."""

    def __init__(self, client: "DynamoDBClient", name: str, first_check: timedelta = timedelta(minutes=15)) -> None:
        """``first_check``: how long after it was created the sweeper first looks at a request."""
        self._client = client
        self._name = name
        self._first_check = first_check

    def create(self, event: ImageRequested, state: State, record: IdempotencyRecord | None = None) -> None:
        """Write the request, its state and its idempotency record in one transaction; see ``RequestStore.create``."""
        request = to_item({"pk": f"REQUEST#{state.request_id}", "sk": "REQUEST", "event": event.model_dump_json()})
        absent = "attribute_not_exists(pk)"
        items: list[Any] = [
            {"Put": {"TableName": self._name, "Item": request, "ConditionExpression": absent}},
            {"Put": {"TableName": self._name, "Item": self._moving(state), "ConditionExpression": absent}},
        ]
        if record is not None:
            items.append({"Put": self._recording(record, state.created_at)})
        for attempt in range(CONFLICTS):
            try:
                self._client.transact_write_items(TransactItems=items)
                return
            except self._client.exceptions.TransactionCanceledException as error:
                reasons: list[Any] = error.response["CancellationReasons"]
                codes = [reason.get("Code") for reason in reasons]
                if record is not None and codes[-1] == "ConditionalCheckFailed":
                    raise KeyTakenError(_record_of(record.owner, record.key, reasons[-1]["Item"])) from error
                if "ConditionalCheckFailed" in codes:
                    raise KeyError(state.request_id) from error
                if "TransactionConflict" not in codes or attempt == CONFLICTS - 1:
                    raise
                # Somebody is writing the same idempotency key at this moment.
                time.sleep(random.uniform(0.01, 0.05) * (attempt + 1))  # noqa: S311 - jitter, not a secret

    def _moving(self, state: State) -> dict[str, Any]:
        charged = state.charged_to
        return to_item(
            {
                "pk": f"REQUEST#{state.request_id}",
                "sk": "STATE",
                "request_id": state.request_id,
                "owner": state.owner,
                "created_at": state.created_at.isoformat(),
                "status": state.status,
                "rank": RANKS[state.status],
                "status_sequence": state.status_sequence,
                "revision": state.revision,
                "timeline": {event_id: _fact_values(fact) for event_id, fact in state.facts.items()},
                "open_shard": _shard(state.request_id),
                "next_check_at": (state.created_at + self._first_check).isoformat(),
                "charged_to": charged and asdict(charged),
                "webhook_id": state.webhook_id,
            }
        )

    def _recording(self, record: IdempotencyRecord, now: datetime) -> dict[str, Any]:
        values = {"digest": record.digest, "answer": record.answer, "expires_at": int(record.expires_at.timestamp())}
        return {
            "TableName": self._name,
            "Item": _record_key(record.owner, record.key) | to_item(values),
            # DynamoDB deletes what has expired within days, not on the second.
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": to_item({":now": int(now.timestamp())}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def recorded(self, owner: str, key: str, now: datetime) -> IdempotencyRecord | None:
        """Return what an owner's idempotency key stands for, read consistently."""
        answer = self._client.get_item(TableName=self._name, Key=_record_key(owner, key), ConsistentRead=True)
        record = _record_of(owner, key, answer["Item"]) if "Item" in answer else None
        return record if record and record.expires_at > now else None

    def page(self, owner: str, *, limit: int, after: str | None, status: str | None) -> Page:
        """Return an owner's requests from the one after ``after``, newest first, in one bounded query."""
        condition, values = "#owner = :owner", {":owner": owner, ":after": after, ":status": status}
        names = {"#owner": "owner"}
        query: dict[str, Any] = {"Limit": limit}
        if after is not None:
            condition += " AND request_id < :after"
        if status is not None:
            names["#status"] = "status"
            query = {"Limit": max(limit, FILTERED_AT_ONCE), "FilterExpression": "#status = :status"}
        answer = self._client.query(
            TableName=self._name,
            IndexName="by-owner",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_item(values),
            ScanIndexForward=False,
            **query,
        )
        found = [from_item(item) for item in answer["Items"]]
        rows = [Row(v["request_id"], v["status"], datetime.fromisoformat(v["created_at"])) for v in found[:limit]]
        if len(found) > limit:
            return Page(rows, rows[-1].request_id)
        last = answer.get("LastEvaluatedKey")
        return Page(rows, from_item(last)["request_id"] if last else None)

    def advance(self, request_id: str, fact: Fact) -> State | None:
        """Add a fact that moves the status forward, in one write; see ``RequestStore.advance``."""
        status = fact.reached
        assert status is not None  # noqa: S101 - the caller asked for it
        close = "REMOVE open_shard, next_check_at" if status in ENDINGS else ""
        try:
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key(request_id, "STATE"),
                UpdateExpression="SET timeline.#event = :fact, #status = :status, #rank = :rank "
                f"ADD status_sequence :one, revision :one {close}",
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(timeline.#event)"
                " AND #rank < :rank AND attribute_not_exists(weighed)",
                ExpressionAttributeNames={"#event": fact.event_id, "#status": "status", "#rank": "rank"},
                ExpressionAttributeValues=to_item(
                    {":fact": _fact_values(fact), ":status": status, ":rank": RANKS[status], ":one": 1}
                ),
                ReturnValues="ALL_NEW" if status in ENDINGS else "NONE",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item")
            if not item:
                raise KeyError(request_id) from error
            return state_of(item)
        return state_of(answer["Attributes"]) if status in ENDINGS else None

    def state(self, request_id: str) -> State:
        """Return the state, read consistently. Raises ``KeyError`` for an unknown request."""
        answer = self._client.get_item(TableName=self._name, Key=_key(request_id, "STATE"), ConsistentRead=True)
        if "Item" not in answer:
            raise KeyError(request_id)
        return state_of(answer["Item"])

    def request(self, request_id: str) -> ImageRequested:
        """Return the immutable request. Raises ``KeyError`` for an unknown one."""
        answer = self._client.get_item(TableName=self._name, Key=_key(request_id, "REQUEST"))
        if "Item" not in answer:
            raise KeyError(request_id)
        return request_of(answer["Item"])

    def both(self, request_id: str) -> tuple[ImageRequested, State]:
        """Return the request and its state in one read. Raises ``KeyError`` for an unknown one."""
        answer = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"REQUEST#{request_id}"}),
            ConsistentRead=True,
        )
        parts = {item["sk"]["S"]: item for item in answer["Items"]}
        if not {"REQUEST", "STATE"} <= parts.keys():
            raise KeyError(request_id)
        return request_of(parts["REQUEST"]), state_of(parts["STATE"])

    def replace(self, old: State, new: State, added: Fact) -> bool:
        """Add ``added`` with the status weighed over all facts, if nobody wrote since ``old`` was read."""
        names = {"#event": added.event_id, "#status": "status", "#rank": "rank"}
        values: dict[str, Any] = {
            ":fact": _fact_values(added),
            ":status": new.status,
            ":sequence": new.status_sequence,
            ":new": new.revision,
            ":old": old.revision,
        }
        expression = "SET timeline.#event = :fact, #status = :status, status_sequence = :sequence, revision = :new"
        if new.status == STALLED:
            expression += ", weighed = :yes"  # from now on every event is weighed against the stall
            values[":yes"] = True
            del names["#rank"]
        else:
            expression += ", #rank = :rank"
            values[":rank"] = RANKS[new.status]
        if new.status in ENDINGS:
            expression += " REMOVE open_shard, next_check_at"
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_key(old.request_id, "STATE"),
                UpdateExpression=expression,
                ConditionExpression="revision = :old",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def due(self, now: datetime) -> Iterable[str]:
        """Yield the ids of open requests whose next check is due, the most overdue of each shard first."""
        for shard in range(SHARDS):
            answer = self._client.query(
                TableName=self._name,
                IndexName="open",
                KeyConditionExpression="open_shard = :shard AND next_check_at <= :now",
                ExpressionAttributeValues=to_item({":shard": str(shard), ":now": now.isoformat()}),
                Limit=DUE_AT_ONCE,
            )
            for item in answer["Items"]:
                yield item["pk"]["S"].removeprefix("REQUEST#")

    def check_again(self, request_id: str, at: datetime) -> None:
        """Set when to look at an open request again; an ended one is left alone."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_key(request_id, "STATE"),
                UpdateExpression="SET next_check_at = :at",
                ConditionExpression="attribute_exists(open_shard)",
                ExpressionAttributeValues=to_item({":at": at.isoformat()}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise


class RelayQueue:
    """Where the relay puts what the bus would not take, to be published with retries and a dead-letter queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, event: Event) -> None:
        """Queue ``event`` in the shape in which EventBridge would have delivered it."""
        self._client.send_message(QueueUrl=self._url, MessageBody=event.as_delivered())
