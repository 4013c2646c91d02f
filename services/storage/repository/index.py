"""The indexes of the gallery table. They are eventually consistent."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kit.dynamodb import to_item
from services.storage.listing import Chunk, Listing
from services.storage.repository.items import image_pk, read_summary

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef


class DynamoGalleryIndex:
    """Reads lists of images. Implements ``listing.GalleryIndex``."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, listing: Listing, after: str | None, count: int) -> Chunk:
        """Examine ``count`` entries after a position, with one query, which reads at most 1 MB."""
        names = {"#key": listing.attribute}
        values = {":key": listing.value}
        condition = "#key = :key"
        if listing.day:
            condition += " AND begins_with(listing_key, :day)"
            values[":day"] = f"{listing.day}T"
        filters = []
        for name, value in listing.equals.items():
            names[f"#{name}"], values[f":{name}"] = name, value
            filters.append(f"#{name} = :{name}")
        for number, spellings in enumerate(listing.words):
            known = {f":word{number}_{spelling}": text for spelling, text in enumerate(spellings)}
            values |= known
            filters.append(f"({' OR '.join(f'contains(searchable, {name})' for name in known)})")
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": listing.index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_item(values),
            "ScanIndexForward": False,
            "Limit": count,
        }
        if filters:
            query["FilterExpression"] = " AND ".join(filters)
        if after:
            start = {"pk": image_pk(after.partition("#")[2]), listing.attribute: listing.value, "listing_key": after}
            query["ExclusiveStartKey"] = to_item(start)
        response = self._client.query(**query)
        last = response.get("LastEvaluatedKey")
        return Chunk([read_summary(item) for item in response["Items"]], last["listing_key"]["S"] if last else None)

    def image_ids(self, owner: str) -> Iterator[str]:
        """Yield the ids of all images of an owner."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by-owner",
            KeyConditionExpression="#owner = :owner",
            ProjectionExpression="listing_key",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=to_item({":owner": owner}),
        )
        for page in pages:
            for item in page["Items"]:
                yield item["listing_key"]["S"].partition("#")[2]
