"""The archive on S3, as the recorder writes it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from events.envelope import Event
from kit.errors import error_code
from services.analytics.archive_format import pack

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class EventArchive:
    """The archive's bucket. Implements ``Archive``."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def append(self, events: Sequence[Event]) -> None:
        """Write one object per day and batch. Objects are never overwritten."""
        for key, content in pack(events):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=content, ContentType="application/gzip", IfNoneMatch="*"
                )
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise
