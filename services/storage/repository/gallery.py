"""Entries, deletion markers and tombstones on DynamoDB, by their keys."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kit.dynamodb import to_item
from kit.errors import TransientError, UnprocessableError, error_code
from services.storage.models import MAX_SHARES, DeletionMarker, Entry, Share, Tombstone
from services.storage.repository.items import (
    RETENTION,
    entry_item,
    image_pk,
    marker_item,
    read_record,
    tombstone_item,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

BATCH: Final = 100
"""Items per BatchGetItem."""
_IS_ENTRY: Final = "attribute_exists(listing_key)"
"""Only entries have this attribute, deletion markers do not."""


class DynamoGallery:
    """Implements ``service.GalleryRepository``, ``removal.Records`` and ``gallery.ImageRepository``."""

    def __init__(self, client: "DynamoDBClient", table: str, retention: timedelta = RETENTION) -> None:
        """``retention`` is that of tombstones and deletion markers."""
        self._client = client
        self._table = table
        self._retention = retention

    def add(self, entries: Sequence[Entry]) -> list[Entry | DeletionMarker] | Tombstone:
        """Record all ``entries`` of a request in one write; see ``service.GalleryRepository``.

        A tombstone is in the place of the image that it keeps out, so no other item has to be checked. One image needs
        no transaction, in which a write costs twice as much.
        """
        puts: list[Any] = [
            {"TableName": self._table, "Item": entry_item(entry), "ConditionExpression": "attribute_not_exists(pk)"}
            for entry in entries
        ]
        try:
            if len(puts) == 1:
                self._client.put_item(**puts[0])
            else:
                self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
        except ClientError as error:
            code = error_code(error)
            if code == "TransactionCanceledException":
                codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
                if "ConditionalCheckFailed" not in codes:
                    causes = ", ".join(sorted(map(str, codes)))
                    raise TransientError(f"gallery transaction cancelled: {causes}") from error
            elif code != "ConditionalCheckFailedException":
                raise
            return self._recorded(entries)
        return list(entries)

    def _recorded(self, entries: Sequence[Entry]) -> list[Entry | DeletionMarker] | Tombstone:
        """Return the records that prevented the write."""
        keys = [image_pk(entry.image_id) for entry in entries]
        response = self._client.batch_get_item(
            RequestItems={
                self._table: {
                    "Keys": [to_item({"pk": pk}) for pk in keys],
                    "ConsistentRead": True,
                }
            }
        )
        if response.get("UnprocessedKeys"):
            raise TransientError("gallery: reading the recorded images was throttled")
        items = {item["pk"]["S"]: item for item in response["Responses"].get(self._table, [])}
        recorded: list[Entry | DeletionMarker] = []
        for pk in keys:
            if pk in items:
                record = read_record(items[pk])
                if isinstance(record, Tombstone):
                    return record
                recorded.append(record)
        if not recorded:
            raise TransientError("gallery: the records that prevented the write have expired")
        if len(recorded) < len(keys):
            raise UnprocessableError(f"images: other images of request {entries[0].request_id} are recorded already")
        return recorded

    def add_tombstone(self, tombstone: Tombstone) -> Entry | None:
        """Write ``tombstone`` in the place of an image. If the image is stored, return its entry instead."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=tombstone_item(tombstone, self._retention),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            record = read_record(response["Item"])
            return record if isinstance(record, Entry) else None
        return None

    def find(self, image_id: str) -> Entry | DeletionMarker | None:
        """Return an entry or its deletion marker. The read is consistent: after ImageStored the entry is found."""
        response = self._client.get_item(
            TableName=self._table, Key=to_item({"pk": image_pk(image_id)}), ConsistentRead=True
        )
        record = read_record(response["Item"]) if "Item" in response else None
        return None if isinstance(record, Tombstone) else record

    def find_all(self, image_ids: Sequence[str]) -> Iterator[Entry | DeletionMarker]:
        """Yield the records of images, a hundred per read, in any order. Reads are consistent."""
        for start in range(0, len(image_ids), BATCH):
            keys = [to_item({"pk": image_pk(image_id)}) for image_id in image_ids[start : start + BATCH]]
            response = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            if response.get("UnprocessedKeys"):
                raise TransientError("gallery: reading the images of an owner was throttled")
            for item in response["Responses"].get(self._table, []):
                record = read_record(item)
                if not isinstance(record, Tombstone):
                    yield record

    def mark_deleted(self, marker: DeletionMarker) -> bool:
        """Replace an entry with ``marker``. Return whether there was one."""
        try:
            item = marker_item(marker, self._retention)
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression=_IS_ENTRY)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def set_favourite(self, image_id: str, owner: str, favourite: bool) -> bool:
        """Set or remove the favourite mark. Return whether ``owner`` has such an image."""
        change = "SET favourite_of = :owner" if favourite else "REMOVE favourite_of"
        return self._update(image_id, owner, change)

    def add_share(self, entry: Entry, share: Share, expired: Sequence[Share]) -> bool:
        """Add ``share`` and remove the ``expired`` ones. Return False if the image has the maximum already.

        Raises ``KeyError`` if the image was deleted.
        """
        names = {"#new": share.share_id} | {f"#old{n}": old.share_id for n, old in enumerate(expired)}
        removed = ", ".join(f"shares.#old{n}" for n in range(len(expired)))
        item = {
            "secret_sha256": share.secret_sha256,
            "created_at": share.created_at.isoformat(),
            "expires_at": share.expires_at.isoformat(),
        }
        added = self._update(
            entry.image_id,
            entry.owner,
            "SET shares.#new = :share" + (f" REMOVE {removed}" if removed else ""),
            condition="size(shares) < :room",
            names=names,
            values={":share": item, ":room": MAX_SHARES + len(expired)},
        )
        if not added and not isinstance(self.find(entry.image_id), Entry):
            raise KeyError(entry.image_id)
        return added

    def revoke_share(self, image_id: str, owner: str, share_id: str) -> bool:
        """Remove a share, if it exists. Return whether ``owner`` has such an image."""
        return self._update(image_id, owner, "REMOVE shares.#share", names={"#share": share_id})

    def _update(
        self,
        image_id: str,
        owner: str,
        change: str,
        *,
        condition: str = "",
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Update an entry of ``owner``. Return whether the entry exists and ``condition`` holds."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"pk": image_pk(image_id)}),
                UpdateExpression=change,
                ConditionExpression=f"{_IS_ENTRY} AND #owner = :owner" + (f" AND {condition}" if condition else ""),
                ExpressionAttributeNames={"#owner": "owner", **(names or {})},
                ExpressionAttributeValues=to_item({":owner": owner, **(values or {})}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True
