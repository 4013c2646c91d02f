"""The parts of the OpenAPI document that routes share: parameters, headers, errors, examples."""

from typing import Any, Final

INFO: Final[dict[str, Any]] = {
    "title": "GenAI Image Generator",
    "version": "1",
    "summary": "Generate moderated images from prompts.",
    "description": (
        "Send a prompt to `POST /v1/requests`, poll the request until its status is terminal, and download the images. "
        "`docs/api.md` is a guide.\n\n"
        "Every key has an owner, scopes and limits. Another owner's resource looks like one that does not exist. "
        "Errors are problem documents (RFC 9457) with a stable `code`. Every response has the id of the call in "
        "`x-call-id`. Times are RFC 3339 in UTC. Ignore unknown "
        "fields in responses; unknown fields in request bodies are errors."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}

SERVERS: Final[list[dict[str, Any]]] = [
    {
        "url": "https://{api}.execute-api.{region}.amazonaws.com",
        "description": "Deployed on AWS",
        "variables": {"api": {"default": "api-id"}, "region": {"default": "us-east-1"}},
    },
    {
        "url": "http://127.0.0.1:{port}/_aws/execute-api/{api}",
        "description": "`make run`, which prints the address",
        "variables": {"port": {"default": "4580"}, "api": {"default": "api-id"}},
    },
]

SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key as `Authorization: Bearer`, for clients that send keys this way.",
    },
}
"""A caller uses one of them."""

TAGS: Final[dict[str, str]] = {
    "intake": "Requests: create, read, list and cancel them. Models.",
    "storage": "The gallery: images, favourites, share links, deletion.",
    "accounts": "API keys, and the preferences of owners.",
    "notifications": "Notifications: a WebSocket and webhooks.",
}
"""In reading order. A service that is not named here is described by the docstring of its ``routes.py``."""

_UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_REQUEST: Final = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"

PATH_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "fingerprint": {
        "description": "The fingerprint of dead letters that failed in the same way, or its first digits.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{4,12}$"},
        "example": "5f0c7be2a1d4",
    },
    "request_id": {
        "description": "The id of a request: a UUID (version 7).",
        "schema": {"type": "string", "format": "uuid", "pattern": _UUID},
        "example": _REQUEST,
    },
    "image_id": {
        "description": "The id of an image: the id of its request and its index.",
        "schema": {"type": "string", "pattern": _UUID.removesuffix("$") + r"-\d{1,2}$"},
        "example": f"{_REQUEST}-0",
    },
    "key_id": {
        "description": "The id of a key: the part between its underscores.",
        "schema": {"type": "string", "pattern": "^[a-z2-7]{12}$"},
        "example": "k3y4example2",
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
        "example": "8f14e45fceea167a",
    },
    "webhook_id": {
        "description": "The id of a webhook.",
        "schema": {"type": "string", "pattern": "^[a-z2-7]{16}$"},
        "example": "w3bhookexample22",
    },
    "delivery_id": {
        "description": "The id of a delivery: the header `webhook-id` of its attempts.",
        "schema": {"type": "string", "format": "uuid", "pattern": _UUID},
        "example": "01a0b9c4-980f-7b3e-8f60-2c4e6a8b0d1f",
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
    "prefer": {"type": "string", "examples": ["wait=20"]},
}
"""Schemas by lower-case name. A header that is not listed here is any text."""

RESPONSE_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {
        "description": "The version of the resource, for `If-Match`.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    "Location": {
        "description": "The address of the resource. Without a host, it is relative to the API.",
        "schema": {"type": "string"},
        "example": f"/v1/requests/{_REQUEST}",
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
    "x-should-retry": {
        "description": "Whether OpenAI's clients retry. They use it instead of the status.",
        "schema": {"type": "string", "enum": ["true", "false"]},
        "example": "false",
    },
}

CALL_ID: Final = "VgYvFhbWIAMEPqA="

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
        "example": "01a0b9c4-980f-7b3e-8f60-2c4e6a8b0d1f",
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

SUCCESS: Final[dict[int, str]] = {
    200: "OK.",
    201: "Created.",
    202: "Accepted. An accepted request is never lost. Poll `links.self`.",
    204: "Done. The response has no body.",
    302: "Found at the address in `Location`.",
    307: "Found at the address in `Location`.",
    503: "Unavailable.",
}

PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "An error (RFC 9457). Decide by `code`. `title` is for people and may change.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "A stable code, for programs."},
        "title": {"type": "string", "description": "A summary, for people."},
        "call_id": {"type": "string", "description": "The id of the call, for support: the header `x-call-id`."},
        "errors": {
            "type": "array",
            "minItems": 1,
            "description": "The invalid fields, if the error is about fields.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Dotted path in the body, or the parameter.",
                    },
                    "rule": {"type": "string", "description": "The rule that the value breaks."},
                    "code": {"type": "string", "description": "A stable code of the rule, for programs."},
                    "allowed": {"type": "array", "description": "The allowed values."},
                },
                "required": ["field", "rule"],
            },
        },
    },
    "required": ["type", "status", "code", "title", "call_id"],
}

MESSAGE: Final[dict[str, Any]] = {
    "title": "Message",
    "description": "An error that the gateway returns by itself.",
    "type": "object",
    "properties": {"message": {"type": ["string", "null"]}},
    "required": ["message"],
}

GATEWAY_MESSAGES: Final[dict[int, str]] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

_WRONG_FIELD: Final = [{"field": "count", "rule": "Input should be less than or equal to 4", "le": 4}]

PROBLEMS: Final[dict[int, tuple[str, str, list[dict[str, Any]]]]] = {
    400: ("not_json", "The body is not valid JSON.", [{"field": "body", "rule": "must be a JSON document"}]),
    401: ("unauthorized", "API key required.", []),
    403: ("insufficient_scope", "The API key lacks the scope that this route requires.", []),
    404: ("not_found", "Not found.", []),
    408: ("timeout", "The request timed out.", []),
    409: ("conflict", "The resource has changed and no longer allows this.", []),
    410: ("gone", "The resource no longer exists.", []),
    412: ("precondition_failed", "The resource has changed since you read it.", []),
    413: ("body_too_large", "The body is too large.", [{"field": "body", "rule": "at most 262144 bytes"}]),
    415: ("unsupported_media_type", "The body must be JSON.", []),
    422: ("validation_failed", "The request is invalid.", _WRONG_FIELD),
    429: ("rate_limited", "Too many requests.", []),
    500: ("internal_error", "Internal error. The failure is on our side.", []),
    503: ("unavailable", "Temporarily unavailable. Retry later.", []),
    504: ("timeout", "The request did not finish in time.", []),
}
"""Status → code, title and errors of an example."""

COMMON_ERRORS: Final = (429, 500, 503)
"""Every route may return these."""
GUARDED_ERRORS: Final = (401, 403)
BODY_ERRORS: Final = (400, 413, 422)
QUERY_ERRORS: Final = (422,)

EXAMPLES: Final[dict[str, list[Any]]] = {
    "NewReplay": [
        {"fingerprint": "5f0c7be2a1d4", "dry_run": True},
        {"fingerprint": "5f0c7be2a1d4", "canary": True},
        {"fingerprint": "5f0c7be2a1d4", "limit": 100, "quarantine": True},
    ],
    "NewQuarantine": [{"queue": "storage.store", "fingerprint": "5f0c7be2a1d4", "limit": 100}],
    "NewRequest": [
        {"prompt": "A red fox in a snowy pine forest at dawn, watercolor"},
        {"prompt": "A lighthouse on a cliff at dusk", "model": "stable-image-core", "aspect_ratio": "16:9", "count": 2},
    ],
    "ImageGeneration": [{"prompt": "A red fox in a snowy pine forest", "size": "1536x1024", "response_format": "url"}],
    "LegacyRequest": [
        {
            "prompt": "A red fox in a snowy pine forest",
            "modelId": "stability.stable-image-core-v1:1",
            "size": "1024x1024",
        }
    ],
    "NewKey": [{"owner": "acme", "name": "Web shop, production", "scopes": ["requests:write", "requests:read"]}],
    "Rotation": [{"grace_seconds": 3600}],
    "Preferences": [{"defaults": {"model": "stable-image-core", "aspect_ratio": "16:9"}, "theme": "dark"}],
    "NewWebhook": [{"url": "https://example.com/hooks/images", "statuses": ["succeeded", "rejected", "failed"]}],
    "SecretRotation": [{"grace_seconds": 3600}],
    "StatusChanged": [
        {
            "type": "request.status_changed",
            "id": "0b8f2f0e-5c1e-5d0b-8a51-0d6c3f1a7f42",
            "timestamp": "2026-11-22T09:30:06.900000Z",
            "data": {"request_id": _REQUEST, "sequence": 4, "status": "succeeded", "previous": "storing"},
        }
    ],
    "NewShare": [{"expires_in_seconds": 86400}],
    "AcceptedView": [
        {"id": _REQUEST, "status": "accepted", "links": {"self": f"/v1/requests/{_REQUEST}", "images": []}}
    ],
    "NewCheck": [{"prompt": "A red fox in a snowy pine forest", "negative_prompt": "people, blurry"}],
    "LegacyCheck": [{"prompt": "A red fox in a snowy pine forest"}],
}
"""Examples by the name of their schema."""
