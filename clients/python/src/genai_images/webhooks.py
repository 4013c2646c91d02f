"""Messages to your webhook, verified according to Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from genai_images.errors import WebhookError
from genai_images.models import Ping, StatusChanged

Message = StatusChanged | Ping
TOLERANCE_SECONDS: Final = 300
_MESSAGES: Final[TypeAdapter[Message]] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def verify_webhook(
    secret: str, headers: Mapping[str, str], body: bytes | str, *, tolerance: float = TOLERANCE_SECONDS
) -> Message:
    """Return the message of a call to your webhook. Raises ``WebhookError`` if it is not from the API, or too old.

    ``body`` must be exactly what was received. A message may arrive more than once: its ``id`` stays the same.
    """
    content = body.encode() if isinstance(body, str) else body
    found = {name.lower(): text for name, text in headers.items()}
    try:
        message_id, timestamp = found["webhook-id"], found["webhook-timestamp"]
        signatures = found["webhook-signature"].split()
        age = time.time() - int(timestamp)
    except (KeyError, ValueError):
        raise WebhookError("The headers webhook-id, webhook-timestamp and webhook-signature are required.") from None
    if abs(age) > tolerance:
        raise WebhookError(f"The message was signed {age:.0f} seconds ago, and at most {tolerance:.0f} are accepted.")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        if not key:  # with which anyone could sign
            raise binascii.Error
    except binascii.Error:
        raise WebhookError("The secret must be the one of the webhook: whsec_ and base64.") from None
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + content, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    if not any(hmac.compare_digest(expected, each.encode()) for each in signatures):  # two during a rotation
        raise WebhookError("The signature does not match the secret and the body.")
    try:
        return _MESSAGES.validate_json(content)
    except ValidationError:
        raise WebhookError("The message has a form that this version of the package does not know.") from None
