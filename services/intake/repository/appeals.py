"""The appeals in the request table on DynamoDB. `items.py` describes all items of the table."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from events.catalog.image_requested import ImageRequested
from kit.dynamodb import to_item
from kit.errors import TransientError
from services.intake.models import AlreadyAppealedError, AlreadyDecidedError, Appeal, RequestState
from services.intake.repository.items import appeal_from, request_key
from services.intake.repository.requests import RequestTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

SHARD: Final = "appeals"
"""The partition of the index ``open`` with the pending appeals. The sweeper reads the other partitions only."""


class AppealTable:
    """The appeals of rejected requests. Implements ``AppealStore``."""

    def __init__(self, client: "DynamoDBClient", name: str, requests: RequestTable) -> None:
        self._client = client
        self._name = name
        self._requests = requests

    def add(self, appeal: Appeal, created_at: datetime) -> None:
        """Add a pending appeal of a request of ``created_at``; see ``AppealStore.add``."""
        values = {name: value for name, value in asdict(appeal).items() if name != "request_id"}  # not in `by-owner`
        values |= {
            "appealed_at": appeal.appealed_at.isoformat(),
            "analytics_opt_out": appeal.analytics_opt_out or None,
            "open_shard": SHARD,
            "next_check_at": appeal.appealed_at.isoformat(),
            "expires_at": self._requests.expires_at(created_at),
        }
        live: Any = {
            "TableName": self._name,
            "Key": request_key(appeal.request_id, "STATE"),
            "ConditionExpression": "attribute_exists(pk)",
        }
        new: Any = {
            "TableName": self._name,
            "Item": request_key(appeal.request_id, "APPEAL") | to_item(values),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        try:
            self._client.transact_write_items(TransactItems=[{"ConditionCheck": live}, {"Put": new}])
        except self._client.exceptions.TransactionCanceledException as error:
            reasons: list[Any] = error.response["CancellationReasons"]
            failed = [reason.get("Code") == "ConditionalCheckFailed" for reason in reasons]
            if failed[0]:
                raise KeyError(appeal.request_id) from None
            if failed[1]:
                raise AlreadyAppealedError from None
            raise

    def find(self, request_id: str) -> Appeal:
        """Return the appeal of a request, read consistently. Raise ``KeyError`` if there is none."""
        key = request_key(request_id, "APPEAL")
        response = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        if "Item" not in response:
            raise KeyError(request_id)
        return appeal_from(response["Item"])

    def pending(self, limit: int) -> list[Appeal]:
        """Return up to ``limit`` pending appeals, at most 100, oldest first. Reads are eventually consistent."""
        found = self._client.query(
            TableName=self._name,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues=to_item({":shard": SHARD}),
            Limit=limit,
        )["Items"]
        if not found:
            return []
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in found]
        response = self._client.batch_get_item(RequestItems={self._name: {"Keys": keys}})
        if response.get("UnprocessedKeys"):
            raise TransientError("request table: reading the appeals was throttled")
        appeals = [appeal_from(item) for item in response["Responses"][self._name]]
        return sorted((one for one in appeals if one.status == "pending"), key=lambda appeal: appeal.appealed_at)

    def decide(self, decided: Appeal, new: tuple[ImageRequested, RequestState] | None) -> None:
        """Write a decision and the new request in one transaction; see ``AppealStore.decide``."""
        assert decided.decided_at is not None  # noqa: S101 - only decided appeals are written here
        update: Any = {
            "TableName": self._name,
            "Key": request_key(decided.request_id, "APPEAL"),
            "UpdateExpression": "SET #status = :status, decided_at = :at, decision_reason = :reason"
            + (", granted_request_id = :new" if new else "")
            + " REMOVE open_shard, next_check_at",
            "ConditionExpression": "#status = :pending",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item(
                {
                    ":status": decided.status,
                    ":at": decided.decided_at.isoformat(),
                    ":reason": decided.decision_reason,
                    ":pending": "pending",
                    ":new": decided.granted_request_id,
                }
            ),
        }
        puts = self._requests.puts(*new) if new else []
        try:
            self._client.transact_write_items(TransactItems=[{"Update": update}, *puts])
        except self._client.exceptions.TransactionCanceledException as error:
            reasons: list[Any] = error.response["CancellationReasons"]
            if reasons[0].get("Code") == "ConditionalCheckFailed":
                raise AlreadyDecidedError from error
            raise
