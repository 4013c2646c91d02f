"""The ledger, in the table that it shares with the daily budget.

request_id    item         attributes
<request>     image#<n>    lease_holder, lease_until (ms), paid_calls; later outcome (JSON), completed_at,
                           refusal: limit_usd and left_usd of the budget that did not cover the image
<request>     image#0      also the tombstone: withdrawn_at, if the request was cancelled or has expired; billed and
                           found_at, see Withdrawal. Every claim writes this item, so one image is claimed by one write
budget#<day>  spent        spent: US dollars reserved for images, or spent on checks without one, on that UTC day
budget        limit        limit_usd: set by an operator, overrides the deployed limit
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from events.images import ImageOutcome
from events.options import Billed
from kit.dynamodb import from_item, to_item
from kit.errors import InProgressError, TransientError, UnprocessableError
from services.generation.models import BudgetRefusal, Lease, RecordedOutcome, Withdrawal, WithdrawnError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

RETENTION: Final = timedelta(days=60)
"""How long items are kept by default: longer than any message can be redelivered or replayed."""

_NO_TOMBSTONE: Final = "attribute_not_exists(withdrawn_at)"
_LEASE_AVAILABLE: Final = (
    f"{_NO_TOMBSTONE} AND attribute_not_exists(outcome) AND (attribute_not_exists(lease_until) OR lease_until <= :now) "
    "AND (attribute_not_exists(paid_calls) OR paid_calls < :allowed)"
)

_TOMBSTONE: Final = frozenset({"withdrawn_at", "expires_at", "billed", "found_at"})
"""The attributes of a tombstone."""


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def expiry(moment: datetime, retention: timedelta = RETENTION) -> int:
    """Return when an item of ``moment`` expires, in seconds since the epoch."""
    return int((moment + retention).timestamp())


def item_key(request_id: str, item: str) -> dict[str, Any]:
    """Return the key of an item in wire form."""
    return to_item({"request_id": request_id, "item": item})


def _image_item(index: int) -> str:
    return f"image#{index}"


def _tombstone_key(request_id: str) -> dict[str, Any]:
    return item_key(request_id, _image_item(0))


def _recorded_outcome(values: Mapping[str, Any]) -> RecordedOutcome:
    outcome = ImageOutcome.model_validate_json(values["outcome"])
    refusal = BudgetRefusal(**values["refusal"]) if "refusal" in values else None
    return RecordedOutcome(outcome, datetime.fromisoformat(values["completed_at"]), refusal)


class _RefusedError(Exception):
    """A claim was not written."""

    def __init__(self, reasons: Mapping[int, Any]) -> None:
        super().__init__("claim refused")
        self.reasons = reasons
        """By index of the image."""


class DynamoLedger:
    """The ledger's table. Implements ``Ledger``."""

    def __init__(self, client: "DynamoDBClient", table: str, retention: timedelta = RETENTION) -> None:
        self._client = client
        self._table = table
        self._retention = retention

    def claim(self, request_id: str, count: int, lease: Lease, calls_allowed: int) -> dict[int, RecordedOutcome]:
        """Check for a tombstone and take all leases in one write.

        If it is refused because some images have an outcome, a second one takes the other leases.
        """
        recorded: dict[int, RecordedOutcome] = {}
        while len(recorded) < count:
            missing = [index for index in range(count) if index not in recorded]
            leases = {index: self._take(request_id, index, lease, calls_allowed) for index in missing}
            try:
                self._write({0: self._check_tombstone(request_id, lease)} | leases)
            except _RefusedError as refused:
                if _is_held(refused.reasons, lease):  # an earlier attempt succeeded, but its response was lost
                    break
                recorded |= _outcomes_of_refused_claim(refused.reasons, lease)
            else:
                break
        return recorded

    def _write(self, updates: Mapping[int, Any]) -> None:
        """Write all of ``updates``, by index of the image, or none.

        One needs no transaction, in which a write costs twice as much.
        """
        try:
            if len(updates) == 1:
                self._client.update_item(**next(iter(updates.values())))
            else:
                self._client.transact_write_items(TransactItems=[{"Update": update} for update in updates.values()])
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            reasons = [{"Code": "ConditionalCheckFailed", "Item": response["Item"]}]
            raise _RefusedError(dict(zip(updates, reasons, strict=True))) from error
        except self._client.exceptions.TransactionCanceledException as error:
            cancelled: Any = error.response["CancellationReasons"]
            raise _RefusedError(dict(zip(updates, cancelled, strict=True))) from error

    def _check_tombstone(self, request_id: str, lease: Lease) -> Any:
        """Return an update that changes nothing but the expiry: the first image has an outcome already."""
        return {
            "TableName": self._table,
            "Key": _tombstone_key(request_id),
            "ConditionExpression": _NO_TOMBSTONE,
            "UpdateExpression": "SET expires_at = :expires",
            "ExpressionAttributeValues": to_item({":expires": expiry(lease.expires_at, self._retention)}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _take(self, request_id: str, index: int, lease: Lease, calls_allowed: int) -> Any:
        return {
            "TableName": self._table,
            "Key": item_key(request_id, _image_item(index)),
            "ConditionExpression": _LEASE_AVAILABLE,
            "UpdateExpression": (
                "SET lease_holder = :holder, lease_until = :until, expires_at = :expires ADD paid_calls :one"
            ),
            "ExpressionAttributeValues": to_item(
                {
                    ":now": _milliseconds(lease.taken_at),
                    ":allowed": calls_allowed,
                    ":holder": lease.holder,
                    ":until": _milliseconds(lease.expires_at),
                    ":expires": expiry(lease.expires_at, self._retention),
                    ":one": 1,
                }
            ),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def record(self, request_id: str, recorded: RecordedOutcome) -> RecordedOutcome:
        """Record the first outcome, even if another delivery holds the lease now: a late image is paid for, too."""
        more = {"refusal": asdict(recorded.refusal)} if recorded.refusal else {}
        earlier = self._record(request_id, recorded, more)
        return _recorded_outcome(earlier) if earlier else recorded

    def restore(self, request_id: str, recorded: RecordedOutcome) -> bool:
        """Record an outcome after a loss of the table. Return whether there was none.

        If its claim was lost, too, an image that was generated counts as one paid call.
        """
        paid = int(recorded.outcome.status == "generated")
        return self._record(request_id, recorded, {"paid_calls": paid}) is None

    def _record(self, request_id: str, recorded: RecordedOutcome, more: Mapping[str, Any]) -> dict[str, Any] | None:
        """Write an outcome, and ``more`` attributes that are missing. Return the item if it has an outcome already."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=item_key(request_id, _image_item(recorded.outcome.index)),
                ConditionExpression="attribute_not_exists(outcome)",
                UpdateExpression="SET outcome = :outcome, completed_at = :at, expires_at = :expires"
                f"{''.join(f', {name} = if_not_exists({name}, :{name})' for name in more)}"
                " REMOVE lease_holder, lease_until",
                ExpressionAttributeValues=to_item(
                    {
                        ":outcome": recorded.outcome.model_dump_json(exclude_none=True),
                        ":at": recorded.at.isoformat(),
                        ":expires": expiry(recorded.at, self._retention),
                        **{f":{name}": value for name, value in more.items()},
                    }
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            return from_item(response["Item"])
        return None

    def release(self, request_id: str, index: int, lease: Lease, *, billed: bool) -> None:
        """Release a lease; do nothing if another delivery has taken it."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=item_key(request_id, _image_item(index)),
                ConditionExpression="lease_holder = :holder",
                UpdateExpression="REMOVE lease_holder, lease_until ADD paid_calls :change",
                ExpressionAttributeValues=to_item({":holder": lease.holder, ":change": 0 if billed else -1}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def is_withdrawn(self, request_id: str) -> bool:
        """Return whether the request has a tombstone, with a consistent read."""
        key = _tombstone_key(request_id)
        response = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return "withdrawn_at" in response.get("Item", {})

    def billed(self, request_id: str) -> Billed:
        """Return whether images of a request were paid for, from the items of its images."""
        response = self._client.query(
            TableName=self._table,
            KeyConditionExpression="request_id = :request AND begins_with(#item, :image)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=to_item({":request": request_id, ":image": "image#"}),
            ConsistentRead=True,
        )
        images = [from_item(item) for item in response["Items"]]
        outcomes = [_recorded_outcome(image).outcome for image in images if "outcome" in image]
        if any(outcome.status == "generated" for outcome in outcomes):
            return "true"
        return "unknown" if any(image.get("paid_calls", 0) > 0 for image in images) else "false"

    def add_tombstone(self, request_id: str, at: datetime) -> None:
        """Write the tombstone of a request. A second one changes nothing."""
        self._client.update_item(
            TableName=self._table,
            Key=_tombstone_key(request_id),
            UpdateExpression="SET withdrawn_at = :at, expires_at = :expires",
            ExpressionAttributeValues=to_item({":at": at.isoformat(), ":expires": expiry(at, self._retention)}),
        )

    def record_withdrawal(self, request_id: str, withdrawal: Withdrawal) -> Withdrawal:
        """Record ``withdrawal`` in the tombstone unless it has one. Return the recorded one."""
        response = self._client.update_item(
            TableName=self._table,
            Key=_tombstone_key(request_id),
            UpdateExpression="SET billed = if_not_exists(billed, :billed), found_at = if_not_exists(found_at, :at)",
            ExpressionAttributeValues=to_item({":billed": withdrawal.billed, ":at": withdrawal.at.isoformat()}),
            ReturnValues="ALL_NEW",
        )
        values = from_item(response["Attributes"])
        return Withdrawal(values["billed"], datetime.fromisoformat(values["found_at"]))

    def erase(self, request_id: str) -> int:
        """Delete the items of a request, and everything in the first image's but the tombstone.

        Return how many items had something.
        """
        response = self._client.query(
            TableName=self._table,
            KeyConditionExpression="request_id = :request",
            ExpressionAttributeValues=to_item({":request": request_id}),
            ConsistentRead=True,
        )
        erased = 0
        for item in response["Items"]:
            key = {name: item[name] for name in ("request_id", "item")}
            if key != _tombstone_key(request_id):
                self._client.delete_item(TableName=self._table, Key=key)
                erased += 1
                continue
            others = sorted(item.keys() - _TOMBSTONE - key.keys())
            if others:
                names = {f"#{n}": name for n, name in enumerate(others)}
                self._client.update_item(
                    TableName=self._table,
                    Key=key,
                    UpdateExpression=f"REMOVE {', '.join(names)}",
                    ExpressionAttributeNames=names,
                )
                erased += 1
        return erased


def _is_held(reasons: Mapping[int, Any], lease: Lease) -> bool:
    """Return whether ``lease`` itself is the reason. A claim takes all leases or none, so one held means all held."""
    items = [from_item(reason["Item"]) for reason in reasons.values() if "Item" in reason]
    return any(item.get("lease_holder") == lease.holder for item in items)


def _outcomes_of_refused_claim(reasons: Mapping[int, Any], lease: Lease) -> dict[int, RecordedOutcome]:
    """Return the outcomes among the reasons, or raise the error that prevents the claim."""
    refused = {
        index: from_item(reason["Item"])
        for index, reason in reasons.items()
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    if "withdrawn_at" in refused.get(0, {}):
        raise WithdrawnError
    codes = {reason.get("Code", "None") for reason in reasons.values()} - {"None", "ConditionalCheckFailed"}
    if codes or not refused:  # a conflict with another transaction, or throttling
        raise TransientError(f"claim: {', '.join(sorted(codes)) or 'no reason given'}")
    recorded: dict[int, RecordedOutcome] = {}
    seconds_left = 0.0
    for index, values in refused.items():
        if "outcome" in values:
            recorded[index] = _recorded_outcome(values)
        elif values.get("lease_until", 0) > _milliseconds(lease.taken_at):
            seconds_left = max(seconds_left, (int(values["lease_until"]) - _milliseconds(lease.taken_at)) / 1000)
        else:
            calls = values["paid_calls"]
            raise UnprocessableError(f"image {index}: {calls} model calls without an outcome, a replay allows one more")
    if seconds_left:
        raise InProgressError("another delivery is generating", seconds_left)
    return recorded
