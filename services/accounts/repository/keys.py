"""API keys on DynamoDB.

pk KEY#<key id>    sk KEY   one key: keyed hash, id of the owner, scopes, limits, priority, times;
                            delete_at, after it was revoked or has expired (seconds since 1970; expires_at is a text);
                            owner_changes, analytics_opt_out and agreed are copies of the owner's record;
                            kind and listed_as are the key of the index `listing`, which has no hashes
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kit.dynamodb import from_item, time_text, to_item
from kit.errors import TransientError, error_code
from services.accounts.consent import Versions
from services.accounts.keys import Key, secret_of
from services.accounts.owners import Owner, OwnerChangedError, new_owner
from services.accounts.repository.owners import OwnerTable, link_key, name_key, owner_item, owner_key
from services.accounts.service import KeyPage, NotActiveError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from kit.callers import Priority

REFUSED: Final = "ConditionalCheckFailedException"
RETENTION: Final = timedelta(days=365)
"""How long a key that was revoked or has expired is kept by default."""
CHECK_FAILED: Final = "ConditionalCheckFailed"
"""The reason of a cancelled transaction whose condition was not true."""
TIMES: Final = ("created_at", "expires_at", "revoked_at", "last_used_at", "previous_until")


def _pk(key_id: str) -> dict[str, Any]:
    return to_item({"pk": f"KEY#{key_id}", "sk": "KEY"})


def _item_of(key: Key, retention: timedelta) -> dict[str, Any]:
    values = asdict(key) | {name: time_text(at) for name in TIMES if (at := getattr(key, name))}
    ended_at = key.revoked_at or key.expires_at
    return to_item(
        values
        | {
            "pk": f"KEY#{key.key_id}",
            "sk": "KEY",
            "scopes": list(key.scopes),
            "kind": "key",
            "listed_as": f"{time_text(key.created_at)}#{key.key_id}",
            "delete_at": int((ended_at + retention).timestamp()) if ended_at else None,
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
        owner_changes=int(values.get("owner_changes", 1)),
        analytics_opt_out=values.get("analytics_opt_out", False),
        agreed=Versions(**values["agreed"]) if "agreed" in values else None,
        priority=values.get("priority", "normal"),
        **times,
    )


class KeyTable:
    """The API keys. Implements ``KeySource`` and ``KeyStore``."""

    def __init__(self, client: "DynamoDBClient", name: str, retention: timedelta = RETENTION) -> None:
        self._client = client
        self._name = name
        self._retention = retention
        self.owners = OwnerTable(client, name)

    def find(self, key_id: str) -> Key | None:
        """Return the key with a consistent read, so that a new key works and a revoked one does not."""
        item = self._client.get_item(TableName=self._name, Key=_pk(key_id), ConsistentRead=True).get("Item")
        return _key_of(item) if item else None

    def owner_named(self, name: str, now: datetime) -> Owner:
        """Return the owner with this name, or a new one; see ``KeyStore.owner_named``."""
        return self.owners.find(name) or new_owner(name, now)

    def add(self, key: Key, owner: Owner) -> None:
        """Store a new key, and its owner if that is new, in one transaction; see ``KeyStore.add``."""
        name, new = self._name, "attribute_not_exists(pk)"
        actions: list[TransactWriteItemTypeDef] = [
            {"Put": {"TableName": name, "Item": _item_of(key, self._retention), "ConditionExpression": new}},
            {"Put": {"TableName": name, "Item": link_key(owner.owner_id, key.key_id)}},
        ]
        if owner.changes == 0:
            named = name_key(owner.name) | to_item({"owner_id": owner.owner_id})
            actions += [
                {"Put": {"TableName": name, "Item": named, "ConditionExpression": new}},
                {"Put": {"TableName": name, "Item": owner_item(owner), "ConditionExpression": new}},
            ]
        else:
            unchanged: TransactWriteItemTypeDef = {
                "ConditionCheck": {
                    "TableName": name,
                    "Key": owner_key(owner.owner_id),
                    "ConditionExpression": "changes = :changes",
                    "ExpressionAttributeValues": to_item({":changes": owner.changes}),
                }
            }
            actions.append(unchanged)
        try:
            self._client.transact_write_items(TransactItems=actions)
        except self._client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            if codes[0] == CHECK_FAILED:
                raise KeyError(key.key_id) from error
            if any(code in {CHECK_FAILED, "TransactionConflict"} for code in codes):
                raise OwnerChangedError(owner.owner_id) from error
            raise

    def rotate(self, key_id: str, digest: str, previous_until: datetime | None, now: datetime) -> Key:
        """Replace the hash; see ``KeyStore.rotate``."""
        values = {":digest": digest, ":now": time_text(now)}
        if previous_until is None:
            expression = "SET digest = :digest REMOVE previous_digest, previous_until"
        else:
            expression = "SET previous_digest = digest, previous_until = :until, digest = :digest"
            values[":until"] = time_text(previous_until)
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
                UpdateExpression="SET revoked_at = :now, delete_at = :delete_at",
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(revoked_at)",
                ExpressionAttributeValues=to_item(
                    {":now": time_text(now), ":delete_at": int((now + self._retention).timestamp())}
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            old: Any = error.response.get("Item")
            if not old:
                raise KeyError(key_id) from error
            return _key_of(old)  # revoked before
        return _key_of(found["Attributes"])

    def set_priority(self, key_id: str, priority: "Priority") -> Key:
        """Change the priority of a key; see ``KeyStore.set_priority``."""
        try:
            found = self._client.update_item(
                TableName=self._name,
                Key=_pk(key_id),
                UpdateExpression="SET priority = :priority",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=to_item({":priority": priority}),
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
        found = [_key_of(item) for item in answer["Items"]]
        priorities = self._priorities([key.key_id for key in found])
        keys = [replace(key, priority=priorities.get(key.key_id, "normal")) for key in found]
        return KeyPage(keys, last["listed_as"]["S"] if last else None)

    def _priorities(self, key_ids: Sequence[str]) -> "dict[str, Priority]":
        """Return the priorities that differ from the default. The index lacks them: its attributes cannot change."""
        if not key_ids:
            return {}
        keys = [_pk(key_id) for key_id in key_ids]
        answer = self._client.batch_get_item(
            RequestItems={self._name: {"Keys": keys, "ProjectionExpression": "key_id, priority"}}
        )
        if answer.get("UnprocessedKeys"):
            raise TransientError("accounts: reading the priorities of keys was throttled")
        items = map(from_item, answer["Responses"].get(self._name, []))
        return {item["key_id"]: item["priority"] for item in items if "priority" in item}

    def note_use(self, key: Key, at: datetime, unless_since: datetime, new_digest: str | None) -> None:
        """Record ``at`` as the last use, and replace the digest if nobody else has; see ``KeySource.note_use``."""
        expression = "SET last_used_at = :at"
        condition = "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :since)"
        values = {":at": time_text(at), ":since": time_text(unless_since)}
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
