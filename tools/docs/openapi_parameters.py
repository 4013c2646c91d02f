"""The path parameters and headers of the OpenAPI document."""

from typing import Any, Final

from tools.docs.openapi_examples import (
    CALL_ID,
    DELIVERY_ID,
    ERASURE_ID,
    EXPORT_ID,
    FINGERPRINT,
    IMAGE_ID,
    KEY_ID,
    RECEIPT_TOKEN,
    REQUEST_ID,
    SHARE_ID,
    WEBHOOK_ID,
)

_UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

PATH_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "code": {
        "description": "The code of a problem type.",
        "schema": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "example": "validation_failed",
    },
    "fingerprint": {
        "description": "The fingerprint of dead letters that failed in the same way, or its first digits.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{4,12}$"},
        "example": FINGERPRINT,
    },
    "request_id": {
        "description": "The id of a request: a UUID (version 7).",
        "schema": {"type": "string", "pattern": _UUID},
        "example": REQUEST_ID,
    },
    "erasure_id": {
        "description": "The id of an erasure.",
        "schema": {"type": "string", "pattern": _UUID},
        "example": ERASURE_ID,
    },
    "export_id": {
        "description": "The id of an export.",
        "schema": {"type": "string", "pattern": _UUID},
        "example": EXPORT_ID,
    },
    "image_id": {
        "description": "The id of an image: the id of its request and its index.",
        "schema": {"type": "string", "pattern": _UUID.removesuffix("$") + r"-\d{1,2}$"},
        "example": IMAGE_ID,
    },
    "key_id": {
        "description": "The id of a key: the part between its underscores.",
        "schema": {"type": "string", "pattern": "^[a-z2-7]{12}$"},
        "example": KEY_ID,
    },
    "key": {
        "description": "The key of a model in the catalog.",
        "schema": {"type": "string"},
        "example": "stable-image-core",
    },
    "model": {
        "description": "The id of a model, as in `GET /openai/v1/models`.",
        "schema": {"type": "string"},
        "example": "stable-image-core",
    },
    "share_id": {
        "description": "The id of a share link. It is not its token.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "example": SHARE_ID,
    },
    "webhook_id": {
        "description": "The id of a webhook.",
        "schema": {"type": "string", "pattern": "^[a-z2-7]{16}$"},
        "example": WEBHOOK_ID,
    },
    "delivery_id": {
        "description": "The id of a delivery: the header `webhook-id` of its attempts.",
        "schema": {"type": "string", "pattern": _UUID},
        "example": DELIVERY_ID,
    },
    "token": {
        "description": "The token of a share link: the last part of its address, returned only when it was created.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9_-]{55}$"},
        "example": "AaC5xH0ufDGfYFsdL3qeBAAxY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl",
    },
}

REQUEST_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "idempotency-key": {"type": "string", "examples": ["5b1d2f7a-order-1042"]},
    "if-match": {"type": "string", "examples": ['"3"']},
    "if-none-match": {"type": "string", "examples": ['"3"']},
    "prefer": {"type": "string", "examples": ["wait=20"]},
    "x-receipt-token": {"type": "string", "examples": [RECEIPT_TOKEN]},
}
"""Schemas by lower-case name. A header that is not listed here is any text."""

RESPONSE_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {
        "description": "The version of the resource, for `If-None-Match` and `If-Match`.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    "Location": {
        "description": "The address of the resource. Without a host, it is relative to the API.",
        "schema": {"type": "string"},
        "example": f"/v1/requests/{REQUEST_ID}",
    },
    "Preference-Applied": {
        "description": "The part of `Prefer` that was followed: the response waited.",
        "schema": {"type": "string"},
        "example": "wait=20",
    },
    "Retry-After": {
        "description": "Seconds to wait before the next call.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 1,
    },
    "RateLimit-Policy": {
        "description": "The key's limit: requests and the window in seconds.",
        "schema": {"type": "string"},
        "example": '"default";q=100;w=900',
    },
    "RateLimit": {
        "description": "The remaining requests, and the seconds until the window resets.",
        "schema": {"type": "string"},
        "example": '"default";r=93;t=41',
    },
    "Deprecation": {
        "description": "When the route was deprecated: `@` and the seconds since 1970 (RFC 9745).",
        "schema": {"type": "string", "pattern": "^@[0-9]+$"},
        "example": "@1795824000",
    },
    "Sunset": {
        "description": "The route works until this time at least (RFC 8594).",
        "schema": {"type": "string"},
        "example": "Sun, 28 Nov 2027 00:00:00 GMT",
    },
    "Link": {
        "description": "A path of the API (RFC 8288): of the `next` page, absent on the last one; or of the route that "
        "replaces a deprecated one, as `successor-version`.",
        "schema": {"type": "string"},
        "example": '</v1/requests?limit=5&cursor=MDFhMGI5YzQ>; rel="next"',
    },
    "x-should-retry": {
        "description": "Whether OpenAI's clients retry. They use it instead of the status.",
        "schema": {"type": "string", "enum": ["true", "false"]},
        "example": "false",
    },
}

CALL_ID_DESCRIPTION: Final[dict[str, Any]] = {
    "description": "The id of the call, for support: our logs contain it. If the gateway answers by itself, its header "
    "`apigw-requestid` contains the id.",
    "schema": {"type": "string"},
    "example": CALL_ID,
}
"""The header of every response that a service sends."""

WEBHOOK_HEADERS: Final[list[dict[str, Any]]] = [
    {
        "name": "webhook-id",
        "description": "The id of the delivery, the same in every attempt.",
        "schema": {"type": "string", "format": "uuid"},
        "example": DELIVERY_ID,
    },
    {
        "name": "webhook-timestamp",
        "description": "The time of this attempt: seconds since 1970.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1795254606",
    },
    {
        "name": "webhook-signature",
        "description": "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64. During a rotation there are two, "
        "separated by a space.",
        "schema": {"type": "string"},
        "example": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    },
]
