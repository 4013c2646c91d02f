"""Webhooks and their deliveries on DynamoDB.

pk OWNER#<owner>           sk WEBHOOK#<id>      one webhook, without a secret: secrets are derived
pk DELIVERIES#<webhook>    sk <delivery id>     one delivery with its attempts; expires
pk SENDS#<owner>           sk <hour>            the number of pings and resends in an hour since the epoch
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kit.dynamodb import from_item, to_item
from services.notifications.repository.connections import ConnectionTable, connections_of
from services.notifications.sockets import Connection
from services.notifications.webhooks import (
    DELIVERY_RETENTION,
    HOUR,
    SENDS_MAX,
    WEBHOOKS_MAX,
    Attempt,
    Delivery,
    DeliveryPage,
    StaleError,
    TooManyError,
    Webhook,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


def _key(owner: str, webhook_id: str) -> dict[str, Any]:
    return to_item({"pk": f"OWNER#{owner}", "sk": f"WEBHOOK#{webhook_id}"})


def _delivery_key(webhook_id: str, delivery_id: str) -> dict[str, Any]:
    return to_item({"pk": f"DELIVERIES#{webhook_id}", "sk": delivery_id})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` with times as text, whose order is that of the times."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _webhook_of(values: Mapping[str, Any]) -> Webhook:
    times = {name: datetime.fromisoformat(values[name]) for name in ("previous_until", "disabled_at") if name in values}
    return Webhook(
        webhook_id=values["webhook_id"],
        owner=values["owner"],
        url=values["url"],
        description=values["description"],
        statuses=tuple(values["statuses"]),
        created_at=datetime.fromisoformat(values["created_at"]),
        requests=values["requests"],
        generation=int(values["generation"]),
        master=int(values["master"]),
        previous_master=int(values["previous_master"]),
        **times,
    )


def _attempt_of(values: Mapping[str, Any]) -> Attempt:
    status = values.get("status")
    return Attempt(
        at=datetime.fromisoformat(values["at"]),
        duration_ms=int(values["duration_ms"]),
        status=None if status is None else int(status),
        error=values.get("error"),
    )


def _delivery_of(item: Mapping[str, Any]) -> Delivery:
    values = from_item(item)
    return Delivery(
        delivery_id=values["delivery_id"],
        webhook_id=values["webhook_id"],
        owner=values["owner"],
        request_id=values["request_id"],
        kind=values["kind"],
        body=values["body"],
        created_at=datetime.fromisoformat(values["created_at"]),
        due_at=datetime.fromisoformat(values["due_at"]),
        state=values["state"],
        attempts=tuple(_attempt_of(attempt) for attempt in values["attempts"]),
        **{name: int(values[name]) for name in ("round", "tries", "resends", "revision")},
    )


class WebhookTable:
    """Webhooks. Implements ``WebhookStore``."""

    def __init__(self, client: "DynamoDBClient", name: str, delivery_retention: timedelta = DELIVERY_RETENTION) -> None:
        self._client = client
        self._name = name
        self._delivery_retention = delivery_retention

    def add(self, webhook: Webhook) -> None:
        """Store a new webhook. Simultaneous calls may exceed the limit by one or two."""
        if len(self.webhooks(webhook.owner)) >= WEBHOOKS_MAX:
            raise TooManyError(webhook.owner)
        values = _plain(asdict(webhook)) | {"statuses": list(webhook.statuses)}
        self._client.put_item(TableName=self._name, Item=_key(webhook.owner, webhook.webhook_id) | to_item(values))

    def webhook(self, owner: str, webhook_id: str) -> Webhook | None:
        """Return an owner's webhook, with a consistent read."""
        found = self._client.get_item(TableName=self._name, Key=_key(owner, webhook_id), ConsistentRead=True)
        return _webhook_of(from_item(found["Item"])) if "Item" in found else None

    def webhooks(self, owner: str) -> Sequence[Webhook]:
        """Return an owner's webhooks, oldest first."""
        return subscribers_of(self._client, self._name, owner)[1]

    def remove(self, owner: str, webhook_id: str) -> None:
        """Delete a webhook. Its deliveries expire."""
        try:
            self._client.delete_item(
                TableName=self._name, Key=_key(owner, webhook_id), ConditionExpression="attribute_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise KeyError(webhook_id) from error

    def rotate(self, owner: str, webhook_id: str, master: int, previous_until: datetime | None) -> Webhook:
        """Increment the number of its secret."""
        until = ", previous_until = :until" if previous_until else " REMOVE previous_until"
        values: dict[str, Any] = {":one": 1, ":master": master}
        values |= {":until": previous_until.isoformat()} if previous_until else {}
        try:
            found = self._client.update_item(
                TableName=self._name,
                Key=_key(owner, webhook_id),
                UpdateExpression=f"SET previous_master = master, master = :master{until} ADD generation :one",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise KeyError(webhook_id) from error
        return _webhook_of(from_item(found["Attributes"]))

    def master_uses(self, now: datetime) -> dict[int, int]:
        """Count the webhooks by the version of the master secret that they need. Reads the whole table."""
        uses: Counter[int] = Counter()
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            FilterExpression="begins_with(pk, :owner) AND begins_with(sk, :webhook)",
            ExpressionAttributeValues=to_item({":owner": "OWNER#", ":webhook": "WEBHOOK#"}),
        )
        for page in pages:
            for item in page["Items"]:
                uses.update({ref.master for ref in _webhook_of(from_item(item)).secrets(now)})
        return dict(uses)

    def disable(self, owner: str, webhook_id: str, at: datetime) -> None:
        """Stop calling a webhook."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_key(owner, webhook_id),
                UpdateExpression="SET disabled_at = if_not_exists(disabled_at, :at)",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=to_item({":at": at.isoformat()}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # removed in the meantime

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery, with a consistent read."""
        key = _delivery_key(webhook_id, delivery_id)
        found = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        return _delivery_of(found["Item"]) if "Item" in found else None

    def save(self, delivery: Delivery) -> Delivery:
        """Write a delivery unless another writer has changed it since it was read."""
        written = replace(delivery, revision=delivery.revision + 1)
        values = _plain(asdict(written)) | {
            "attempts": [
                {name: value for name, value in _plain(asdict(attempt)).items() if value is not None}
                for attempt in written.attempts
            ],
            "expires_at": int((written.created_at + self._delivery_retention).timestamp()),
        }
        condition: Any = {"ConditionExpression": "attribute_not_exists(pk)"}
        if delivery.revision:
            condition = {
                "ConditionExpression": "revision = :read",
                "ExpressionAttributeValues": to_item({":read": delivery.revision}),
            }
        key = _delivery_key(delivery.webhook_id, delivery.delivery_id)
        try:
            self._client.put_item(TableName=self._name, Item=key | to_item(values), **condition)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise StaleError(delivery.delivery_id) from error
        return written

    def page(self, webhook_id: str, limit: int, after: str | None) -> DeliveryPage:
        """Return at most ``limit`` deliveries that come after ``after``, newest first."""
        start: Any = {"ExclusiveStartKey": _delivery_key(webhook_id, after)} if after else {}
        answer = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"DELIVERIES#{webhook_id}"}),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        return DeliveryPage([_delivery_of(item) for item in answer["Items"]], last["sk"]["S"] if last else None)

    def count_send(self, owner: str, now: datetime) -> None:
        """Count a ping or a resend of an owner with one conditional write; see ``WebhookStore.count_send``."""
        hour = int(now.timestamp()) // HOUR
        try:
            self._client.update_item(
                TableName=self._name,
                Key=to_item({"pk": f"SENDS#{owner}", "sk": str(hour)}),
                UpdateExpression="SET expires_at = :at ADD sends :one",
                ConditionExpression="attribute_not_exists(sends) OR sends < :max",
                ExpressionAttributeValues=to_item({":at": (hour + 2) * HOUR, ":one": 1, ":max": SENDS_MAX}),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise TooManyError(owner) from error


class SubscriberTable:
    """Connections and webhooks of owners, in one query. Implements ``Subscribers``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self.disconnect = ConnectionTable(client, name).disconnect

    def of(self, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
        """Return an owner's connections and webhooks, with a consistent read."""
        return subscribers_of(self._client, self._name, owner)


def subscribers_of(client: "DynamoDBClient", table: str, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
    """Return an owner's connections and webhooks, oldest first: a few small items, far less than a page."""
    answer = client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=to_item({":pk": f"OWNER#{owner}"}),
        ConsistentRead=True,
    )
    found = [from_item(item) for item in answer["Items"]]
    connections = [each for values in found if values["sk"] == "LISTENER" for each in connections_of(owner, values)]
    webhooks = [_webhook_of(values) for values in found if values["sk"].startswith("WEBHOOK#")]
    return connections, sorted(webhooks, key=lambda each: (each.created_at, each.webhook_id))
