"""Erases an owner with all keys. `owners.py` and `keys.py` describe the items."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kit.dynamodb import from_item, to_item
from services.accounts.repository.owners import link_key, name_key, owner_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class OwnerErasureTable:
    """Implements ``erasure.OwnerErasure``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def delete_owner(self, owner_id: str) -> bool:
        """Delete the owner's record and name in one transaction; see ``OwnerErasure.delete_owner``."""
        key = owner_key(owner_id)
        found = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item")
        if not found:
            return False
        name: str = from_item(found)["name"]
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Delete": {
                            "TableName": self._name,
                            "Key": key,
                            "ConditionExpression": "attribute_exists(pk)",
                        }
                    },
                    {
                        "Delete": {
                            "TableName": self._name,
                            "Key": name_key(name),
                            "ConditionExpression": "owner_id = :owner",
                            "ExpressionAttributeValues": to_item({":owner": owner_id}),
                        }
                    },
                ]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            first: Any = error.response["CancellationReasons"][0]
            if first.get("Code") != "ConditionalCheckFailed":
                raise
            return False  # another delivery of the same message has deleted both
        return True

    def key_ids(self, owner_id: str) -> Iterator[str]:
        """Yield the ids of an owner's keys."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :owner AND begins_with(sk, :key)",
            ProjectionExpression="sk",
            ExpressionAttributeValues=to_item({":owner": f"OWNER#{owner_id}", ":key": "KEY#"}),
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield item["sk"]["S"].removeprefix("KEY#")

    def delete_key(self, owner_id: str, key_id: str) -> None:
        """Delete a key, then its link to the owner; see ``OwnerErasure.delete_key``."""
        self._client.delete_item(TableName=self._name, Key=to_item({"pk": f"KEY#{key_id}", "sk": "KEY"}))
        self._client.delete_item(TableName=self._name, Key=link_key(owner_id, key_id))
