"""The gallery catalog on DynamoDB.

pk image#<image id>          one image. Its owner, model, style and being a favourite each put it on an index, where
                             listing_key sorts it by time
pk image#<image id>          with deleted_at: the marker in a deleted image's place; on no index; expires
pk tombstone#<request id>    a request that was taken back; on no index; expires
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kit.dynamodb import from_item, to_item
from kit.errors import TransientError, UnprocessableError, error_code
from services.storage.gallery import Card, Entry, Marker, Share, Tombstone, position
from services.storage.listing import SEARCHED, Chunk, Listing, partition, searchable
from services.storage.shares import LIVE_AT_ONCE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef, TransactWriteItemTypeDef

TOMBSTONE_LIFE: Final = timedelta(days=60)
"""Longer than a raw image stays in the hand-off bucket: after that nothing of the request can arrive."""
CAPTION_LENGTH: Final = 140


class GalleryCatalog:
    """Entries, markers and tombstones, each by its key."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, entries: Sequence[Entry]) -> list[Entry | Marker] | Tombstone:
        """Record all of ``entries``, which are of one request, in one transaction; see ``logic.ModelCatalog``."""
        unless_taken_back: TransactWriteItemTypeDef = {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": to_item({"pk": _tombstone_pk(entries[0].request_id)}),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        puts: list[TransactWriteItemTypeDef] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": _item(entry),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
            for entry in entries
        ]
        try:
            self._client.transact_write_items(TransactItems=[unless_taken_back, *puts])
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if "ConditionalCheckFailed" not in codes:
                raise TransientError(f"catalog transaction cancelled: {', '.join(sorted(map(str, codes)))}") from error
            return self._standing(entries)
        return list(entries)

    def _standing(self, entries: Sequence[Entry]) -> list[Entry | Marker] | Tombstone:
        """Return what kept the transaction from being written."""
        request_id = entries[0].request_id
        keys = [_image_pk(entry.image_id) for entry in entries]
        answer = self._client.batch_get_item(
            RequestItems={
                self._table: {
                    "Keys": [to_item({"pk": pk}) for pk in [_tombstone_pk(request_id), *keys]],
                    "ConsistentRead": True,
                }
            }
        )
        if answer.get("UnprocessedKeys"):
            raise TransientError("catalog: reading what stands recorded was throttled")
        items = {item["pk"]["S"]: item for item in answer["Responses"].get(self._table, [])}
        recorded = [items[pk] for pk in keys if pk in items]
        if len(recorded) == len(keys):
            return [recorded_of(item) for item in recorded]
        if recorded:
            raise UnprocessableError(f"images: other images of request {request_id} are recorded already")
        if not items:
            raise TransientError("catalog: what stood recorded is gone")
        return Tombstone.model_validate(from_item(items[_tombstone_pk(request_id)]))

    def bury(self, tombstone: Tombstone) -> None:
        """Keep ``tombstone`` for 60 days; the first one of a request stays."""
        item = {
            "pk": _tombstone_pk(tombstone.request_id),
            "request_id": tombstone.request_id,
            "written_at": tombstone.written_at.isoformat(),
            "expires_at": int((tombstone.written_at + TOMBSTONE_LIFE).timestamp()),
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=to_item(item), ConditionExpression="attribute_not_exists(pk)"
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def find(self, image: str) -> Entry | Marker | None:
        """Return the image of that id, or its marker. Consistent: whoever heard ImageStored finds it."""
        answer = self._client.get_item(
            TableName=self._table, Key=to_item({"pk": _image_pk(image)}), ConsistentRead=True
        )
        return recorded_of(answer["Item"]) if "Item" in answer else None

    def mark(self, marker: Marker) -> None:
        """Put ``marker`` in the place of its entry; the first one stays. It expires as tombstones do."""
        values = {
            **marker.model_dump(),
            "pk": _image_pk(marker.image_id),
            "created_at": marker.created_at.isoformat(),
            "deleted_at": marker.deleted_at.isoformat(),
            "expires_at": int((marker.deleted_at + TOMBSTONE_LIFE).timestamp()),
        }
        try:
            self._client.put_item(TableName=self._table, Item=to_item(values), ConditionExpression=_STANDS)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def set_favourite(self, image: str, owner: str, favourite: bool) -> bool:
        """Make a image of ``owner``'s a favourite, or no longer one; tell whether there is such a image."""
        change = "SET favourite_of = :owner" if favourite else "REMOVE favourite_of"
        return self._update(image, owner, change)

    def add_share(self, entry: Entry, share: Share, expired: Sequence[Share]) -> bool:
        """Record ``share`` and clear out those that are ``expired``; tell whether there was room for it.

        Raises ``KeyError`` where the image is gone.
        """
        names = {"#new": share.share_id} | {f"#old{n}": old.share_id for n, old in enumerate(expired)}
        removed = ", ".join(f"shares.#old{n}" for n in range(len(expired)))
        item = {
            "secret_sha256": share.secret_sha256,
            "created_at": share.created_at.isoformat(),
            "expires_at": share.expires_at.isoformat(),
        }
        done = self._update(
            entry.image_id,
            entry.owner,
            "SET shares.#new = :share" + (f" REMOVE {removed}" if removed else ""),
            condition="size(shares) < :room",
            names=names,
            values={":share": item, ":room": LIVE_AT_ONCE + len(expired)},
        )
        if not done and not isinstance(self.find(entry.image_id), Entry):
            raise KeyError(entry.image_id)
        return done

    def revoke_share(self, image: str, owner: str, share_id: str) -> bool:
        """Forget a share of a image of ``owner``'s, if there is one; tell whether there is such a image."""
        return self._update(image, owner, "REMOVE shares.#share", names={"#share": share_id})

    def _update(
        self,
        image: str,
        owner: str,
        change: str,
        *,
        condition: str = "",
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Change the entry if it stands and is ``owner``'s; tell whether it does and is."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"pk": _image_pk(image)}),
                UpdateExpression=change,
                ConditionExpression=f"{_STANDS} AND #owner = :owner" + (f" AND {condition}" if condition else ""),
                ExpressionAttributeNames={"#owner": "owner", **(names or {})},
                ExpressionAttributeValues=to_item({":owner": owner, **(values or {})}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True


class GalleryIndex:
    """The catalog's indexes. Implements ``listing.Index``; a little behind the catalog, as indexes are."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, listing: Listing, after: str | None, count: int) -> Chunk:
        """Look at ``count`` entries older than the position ``after``, in one query of at most 1 MB."""
        names = {"#key": listing.attribute}
        values = {":key": listing.value}
        condition = "#key = :key"
        if listing.day:
            condition += " AND begins_with(listing_key, :day)"
            values[":day"] = f"{listing.day}T"
        filters = []
        for name, wanted in listing.equals.items():
            names[f"#{name}"], values[f":{name}"] = name, wanted
            filters.append(f"#{name} = :{name}")
        for number, word in enumerate(listing.words):
            values[f":word{number}"] = word
            filters.append(f"contains(searchable, :word{number})")
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
            start = {"pk": _image_pk(after.partition("#")[2]), listing.attribute: listing.value, "listing_key": after}
            query["ExclusiveStartKey"] = to_item(start)
        answer = self._client.query(**query)
        stopped = answer.get("LastEvaluatedKey")
        return Chunk([_card(item) for item in answer["Items"]], stopped["listing_key"]["S"] if stopped else None)


_STANDS: Final = "attribute_exists(listing_key)"
"""Only an entry has one: not a marker, and not what never was."""


def recorded_of(item: Mapping[str, Any]) -> Entry | Marker:
    """Return the entry or the marker that an item (in wire form, as a read or a stream gives it) holds."""
    values = from_item(item)
    if "deleted_at" in values:
        return Marker.model_validate(values)
    shares = [{"share_id": share_id, **share} for share_id, share in values.pop("shares", {}).items()]
    return Entry.model_validate({**values, "favourite": "favourite_of" in values, "shares": shares})


def _image_pk(image_id: str) -> str:
    return f"image#{image_id}"


def _tombstone_pk(request_id: str) -> str:
    return f"tombstone#{request_id}"


def _item(entry: Entry) -> dict[str, Any]:
    return to_item(
        {
            **entry.model_dump(exclude={"favourite", "shares"}),
            "pk": _image_pk(entry.image_id),
            "created_at": entry.created_at.isoformat(),
            "guidance": None if entry.guidance is None else Decimal(str(entry.guidance)),
            "listing_key": position(entry.created_at, entry.image_id),
            "model_of": partition(entry.owner, entry.model),
            "style_of": partition(entry.owner, entry.style) if entry.style else None,
            "caption": entry.prompt[:CAPTION_LENGTH],
            "searchable": searchable(entry.prompt[:SEARCHED]),
            "folder": entry.display.key.rpartition("/")[0],
            "width": entry.original.width,
            "height": entry.original.height,
            "shares": {},
        }
    )


def _card(item: Mapping[str, Any]) -> Card:
    values = from_item(item)
    time, _, image = values["listing_key"].partition("#")
    return Card.model_validate({**values, "image_id": image, "created_at": time, "favourite": "favourite_of" in values})
