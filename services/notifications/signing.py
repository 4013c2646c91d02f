"""Signatures of Standard Webhooks (https://www.standardwebhooks.com), with derived secrets.

A webhook's secret is an HMAC of its id and its number under a master secret from Secrets Manager. So the table contains
no secrets, none has to be decrypted for a message, and a rotation increments the number. A webhook names the version of
the master secret, which it needs until its owner rotates its secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kit.keyring import Keyring

PREFIX: Final = "whsec_"


@dataclass(frozen=True)
class SecretRef:
    """Names one secret of a webhook."""

    generation: int
    """Its number; a rotation of the webhook's secret increments it."""
    master: int
    """The version of the master secret."""


def secret_text(masters: Keyring, webhook_id: str, ref: SecretRef) -> str:
    """Return a webhook's secret for its owner: `whsec_` and 32 bytes in base64."""
    return PREFIX + base64.b64encode(_secret(masters, webhook_id, ref)).decode()


def headers(
    masters: Keyring, webhook_id: str, refs: Sequence[SecretRef], message_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    """Return the headers of one attempt, signed with each of the secrets."""
    timestamp = str(int(now.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    macs = (hmac.new(_secret(masters, webhook_id, ref), signed, hashlib.sha256).digest() for ref in refs)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs),
    }


def _secret(masters: Keyring, webhook_id: str, ref: SecretRef) -> bytes:
    # If an operator has retired the version, the owner must notice: the signature with another one does not verify.
    master = masters.get(ref.master) or masters.versions[-1]
    return hmac.new(master.key, f"webhook:{webhook_id}:{ref.generation}".encode(), hashlib.sha256).digest()
