"""Where the audit and traces look into other services' tables and buckets: an operator's privilege (ADR 5).

`AwsReader` only reads, and never a prompt: every read of a table names the attributes it takes. `AwsMender` writes,
with the operator's own credentials; the scheduled function has neither it nor a permission for it.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kit.dynamodb import from_item, to_item
from kit.errors import error_code
from services.operations.audit.logic import CATALOGD
from services.operations.audit.records import GalleryImage, Letters, Payment, StoredFile
from services.operations.dead_letters.adapters import SUFFIX
from services.operations.dead_letters.letters import QueuePair
from services.operations.timeline import ENDED, Request, request_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

AT_ONCE: Final = 100
"""Keys that one BatchGetItem takes."""
THROTTLED_AT_MOST: Final = 8
"""Times that keys left unread are asked for again."""
HOUR_MS: Final = 3_600_000
REQUEST: Final = ("request_id", "status", "created_at", "revision", "timeline", "open_shard", "next_check_at")
IMAGE: Final = ("pk", "original", "display", "thumbnail", "deleted_at")
PAYMENT: Final = ("request_id", "item", "paid_calls", "outcome")


class SystemClock:
    """The machine's."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC)


class Pace:
    """Keeps reading below a rate: after each read it waits until the units it took are earned."""

    def __init__(self, units_per_second: float) -> None:
        self._rate = units_per_second
        self._earned_at = time.monotonic()

    def spent(self, units: float) -> None:
        """Wait for ``units``."""
        self._earned_at = max(self._earned_at, time.monotonic()) + units / self._rate
        if (wait := self._earned_at - time.monotonic()) > 1 / self._rate:
            time.sleep(wait)


def pairs_of(sqs: "SQSClient", prefix: str, names: Iterable[str]) -> list[QueuePair]:
    """Return the dead-letter queues of queues that are known by name: a function may not list them."""
    return [
        QueuePair(
            step=name.replace("-", ".", 1),
            name=f"{prefix}-{name}{SUFFIX}",
            url=sqs.get_queue_url(QueueName=f"{prefix}-{name}{SUFFIX}")["QueueUrl"],
            source_url=None,  # nothing is sent back from here
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
        self._guard = f"{prefix}-generation"
        self._gallery_bucket = gallery_bucket
        self._handoff_bucket = handoff_bucket
        self._pace = pace

    def letters(self) -> Letters:
        """Return every dead letter."""
        return self._letters()

    def scan_requests(self, segment: int, segments: int) -> Iterator[Request]:
        """Yield the requests of one segment."""
        for item in self._scan(self._requests, REQUEST, "sk = :value", "STATE", segment, segments):
            yield request_of(item)

    def scan_images(self, segment: int, segments: int) -> Iterator[GalleryImage]:
        """Yield entries and markers of one segment."""
        for item in self._scan(self._gallery, IMAGE, "begins_with(pk, :value)", "image#", segment, segments):
            yield _image(item)

    def scan_payments(self, segment: int, segments: int) -> Iterator[Payment]:
        """Yield what the guard recorded, one segment of it."""
        for item in self._scan(self._guard, PAYMENT, "begins_with(#item, :value)", "image#", segment, segments):
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
        """Return requests by id, read consistently."""
        keys = [{"pk": f"REQUEST#{request_id}", "sk": "STATE"} for request_id in dict.fromkeys(ids)]
        found = map(request_of, self._get(self._requests, keys, REQUEST))
        return {request.request_id: request for request in found}

    def gallery_images(self, ids: Iterable[str]) -> dict[str, GalleryImage]:
        """Return entries and markers by image id, read consistently."""
        keys = [{"pk": f"image#{image_id}"} for image_id in dict.fromkeys(ids)]
        found = map(_image, self._get(self._gallery, keys, IMAGE))
        return {image.image_id: image for image in found}

    def payments(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Payment]:
        """Return payments by request and index, read consistently."""
        wanted = [{"request_id": request_id, "item": f"image#{index}"} for request_id, index in dict.fromkeys(keys)]
        found = map(_payment, self._get(self._guard, wanted, PAYMENT))
        return {payment.key: payment for payment in found}

    def _get(
        self, table: str, keys: Sequence[Mapping[str, str]], attributes: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        names = {f"#{name}": name for name in attributes}
        for start in range(0, len(keys), AT_ONCE):
            left: Any = [to_item(key) for key in keys[start : start + AT_ONCE]]
            for attempt in range(THROTTLED_AT_MOST):
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
                raise TimeoutError(f"{table} is throttled: the audit gave way")

    def files(self, prefix: str) -> list[StoredFile]:
        """Return the objects whose keys start with ``prefix``, of whichever bucket has that folder."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket(prefix), Prefix=prefix)
        found = []
        for page in pages:
            self._pace.spent(1)
            found += [_file(item) for item in page.get("Contents", [])]
        return found

    def scan_files(self, folder: str, segment: int, segments: int) -> Iterator[StoredFile]:
        """Yield the objects whose request was made in the hours that are this segment's.

        Keys begin with the request's id, a UUID of version 7, whose first 48 bits are milliseconds: a segment is every
        ``segments``-th hour, and a listing jumps over the others. What has no such key is the first segment's.
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
        return self._gallery_bucket if key.startswith(CATALOGD) else self._handoff_bucket


class RequestReader:
    """A request's state alone, for whoever follows one. Implements ``tracing.logic.Requests``."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def requests(self, ids: Iterable[str]) -> dict[str, Request]:
        """Return requests by id, read consistently."""
        names = {f"#{name}": name for name in REQUEST}
        found = {}
        for request_id in ids:
            answer = self._client.get_item(
                TableName=self._table,
                Key=to_item({"pk": f"REQUEST#{request_id}", "sk": "STATE"}),
                ProjectionExpression=", ".join(names),
                ExpressionAttributeNames=names,
                ConsistentRead=True,
            )
            if "Item" in answer:
                found[request_id] = request_of(from_item(answer["Item"]))
        return found


class AwsMender:
    """Implements ``Mender`` with the operator's credentials. Every write has a condition: the state may have moved."""

    def __init__(self, *, dynamodb: "DynamoDBClient", s3: "S3Client", prefix: str, gallery_bucket: str) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._requests = f"{prefix}-requests"
        self._gallery_bucket = gallery_bucket

    def wake(self, request_id: str, now: datetime) -> bool:
        """Make an open request due at once: the sweeper, which runs every minute, does what its rules say."""
        # Any of the index's shards will do where the request lost its own.
        change = "SET open_shard = if_not_exists(open_shard, :shard), next_check_at = :now"
        return self._update(request_id, change, "NOT", {":shard": "0", ":now": now.isoformat()})

    def close(self, request_id: str) -> bool:
        """Take an ended request out of the sweeper's index."""
        return self._update(request_id, "REMOVE open_shard, next_check_at", "", {})

    def _update(self, request_id: str, change: str, negation: str, values: Mapping[str, str]) -> bool:
        endings = {f":ending{number}": status for number, status in enumerate(sorted(ENDED))}
        try:
            self._dynamodb.update_item(
                TableName=self._requests,
                Key=to_item({"pk": f"REQUEST#{request_id}", "sk": "STATE"}),
                UpdateExpression=change,
                ConditionExpression=f"attribute_exists(pk) AND {negation} #status IN ({', '.join(endings)})",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_item({**values, **endings}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def delete_file(self, key: str) -> bool:
        """Delete an object of the gallery bucket."""
        if not key.startswith(CATALOGD):
            raise ValueError(f"{key} is not a gallery file")
        self._s3.delete_object(Bucket=self._gallery_bucket, Key=key)
        return True


def _image(item: Mapping[str, Any]) -> GalleryImage:
    image_id = str(item["pk"]).removeprefix("image#")
    request_id, _, index = image_id.rpartition("-")
    variants = [item[name] for name in ("original", "display", "thumbnail")]
    deleted = item.get("deleted_at")
    return GalleryImage(
        image_id=image_id,
        request_id=request_id,
        index=int(index),
        files={variant["key"]: int(variant["bytes"]) for variant in variants},
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
    )


def _file(item: Any) -> StoredFile:
    return StoredFile(item["Key"], item["Size"], item["LastModified"])


def _hour(name: str) -> int | None:
    """Return the hour, counted from 1970, in which a request was made; None where a name has no request's id."""
    digits = name[:8] + name[9:13]
    try:
        return int(digits, 16) // HOUR_MS if name[8] == "-" and len(digits) == 12 else None
    except (ValueError, IndexError):
        return None


def _first_key(folder: str, hour: int) -> str:
    """Return what sorts just before every key of an hour."""
    digits = f"{hour * HOUR_MS:012x}"
    return f"{folder}{digits[:8]}-{digits[8:]}"
