"""The parts of the OpenAPI document that routes share. `openapi_parameters.py` has parameters and headers."""

from typing import Any, Final

from tools.docs.openapi_examples import CALL_ID, REQUEST_ID, WRONG_FIELD

INFO: Final[dict[str, Any]] = {
    "title": "GenAI Image Generator",
    "version": "1",
    "summary": "Generate moderated images from prompts.",
    "description": (
        "Send a prompt to `POST /v1/requests`, poll the request until its status is terminal, and download the images. "
        "`docs/api.md` is a guide.\n\n"
        "Every key has an owner, scopes and limits. Another owner's resource looks like one that does not exist. "
        "Errors are problem documents (RFC 9457) with a stable `code`; `type` is the address of a page about it. Every "
        "`GET` route also answers `HEAD`. Every response has the id of the call in "
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

WEBHOOK_TAG: Final[dict[str, str]] = {
    "name": "webhooks",
    "description": "Messages that we send to your server. They are no routes of this API.",
}
"""Their own tag: generators make one class per tag, and would overwrite the routes of notifications."""

SUCCESS: Final[dict[int, str]] = {
    200: "OK.",
    201: "Created.",
    202: "Accepted. An accepted request is never lost. Poll `links.self`.",
    204: "Done. The response has no body.",
    302: "Found at the address in `Location`.",
    304: "Not modified: the `ETag` in `If-None-Match` is current. The response has no body.",
    307: "Found at the address in `Location`.",
    503: "Unavailable.",
}

PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "An error (RFC 9457). Decide by `code`. `title` and `detail` are for people and may change.",
    "type": "object",
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "pattern": "^/problems/[a-z0-9_]+$",
            "description": "The page about this type of problem, relative to the API.",
            "examples": ["/problems/validation_failed"],
        },
        "status": {
            "type": "integer",
            "minimum": 400,
            "maximum": 599,
            "description": "The HTTP status.",
            "examples": [422],
        },
        "code": {
            "type": "string",
            "pattern": "^[a-z0-9_]+$",
            "description": "A stable code, for programs.",
            "examples": ["validation_failed"],
        },
        "title": {
            "type": "string",
            "description": "A summary of the type, for people.",
            "examples": ["The request is invalid"],
        },
        "detail": {
            "type": "string",
            "description": "What happened in this case and what to do, for people.",
            "examples": ["The request is invalid: correct the fields that are named."],
        },
        "instance": {
            "type": "string",
            "format": "uri-reference",
            "description": "The request for images that the problem is about, if it is about one.",
            "examples": [f"/v1/requests/{REQUEST_ID}"],
        },
        "call_id": {
            "type": "string",
            "description": "The id of the call, for support: the header `x-call-id`.",
            "examples": [CALL_ID],
        },
        "errors": {
            "type": "array",
            "minItems": 1,
            "description": "The invalid fields, if the error is about fields.",
            "examples": [WRONG_FIELD],
            "items": {
                "type": "object",
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Dotted path in the body, or the parameter.",
                        "examples": ["count"],
                    },
                    "rule": {
                        "type": "string",
                        "description": "The rule that the value breaks.",
                        "examples": ["Input should be less than or equal to 4"],
                    },
                    "code": {
                        "type": "string",
                        "description": "A stable code of the rule, for programs.",
                        "examples": ["less_than_equal"],
                    },
                    "allowed": {
                        "type": "array",
                        "description": "The allowed values.",
                        "items": {},
                        "examples": [["standard", "premium"]],
                    },
                },
                "required": ["field", "rule"],
                "additionalProperties": True,
            },
        },
    },
    "required": ["type", "status", "code", "title", "detail", "call_id"],
}

MESSAGE: Final[dict[str, Any]] = {
    "title": "GatewayMessage",
    "description": "An error that the gateway returns by itself.",
    "type": "object",
    "properties": {
        "message": {"type": ["string", "null"], "description": "A phrase, for people.", "examples": ["Unauthorized"]}
    },
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

PROBLEMS: Final[dict[int, tuple[str, str, list[dict[str, Any]]]]] = {
    400: ("not_json", "The body is not valid JSON.", [{"field": "body", "rule": "must be a JSON document"}]),
    401: ("unauthorized", "API key required.", []),
    403: (
        "insufficient_scope",
        "The API key lacks the scope that this route requires, or the call bypasses the CDN that it must come through.",
        [],
    ),
    404: ("not_found", "Not found.", []),
    406: ("not_acceptable", "`Accept` excludes JSON.", []),
    409: ("too_late_to_cancel", "The resource has changed and no longer allows this.", []),
    410: ("images_deleted", "The resource no longer exists.", []),
    412: ("preferences_changed", "The resource has changed since you read it.", []),
    413: ("body_too_large", "The body is too large.", [{"field": "body", "rule": "at most 262144 bytes"}]),
    415: ("unsupported_media_type", "The body has another format than the route reads.", []),
    422: ("validation_failed", "The request is invalid.", WRONG_FIELD),
    429: ("rate_limited", "Too many requests.", []),
    500: ("internal_error", "Internal error. The failure is on our side.", []),
    503: ("unavailable", "Temporarily unavailable. Retry later.", []),
    504: ("request_in_progress", "The request did not finish in time.", []),
}
"""Status → description of the response, and code and errors of an example."""

COMMON_ERRORS: Final = (403, 429, 500, 503)
"""Every route may return these; 403 without an API key only if the call bypasses the CDN."""
GUARDED_ERRORS: Final = (401,)
BODY_ERRORS: Final = (400, 413, 415, 422)
FILE_ERRORS: Final = (413, 415, 422)
QUERY_ERRORS: Final = (422,)
JSON_ERRORS: Final = (406,)
"""Routes that return JSON, with our own errors, may return these."""
