"""The Python client verifies webhook messages. The library of Standard Webhooks is the oracle."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from genai_images import WebhookError, verify_webhook
from genai_images.models import Ping, StatusChanged

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of the same length").decode()
MESSAGE = {
    "type": "request.status_changed",
    "id": "0b8f2f0e-5c1e-5d0b-8a51-0d6c3f1a7f42",
    "timestamp": "2026-11-22T09:30:06.900000Z",
    "data": {"request_id": "r", "sequence": 4, "status": "succeeded", "previous": "storing"},
}


def signed(message: Any = MESSAGE, secret: str = SECRET, age: float = 0) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a call, signed by the library."""
    body = json.dumps(message)
    at = datetime.fromtimestamp(time.time() - age, UTC)
    headers = {
        "Webhook-Id": "01a0b9c4-980f-7b3e-8f60-2c4e6a8b0d1f",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("01a0b9c4-980f-7b3e-8f60-2c4e6a8b0d1f", at, body),
    }
    return headers, body.encode()


def test_a_message_is_verified_and_typed() -> None:
    headers, body = signed()

    message = verify_webhook(SECRET, headers, body)

    assert isinstance(message, StatusChanged)
    assert (message.data.request_id, message.data.status) == ("r", "succeeded")
    assert verify_webhook(SECRET, headers, body.decode()) == message


def test_a_ping_is_verified_and_typed() -> None:
    ping = {"type": "webhook.ping", "id": "p", "timestamp": "2026-11-22T09:30:06Z"}

    assert isinstance(verify_webhook(SECRET, *signed(ping)), Ping)


def test_one_valid_signature_of_several_is_enough() -> None:
    headers, body = signed()
    others = signed(secret=OTHER)[0]["Webhook-Signature"]
    headers["Webhook-Signature"] = f"v1a,abc {others} {headers['Webhook-Signature']} v2,x"

    assert verify_webhook(SECRET, headers, body)
    assert verify_webhook(OTHER, headers, body)


@pytest.mark.parametrize("age", [-290, 290])
def test_a_message_within_the_tolerance_is_accepted(age: float) -> None:
    assert verify_webhook(SECRET, *signed(age=age))


@pytest.mark.parametrize("age", [-310, 310, 10**6])
def test_an_old_or_future_message_is_refused(age: float) -> None:
    with pytest.raises(WebhookError, match="at most 300"):
        verify_webhook(SECRET, *signed(age=age))


def test_the_signature_covers_body_id_time_and_version() -> None:
    headers, body = signed()
    signature = headers["Webhook-Signature"]
    for changed, content in (
        ({}, body + b" "),
        ({"Webhook-Id": "another"}, body),
        ({"Webhook-Timestamp": str(int(headers["Webhook-Timestamp"]) + 1)}, body),
        ({"Webhook-Signature": signature.replace("v1,", "v2,")}, body),
        ({"Webhook-Signature": signature.removeprefix("v1,")}, body),
        ({"Webhook-Signature": signature[:-4]}, body),
        ({"Webhook-Signature": "v1,ä"}, body),
        ({"Webhook-Signature": ""}, body),
    ):
        with pytest.raises(WebhookError, match="does not match"):
            verify_webhook(SECRET, {**headers, **changed}, content)
    with pytest.raises(WebhookError, match="does not match"):
        verify_webhook(OTHER, headers, body)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_missing_header_is_named(name: str) -> None:
    headers, body = signed()
    del headers[name]

    with pytest.raises(WebhookError, match="are required"):
        verify_webhook(SECRET, headers, body)


@pytest.mark.parametrize("moment", ["soon", "1e999", "", "NaN"])
def test_a_timestamp_that_is_no_number_is_refused(moment: str) -> None:
    headers, body = signed()

    with pytest.raises(WebhookError):
        verify_webhook(SECRET, {**headers, "Webhook-Timestamp": moment}, body)


@pytest.mark.parametrize("secret", ["whsec_no base64!", "whsec_", ""])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(WebhookError, match="must be the one of the webhook"):
        verify_webhook(secret, *signed())


@pytest.mark.parametrize("message", [{"type": "later"}, {}, "text"])
def test_an_unknown_message_is_refused(message: Any) -> None:
    with pytest.raises(WebhookError, match="does not know"):
        verify_webhook(SECRET, *signed(message))
