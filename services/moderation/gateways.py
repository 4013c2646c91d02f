"""Claude on Amazon Bedrock, Amazon Rekognition, and the hand-off bucket."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from events.images import RawImage
from kit.errors import UnprocessableError, error_code
from services.moderation.models import UNCLASSIFIED, Finding, Hit, TextField

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient
    from mypy_boto3_rekognition.client import RekognitionClient
    from mypy_boto3_s3.client import S3Client

    from services.moderation.screening import Screening  # not needed by the image function

MAX_PARALLEL: Final = 10
"""Concurrent calls, and connections in the pool."""

HARMLESS: Final = "A lighthouse at dusk."

_UNREADABLE: Final = frozenset({"InvalidS3ObjectException", "InvalidImageFormatException", "ImageTooLargeException"})


class ClaudeLayer:
    """Layer 2: Claude through Converse. An error of the call never lets a text pass."""

    name: Final = "claude"

    def __init__(self, client: "BedrockRuntimeClient", screening: "Screening") -> None:
        self._client = client
        self._screening = screening

    def screen(self, texts: Mapping[TextField, str], hit: Hit | None = None) -> Finding | None:
        """Return why the texts are blocked, or None. ``hit``: what the keyword filter found. One call.

        Raises the error of a failed call, except if Bedrock accepts every text but this one: that blocks the text.
        """
        try:
            response = self._client.converse(**self._screening.request(texts, hit))
        except ClientError as error:
            if error_code(error) != "ValidationException" or not self._accepts_other_texts():
                raise
            return Finding(category=UNCLASSIFIED, field="prompt", reason="text_not_accepted")
        return self._screening.read(response)

    def _accepts_other_texts(self) -> bool:
        """Return whether a harmless text is accepted. One more call, after a ValidationException only.

        Bedrock has one error for a text that a model does not accept ("Input is too long for requested model") and for
        a call that is wrong whatever its text is (an unknown model, an unsupported parameter). Only the first is the
        caller's. The wording of the messages is not documented, so it does not decide.
        """
        try:
            self._client.converse(**self._screening.request({"prompt": HARMLESS}))
        except ClientError as error:
            if error_code(error) != "ValidationException":
                raise
            return False
        return True


class RekognitionDetector:
    """Layer 3: Rekognition, which reads the images from the hand-off bucket itself."""

    name: Final = "rekognition"

    def __init__(self, client: "RekognitionClient", bucket: str, min_confidence: int) -> None:
        self._client = client
        self._bucket = bucket
        self._min_confidence = min_confidence
        self._pool = ThreadPoolExecutor(MAX_PARALLEL)

    def labels(self, images: Sequence[RawImage]) -> list[dict[str, float]]:
        """Return the labels of each image with their confidence, with one call per image, in parallel.

        Raises ``UnprocessableError`` if an object is missing or is not an image.
        """
        return list(self._pool.map(self._labels, images))

    def _labels(self, image: RawImage) -> dict[str, float]:
        try:
            response = self._client.detect_moderation_labels(
                Image={"S3Object": {"Bucket": self._bucket, "Name": image.key}}, MinConfidence=self._min_confidence
            )
        except ClientError as error:
            if error_code(error) in _UNREADABLE:
                raise UnprocessableError(f"image.key: {image.key} cannot be checked: {error_code(error)}") from error
            raise
        return {label["Name"]: label["Confidence"] for label in response["ModerationLabels"]}


class HandoffImages:
    """The raw images in the hand-off bucket. ``s3`` returns the client, which is needed for rejected images only."""

    def __init__(self, s3: Callable[[], "S3Client"], bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def delete(self, images: Sequence[RawImage]) -> None:
        """Delete images, with one call per image. Deleting one again changes nothing."""
        for image in images:
            self._s3().delete_object(Bucket=self._bucket, Key=image.key)
