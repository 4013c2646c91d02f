"""Answers the CDN for derived files that the bucket does not have: makes, stores and returns them. ADR 41.

Only the distribution may call the function's URL, for viewers with a signed URL of the image.
"""

import json
from base64 import b64encode
from typing import Any

import boto3

from kit import startup
from kit.telemetry import measure
from services.storage.derivation import Derivation
from services.storage.derived_files import DerivedFile
from services.storage.repository.files import CACHE_CONTROL, S3GalleryFiles
from services.storage.repository.gallery import DynamoGallery
from services.storage.settings import RemoveSettings

_settings = RemoveSettings.load()
_derivation = Derivation(
    gallery=DynamoGallery(boto3.client("dynamodb"), _settings.table_name),
    files=S3GalleryFiles(boto3.client("s3"), _settings.gallery_bucket_name),
)
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return the file at the path of the request, or 404."""
    wanted = DerivedFile.parse(event["rawPath"].removeprefix("/"))
    content = _derivation.derive(wanted) if wanted else None
    if wanted is None or content is None:
        return _not_found()
    measure("file derived", {}, width=wanted.width, format=wanted.format, bytes=len(content))
    return {
        "statusCode": 200,
        "headers": {"Content-Type": wanted.media_type, "Cache-Control": CACHE_CONTROL},
        "body": b64encode(content).decode(),
        "isBase64Encoded": True,
    }


def _not_found() -> dict[str, Any]:
    problem = {"type": "about:blank", "status": 404, "title": "Not Found", "detail": "No image is at this address."}
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return {"statusCode": 404, "headers": headers, "body": json.dumps(problem)}
