"""Where generation does I/O: the guard on DynamoDB, the hand-off bucket on S3, the models on Bedrock.

request_id  item "image#0"    lease_holder, lease_until (ms), paid_calls; then outcome (JSON), completed_at
            item "tombstone"  the request was taken back
budget#<day> item "spent"     spent: US dollars set aside for drawing on that UTC day
budget      item "limit"      limit_usd: an operator's, in place of the deployed one
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from events.images import ImageOutcome
from kit.dynamodb import from_item, to_item
from kit.errors import InProgressError, TransientError, UnprocessableError, error_code
from services.generation.measures import budget_used
from services.generation.model_errors import ModelCallError
from services.generation.service import Lease, Recorded, TakenBackError

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

    from events.model_catalog import Model

KEPT: Final = timedelta(days=60)
"""How long the guard remembers, longer than any message or image can come back."""

LIMIT_KNOWN: Final = 10.0
"""Seconds between two looks of one container at the operator's limit: half a read unit each."""
LIMIT_KEY: Final[dict[str, Any]] = {"request_id": {"S": "budget"}, "item": {"S": "limit"}}

_FREE: Final = (
    "attribute_not_exists(outcome) AND (attribute_not_exists(lease_until) OR lease_until <= :now) "
    "AND (attribute_not_exists(paid_calls) OR paid_calls < :allowed)"
)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _expiry(moment: datetime) -> int:
    return int((moment + KEPT).timestamp())


def _key(request_id: str, item: str) -> dict[str, Any]:
    return to_item({"request_id": request_id, "item": item})


def _image(index: int) -> str:
    return f"image#{index}"


def _recorded(values: Mapping[str, Any]) -> Recorded:
    outcome = ImageOutcome.model_validate_json(values["outcome"])
    return Recorded(outcome, datetime.fromisoformat(values["completed_at"]))


class DynamoGuard:
    """The guard's table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, request_id: str, count: int, lease: Lease, calls_allowed: int) -> dict[int, Recorded]:
        """One transaction where nothing is finished yet: it checks for a tombstone and takes every lease.

        A cancelled transaction says in its reasons what stands in the way; the second one asks for the rest only.
        """
        finished: dict[int, Recorded] = {}
        while len(finished) < count:
            missing = [index for index in range(count) if index not in finished]
            leases: Any = [{"Update": self._take(request_id, index, lease, calls_allowed)} for index in missing]
            try:
                self._client.transact_write_items(
                    TransactItems=[{"ConditionCheck": self._no_tombstone(request_id)}, *leases]
                )
            except self._client.exceptions.TransactionCanceledException as error:
                reasons: list[Any] = list(error.response.get("CancellationReasons", []))
                found = _standing_in_the_way(reasons, missing, lease)
                if not found:
                    raise
                finished |= found
            else:
                break
        return finished

    def _no_tombstone(self, request_id: str) -> Any:
        return {
            "TableName": self._table,
            "Key": _key(request_id, "tombstone"),
            "ConditionExpression": "attribute_not_exists(request_id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _take(self, request_id: str, index: int, lease: Lease, calls_allowed: int) -> Any:
        return {
            "TableName": self._table,
            "Key": _key(request_id, _image(index)),
            "ConditionExpression": _FREE,
            "UpdateExpression": (
                "SET lease_holder = :holder, lease_until = :until, expires_at = :expires ADD paid_calls :one"
            ),
            "ExpressionAttributeValues": to_item(
                {
                    ":now": _ms(lease.taken),
                    ":allowed": calls_allowed,
                    ":holder": lease.holder,
                    ":until": _ms(lease.until),
                    ":expires": _expiry(lease.until),
                    ":one": 1,
                }
            ),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def record(self, request_id: str, recorded: Recorded) -> Recorded:
        """The first outcome wins, whoever holds the lease by now: a late image is paid for all the same."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(request_id, _image(recorded.outcome.index)),
                ConditionExpression="attribute_not_exists(outcome)",
                UpdateExpression=(
                    "SET outcome = :outcome, completed_at = :at, expires_at = :expires REMOVE lease_holder, lease_until"
                ),
                ExpressionAttributeValues=to_item(
                    {
                        ":outcome": recorded.outcome.model_dump_json(exclude_none=True),
                        ":at": recorded.at.isoformat(),
                        ":expires": _expiry(recorded.at),
                    }
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            return _recorded(from_item(response["Item"]))
        return recorded

    def release(self, request_id: str, index: int, lease: Lease, *, paid: bool) -> None:
        """Do nothing where the lease is no longer ``lease``'s."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(request_id, _image(index)),
                ConditionExpression="lease_holder = :holder",
                UpdateExpression="REMOVE lease_holder, lease_until ADD paid_calls :change",
                ExpressionAttributeValues=to_item({":holder": lease.holder, ":change": 0 if paid else -1}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def bury(self, request_id: str, at: datetime) -> None:
        """Write the tombstone; a second one is the same."""
        values = {"request_id": request_id, "item": "tombstone", "buried_at": at.isoformat(), "expires_at": _expiry(at)}
        self._client.put_item(TableName=self._table, Item=to_item(values))


def _standing_in_the_way(reasons: list[Any], missing: list[int], lease: Lease) -> dict[int, Recorded]:
    """Return the outcomes among a cancelled claim's reasons, or raise what else stands in its way.

    The first reason is the tombstone's; the others follow ``missing``.
    """
    if reasons[0].get("Code") == "ConditionalCheckFailed":
        raise TakenBackError
    codes = {reason.get("Code", "None") for reason in reasons} - {"None", "ConditionalCheckFailed"}
    if codes:  # a conflict with another transaction, or throttling
        raise TransientError(f"claim: {', '.join(sorted(codes))}")
    finished: dict[int, Recorded] = {}
    left = 0.0
    for index, reason in zip(missing, reasons[1:], strict=True):
        if reason.get("Code", "None") == "None":
            continue
        values = from_item(reason["Item"])
        if "outcome" in values:
            finished[index] = _recorded(values)
        elif values.get("lease_until", 0) > _ms(lease.taken):
            left = max(left, (int(values["lease_until"]) - _ms(lease.taken)) / 1000)
        else:
            calls = values["paid_calls"]
            raise UnprocessableError(f"image {index}: {calls} model calls without an outcome, a replay allows one more")
    if left:
        raise InProgressError("another delivery is drawing", left)
    return finished


class DailyBudget:
    """What was set aside, one counter a day, in the guard's table. Implements ``Budget``.

    An operator's limit beats the deployed one; it is looked up at most every ``LIMIT_KNOWN`` seconds.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        deployed_usd: Decimal,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``deployed_usd`` of 0 bounds nothing."""
        self._client = client
        self._table = table
        self._deployed = deployed_usd
        self._clock = clock
        self._limit: Decimal | None = None
        self._looked_up = -inf
        self._lock = Lock()

    def reserve(self, day: date, price_usd: Decimal) -> bool:
        """Set the price aside in one conditional write: many at once never exceed the limit together."""
        limit = self._current()
        if limit is None:
            return True
        if price_usd > limit:
            budget_used(limit, limit)
            return False
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=self._key(day),
                UpdateExpression="SET expires_at = :expires ADD spent :price",
                ConditionExpression="attribute_not_exists(spent) OR spent <= :room",
                ExpressionAttributeValues=to_item(
                    {
                        ":price": price_usd,
                        ":room": limit - price_usd,
                        ":expires": _expiry(datetime.combine(day, time(), UTC)),
                    }
                ),
                ReturnValues="UPDATED_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            budget_used(limit, limit)
            return False
        budget_used(from_item(answer["Attributes"])["spent"], limit)
        return True

    def give_back(self, day: date, price_usd: Decimal) -> None:
        """Take the price off the day's counter again, where there is one."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=self._key(day),
                UpdateExpression="ADD spent :price",
                ConditionExpression="spent >= :least",
                ExpressionAttributeValues=to_item({":price": -price_usd, ":least": price_usd}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # nothing bounded drawing when it was set aside

    def _current(self) -> Decimal | None:
        """Return what may be spent in a day as of the last few seconds, None where nothing bounds it."""
        with self._lock:
            if self._clock() - self._looked_up >= LIMIT_KNOWN:
                item = self._client.get_item(TableName=self._table, Key=LIMIT_KEY).get("Item", {})
                self._limit = from_item(item).get("limit_usd", self._deployed or None)
                self._looked_up = self._clock()
            return self._limit

    def _key(self, day: date) -> dict[str, Any]:
        return _key(f"budget#{day.isoformat()}", "spent")


class S3Handoff:
    """The hand-off bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes, media_type: str, digest: str) -> None:
        """Store a image; S3 refuses it where the bytes have another hash than ``digest``."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=content,
            ContentType=media_type,
            ChecksumSHA256=base64.b64encode(bytes.fromhex(digest)).decode(),
        )


class BedrockModels:
    """InvokeModel in every region the catalog names. ``client`` makes a client that never tries twice."""

    def __init__(self, home: str, client: "Callable[[str], BedrockRuntimeClient]") -> None:
        self._home = home
        self._make = client
        self._lock = Lock()
        self._clients = {home: client(home)}

    def call(self, model: "Model", body: Mapping[str, Any]) -> Any:
        """Ask the model in the stack's own region where it is offered there, else in its first."""
        region = self._home if not model.regions or self._home in model.regions else model.regions[0]
        try:
            answer = self._in(region).invoke_model(
                modelId=model.model_id,
                body=json.dumps(body, ensure_ascii=False).encode(),
                contentType="application/json",
                accept="application/json",
            )
            return json.loads(answer["body"].read())
        except ClientError as error:
            raise ModelCallError(error_code(error), str(error.response.get("Error", {}).get("Message", ""))) from error
        except BotoCoreError as error:
            raise ModelCallError(type(error).__name__) from error
        except ValueError as error:
            raise ModelCallError("MalformedAnswer") from error

    def _in(self, region: str) -> "BedrockRuntimeClient":
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._make(region)
            return self._clients[region]
