"""Everything moderation does outside its own process: DynamoDB, Claude on Bedrock, Rekognition."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic

from botocore.exceptions import ClientError

from events.images import RawImage
from kit.dynamodb import from_item, to_item
from kit.errors import UnprocessableError, error_code
from services.moderation.service import Field, Finding, VerdictT

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_rekognition.client import RekognitionClient

    from services.moderation.screening import Screening  # the image function has no use for it

KEPT: Final = timedelta(days=60)
"""How long a verdict is kept: longer than anything is redelivered or replayed."""
SIDE_BY_SIDE: Final = 10
"""Calls at once, and connections kept for them."""

_UNREADABLE: Final = frozenset({"InvalidS3ObjectException", "InvalidImageFormatException", "ImageTooLargeException"})


class VerdictTable(Generic[VerdictT]):
    """Verdicts of one kind in DynamoDB, by the id of the event they answer."""

    def __init__(self, client: "DynamoDBClient", table: str, kind: type[VerdictT]) -> None:
        self._client = client
        self._table = table
        self._kind: type[VerdictT] = kind

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, if there is one."""
        answer = self._client.get_item(TableName=self._table, Key=to_item({"pk": event_id}), ConsistentRead=True)
        item = answer.get("Item")
        return self._read(item) if item else None

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Record ``verdict`` unless one is recorded already; return the one that counts."""
        expires_at = int((verdict.decided_at + KEPT).timestamp())
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item({"pk": event_id, **verdict.model_dump(mode="json"), "expires_at": expires_at}),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            return self._read(dict(error.response)["Item"])
        return verdict

    def _read(self, item: Any) -> VerdictT:
        return self._kind.model_validate(from_item(item))


class CheckTable:
    """Counts of checks, beside the verdicts: one item a key and window, each count one conditional write."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, key_id: str, window: str, limit: int, expires_at: int) -> int | None:
        """Count one more and return how many it makes; None, and nothing counted, where there were ``limit``."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_check_key(key_id, window),
                UpdateExpression="SET expires_at = :at ADD checks :one",
                ConditionExpression="attribute_not_exists(checks) OR checks < :limit",
                ExpressionAttributeValues=to_item({":at": expires_at, ":one": 1, ":limit": limit}),
                ReturnValues="UPDATED_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return int(from_item(answer["Attributes"])["checks"])

    def take_back(self, key_id: str, window: str) -> None:
        """Uncount one."""
        self._client.update_item(
            TableName=self._table,
            Key=_check_key(key_id, window),
            UpdateExpression="ADD checks :less",
            ExpressionAttributeValues=to_item({":less": -1}),
        )


def _check_key(key_id: str, window: str) -> dict[str, Any]:
    return to_item({"pk": f"checks#{key_id}#{window}"})


class ClaudeLayer:
    """Layer 2: Claude through Converse. Whatever goes wrong in the call is raised, so nothing passes unscreened."""

    name: Final = "claude"

    def __init__(self, client: "BedrockRuntimeClient", screening: "Screening") -> None:
        self._client = client
        self._screening = screening

    def find(self, texts: Mapping[Field, str]) -> Finding | None:
        """Return why the texts are blocked, or None. One call."""
        return self._screening.read(self._client.converse(**self._screening.question(texts)))


class RekognitionDetector:
    """Layer 3: Rekognition reads the images from the hand-off bucket itself."""

    name: Final = "rekognition"

    def __init__(self, client: "RekognitionClient", bucket: str, min_confidence: int) -> None:
        self._client = client
        self._bucket = bucket
        self._min_confidence = min_confidence
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)

    def labels(self, images: Sequence[RawImage]) -> list[set[str]]:
        """Return the labels of each image: one call each, side by side.

        Raises ``UnprocessableError`` where an object is missing or is not a image.
        """
        return list(self._pool.map(self._labels, images))

    def _labels(self, image: RawImage) -> set[str]:
        try:
            answer = self._client.detect_moderation_labels(
                Image={"S3Object": {"Bucket": self._bucket, "Name": image.key}}, MinConfidence=self._min_confidence
            )
        except ClientError as error:
            if error_code(error) in _UNREADABLE:
                raise UnprocessableError(f"image.key: {image.key} cannot be checked: {error_code(error)}") from error
            raise
        return {label["Name"] for label in answer["ModerationLabels"]}
