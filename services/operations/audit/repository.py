"""Reads other services' tables and buckets for the audit: an operator's privilege (ADR 5).

`AwsReader` only reads, and never prompts: every read of a table lists its attributes.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, full_folder, to_item
from services.operations.audit.auditor import GALLERY_FOLDER
from services.operations.audit.records import GalleryImage, Letters, Payment, StoredFile
from services.operations.dead_letters.letters import QueuePair
from services.operations.dead_letters.repository import SUFFIX
from services.operations.timeline import ATTRIBUTES, Request, request_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

BATCH_GET_MAX: Final = 100
"""Keys per BatchGetItem."""
UNPROCESSED_RETRIES: Final = 8
"""How often unprocessed keys are requested again."""
HOUR_MS: Final = 3_600_000
IMAGE: Final = ("pk", "folder", "files", "deleted_at")
PAYMENT: Final = ("request_id", "item", "paid_calls", "outcome", "withdrawn_at")


class SystemClock:
    """The system's clock."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    def now(self) -> datetime:
        """Return the current time."""
        return datetime.now(UTC)


class Pace:
    """Limits the rate of reads: waits after each read until its units are available."""

    def __init__(self, units_per_second: float) -> None:
        self._rate = units_per_second
        self._earned_at = time.monotonic()

    def spent(self, units: float) -> None:
        """Wait for ``units``."""
        self._earned_at = max(self._earned_at, time.monotonic()) + units / self._rate
        if (wait := self._earned_at - time.monotonic()) > 1 / self._rate:
            time.sleep(wait)


def pairs_of(sqs: "SQSClient", prefix: str, names: Iterable[str]) -> list[QueuePair]:
    """Return the dead-letter queues of named queues: the function may not list queues."""
    return [
        QueuePair(
            step=name.replace("-", ".", 1),
            name=f"{prefix}-{name}{SUFFIX}",
            url=sqs.get_queue_url(QueueName=f"{prefix}-{name}{SUFFIX}")["QueueUrl"],
            source_url=None,  # the audit sends nothing
        )
        for name in names
    ]


class AwsReader:
    """Implements ``Reader`` over the tables and buckets of one installation."""

    def __init__(
        self,
        *,
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        letters: Callable[[], Letters],
        prefix: str,
        gallery_bucket: str,
        handoff_bucket: str,
        pace: Pace,
    ) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._letters = letters
        self._requests = f"{prefix}-requests"
        self._gallery = f"{prefix}-gallery"
        self._ledger = f"{prefix}-generation"
        self._gallery_bucket = gallery_bucket
        self._handoff_bucket = handoff_bucket
        self._pace = pace

    def letters(self) -> Letters:
        """Return all dead letters."""
        return self._letters()

    def scan_requests(self, segment: int, segments: int) -> Iterator[Request]:
        """Yield the requests of one segment."""
        for item in self._scan(self._requests, ATTRIBUTES, "sk = :value", "STATE", segment, segments):
            yield request_of(item)

    def scan_images(self, segment: int, segments: int) -> Iterator[GalleryImage]:
        """Yield images and deletion markers of one segment."""
        condition = "begins_with(pk, :value) AND attribute_exists(#files)"  # a tombstone has no files
        for item in self._scan(self._gallery, IMAGE, condition, "image#", segment, segments):
            yield _image(item)

    def scan_payments(self, segment: int, segments: int) -> Iterator[Payment]:
        """Yield the ledger's payments of one segment."""
        for item in self._scan(self._ledger, PAYMENT, "begins_with(#item, :value)", "image#", segment, segments):
            yield _payment(item)

    def _scan(
        self, table: str, attributes: Sequence[str], condition: str, value: str, segment: int, segments: int
    ) -> Iterator[dict[str, Any]]:
        names = {f"#{name}": name for name in attributes}
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=table,
            Segment=segment,
            TotalSegments=segments,
            FilterExpression=condition,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_item({":value": value}),
            ReturnConsumedCapacity="TOTAL",
        )
        for page in pages:
            self._pace.spent(page.get("ConsumedCapacity", {}).get("CapacityUnits", 1))
            for item in page["Items"]:
                yield from_item(item)

    def requests(self, ids: Iterable[str]) -> dict[str, Request]:
        """Return requests by id, with consistent reads."""
        keys = [{"pk": f"REQUEST#{request_id}", "sk": "STATE"} for request_id in dict.fromkeys(ids)]
        found = map(request_of, self._get(self._requests, keys, ATTRIBUTES))
        return {request.request_id: request for request in found}

    def gallery_images(self, ids: Iterable[str]) -> dict[str, GalleryImage]:
        """Return images and deletion markers by id, with consistent reads."""
        keys = [{"pk": f"image#{image_id}"} for image_id in dict.fromkeys(ids)]
        items = self._get(self._gallery, keys, IMAGE)
        found = [_image(item) for item in items if "files" in item]  # a tombstone has no files
        return {image.image_id: image for image in found}

    def payments(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Payment]:
        """Return payments by request and index, with consistent reads."""
        wanted = [{"request_id": request_id, "item": f"image#{index}"} for request_id, index in dict.fromkeys(keys)]
        found = map(_payment, self._get(self._ledger, wanted, PAYMENT))
        return {payment.key: payment for payment in found}

    def _get(
        self, table: str, keys: Sequence[Mapping[str, str]], attributes: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        names = {f"#{name}": name for name in attributes}
        for start in range(0, len(keys), BATCH_GET_MAX):
            left: Any = [to_item(key) for key in keys[start : start + BATCH_GET_MAX]]
            for attempt in range(UNPROCESSED_RETRIES):
                answer = self._dynamodb.batch_get_item(
                    RequestItems={
                        table: {
                            "Keys": left,
                            "ConsistentRead": True,
                            "ProjectionExpression": ", ".join(names),
                            "ExpressionAttributeNames": names,
                        }
                    },
                    ReturnConsumedCapacity="TOTAL",
                )
                self._pace.spent(sum(used.get("CapacityUnits", 1) for used in answer.get("ConsumedCapacity", [])))
                for item in answer["Responses"].get(table, []):
                    yield from_item(item)
                unread: Any = answer.get("UnprocessedKeys", {})
                left = unread.get(table, {}).get("Keys")
                if not left:
                    break
                time.sleep(0.05 * 2**attempt)
            else:
                raise TimeoutError(f"{table} is throttled; the audit stopped")

    def files(self, prefix: str) -> list[StoredFile]:
        """Return the objects whose keys start with ``prefix``, in the bucket with that folder."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket(prefix), Prefix=prefix)
        found = []
        for page in pages:
            self._pace.spent(1)
            found += [_file(item) for item in page.get("Contents", [])]
        return found

    def scan_files(self, folder: str, segment: int, segments: int) -> Iterator[StoredFile]:
        """Yield the objects of requests that were accepted in this segment's hours.

        Keys start with the request's id, a UUID of version 7 whose first 48 bits are milliseconds: a segment is every
        ``segments``-th hour, and the listing skips the others. Other keys belong to the first segment.
        """
        after = folder
        while True:
            self._pace.spent(1)
            page = self._s3.list_objects_v2(Bucket=self._bucket(folder), Prefix=folder, StartAfter=after)
            jump: str | None = None
            for item in page.get("Contents", []):
                after = item["Key"]
                hour = _hour(after.removeprefix(folder))
                if (0 if hour is None else hour % segments) == segment:
                    yield _file(item)
                elif hour is not None:
                    jump = _first_key(folder, hour + (segment - hour) % segments)
                    break
            if jump is not None:
                after = jump
            elif not page.get("IsTruncated"):
                return

    def _bucket(self, key: str) -> str:
        return self._gallery_bucket if key.startswith(GALLERY_FOLDER) else self._handoff_bucket


def _image(item: Mapping[str, Any]) -> GalleryImage:
    image_id = str(item["pk"]).removeprefix("image#")
    request_id, _, index = image_id.rpartition("-")
    folder = full_folder(item["folder"], request_id)
    deleted = item.get("deleted_at")
    return GalleryImage(
        image_id=image_id,
        request_id=request_id,
        index=int(index),
        files={f"{folder}/{name}": int(file[1]) for name, file in item["files"].items()},
        deleted_at=datetime.fromisoformat(deleted) if deleted else None,
    )


def _payment(item: Mapping[str, Any]) -> Payment:
    outcome = json.loads(item["outcome"]) if "outcome" in item else {}
    return Payment(
        request_id=item["request_id"],
        index=int(item["item"].removeprefix("image#")),
        paid_calls=int(item.get("paid_calls", 0)),
        status=outcome.get("status"),
        raw_key=(outcome.get("image") or {}).get("key"),
        is_withdrawn="withdrawn_at" in item,
    )


def _file(item: Any) -> StoredFile:
    return StoredFile(item["Key"], item["Size"], item["LastModified"])


def _hour(name: str) -> int | None:
    """Return the hour since 1970 in which a request was accepted, or None if a name has no request id."""
    digits = name[:8] + name[9:13]
    try:
        return int(digits, 16) // HOUR_MS if name[8] == "-" and len(digits) == 12 else None
    except (ValueError, IndexError):
        return None


def _first_key(folder: str, hour: int) -> str:
    """Return what sorts just before every key of an hour."""
    digits = f"{hour * HOUR_MS:012x}"
    return f"{folder}{digits[:8]}-{digits[8:]}"
