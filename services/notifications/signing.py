"""Signatures as Standard Webhooks has them (https://www.standardwebhooks.com), with secrets that are derived, not kept.

A webhook's secret is an HMAC of its id and its generation under a master secret from Secrets Manager. So there is no
secret in the table to leak, none to decrypt for a message, and a new one is a number counted one further.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"


def secret_text(master: bytes, webhook_id: str, generation: int) -> str:
    """Return a webhook's secret as its owner is given it: `whsec_` and 32 bytes in base64."""
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
