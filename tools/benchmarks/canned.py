"""Canned AWS responses at botocore's `before-send`, so that benchmarks measure our code and the SDK.

Only the socket is replaced: parameters are validated, serialised and signed, and responses are parsed.
"""

import dataclasses
import hashlib
import importlib
import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from PIL import Image

from kit.dynamodb import to_item
from local.bedrock import converse
from tests.support.events import sample
from tools.docs.golden import OWNER, REQUEST, START

OWNER_KEYS: Final = b"Prefix-owner-keys"
"""The table of owners' keys, as functions know it here."""


def owner_key() -> dict[str, Any]:
    """Return the response with the key that sealed the sample events."""
    return {"Item": {"pk": {"S": OWNER}, "data_key": {"B": b64encode(bytes(32)).decode()}}}


@cache
def image() -> bytes:
    """Return the image that every model returns. It is small, because decoding is not measured."""
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(content, "PNG")
    return content.getvalue()


def described_image() -> dict[str, Any]:
    """Return the description of `image` in an event."""
    content = image()
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "media_type": "image/png",
        "width": 64,
        "height": 64,
    }


def invoked() -> bytes:
    """Return the response of InvokeModel for every model: each family reads the fields that it knows."""
    encoded = b64encode(image()).decode()
    return json.dumps({"images": [encoded], "seeds": [0], "finish_reasons": [None]}).encode()


def install() -> None:
    """Serve all clients that are created from now on."""
    boto3.DEFAULT_SESSION = boto3.Session()
    answers: Any = _Answers()
    boto3.DEFAULT_SESSION.events.register("before-send", answers)


class _Raw(io.BytesIO):
    """A response body with the interface of urllib3."""

    def stream(self, *_args: Any, **_kwargs: Any) -> Iterator[bytes]:
        yield self.read()


class _Answers:
    """Responses by operation. Each is created once, so that its creation is not measured."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], bytes] = {}

    def __call__(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        entries = request.body.count(b'"DetailType"') if operation == "PutEvents" else 0
        if operation == "GetItem":
            entries = request.body.count(b"WEBHOOK#") - request.body.count(OWNER_KEYS)
        if (operation, entries) not in self._kept:
            made = MADE[operation](request) if operation in MADE else b"<Ok/>" if service == "s3" else b"{}"
            self._kept[operation, entries] = made if isinstance(made, bytes) else json.dumps(made).encode()
        body = self._kept[operation, entries]
        headers: Any = {"content-length": str(len(body)), "x-amzn-requestid": "0", "content-type": "application/json"}
        return AWSResponse(request.url, 200, headers, _Raw(body))


def _put_events(request: Any) -> dict[str, Any]:
    entries = json.loads(request.body)["Entries"]
    return {"FailedEntryCount": 0, "Entries": [{"EventId": str(position)} for position in range(len(entries))]}


def _request_state() -> dict[str, Any]:
    """Return the state that intake.track receives after it wrote a terminal status."""
    state = {
        "request_id": REQUEST,
        "owner": OWNER,
        "created_at": START.isoformat(),
        "status": "succeeded",
        "status_sequence": 4,
        "revision": 5,
        "timeline": dict[str, Any](),
    }
    return {"Attributes": to_item(state)}


def webhook(changed: Any) -> Any:
    """Return a webhook that was registered before the event that it receives."""
    webhooks = importlib.import_module("services.notifications.webhooks")
    created_at = changed.metadata.occurred_at - timedelta(days=1)
    statuses = (str(changed.data.status),)
    return webhooks.Webhook("benchmarkwebhook", OWNER, "https://example.com/hook", "", statuses, created_at)


def _get_item(request: Any) -> dict[str, Any]:
    """Return a webhook for the key of a webhook, the key of the sample events, and no item for other keys."""
    if OWNER_KEYS in request.body:
        return owner_key()
    if b"WEBHOOK#" not in request.body:
        return {}
    values = dataclasses.asdict(webhook(sample("RequestStatusChanged")))
    item = {name: value for name, value in values.items() if value is not None}
    item |= {"created_at": item["created_at"].isoformat(), "statuses": list(item["statuses"])}
    return {"Item": to_item(item)}


MADE: Final[dict[str, Callable[[Any], Any]]] = {
    "PutEvents": _put_events,
    "InvokeModel": lambda _: invoked(),
    "Converse": lambda request: converse.answer(json.loads(request.body), None),
    "DetectModerationLabels": lambda _: {"ModerationLabels": [], "ModerationModelVersion": "7.0"},
    "GetSecretValue": lambda _: {"SecretString": "a key"},
    "GetObject": lambda _: image(),
    "UpdateItem": lambda _: _request_state(),
    "GetItem": _get_item,
    "Query": lambda _: {"Items": [], "Count": 0, "ScannedCount": 0},
}
"""Responses of operations for which an empty response is not enough."""
