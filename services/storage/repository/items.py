"""The items of the gallery table.

pk                        item
image#<image id>          an entry. Its owner, model, style and favourite are partition keys of indexes, where
                          listing_key sorts entries by time. The prompt is caption and prompt_rest
image#<image id>          with deleted_at: the deletion marker that replaces an entry; in no index; expires
image#<image id>          with withdrawn_at: the tombstone of an image that may not be stored, because its request was
                          cancelled or has expired; in no index; expires

Writes are billed by the kilobyte. So nothing is stored twice, except in the keys of indexes, and an entry with a prompt
of 130 characters is smaller than a kilobyte. An image's files are `folder`, in which `*` stands for the request's id,
and, by name, `files`: the hash in base64, bytes, width, height.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from events.images import Variant
from kit.dynamodb import from_item, full_folder, short_folder, to_item
from services.storage.models import (
    DeletionMarker,
    Entry,
    EntrySummary,
    GalleryRecord,
    Tombstone,
    list_position,
    partition_key,
)
from services.storage.search import search_text

RETENTION: Final = timedelta(days=60)
"""How long tombstones and deletion markers are kept by default: longer than raw images stay in the hand-off bucket, so
that no message about the request can arrive later."""
CAPTION_LENGTH: Final = 140


def image_pk(image_id: str) -> str:
    """Return the partition key of an entry, or of the deletion marker or tombstone in its place."""
    return f"image#{image_id}"


def entry_item(entry: Entry) -> dict[str, Any]:
    """Return the item of a new entry."""
    return to_item(
        {
            **_record_values(entry),
            **entry.model_dump(include={"negative_prompt", "style", "quality", "steps"}),
            "guidance": None if entry.guidance is None else Decimal(str(entry.guidance)),
            "listing_key": list_position(entry.created_at, entry.image_id),
            "model_of": partition_key(entry.owner, entry.model),
            "style_of": partition_key(entry.owner, entry.style) if entry.style else None,
            "caption": entry.prompt[:CAPTION_LENGTH],
            "prompt_rest": entry.prompt[CAPTION_LENGTH:] or None,
            "searchable": search_text(entry.prompt),
            "width": entry.original.width,
            "height": entry.original.height,
            "shares": {},
        }
    )


def marker_item(marker: DeletionMarker, retention: timedelta = RETENTION) -> dict[str, Any]:
    """Return the item of a deletion marker."""
    return to_item(
        {
            **_record_values(marker),
            "created_at": marker.created_at.isoformat(),
            "deleted_at": marker.deleted_at.isoformat(),
            "reason": marker.reason,
            "expires_at": int((marker.deleted_at + retention).timestamp()),
        }
    )


def tombstone_item(tombstone: Tombstone, retention: timedelta = RETENTION) -> dict[str, Any]:
    """Return the item of a tombstone."""
    return to_item(
        {
            "pk": image_pk(tombstone.image_id),
            "withdrawn_at": tombstone.withdrawn_at.isoformat(),
            "expires_at": int((tombstone.withdrawn_at + retention).timestamp()),
        }
    )


def read_record(item: Mapping[str, Any]) -> Entry | DeletionMarker | Tombstone:
    """Return the record of an item, as DynamoDB or its stream returns it."""
    values = from_item(item)
    image_id = values["pk"].removeprefix("image#")
    if "withdrawn_at" in values:
        return Tombstone(image_id=image_id, withdrawn_at=values["withdrawn_at"])
    request_id, _, index = image_id.rpartition("-")
    folder = full_folder(values["folder"], request_id)
    files = {name.partition(".")[0]: _variant(folder, name, file) for name, file in values["files"].items()}
    values |= {"image_id": image_id, "request_id": request_id, "index": index, **files}
    if "deleted_at" in values:
        return DeletionMarker.model_validate(values)
    return Entry.model_validate(
        {
            **values,
            "created_at": values["listing_key"].partition("#")[0],
            "prompt": read_prompt(values),
            "favourite": "favourite_of" in values,
            "shares": [{"share_id": share_id, **share} for share_id, share in values["shares"].items()],
        }
    )


def read_prompt(values: Mapping[str, str]) -> str:
    """Return the prompt in the attributes ``caption`` and ``prompt_rest`` of an entry."""
    return values["caption"] + values.get("prompt_rest", "")


def _record_values(record: GalleryRecord) -> dict[str, Any]:
    """Return the attributes that entries and deletion markers share."""
    return {
        **record.model_dump(include={"owner", "analytics_opt_out", "model", "seed", "cost_usd", "placeholder"}),
        "pk": image_pk(record.image_id),
        "folder": short_folder(record.folder, record.request_id),
        "files": {
            variant.key.rpartition("/")[2]: [
                b64encode(bytes.fromhex(variant.sha256)).decode(),
                variant.bytes,
                variant.width,
                variant.height,
            ]
            for variant in record.variants
        },
    }


def _variant(folder: str, name: str, stored: Sequence[Any]) -> Variant:
    digest, size, width, height = stored
    return Variant(
        key=f"{folder}/{name}",
        sha256=b64decode(digest).hex(),
        bytes=size,
        media_type=f"image/{name.rpartition('.')[2]}",
        width=width,
        height=height,
    )


def read_summary(item: Mapping[str, Any]) -> EntrySummary:
    """Return the summary in an item of an index."""
    values = from_item(item)
    time, _, image_id = values["listing_key"].partition("#")
    return EntrySummary.model_validate(
        {
            **values,
            "image_id": image_id,
            "created_at": time,
            "favourite": "favourite_of" in values,
            "folder": full_folder(values["folder"], image_id.rpartition("-")[0]),
        }
    )
