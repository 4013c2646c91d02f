"""The items of the gallery table.

pk                        item
image#<image id>          an entry. Its owner, model, style and favourite are partition keys of indexes, where
                          listing_key sorts entries by time
image#<image id>          with deleted_at: the deletion marker that replaces an entry; in no index; expires
tombstone#<request id>    a request that was cancelled or has expired; in no index; expires
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from kit.dynamodb import from_item, to_item
from services.storage.models import DeletionMarker, Entry, EntrySummary, Tombstone, list_position, partition_key
from services.storage.search import search_text

RETENTION: Final = timedelta(days=60)
"""How long tombstones and deletion markers are kept by default: longer than raw images stay in the hand-off bucket, so
that no message about the request can arrive later."""
CAPTION_LENGTH: Final = 140


def image_pk(image_id: str) -> str:
    """Return the partition key of an entry or of its deletion marker."""
    return f"image#{image_id}"


def tombstone_pk(request_id: str) -> str:
    """Return the partition key of a request's tombstone."""
    return f"tombstone#{request_id}"


def entry_item(entry: Entry) -> dict[str, Any]:
    """Return the item of a new entry."""
    return to_item(
        {
            **entry.model_dump(exclude={"favourite", "shares"}),
            "pk": image_pk(entry.image_id),
            "created_at": entry.created_at.isoformat(),
            "guidance": None if entry.guidance is None else Decimal(str(entry.guidance)),
            "listing_key": list_position(entry.created_at, entry.image_id),
            "model_of": partition_key(entry.owner, entry.model),
            "style_of": partition_key(entry.owner, entry.style) if entry.style else None,
            "caption": entry.prompt[:CAPTION_LENGTH],
            "searchable": search_text(entry.prompt),
            "folder": entry.display.key.rpartition("/")[0],
            "width": entry.original.width,
            "height": entry.original.height,
            "shares": {},
        }
    )


def marker_item(marker: DeletionMarker, retention: timedelta = RETENTION) -> dict[str, Any]:
    """Return the item of a deletion marker."""
    return to_item(
        {
            **marker.model_dump(),
            "pk": image_pk(marker.image_id),
            "created_at": marker.created_at.isoformat(),
            "deleted_at": marker.deleted_at.isoformat(),
            "expires_at": int((marker.deleted_at + retention).timestamp()),
        }
    )


def tombstone_item(tombstone: Tombstone, retention: timedelta = RETENTION) -> dict[str, Any]:
    """Return the item of a tombstone."""
    return to_item(
        {
            "pk": tombstone_pk(tombstone.request_id),
            "request_id": tombstone.request_id,
            "withdrawn_at": tombstone.withdrawn_at.isoformat(),
            "expires_at": int((tombstone.withdrawn_at + retention).timestamp()),
        }
    )


def read_record(item: Mapping[str, Any]) -> Entry | DeletionMarker:
    """Return the entry or deletion marker of an item, as DynamoDB or its stream returns it."""
    values = from_item(item)
    if "deleted_at" in values:
        return DeletionMarker.model_validate(values)
    shares = [{"share_id": share_id, **share} for share_id, share in values.pop("shares", {}).items()]
    return Entry.model_validate({**values, "favourite": "favourite_of" in values, "shares": shares})


def read_summary(item: Mapping[str, Any]) -> EntrySummary:
    """Return the summary in an item of an index."""
    values = from_item(item)
    time, _, image_id = values["listing_key"].partition("#")
    return EntrySummary.model_validate(
        {**values, "image_id": image_id, "created_at": time, "favourite": "favourite_of" in values}
    )
