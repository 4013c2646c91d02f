"""Small documents in the bucket of the event lake, which no loss of tables affects: manifests, the drill's progress."""

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from kit.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

FOLDER: Final = "recovery/"


class ConflictError(Exception):
    """Somebody else has written the document since it was read."""


class Store:
    """The documents below ``recovery/``. Keys are without it."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def read(self, key: str) -> tuple[str, str] | None:
        """Return content and version of a document, or None if there is none."""
        try:
            answer = self._client.get_object(Bucket=self.bucket, Key=FOLDER + key)
        except ClientError as error:
            if error_code(error) not in {"NoSuchKey", "404"}:
                raise
            return None
        return answer["Body"].read().decode(), answer["ETag"]

    def write(self, key: str, content: str, *, replacing: str | None = None) -> str:
        """Write a document and return its version. Raise ``ConflictError`` unless it has the version ``replacing``.

        None: it must not exist.
        """
        try:
            if replacing is None:
                answer = self._client.put_object(
                    Bucket=self.bucket, Key=FOLDER + key, Body=content.encode(), IfNoneMatch="*"
                )
            else:
                answer = self._client.put_object(
                    Bucket=self.bucket, Key=FOLDER + key, Body=content.encode(), IfMatch=replacing
                )
        except ClientError as error:
            if error_code(error) not in {"PreconditionFailed", "ConditionalRequestConflict"}:
                raise
            raise ConflictError(key) from error
        return answer["ETag"]

    def keys(self, folder: str) -> list[str]:
        """Return the keys of the documents in a folder, ascending."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=FOLDER + folder)
        return sorted(each["Key"].removeprefix(FOLDER) for page in pages for each in page.get("Contents", []))

    def delete(self, key: str) -> None:
        """Delete a document."""
        self._client.delete_object(Bucket=self.bucket, Key=FOLDER + key)
