"""The parts of the AsyncAPI document that do not derive from the code."""

from typing import Any, Final

Part = dict[str, Any]

INFO: Final[Part] = {
    "title": "GenAI Image Generator: events",
    "version": "1",
    "description": (
        "What a subscriber receives: events from the EventBridge bus, and changes of a request's status through a "
        "WebSocket or a webhook. `receive` and `send` are meant from the subscriber's side. `docs/events.md` is a "
        "guide.\n\n"
        "The payload of an event is the `detail` that EventBridge delivers; the other fields of EventBridge's envelope "
        "are described as headers. `x-event-pattern` is the pattern of a rule; `x-published-by` and `x-consumed-by` "
        "name services.\n\n"
        "Events are delivered at least once and in any order: deduplicate by `metadata.event_id`. Ignore unknown "
        "fields: an added field keeps the version of an event, and a breaking change is a new version, published next "
        "to the old one."
    ),
    "license": {"name": "MIT"},
}

SERVERS: Final[Part] = {
    "eventBridge": {
        "host": "events.{region}.amazonaws.com",
        "protocol": "eventbridge",
        "description": "The account and region of the installation. Subscribe with a rule, not with a connection.",
        "variables": {"region": {"default": "us-east-1"}},
    },
    "socket": {
        "host": "{api}.execute-api.{region}.amazonaws.com",
        "protocol": "wss",
        "description": "`POST /v1/tickets` returns the address.",
        "variables": {"api": {"default": "api-id"}, "region": {"default": "us-east-1"}},
        "security": [{"$ref": "#/components/securitySchemes/ticket"}],
    },
    "webhook": {
        "host": "{host}",
        "protocol": "https",
        "description": "Your own server.",
        "variables": {"host": {"default": "example.com"}},
    },
}

SECURITY_SCHEMES: Final[Part] = {
    "ticket": {
        "type": "httpApiKey",
        "in": "query",
        "name": "ticket",
        "description": "A ticket of `POST /v1/tickets`. It opens one connection.",
    }
}

CHANNELS: Final[Part] = {
    "bus": {
        "address": "genai-images-{environment}-bus",
        "title": "Event bus",
        "description": "A rule delivers its events to your queue or function, at least once and in any order.",
        "parameters": {"environment": {"description": "Such as `dev` or `prod`.", "default": "dev"}},
        "servers": [{"$ref": "#/servers/eventBridge"}],
    },
    "socket": {
        "address": "/live",
        "title": "WebSocket",
        "description": "`POST /v1/tickets` returns its URL with a ticket, which opens it once and within a minute.",
        "servers": [{"$ref": "#/servers/socket"}],
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "required": ["ticket"], "properties": {"ticket": {"type": "string"}}},
                "bindingVersion": "0.1.0",
            }
        },
    },
    "webhook": {
        "address": None,
        "title": "Webhook",
        "description": (
            "A POST to the URL that you registered with `POST /v1/webhooks`, at least once and in any order. Signed "
            "according to Standard Webhooks: verify the signature."
        ),
        "servers": [{"$ref": "#/servers/webhook"}],
    },
}
"""The address of a webhook is unknown: it is the owner's own URL."""

CLIENT_PING: Final[Part] = {
    "name": "ping",
    "title": "ClientPing",
    "summary": "The only message that clients may send. The gateway closes a connection that is idle for ten minutes.",
    "payload": {"type": "object", "required": ["type"], "properties": {"type": {"const": "ping"}}},
    "examples": [{"payload": {"type": "ping"}}],
}

ENVELOPE: Final[Part] = {
    "type": "object",
    "required": ["source", "detail-type", "id", "time", "account", "region", "resources", "version"],
    "properties": {
        "source": {"type": "string", "description": "The service that published the event."},
        "detail-type": {"type": "string", "description": "The name of the event."},
        "id": {
            "type": "string",
            "description": (
                "Of this publication. An event that is published again has another one, but the same "
                "`metadata.event_id`."
            ),
        },
        "time": {"type": "string", "format": "date-time", "description": "When the event was published."},
        "account": {"type": "string", "description": "The AWS account of the installation."},
        "region": {"type": "string", "description": "The AWS region of the installation."},
        "resources": {"type": "array", "items": {"type": "string"}, "description": "Empty."},
        "version": {"type": "string", "description": "Of EventBridge's envelope: always `0`."},
        "replay-name": {
            "type": "string",
            "description": "Only in events that were replayed from the archive: the name of the replay.",
        },
    },
}
"""The fields that EventBridge delivers beside ``detail``."""
