"""The accounts table on DynamoDB, and the secret that keys are hashed with.

pk KEY#<key id>    sk KEY   one key: keyed hash, owner, scopes, limits, times;
                            kind and listed_as make the index `listing`, which holds no hash
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from events.errors import error_code
from events.items import from_item, to_item
from services.accounts.keys import Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

REFUSED: Final = "ConditionalCheckFailedException"
TIMES: Final = ("created_at", "expires_at", "revoked_at", "last_used_at", "previous_until")


def read_hash_secret(client: "SecretsManagerClient", name_or_arn: str) -> bytes:
    """Return the secret that keys are hashed with."""
    return client.get_secret_value(SecretId=name_or_arn)["SecretString"].encode()


def _pk(key_id: str) -> dict[str, Any]:
    return to_item({"pk": f"KEY#{key_id}", "sk": "KEY"})


def _time(at: datetime) -> str:
    """Return ``at`` so that the order of texts is the order of times."""
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
    """Keys. Implements ``KeySource`` and ``KeyStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def find(self, key_id: str) -> Key | None:
        """Return the key, read consistently: one that was just made works, one that was just revoked does not."""
        item = self._client.get_item(TableName=self._name, Key=_pk(key_id), ConsistentRead=True).get("Item")
        return _key_of(item) if item else None

    def note_use(self, key_id: str, at: datetime, unless_since: datetime) -> None:
        """Keep ``at`` as the last use, unless one since ``unless_since`` is kept already."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_pk(key_id),
                UpdateExpression="SET last_used_at = :at",
                ConditionExpression="attribute_exists(pk) AND "
                "(attribute_not_exists(last_used_at) OR last_used_at < :since)",
                ExpressionAttributeValues=to_item({":at": _time(at), ":since": _time(unless_since)}),
            )
        except ClientError as error:
            if error_code(error) != REFUSED:
                raise
