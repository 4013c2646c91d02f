"""What waiting and the facades reach over the network: the function that waits, and the files of finished images."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kit.errors import error_code
from kit.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client


class WaitingFunction:
    """The function that waits, of which only so many run at once."""

    def __init__(self, client: "LambdaClient", name: str) -> None:
        self._client = client
        self._name = name

    def ended(self, request_id: str, until: float) -> bool:
        """Wait until ``until`` (seconds since the epoch) for a request to end, and tell whether it has.

        Where nobody has time to wait, or waiting fails, it has not as far as we know: the caller polls.
        """
        payload = json.dumps({"request_id": request_id, "until": until})
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=payload)
        except (ClientError, BotoCoreError) as error:
            reason = error_code(error) if isinstance(error, ClientError) else type(error).__name__
            logger.warning("nobody waits", request_id=request_id, reason=reason)
            return False
        if "FunctionError" in answer:
            logger.warning("nobody waits", request_id=request_id, reason=answer["FunctionError"])
            return False
        return bool(json.loads(answer["Payload"].read())["ended"])


class GalleryImages:
    """The files in the gallery bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, key: str) -> bytes:
        """Return a file's content."""
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
