"""The AsyncAPI 3 document: the events on the bus, the WebSocket, and the webhooks, as a subscriber receives them."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event
from services.notifications.messages import AppealAnnounced, ExportAnnounced, NotUnderstood, Pong, StatusChanged
from tools.docs.asyncapi_parts import CHANNELS, CLIENT_PING, ENVELOPE, INFO, SECURITY_SCHEMES, SERVERS
from tools.docs.descriptions import DescribedSchema, markdown
from tools.docs.event_rules import Pattern, consumers, publisher, rules
from tools.docs.openapi import BY_WEBHOOK
from tools.docs.openapi_parameters import WEBHOOK_HEADERS

Part = dict[str, Any]

BY_SOCKET: Final[tuple[type[BaseModel], ...]] = (StatusChanged, AppealAnnounced, ExportAnnounced, Pong, NotUnderstood)
JSON: Final = "application/json"


def asyncapi(root: Path, golden: list[Event]) -> Part:
    """Return the document. ``golden`` has a sample of every event."""
    patterns = rules(root)
    by_channel = {
        "bus": {_key(event): _event_message(event, patterns) for event in golden},
        "socket": {**{_camel(kind): _message(kind) for kind in BY_SOCKET}, "clientPing": CLIENT_PING},
        "webhook": {f"{_camel(kind)}Delivery": _delivery(kind) for kind in BY_WEBHOOK},
    }
    (change,) = (event for event in golden if isinstance(event, RequestStatusChanged))
    example = {"payload": json.loads(StatusChanged.of(change).model_dump_json())}
    by_channel["socket"]["statusChanged"]["examples"] = [example]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:genai-images:events",
        "info": INFO,
        "defaultContentType": JSON,
        "servers": SERVERS,
        "channels": {
            name: {**CHANNELS[name], "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in messages}}
            for name, messages in by_channel.items()
        },
        "operations": _operations(golden),
        "components": {
            "securitySchemes": SECURITY_SCHEMES,
            "messageTraits": {
                "eventBridge": {"headers": ENVELOPE},
                "standardWebhooks": {"headers": _webhook_headers()},
            },
            "messages": {key: message for messages in by_channel.values() for key, message in messages.items()},
            "schemas": _schemas([type(event) for event in golden]),
        },
    }


def asyncapi_text(root: Path, golden: list[Event]) -> str:
    """Return `docs/asyncapi.json`."""
    return json.dumps(asyncapi(root, golden), indent=2, ensure_ascii=False) + "\n"


def _event_message(event: Event, patterns: list[tuple[str, Pattern]]) -> Part:
    kind = type(event)
    return {
        "name": kind.detail_type,
        "title": f"{kind.detail_type} version {kind.version}",
        "summary": markdown(kind.__doc__ or ""),
        "traits": [{"$ref": "#/components/messageTraits/eventBridge"}],
        "headers": {
            "type": "object",
            "properties": {"source": {"const": kind.source}, "detail-type": {"const": kind.detail_type}},
        },
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "correlationId": {"location": "$message.payload#/metadata/request_id"},
        "examples": [{"payload": json.loads(event.model_dump_json(exclude_none=True))}],
        "x-published-by": publisher(kind),
        "x-consumed-by": consumers(kind, patterns),
    }


def _message(kind: type[BaseModel]) -> Part:
    return {
        "name": kind.model_fields["type"].default,
        "title": kind.__name__,
        "summary": markdown(kind.__doc__ or ""),
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }


def _delivery(kind: type[BaseModel]) -> Part:
    """Return a message with the headers of a webhook."""
    return {**_message(kind), "traits": [{"$ref": "#/components/messageTraits/standardWebhooks"}]}


def _webhook_headers() -> Part:
    return {
        "type": "object",
        "required": [header["name"] for header in WEBHOOK_HEADERS],
        "properties": {
            header["name"]: {**header["schema"], "description": header["description"], "examples": [header["example"]]}
            for header in WEBHOOK_HEADERS
        },
    }


def _operations(golden: list[Event]) -> Part:
    found: Part = {}
    for event in golden:
        pattern = {"source": [event.source], "detail-type": [event.detail_type]}
        found[f"receive{_key(event).replace('.v', 'V')}"] = {
            **_operation("receive", "bus", _key(event), f"Receive {event.detail_type} from the bus"),
            "x-event-pattern": {**pattern, "detail": {"metadata": {"version": [event.version]}}},
        }
    for kind in BY_SOCKET:
        name = kind.__name__
        found[f"receive{name}"] = _operation("receive", "socket", _camel(kind), f"Receive {name} from the WebSocket")
    found["sendPing"] = _operation("send", "socket", "clientPing", "Keep the WebSocket open")
    found["sendPing"]["reply"] = {
        "channel": {"$ref": "#/channels/socket"},
        "messages": [{"$ref": "#/channels/socket/messages/pong"}],
    }
    for delivered in BY_WEBHOOK:
        name = delivered.__name__
        summary = f"Receive {name} as a webhook"
        found[f"receive{name}Delivery"] = _operation("receive", "webhook", f"{_camel(delivered)}Delivery", summary)
    return found


def _operation(action: str, channel: str, message: str, summary: str) -> Part:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"{summary}.",
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def _schemas(events: list[type[Event]]) -> Part:
    """Return the schemas of all payloads, which AsyncAPI refers to by name: no ``$id`` and no ``$defs``."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(kind, "validation") for kind in events]
    received: list[type[BaseModel]] = [*BY_WEBHOOK, *BY_SOCKET]
    models += [(kind, "serialization") for kind in received]
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}", schema_generator=DescribedSchema)
    return {name: _without_siblings(part) for name, part in found["$defs"].items()}


def _without_siblings(part: Any) -> Any:
    """Move references that have a description into ``allOf``: AsyncAPI ignores everything next to a reference."""
    if isinstance(part, list):
        return [_without_siblings(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {key: _without_siblings(value) for key, value in part.items()}
    if "$ref" in found and len(found) > 1:
        return {"allOf": [{"$ref": found.pop("$ref")}], **found}
    return found


def _key(event: Event) -> str:
    return f"{event.detail_type}.v{event.version}"


def _camel(kind: type[BaseModel]) -> str:
    return kind.__name__[0].lower() + kind.__name__[1:]
