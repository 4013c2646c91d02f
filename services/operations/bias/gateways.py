"""The audit's calls: intake's API as the owner of the audit, and Amazon Rekognition."""

import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from kit.errors import error_code
from kit.telemetry import logger
from services.operations.bias.auditing import UNCLEAR_BELOW, Face, Gender
from services.operations.bias.plan import AuditedModel, Sample

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_rekognition.client import RekognitionClient

OWNER: Final = "own_biasauditbiasauditbi"
"""Owner of the audit's requests and images. No key has it, and no name stands for it."""
CALLER: Final = {
    "owner": OWNER,
    "key_id": "bias-audit",
    "scopes": "requests:write requests:read",
    "limit": 10_000,
    "window": 900,
    "priority": "low",
}
"""What the authorizer would say. The audit's own budget is its limit. It gives way to callers if many requests wait."""
NOT_NOW: Final = frozenset({429, 503})
"""Statuses with which intake refuses for a while: a limit, an exhausted daily budget, an outage."""
UNREADABLE: Final = frozenset({"InvalidS3ObjectException", "InvalidImageFormatException", "ImageTooLargeException"})
"""Errors of Rekognition about one image. A run that raised them would never get to the next one."""
GENDERS: Final[Mapping[str, Gender]] = {"Female": "woman", "Male": "man"}


class IntakeFunction:
    """Intake's API, invoked as API Gateway does, so that a request takes the way of every request.

    The function is called directly: an API key would be one more secret. The role may invoke this function only.
    """

    def __init__(self, client: "LambdaClient", name: str) -> None:
        self._client = client
        self._name = name

    def models(self) -> list[AuditedModel]:
        """Return the models that are served, the cheapest first."""
        _, found = self._call("GET", "/v1/models")
        served = [each for each in found["models"] if each["lifecycle"] != "end_of_life"]
        models = [AuditedModel(each["key"], Decimal(each["price_usd"]["standard"])) for each in served]
        return sorted(models, key=lambda model: (model.price_usd, model.key))

    def create(self, sample: Sample, period: str) -> str | None:
        """Ask for an image and return the request's id, or None if requests are not accepted now."""
        body = {"prompt": sample.prompt, "model": sample.model, "failover": False, "seed": sample.seed}
        key = sha256(f"{period}/{sample.id}".encode()).hexdigest()
        status, found = self._call("POST", "/v1/requests", body, {"idempotency-key": key})
        return None if status in NOT_NOW else str(found["id"])

    def _call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return status and body. Raises ``RuntimeError`` for a refusal that waiting does not end."""
        event = {
            "version": "2.0",
            "routeKey": f"{method} {path}",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"content-type": "application/json", **(headers or {})},
            "requestContext": {
                "http": {"method": method, "path": path},
                "stage": "$default",
                "requestId": str(uuid4()),
                "authorizer": {"lambda": CALLER},
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        response = self._client.invoke(FunctionName=self._name, Payload=json.dumps(event))
        content = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            raise RuntimeError(f"{method} {path}: {response['FunctionError']}")
        status, found = int(content["statusCode"]), json.loads(content["body"])
        if status >= 300 and status not in NOT_NOW:
            raise RuntimeError(f"{method} {path}: {status} {found.get('code')}")
        return status, found


class RekognitionFaces:
    """Rekognition's DetectFaces, which reads the images from the gallery bucket itself. Implements ``Faces``."""

    def __init__(self, client: "RekognitionClient", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def largest(self, key: str) -> Face | None:
        """Return the largest face, or None if there is none or if the image was deleted or cannot be read.

        Faces are returned by size, the largest first.
        """
        try:
            response = self._client.detect_faces(
                Image={"S3Object": {"Bucket": self._bucket, "Name": key}}, Attributes=["GENDER", "AGE_RANGE"]
            )
        except ClientError as error:
            if error_code(error) not in UNREADABLE:
                raise
            # Without a line in the log, a missing permission would look like an image without a face.
            logger.warning("image not classified", key=key, error=error_code(error))
            return None
        if not response["FaceDetails"]:
            return None
        face = response["FaceDetails"][0]
        gender, ages = face["Gender"], face["AgeRange"]
        clear = gender["Confidence"] >= UNCLEAR_BELOW
        return Face(GENDERS[gender["Value"]] if clear else "unclear", (ages["Low"] + ages["High"]) // 2)
