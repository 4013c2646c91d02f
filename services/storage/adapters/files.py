"""The gallery bucket, the CDN in front of it, the key of the prompt hashes, and the queue of what is to be removed."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import boto3
from botocore.exceptions import ClientError

from events.envelope import Event
from events.images import Variant
from kit.errors import RetriableError, TransientError, error_code
from kit.handoff import sha256

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

UPLOADS: Final = 6
"""Files on their way at the same time."""
CACHE_CONTROL: Final = "public, max-age=31536000, immutable"


class GalleryFiles:
    """Files on S3, each key written once."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(UPLOADS)  # its threads start when first needed, and stay

    def write(self, files: Sequence[tuple[Variant, bytes]]) -> list[Variant]:
        """Write all of ``files`` side by side and return them as they stand in the bucket."""
        return list(self._pool.map(lambda file: self._write(*file), files))

    def _write(self, variant: Variant, content: bytes) -> Variant:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=variant.key,
                Body=content,
                ContentType=variant.media_type,
                CacheControl=CACHE_CONTROL,
                ChecksumSHA256=b64encode(bytes.fromhex(variant.sha256)).decode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) not in {"PreconditionFailed", "412"}:
                raise
            return self._standing(variant)
        return variant

    def _standing(self, variant: Variant) -> Variant:
        """Return ``variant`` as an earlier attempt wrote it: another release may have encoded it differently."""
        content = self._client.get_object(Bucket=self._bucket, Key=variant.key)["Body"].read()
        return variant.model_copy(update={"sha256": sha256(content), "bytes": len(content)})

    def delete(self, keys: Sequence[str]) -> None:
        """Delete ``keys``, at most a thousand."""
        answer = self._client.delete_objects(
            Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise RetriableError(f"{len(errors)} files not deleted: {errors[0].get('Code')}")


class CloudFront:
    """The CDN. Without a distribution there is nothing that could remember a file."""

    def __init__(self, distribution_id: str | None) -> None:
        self._distribution_id = distribution_id

    @cached_property
    def _client(self) -> Any:
        return boto3.client("cloudfront")  # its model is large, and deletions are rare

    def forget(self, keys: Sequence[str], reference: str) -> None:
        """Have every edge drop ``keys``; CloudFront takes the same ``reference`` for the same wish.

        Each by its path: of invalidations with a wildcard only fifteen may be under way, of paths three thousand.
        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
        """
        if not self._distribution_id:
            return
        paths = [f"/{quote(key)}" for key in sorted(keys)]
        try:
            self._client.create_invalidation(
                DistributionId=self._distribution_id,
                InvalidationBatch={
                    "Paths": {"Quantity": len(paths), "Items": paths},
                    "CallerReference": reference,
                },
            )
        except ClientError as error:
            if error_code(error) == "TooManyInvalidationsInProgress":
                raise TransientError("too many invalidations are under way") from error
            raise


class RemovalQueue:
    """The queue of ``storage.remove``, filled from the table's stream."""

    def __init__(self, client: "SQSClient", url: str, dead_letter_url: str) -> None:
        self._client = client
        self._url = url
        self._dead_letter_url = dead_letter_url

    def send(self, event: Event) -> None:
        """Queue ``event`` in the shape in which EventBridge would have delivered it."""
        self._client.send_message(QueueUrl=self._url, MessageBody=event.as_delivered())

    def dead_letter(self, record: Mapping[str, Any], error: str) -> None:
        """Lay down the key of a stream record that says nothing we understand."""
        self._client.send_message(
            QueueUrl=self._dead_letter_url,
            MessageBody=json.dumps({"eventID": record.get("eventID"), "keys": record["dynamodb"]["Keys"]}),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in {"error": error, "reason": "stream record", "step": "storage.relay"}.items()
            },
        )
