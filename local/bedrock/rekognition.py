"""Amazon Rekognition: DetectModerationLabels finds explicit images, DetectFaces finds the people of the painter."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from local.bedrock.errors import ServiceError
from local.bedrock.faults import Rule
from local.bedrock.nsfw import Score
from local.painter.people import read_portrait

_EXPLICIT = {"Explicit": "", "Explicit Nudity": "Explicit"}
"""The labels of an explicit image, with their parents."""

SURE = 0.8
"""The least score of an explicit image, as the classifier's authors recommend. Painted herons reach 0.65."""
MAX_BYTES = 5 * 1024 * 1024
MOST_BYTES_IN_S3 = 15 * 1024 * 1024

FetchObject = Callable[[str, str], bytes]
"""Takes a bucket and a key, returns the bytes of the object."""


def detect(body: Mapping[str, Any], fetch: FetchObject, score: Score, fault: Rule | None) -> dict[str, Any]:
    """Return the response to a request: explicit content with its score, and the labels of a fault.

    Raises Rekognition's errors for unsuitable images.
    """
    image = _opened(_image(body.get("Image") or {}, fetch))
    least = float(body.get("MinConfidence") or 50)
    found = score(image)
    is_explicit = found >= SURE and 100 * found >= least
    labels = [_label(name, parent, 100 * found) for name, parent in _EXPLICIT.items() if is_explicit]
    if fault is not None and fault.effect == "flag":
        labels += [_label(name, "", max(least, 97.5)) for name in fault.labels]
    return {"ModerationLabels": labels, "ModerationModelVersion": "7.0", "ContentTypes": []}


def _label(name: str, parent: str, confidence: float) -> dict[str, Any]:
    return {"Name": name, "ParentName": parent, "Confidence": confidence, "TaxonomyLevel": 2 if parent else 1}


def detect_faces(body: Mapping[str, Any], fetch: FetchObject) -> dict[str, Any]:
    """Return the response to a request: the face of a portrait, or none. Raises Rekognition's errors."""
    person = read_portrait(_opened(_image(body.get("Image") or {}, fetch)))
    face: dict[str, Any] = {
        "BoundingBox": {"Width": 0.36, "Height": 0.5, "Left": 0.32, "Top": 0.25},
        "Confidence": 99.9,
    }
    wanted = set(body.get("Attributes") or ["DEFAULT"])
    if person and wanted & {"ALL", "GENDER"}:
        face["Gender"] = {"Value": "Female" if person.is_woman else "Male", "Confidence": 98.5}
    if person and wanted & {"ALL", "AGE_RANGE"}:
        face["AgeRange"] = {"Low": max(0, person.age - 4), "High": person.age + 4}
    return {"FaceDetails": [face] if person else []}


def s3_reader(endpoint: str | None) -> FetchObject:
    """Return a function that reads objects from the emulator's S3, or raises if there is none."""
    if endpoint is None:
        return _no_s3
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
    )

    def fetch(bucket: str, key: str) -> bytes:
        try:
            return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except (BotoCoreError, ClientError):
            raise _unreadable() from None

    return fetch


def _no_s3(_bucket: str, _key: str) -> bytes:
    raise _unreadable()


def _unreadable() -> ServiceError:
    message = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
    return ServiceError(400, "InvalidS3ObjectException", message)


def _image(image: Mapping[str, Any], fetch: FetchObject) -> bytes:
    if "Bytes" in image:
        try:
            data = base64.b64decode(image["Bytes"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ServiceError(400, "SerializationException", "Bytes is not base64") from None
        return _sized(data, MAX_BYTES)
    place = image.get("S3Object") or {}
    if not place.get("Bucket") or not place.get("Name"):
        raise ServiceError(400, "InvalidParameterException", "Request has invalid parameters")
    return _sized(fetch(place["Bucket"], place["Name"]), MOST_BYTES_IN_S3)


def _sized(data: bytes, most: int) -> bytes:
    if len(data) > most:
        raise ServiceError(400, "ImageTooLargeException", f"Image size is too large: at most {most} bytes")
    return data


def _opened(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ServiceError(400, "InvalidImageFormatException", "Request has invalid image format") from None
    return image
