"""The requests in the request table on DynamoDB. `items.py` describes all items of the table."""

import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from events.catalog.image_requested import ImageRequested
from events.pipeline import RANKS, TERMINAL, Status, TimelineEntry
from kit.dynamodb import from_item, to_item
from kit.errors import TransientError
from kit.timeline import stored_entry
from services.intake.models import (
    IdempotencyKeyTakenError,
    IdempotencyRecord,
    ListedRequest,
    RequestPage,
    RequestState,
)
from services.intake.repository.items import (
    erased_key,
    idempotency_key,
    record_from,
    request_from,
    request_key,
    state_from,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from services.intake.settings import AppealsSettings, CreationSettings

SHARDS: Final = 4
"""Partitions of the index of open requests, so that one partition does not limit a burst of requests."""
FILTERED_PAGE: Final = 100
"""Requests that one page of a filtered list reads: as many as one BatchGetItem takes."""
MAX_ATTEMPTS: Final = 8
"""Attempts of a transaction that conflicts with others on the same idempotency key."""


def request_table(client: "DynamoDBClient", settings: "CreationSettings | AppealsSettings") -> "RequestTable":
    """Return the requests for a function that creates some."""
    return RequestTable(
        client,
        settings.table_name,
        first_check=timedelta(minutes=settings.nudge_after_minutes),
        retention=timedelta(days=settings.request_retention_days),
    )


class RequestTable:
    """The requests and their states. Implements the stores of the use cases. `open_requests.py` reads the index `open`.

    A state has two kinds of writes:

        advance     one conditional write, no read: an entry with a higher rank moves the status forward
        recompute   read, fold the whole timeline, write if the revision is unchanged: everything else

        accepted ──▶ generating ──▶ checking ──▶ storing ──▶ terminal        advance, while `needs_fold` is not set
            └─────────────┴────────────┴────────────┘
                                 │ stall                                     recompute, sets `needs_fold`
                                 ▼
                              stalled
                                 │ replay, or an event of a later step       recompute, from the first stall on
                                 ▼
            generating … storing, stalled again, or terminal

    Expiry and cancellation are recomputed too: their decision depends on the state that was read.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        name: str,
        first_check: timedelta = timedelta(minutes=15),
        retention: timedelta = timedelta(days=400),
    ) -> None:
        """``first_check`` and ``retention``: from the creation of a request to its first check and to its deletion."""
        self._client = client
        self._name = name
        self._first_check = first_check
        self._retention = retention

    def create(
        self, requests: Sequence[tuple[ImageRequested, RequestState]], record: IdempotencyRecord | None = None
    ) -> None:
        """Write requests, their states and the idempotency record in one transaction; see ``CreationStore.create``."""
        items: list[Any] = [put for event, state in requests for put in self.puts(event, state)]
        if record is not None:
            items.append({"Put": self._record_put(record, requests[0][1].created_at)})
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                self._client.transact_write_items(TransactItems=items)
                return
            except self._client.exceptions.TransactionCanceledException as error:
                reasons: list[Any] = error.response["CancellationReasons"]
                codes = [reason.get("Code") for reason in reasons]
                if record is not None and codes[-1] == "ConditionalCheckFailed":
                    taken = record_from(record.owner, record.key, reasons[-1]["Item"])
                    raise IdempotencyKeyTakenError(taken) from error
                if "ConditionalCheckFailed" in codes:
                    raise KeyError(requests[codes.index("ConditionalCheckFailed") // 2][1].request_id) from error
                if "TransactionConflict" not in codes or attempt == MAX_ATTEMPTS:
                    raise
                # Another caller is writing the same idempotency key.
                time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - jitter, not a secret

    def puts(self, event: ImageRequested, state: RequestState) -> list[Any]:
        """Return what a transaction writes for a new request."""
        items = (self._request_item(event, state), self._state_item(state))
        condition = "attribute_not_exists(pk)"
        return [{"Put": {"TableName": self._name, "Item": item, "ConditionExpression": condition}} for item in items]

    def _request_item(self, event: ImageRequested, state: RequestState) -> dict[str, Any]:
        values = {"event": event.model_dump_json(), "expires_at": self.expires_at(state.created_at)}
        return request_key(state.request_id, "REQUEST") | to_item(values)

    def expires_at(self, created_at: datetime) -> int:
        """Return when DynamoDB deletes the items of a request, in seconds since the epoch."""
        return int((created_at + self._retention).timestamp())

    def _state_item(self, state: RequestState) -> dict[str, Any]:
        return request_key(state.request_id, "STATE") | to_item(
            {
                "request_id": state.request_id,
                "owner": state.owner,
                "created_at": state.created_at.isoformat(),
                "status": state.status,
                "rank": RANKS[state.status],
                "status_sequence": state.status_sequence,
                "revision": state.revision,
                "timeline": {key: stored_entry(entry, state.request_id) for key, entry in state.timeline.items()},
                "open_shard": str(int(state.request_id[-4:], 16) % SHARDS),
                "next_check_at": (state.created_at + self._first_check).isoformat(),
                "quota_window": state.quota_window and {**asdict(state.quota_window), "images": state.quota_images},
                "webhook_id": state.webhook_id,
                "expires_at": self.expires_at(state.created_at),
                "analytics_opt_out": state.analytics_opt_out or None,
            }
        )

    def _record_put(self, record: IdempotencyRecord, now: datetime) -> dict[str, Any]:
        values = {
            "digest": record.digest,
            "response": record.response,
            "expires_at": int(record.expires_at.timestamp()),
        }
        return {
            "TableName": self._name,
            "Item": idempotency_key(record.owner, record.key) | to_item(values),
            # DynamoDB deletes expired items within days, not at once.
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": to_item({":now": int(now.timestamp())}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def find_record(self, owner: str, key: str, now: datetime) -> IdempotencyRecord | None:
        """Return the record of an owner's idempotency key, read consistently, or None if there is none."""
        response = self._client.get_item(TableName=self._name, Key=idempotency_key(owner, key), ConsistentRead=True)
        record = record_from(owner, key, response["Item"]) if "Item" in response else None
        return record if record and record.expires_at > now else None

    def list_page(self, owner: str, *, limit: int, after: str | None, status: Status | None) -> RequestPage:
        """Return an owner's requests older than ``after``, newest first, with one query and one read of their states.

        The index has no status, because it would be written again with every change of a status.
        """
        condition, values = "#owner = :owner", {":owner": owner, ":after": after}
        if after is not None:
            condition += " AND request_id < :after"
        response = self._client.query(
            TableName=self._name,
            IndexName="by-owner",
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=to_item(values),
            ScanIndexForward=False,
            Limit=limit if status is None else max(limit, FILTERED_PAGE),
        )
        listed = self._listed([item["request_id"]["S"] for item in response["Items"]])
        found = [request for request in listed if status in (None, request.status)]
        if len(found) > limit:
            return RequestPage(found[:limit], found[limit - 1].request_id)
        last = response.get("LastEvaluatedKey")
        return RequestPage(found, from_item(last)["request_id"] if last else None)

    def _listed(self, ids: Sequence[str]) -> list[ListedRequest]:
        """Return requests as a list shows them, in the order of ``ids``. Reads are eventually consistent."""
        if not ids:
            return []
        keys = [request_key(request_id, "STATE") for request_id in ids]
        response = self._client.batch_get_item(
            RequestItems={
                self._name: {
                    "Keys": keys,
                    "ProjectionExpression": "request_id, #status, created_at",
                    "ExpressionAttributeNames": {"#status": "status"},
                }
            }
        )
        if response.get("UnprocessedKeys"):
            raise TransientError("request table: reading the states of a list was throttled")
        states = {item["request_id"]["S"]: from_item(item) for item in response["Responses"][self._name]}
        return [
            ListedRequest(request_id, Status(state["status"]), datetime.fromisoformat(state["created_at"]))
            for request_id in ids
            if (state := states.get(request_id))
        ]

    def read_state(self, request_id: str) -> RequestState:
        """Return the state of a request, read consistently. Raise ``KeyError`` if the request is unknown."""
        key = request_key(request_id, "STATE")
        response = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        if "Item" not in response:
            raise KeyError(request_id)
        return state_from(response["Item"])

    def is_erased(self, request_id: str) -> bool:
        """Return whether a request was erased, read consistently."""
        response = self._client.get_item(TableName=self._name, Key=erased_key(request_id), ConsistentRead=True)
        return "Item" in response

    def read_request(self, request_id: str) -> ImageRequested:
        """Return a request. Raise ``KeyError`` if it is unknown."""
        response = self._client.get_item(TableName=self._name, Key=request_key(request_id, "REQUEST"))
        if "Item" not in response:
            raise KeyError(request_id)
        return request_from(response["Item"])

    def read(self, request_id: str) -> tuple[ImageRequested, RequestState]:
        """Return a request and its state with one consistent read. Raise ``KeyError`` if the request is unknown."""
        response = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"REQUEST#{request_id}"}),
            ConsistentRead=True,
        )
        parts = {item["sk"]["S"]: item for item in response["Items"]}
        if not {"REQUEST", "STATE"} <= parts.keys():
            raise KeyError(request_id)
        return request_from(parts["REQUEST"]), state_from(parts["STATE"])

    def advance(self, request_id: str, entry: TimelineEntry) -> RequestState | None:
        """Add an entry that moves the status forward, with one write; see ``StateStore.advance``."""
        status = entry.status
        assert status is not None  # noqa: S101 - entries without a status are recomputed
        close = "REMOVE open_shard, next_check_at" if status in TERMINAL else ""
        try:
            response = self._client.update_item(
                TableName=self._name,
                Key=request_key(request_id, "STATE"),
                UpdateExpression="SET timeline.#event = :entry, #status = :status, #rank = :rank "
                f"ADD status_sequence :one, revision :one {close}",
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(timeline.#event)"
                " AND #rank < :rank AND attribute_not_exists(needs_fold)",
                ExpressionAttributeNames={"#event": entry.event_id, "#status": "status", "#rank": "rank"},
                ExpressionAttributeValues=to_item(
                    {":entry": stored_entry(entry, request_id), ":status": status, ":rank": RANKS[status], ":one": 1}
                ),
                ReturnValues="ALL_NEW" if status in TERMINAL else "NONE",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item")
            if not item:
                raise KeyError(request_id) from error
            return state_from(item)
        return state_from(response["Attributes"]) if status in TERMINAL else None

    def recompute(self, old: RequestState, new: RequestState, entry: TimelineEntry) -> bool:
        """Write ``new``, which is ``old`` with ``entry``, if the stored revision is still that of ``old``."""
        names = {"#event": entry.event_id, "#status": "status", "#rank": "rank"}
        values: dict[str, Any] = {
            ":entry": stored_entry(entry, old.request_id),
            ":status": new.status,
            ":sequence": new.status_sequence,
            ":new": new.revision,
            ":old": old.revision,
        }
        expression = "SET timeline.#event = :entry, #status = :status, status_sequence = :sequence, revision = :new"
        if new.status == Status.STALLED:  # it has no rank
            expression += ", needs_fold = :yes"
            values[":yes"] = True
            del names["#rank"]
        else:
            expression += ", #rank = :rank"
            values[":rank"] = RANKS[new.status]
        if new.is_terminal:
            expression += " REMOVE open_shard, next_check_at"
        try:
            self._client.update_item(
                TableName=self._name,
                Key=request_key(old.request_id, "STATE"),
                UpdateExpression=expression,
                ConditionExpression="revision = :old",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
