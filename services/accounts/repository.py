"""API keys and preferences on DynamoDB.

pk KEY#<key id>    sk KEY   one key: keyed hash, owner, scopes, limits, times;
                            kind and listed_as are the key of the index `listing`, which has no hashes
pk OWNER#<owner>   sk PREFERENCES   one owner's preferences as JSON, with a revision
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kit.dynamodb import from_item, to_item
from kit.errors import error_code
from services.accounts.keys import Key, secret_of
from services.accounts.service import KeyPage, NotActiveError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

REFUSED: Final = "ConditionalCheckFailedException"
TIMES: Final = ("created_at", "expires_at", "revoked_at", "last_used_at", "previous_until")


def _pk(key_id: str) -> dict[str, Any]:
    return to_item({"pk": f"KEY#{key_id}", "sk": "KEY"})


def _time(at: datetime) -> str:
    """Return ``at`` as text that sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _item_of(key: Key) -> dict[str, Any]:
    values = asdict(key) | {name: _time(at) for name in TIMES if (at := getattr(key, name))}
    return to_item(
        values
        | {
            "pk": f"KEY#{key.key_id}",
            "sk": "KEY",
            "scopes": list(key.scopes),
            "kind": "key",
            "listed_as": f"{_time(key.created_at)}#{key.key_id}",
        }
    )


def _key_of(item: Mapping[str, Any]) -> Key:
    values = from_item(item)
    times = {name: datetime.fromisoformat(values[name]) for name in TIMES if name in values}
    return Key(
        key_id=values["key_id"],
        digest=values.get("digest", ""),
        owner=values["owner"],
        name=values["name"],
        scopes=tuple(values["scopes"]),
        limit=int(values["limit"]),
        window=int(values["window"]),
        previous_digest=values.get("previous_digest"),
        **times,
    )


class KeyTable:
    """The API keys. Implements ``KeySource`` and ``KeyStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def find(self, key_id: str) -> Key | None:
        """Return the key with a consistent read, so that a new key works and a revoked one does not."""
        item = self._client.get_item(TableName=self._name, Key=_pk(key_id), ConsistentRead=True).get("Item")
        return _key_of(item) if item else None

    def add(self, key: Key) -> None:
        """Store a new key. Raises ``KeyError`` if its id exists."""
        try:
            self._client.put_item(
                TableName=self._name, Item=_item_of(key), ConditionExpression="attribute_not_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise KeyError(key.key_id) from error

    def rotate(self, key_id: str, digest: str, previous_until: datetime | None, now: datetime) -> Key:
        """Replace the hash; see ``KeyStore.rotate``."""
        values = {":digest": digest, ":now": _time(now)}
        if previous_until is None:
            expression = "SET digest = :digest REMOVE previous_digest, previous_until"
        else:
            expression = "SET previous_digest = digest, previous_until = :until, digest = :digest"
            values[":until"] = _time(previous_until)
        try:
            found = self._client.update_item(
                TableName=self._name,
                Key=_pk(key_id),
                UpdateExpression=expression,
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(revoked_at)"
                " AND (attribute_not_exists(expires_at) OR expires_at > :now)",
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            old: Any = error.response.get("Item")
            if not old:
                raise KeyError(key_id) from error
            raise NotActiveError(_key_of(old).status(now)) from error
        return _key_of(found["Attributes"])

    def revoke(self, key_id: str, now: datetime) -> Key:
        """Record the revocation of a key; see ``KeyStore.revoke``."""
        try:
            found = self._client.update_item(
                TableName=self._name,
                Key=_pk(key_id),
                UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=to_item({":now": _time(now)}),
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise KeyError(key_id) from error
        return _key_of(found["Attributes"])

    def secret_uses(self, now: datetime) -> dict[int, int]:
        """Count the keys that are not revoked by the number of the secret that they need. Reads the whole table."""
        uses: Counter[int] = Counter()
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            FilterExpression="kind = :key AND attribute_not_exists(revoked_at)",
            ExpressionAttributeValues=to_item({":key": "key"}),
        )
        for page in pages:
            for item in page["Items"]:
                uses.update({secret_of(digest) for digest in _key_of(item).digests(now)})
        return dict(uses)

    def page(self, limit: int, after: str | None) -> KeyPage:
        """Return at most ``limit`` keys after the position ``after``, newest first."""
        start: Any = {}
        if after is not None:
            position = {**_pk(after.rpartition("#")[2]), **to_item({"kind": "key", "listed_as": after})}
            start = {"ExclusiveStartKey": position}
        answer = self._client.query(
            TableName=self._name,
            IndexName="listing",
            KeyConditionExpression="kind = :key",
            ExpressionAttributeValues=to_item({":key": "key"}),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        return KeyPage([_key_of(item) for item in answer["Items"]], last["listed_as"]["S"] if last else None)

    def note_use(self, key: Key, at: datetime, unless_since: datetime, new_digest: str | None) -> None:
        """Record ``at`` as the last use, and replace the digest if nobody else has; see ``KeySource.note_use``."""
        expression = "SET last_used_at = :at"
        condition = "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :since)"
        values = {":at": _time(at), ":since": _time(unless_since)}
        if new_digest is not None:
            expression += ", digest = :digest"
            condition += " AND digest = :old"
            values |= {":digest": new_digest, ":old": key.digest}
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_pk(key.key_id),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
            )
        except ClientError as error:
            if error_code(error) != REFUSED:
                raise


class OwnerTable:
    """Everything of an owner. Implements ``OwnerErasure``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def key_ids(self, owner: str) -> Iterator[str]:
        """Yield the ids of an owner's keys. Reads the list of all keys."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName="listing",
            KeyConditionExpression="kind = :key",
            FilterExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=to_item({":key": "key", ":owner": owner}),
        )
        for page in pages:
            for item in page["Items"]:
                yield item["key_id"]["S"]

    def delete_key(self, key_id: str) -> None:
        """Delete a key. It stops working as a revoked one does."""
        self._client.delete_item(TableName=self._name, Key=_pk(key_id))

    def delete_preferences(self, owner: str) -> bool:
        """Delete the preferences of an owner. Return whether there were some."""
        key = to_item({"pk": f"OWNER#{owner}", "sk": "PREFERENCES"})
        return "Attributes" in self._client.delete_item(TableName=self._name, Key=key, ReturnValues="ALL_OLD")


class StaleError(Exception):
    """The preferences were replaced in the meantime."""


class PreferenceTable:
    """Preferences of owners. Their revision counts the replacements; 0 means that the owner has set none."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def of(self, owner: str) -> tuple[dict[str, Any], int]:
        """Return an owner's preferences as plain values (empty if none are set) with their revision."""
        item = self._client.get_item(TableName=self._name, Key=self._pk(owner), ConsistentRead=True).get("Item")
        if not item:
            return {}, 0
        return json.loads(item["preferences"]["S"]), int(item["revision"]["N"])

    def replace(self, owner: str, wanted: Mapping[str, Any], revision: int | None) -> int:
        """Replace an owner's preferences if they are at ``revision`` (None: at any).

        Returns the new revision. Raises ``StaleError``.
        """
        values: dict[str, Any] = {":wanted": json.dumps(wanted), ":one": 1}
        condition: Any = {}
        if revision == 0:
            condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        elif revision is not None:
            condition = {"ConditionExpression": "revision = :revision"}
            values[":revision"] = revision
        try:
            found = self._client.update_item(
                TableName=self._name,
                Key=self._pk(owner),
                UpdateExpression="SET preferences = :wanted ADD revision :one",
                ExpressionAttributeValues=to_item(values),
                ReturnValues="UPDATED_NEW",
                **condition,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise StaleError(owner) from error
        return int(found["Attributes"]["revision"]["N"])

    @staticmethod
    def _pk(owner: str) -> dict[str, Any]:
        return to_item({"pk": f"OWNER#{owner}", "sk": "PREFERENCES"})
