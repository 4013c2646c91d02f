"""The gallery bucket, the gallery catalogue, the key of the prompt hashes."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from events.claim_check import sha256
from events.drawing import Variant
from events.errors import RetriableError, TransientError, UnprocessableError, error_code
from events.items import from_item, to_item
from services.storage.gallery import Entry, Tombstone

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

UPLOADS: Final = 6
"""Files on their way at the same time."""
CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
TOMBSTONE_LIFE: Final = timedelta(days=60)
"""Longer than a raw picture stays in the hand-off bucket: after that nothing of the request can arrive."""
CAPTION_LENGTH: Final = 140


class GalleryFiles:
    """Files on S3, each key written once."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def write(self, files: Sequence[tuple[Variant, bytes]]) -> list[Variant]:
        """Write all of ``files`` side by side and return them as they stand in the bucket."""
        with ThreadPoolExecutor(min(UPLOADS, len(files))) as pool:
            return list(pool.map(lambda file: self._write(*file), files))

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


class GalleryCatalogue:
    """The catalogue on DynamoDB.

    pk image#<image id>          one picture; owner and listing_key put it on the index by-owner, newest last
    pk tombstone#<request id>    a request that was taken back; on no index; expires
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, entries: Sequence[Entry]) -> list[Entry] | Tombstone:
        """Record all of ``entries``, which are of one request, in one transaction; see ``logic.Catalogue``."""
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
                raise TransientError(
                    f"catalogue transaction cancelled: {', '.join(sorted(map(str, codes)))}"
                ) from error
            return self._standing(entries)
        return list(entries)

    def _standing(self, entries: Sequence[Entry]) -> list[Entry] | Tombstone:
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
            raise TransientError("catalogue: reading what stands recorded was throttled")
        items = {item["pk"]["S"]: from_item(item) for item in answer["Responses"].get(self._table, [])}
        recorded = [items[pk] for pk in keys if pk in items]
        if len(recorded) == len(keys):
            return [Entry.model_validate(item) for item in recorded]
        if recorded:
            raise UnprocessableError(f"images: other pictures of request {request_id} are recorded already")
        if not items:
            raise TransientError("catalogue: what stood recorded is gone")
        return Tombstone.model_validate(items[_tombstone_pk(request_id)])

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

    def find(self, picture: str) -> Entry | None:
        """Return the picture of that id. Consistent: whoever heard ImageStored finds it."""
        answer = self._client.get_item(
            TableName=self._table, Key=to_item({"pk": _image_pk(picture)}), ConsistentRead=True
        )
        item: Mapping[str, Any] | None = answer.get("Item")
        return None if item is None else Entry.model_validate(from_item(item))


class SecretKey:
    """A key in Secrets Manager, read once, when it is first needed."""

    def __init__(self, client: "SecretsManagerClient", secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def __call__(self) -> bytes:
        """Return the key."""
        return self._value

    @cached_property
    def _value(self) -> bytes:
        return self._client.get_secret_value(SecretId=self._secret_id)["SecretString"].encode()


def _image_pk(image_id: str) -> str:
    return f"image#{image_id}"


def _tombstone_pk(request_id: str) -> str:
    return f"tombstone#{request_id}"


def _item(entry: Entry) -> dict[str, Any]:
    created_at = entry.created_at.isoformat(timespec="microseconds")  # one length, so that text sorts as time does
    return to_item(
        {
            **entry.model_dump(),
            "pk": _image_pk(entry.image_id),
            "created_at": created_at,
            "listing_key": f"{created_at}#{entry.image_id}",
            "caption": entry.prompt[:CAPTION_LENGTH],
            "guidance": None if entry.guidance is None else Decimal(str(entry.guidance)),
        }
    )
