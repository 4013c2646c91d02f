"""Signatures of Standard Webhooks (https://www.standardwebhooks.com), with derived secrets.

A webhook's secret is an HMAC of its id and its number under a master secret from Secrets Manager. So the table contains
no secrets, none has to be decrypted for a message, and a rotation increments the number.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"


def secret_text(master: bytes, webhook_id: str, generation: int) -> str:
    """Return a webhook's secret for its owner: `whsec_` and 32 bytes in base64."""
    return PREFIX + base64.b64encode(_secret(master, webhook_id, generation)).decode()


def headers(
    master: bytes, webhook_id: str, generations: Sequence[int], message_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    """Return the headers of one attempt, signed with the secret of each generation."""
    timestamp = str(int(now.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    macs = (
        hmac.new(_secret(master, webhook_id, generation), signed, hashlib.sha256).digest() for generation in generations
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs),
    }


def _secret(master: bytes, webhook_id: str, generation: int) -> bytes:
    return hmac.new(master, f"webhook:{webhook_id}:{generation}".encode(), hashlib.sha256).digest()
