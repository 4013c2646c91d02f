"""Verifies the Content Credentials of a file that a caller uploads.

A function of its own: it parses files that anybody may send, so it can read neither images nor tables.
"""

from dataclasses import asdict

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.http_api import HttpApi, json_response
from kit.problems import ApiProblem, field_error, invalid
from kit.secrets import CachedKeyring
from services.storage import routes
from services.storage.certificates import certificate_of
from services.storage.schemas import VerificationView
from services.storage.settings import VerifySettings
from services.storage.verification import BEGINNINGS, MAX_BYTES, UnreadableFileError, media_type_of, verify

_settings = VerifySettings.load()
_keyring = CachedKeyring(boto3.client("secretsmanager"), _settings.content_credentials_key_id)
handler = HttpApi()


@handler.serve(routes.VERIFY_FILE)
def verify_file() -> Response[str]:
    """Return what the credentials of a file say. The first bytes decide its type."""
    content = handler.file(max_bytes=MAX_BYTES)
    media_type = media_type_of(content)
    if media_type is None:
        errors = [field_error("body", "must be a PNG, JPEG or WebP file", allowed=list(BEGINNINGS))]
        raise ApiProblem("unsupported_media_type", "Send an image file: PNG, JPEG or WebP.", errors=errors)
    ours = [certificate_of(version.key) for version in _keyring().versions]
    try:
        found = verify(content, media_type, ours)
    except UnreadableFileError as error:
        raise invalid(field_error("body", "must be a complete image file")) from error
    return json_response(200, VerificationView(**asdict(found)))
