"""The search keys of the gallery: rebuild them after a change of the rules in `services/storage/search.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kit.dynamodb import from_item, to_item
from kit.errors import error_code
from services.storage.repository.items import read_prompt
from services.storage.search import search_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@dataclass
class Rebuilt:
    """The result of a rebuild."""

    examined: int = 0
    changed: int = 0


def rebuild_search_keys(client: "DynamoDBClient", table: str, progress: Callable[[Rebuilt], None]) -> Rebuilt:
    """Write the search key of every image whose stored one differs. Repetition changes nothing.

    Images that are deleted in the meantime stay deleted.
    """
    result = Rebuilt()
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="attribute_exists(listing_key)",
        ProjectionExpression="pk, caption, prompt_rest, searchable",
    )
    for page in pages:
        for item in page["Items"]:
            values = from_item(item)
            wanted = search_text(read_prompt(values))
            result.examined += 1
            if values.get("searchable") != wanted:
                result.changed += _write(client, table, values["pk"], wanted)
        progress(result)
    return result


def _write(client: "DynamoDBClient", table: str, pk: str, wanted: str) -> bool:
    try:
        client.update_item(
            TableName=table,
            Key=to_item({"pk": pk}),
            UpdateExpression="SET searchable = :wanted",
            ConditionExpression="attribute_exists(listing_key)",
            ExpressionAttributeValues=to_item({":wanted": wanted}),
        )
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True
