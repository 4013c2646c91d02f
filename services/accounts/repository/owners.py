"""Owners and their preferences on DynamoDB.

pk NAME#<name>       sk OWNER          the id of the owner with this name
pk OWNER#<owner id>  sk OWNER          the owner: name, preferences as JSON with their revision, consent, changes
                     sk KEY#<key id>   one of the owner's keys
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, to_item
from kit.errors import TransientError
from services.accounts.consent import Consent
from services.accounts.owners import Owner, PreferenceStore, UnknownOwnerError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

OWNER: Final = "OWNER"
BATCH: Final = 100
"""Items of one BatchGetItem."""


class StaleError(Exception):
    """The preferences were replaced in the meantime."""


def owner_key(owner_id: str) -> dict[str, Any]:
    """Return the key of an owner's record."""
    return to_item({"pk": f"OWNER#{owner_id}", "sk": OWNER})


def name_key(name: str) -> dict[str, Any]:
    """Return the key of the item that has the id of the owner with this name."""
    return to_item({"pk": f"NAME#{name}", "sk": OWNER})


def link_key(owner_id: str, key_id: str) -> dict[str, Any]:
    """Return where the item is that links an owner to one of the owner's API keys."""
    return to_item({"pk": f"OWNER#{owner_id}", "sk": f"KEY#{key_id}"})


def preference_store(table: "OwnerTable", address: str, name: str) -> PreferenceStore:
    """Return the preferences in ``table``, with copies in the cache at ``address`` unless that is empty."""
    if not address:
        return table
    from kit.cache import connected  # noqa: PLC0415 - only if there is a cache
    from services.accounts.repository.cached import CachedPreferences  # noqa: PLC0415

    return CachedPreferences(connected(address, name), table)


class OwnerTable:
    """The owners. Implements ``PreferenceStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def find(self, name: str) -> Owner | None:
        """Return the owner with this name, read consistently, or None if there is none."""
        found = self._get(name_key(name))
        return self.get(found["owner_id"]) if found else None

    def names(self, owner_ids: Collection[str]) -> dict[str, str]:
        """Return the names of owners by id. Ids without a record are missing."""
        names: dict[str, str] = {}
        wanted = sorted(set(owner_ids))
        for at in range(0, len(wanted), BATCH):
            keys = [owner_key(owner_id) for owner_id in wanted[at : at + BATCH]]
            answer = self._client.batch_get_item(
                RequestItems={
                    self._name: {
                        "Keys": keys,
                        "ConsistentRead": True,
                        "ProjectionExpression": "owner_id, #name",
                        "ExpressionAttributeNames": {"#name": "name"},
                    }
                }
            )
            if answer.get("UnprocessedKeys"):
                raise TransientError("accounts: reading the names of owners was throttled")
            for item in answer["Responses"].get(self._name, []):
                names[item["owner_id"]["S"]] = item["name"]["S"]
        return names

    def preferences(self, owner_id: str) -> tuple[dict[str, Any], int]:
        """Return an owner's preferences as plain values with their revision: empty and 0 if none are set."""
        item = self._get(owner_key(owner_id))
        if not item or "preferences" not in item:
            return {}, 0
        return json.loads(item["preferences"]), int(item["revision"])

    def replace_preferences(self, owner_id: str, wanted: Mapping[str, Any], revision: int | None) -> int:
        """Replace an owner's preferences if they are at ``revision`` (None: at any).

        Returns the new revision. Raises ``StaleError``, or ``UnknownOwnerError`` for an owner without a record.
        """
        values: dict[str, Any] = {":wanted": json.dumps(wanted), ":one": 1}
        condition = "attribute_exists(pk)"
        if revision == 0:
            condition += " AND attribute_not_exists(revision)"
        elif revision is not None:
            condition += " AND revision = :revision"
            values[":revision"] = revision
        try:
            found = self._client.update_item(
                TableName=self._name,
                Key=owner_key(owner_id),
                UpdateExpression="SET preferences = :wanted ADD revision :one, changes :one",
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            if not error.response.get("Item"):
                raise UnknownOwnerError(owner_id) from error
            raise StaleError(owner_id) from error
        self._copy_to_keys(found["Attributes"])
        return int(found["Attributes"]["revision"]["N"])

    def get(self, owner_id: str) -> Owner | None:
        """Return an owner, read consistently, or None without a record."""
        item = self._get(owner_key(owner_id))
        return _owner_of(item) if item else None

    def give_consent(self, owner_id: str, consent: Consent) -> None:
        """Record a consent, which replaces an earlier one. Raises ``UnknownOwnerError``."""
        self._change(owner_id, "SET consent = :value", consent.to_dict(), "attribute_exists(pk)")

    def withdraw_consent(self, owner_id: str, now: datetime) -> None:
        """Record the withdrawal of a consent. The first withdrawal counts, and without a consent nothing changes.

        Raises ``UnknownOwnerError``.
        """
        condition = "attribute_exists(consent) AND attribute_not_exists(consent.withdrawn_at)"
        self._change(owner_id, "SET consent.withdrawn_at = :value", now.isoformat(), condition)

    def _change(self, owner_id: str, change: str, value: Any, condition: str) -> None:
        """Change an owner's record if ``condition`` is true. The keys get copies in any case.

        A call that is repeated because an earlier one was interrupted thus completes that one.
        """
        try:
            found = self._client.update_item(
                TableName=self._name,
                Key=owner_key(owner_id),
                UpdateExpression=f"{change} ADD changes :one",
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item({":value": _without_none(value), ":one": 1}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            unchanged: Any = error.response.get("Item")
            if not unchanged:
                raise UnknownOwnerError(owner_id) from error
            self._copy_to_keys(unchanged)
        else:
            self._copy_to_keys(found["Attributes"])

    def _copy_to_keys(self, item: Mapping[str, Any]) -> None:
        """Copy what the authorizer needs of an owner's record to each key, unless the key has a newer copy."""
        owner = _owner_of(from_item(item))
        change = "SET owner_changes = :changes, analytics_opt_out = :opt_out"
        values: dict[str, Any] = {":changes": owner.changes, ":opt_out": owner.analytics_opt_out}
        if owner.agreed:
            change += ", agreed = :agreed"
            values[":agreed"] = vars(owner.agreed)
        else:
            change += " REMOVE agreed"
        for key_id in self._key_ids(owner.owner_id):
            with suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._client.update_item(
                    TableName=self._name,
                    Key=to_item({"pk": f"KEY#{key_id}", "sk": "KEY"}),
                    UpdateExpression=change,
                    ConditionExpression="attribute_exists(pk) AND owner_changes < :changes",
                    ExpressionAttributeValues=to_item(values),
                )

    def _key_ids(self, owner_id: str) -> Iterator[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :owner AND begins_with(sk, :key)",
            ExpressionAttributeValues=to_item({":owner": f"OWNER#{owner_id}", ":key": "KEY#"}),
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield item["sk"]["S"].removeprefix("KEY#")

    def _get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        item = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item")
        return from_item(item) if item else None


def owner_item(owner: Owner) -> dict[str, Any]:
    """Return the item of a new owner."""
    values = {"owner_id": owner.owner_id, "name": owner.name, "changes": 1}
    return owner_key(owner.owner_id) | to_item(values | {"created_at": owner.created_at.astimezone(UTC).isoformat()})


def _owner_of(item: Mapping[str, Any]) -> Owner:
    created_at = datetime.fromisoformat(item["created_at"])
    preferences = json.loads(item.get("preferences", "{}"))
    return Owner(
        item["owner_id"],
        item["name"],
        created_at,
        int(item["changes"]),
        preferences.get("analytics_opt_out", False),
        Consent.from_dict(item["consent"]) if "consent" in item else None,
    )


def _without_none(value: Any) -> Any:
    """Return ``value`` without the entries that are None, if it has entries."""
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, dict) else value
