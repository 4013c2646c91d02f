"""What the OpenAPI document says of every route alike: parameters, headers, errors, examples."""

from typing import Any, Final

INFO: Final[dict[str, Any]] = {
    "title": "GenAI Image Generator",
    "version": "1",
    "summary": "A prompt goes in; a moderated, stored, delivered image comes out.",
    "description": (
        "Send a prompt to `POST /v1/requests`, follow the request until it has ended, download the images. "
        "`docs/api.md` shows it step by step.\n\n"
        "Every key has an owner, scopes and limits. What belongs to another owner is answered like what does not "
        "exist. Errors are problem documents (RFC 9457) with a stable `code`; times are RFC 3339 in UTC; unknown "
        "fields in an answer are to be ignored, unknown fields in a body are refused."
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
    "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A key of ours."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key as `Authorization: Bearer`, for clients that send keys this way.",
    },
}
"""Either one will do."""

TAGS: Final[dict[str, str]] = {
    "intake": "Requests: ask for images, follow, list and cancel what was asked, and see which models there are.",
    "storage": "The gallery: images, what made them, favourites, share links, deletion.",
    "accounts": "Keys and their owners' preferences.",
    "notifications": "Being told instead of asking: a WebSocket, and webhooks.",
}
"""In reading order; a service that is not named here is described by its module of operations."""

_UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_REQUEST: Final = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"

PATH_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "fingerprint": {
        "description": "What failures of one kind at one step have in common, or its first digits.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{4,12}$"},
        "example": "5f0c7be2a1d4",
    },
    "request_id": {
        "description": "A request's id: a UUID (version 7).",
        "schema": {"type": "string", "format": "uuid", "pattern": _UUID},
        "example": _REQUEST,
    },
    "image_id": {
        "description": "A image's id: its request's id and its index.",
        "schema": {"type": "string", "pattern": _UUID.removesuffix("$") + r"-\d{1,2}$"},
        "example": f"{_REQUEST}-0",
    },
    "key_id": {
        "description": "A key's id: what is between the underscores of its text.",
        "schema": {"type": "string", "pattern": "^[a-z2-7]{12}$"},
        "example": "k3y4example2",
    },
    "key": {
        "description": "A model's key in the catalog.",
        "schema": {"type": "string"},
        "example": "stable-image-core",
    },
    "share_id": {
        "description": "A share link's id, which is not its token.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "example": "8f14e45fceea167a",
    },
    "webhook_id": {
        "description": "A webhook's id.",
        "schema": {"type": "string", "pattern": "^[a-z2-7]{16}$"},
        "example": "w3bhookexample22",
    },
    "delivery_id": {
        "description": "A delivery's id: the header `webhook-id` of its attempts.",
        "schema": {"type": "string", "format": "uuid", "pattern": _UUID},
        "example": "01a0b9c4-980f-7b3e-8f60-2c4e6a8b0d1f",
    },
    "token": {
        "description": "A share link's token: the end of its address, told when it was made.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9_-]{55}$"},
        "example": "AaC5xH0ufDGfYFsdL3qeBAAxY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl",
    },
}

REQUEST_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "idempotency-key": {"type": "string", "examples": ["5b1d2f7a-order-1042"]},
    "if-match": {"type": "string", "examples": ['"3"']},
    "prefer": {"type": "string", "examples": ["wait=20"]},
}
"""Schemas by lower-case name; a header that is not named here is any text."""

RESPONSE_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {
        "description": "Names what the answer shows, for `If-Match`.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    "Location": {
        "description": "Where to look; an address without a host is relative to the API.",
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
        "description": "What is left of the limit, and in how many seconds there is more.",
        "schema": {"type": "string"},
        "example": '"default";r=93;t=41',
    },
    "x-should-retry": {
        "description": "What OpenAI's clients go by instead of the status.",
        "schema": {"type": "string", "enum": ["true", "false"]},
        "example": "false",
    },
}

WEBHOOK_HEADERS: Final[list[dict[str, Any]]] = [
    {
        "name": "webhook-id",
        "description": "The delivery's id, the same in every try.",
        "schema": {"type": "string", "format": "uuid"},
        "example": "01a0b9c4-980f-7b3e-8f60-2c4e6a8b0d1f",
    },
    {
        "name": "webhook-timestamp",
        "description": "When this try was made: seconds since 1970.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1795254606",
    },
    {
        "name": "webhook-signature",
        "description": "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; two of them, with a space between, "
        "while a secret is being changed.",
        "schema": {"type": "string"},
        "example": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    },
]

SUCCESS: Final[dict[int, str]] = {
    200: "Here it is.",
    201: "Made.",
    202: "Accepted. What was accepted is never lost: follow it at `links.self`.",
    204: "Done; there is nothing to say.",
    302: "It is at the address in `Location`.",
    307: "It is at the address in `Location`.",
    503: "Not all is well.",
}

PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "An error, as RFC 9457 has it. Decide by `code`; `title` is for people and may be said better.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status, once more."},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "Stable, for programs."},
        "title": {"type": "string", "description": "For people."},
        "errors": {
            "type": "array",
            "minItems": 1,
            "description": "Each thing that is wrong, where it can be said of a field.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "description": "Dotted path in the body, or the parameter's name."},
                    "rule": {"type": "string", "description": "What it has to be."},
                    "code": {"type": "string", "description": "The kind of rule, for programs."},
                    "allowed": {"type": "array", "description": "The values that would do."},
                },
                "required": ["field", "rule"],
            },
        },
    },
    "required": ["type", "status", "code", "title"],
}

MESSAGE: Final[dict[str, Any]] = {
    "title": "Message",
    "description": "What the gateway says by itself, before anything of ours runs.",
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
    400: ("not_json", "The body is not JSON", [{"field": "body", "rule": "must be a JSON document"}]),
    401: ("unauthorized", "This needs an API key", []),
    403: ("insufficient_scope", "This key lacks the scope that the route needs", []),
    404: ("not_found", "There is nothing at this address", []),
    408: ("timeout", "It took too long", []),
    409: ("conflict", "It is too late for that", []),
    410: ("gone", "It is no longer there", []),
    412: ("precondition_failed", "It is no longer what you saw", []),
    413: ("body_too_large", "The body is too large", [{"field": "body", "rule": "at most 131072 bytes"}]),
    415: ("unsupported_media_type", "The body has to be JSON", []),
    422: ("validation_failed", "The request is not valid", _WRONG_FIELD),
    429: ("rate_limited", "Too many requests for this key", []),
    500: ("internal_error", "Something broke on our side", []),
    503: ("unavailable", "It cannot be done at the moment; try again", []),
    504: ("timeout", "It took longer than an answer may take", []),
}
"""Status → an example's code, title and errors."""

EVERYBODY_ERRORS: Final = (429, 500, 503)
"""The gateway throttles; anything may break."""
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
    "Accepted": [{"id": _REQUEST, "status": "accepted", "links": {"self": f"/v1/requests/{_REQUEST}", "images": []}}],
    "NewCheck": [{"prompt": "A red fox in a snowy pine forest", "negative_prompt": "people, blurry"}],
    "LegacyCheck": [{"prompt": "A red fox in a snowy pine forest"}],
}
"""By the name of the schema."""
