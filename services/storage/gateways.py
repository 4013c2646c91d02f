"""The CDN, and the queue of storage.remove."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
from botocore.exceptions import ClientError

from events.envelope import Event
from kit.errors import TransientError, error_code
from kit.tracing import header_of, message_attributes
from services.storage.models import DERIVED, FILES

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class CloudFront:
    """The CDN in front of the gallery bucket. Without a distribution, there is nothing to invalidate."""

    def __init__(self, distribution_id: str | None) -> None:
        self._distribution_id = distribution_id

    @cached_property
    def _client(self) -> Any:
        return boto3.client("cloudfront")  # created on first use: its service model is large

    def invalidate(self, keys: Sequence[str], reference: str) -> None:
        """Remove ``keys`` from all caches. A second call with the same ``reference`` has no effect.

        Derived files are invalidated under the path of the viewer, too, as AWS recommends if a function changes it.
        Keys are invalidated one by one, because CloudFront allows only 15 concurrent invalidations with wildcards,
        but 3,000 paths.
        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
        """
        if not self._distribution_id:
            return
        viewed = {key.rpartition("/")[0].replace(DERIVED, FILES, 1) for key in keys if key.startswith(DERIVED)}
        paths = [f"/{quote(key)}" for key in sorted(viewed.union(keys))]
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
                raise TransientError("too many invalidations in progress") from error
            raise


class RemovalQueue:
    """The queue of storage.remove, which the relay fills from the table's stream."""

    def __init__(self, client: "SQSClient", url: str, dead_letter_url: str) -> None:
        self._client = client
        self._url = url
        self._dead_letter_url = dead_letter_url

    def send(self, event: Event) -> None:
        """Send ``event`` in the format in which EventBridge delivers events to SQS."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=event.as_delivered(),
            MessageSystemAttributes=message_attributes(header_of(event)),
        )

    def dead_letter(self, record: Mapping[str, Any], error: str) -> None:
        """Dead-letter the key of a stream record that cannot be read."""
        self._client.send_message(
            QueueUrl=self._dead_letter_url,
            MessageBody=json.dumps({"eventID": record.get("eventID"), "keys": record["dynamodb"]["Keys"]}),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in {"error": error, "reason": "stream record", "step": "storage.relay"}.items()
            },
        )
