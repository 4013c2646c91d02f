"""The OpenAPI 3.1 document of the whole HTTP API, made from the `Route` constants of every service.

A constant holds the method and path of a route, its scope and its pydantic models. This module translates that into
OpenAPI. The parts that routes share are in `openapi_parts.py`.
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from kit import problems
from kit.http_api import CALL_ID_HEADER, Route
from kit.problems import PROBLEM as PROBLEM_TYPE
from services.notifications.messages import AppealAnnounced, ExportAnnounced, Ping, StatusChanged
from tools.docs.openapi_examples import CALL_ID
from tools.docs.openapi_parameters import (
    CALL_ID_DESCRIPTION,
    PATH_PARAMETERS,
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    WEBHOOK_HEADERS,
)
from tools.docs.openapi_parts import (
    BODY_ERRORS,
    COMMON_ERRORS,
    FILE_ERRORS,
    GATEWAY_MESSAGES,
    GUARDED_ERRORS,
    INFO,
    JSON_ERRORS,
    MESSAGE,
    PROBLEM,
    PROBLEMS,
    QUERY_ERRORS,
    SECURITY_SCHEMES,
    SERVERS,
    SUCCESS,
    TAGS,
    WEBHOOK_TAG,
)
from tools.docs.openapi_schemas import Schema, Schemas

BY_WEBHOOK = (StatusChanged, AppealAnnounced, ExportAnnounced, Ping)
JSON = "application/json"
FILE: Final = {"type": "string", "format": "binary"}
"""As generators of clients know it; OpenAPI 3.1 itself needs no schema for a file."""


@dataclass(frozen=True)
class ServedRoute:
    """A route and the service that serves it."""

    service: str
    name: str
    """The name of its constant in lower case: the operationId."""
    route: Route


def routes(root: Path) -> list[ServedRoute]:
    """Return every route of every service: services in reading order, routes in the order of their modules.

    A package of a service, such as `services/intake/appeals`, may have routes of its own.
    """
    services = [path.parent.name for path in root.glob("services/*/routes.py")]
    in_order = sorted(services, key=lambda name: (list(TAGS).index(name) if name in TAGS else len(TAGS), name))
    return [
        ServedRoute(service, name.lower(), value)
        for service in in_order
        for module in sorted((root / "services" / service).glob("**/routes.py"), key=lambda path: len(path.parts))
        for name, value in vars(import_module(".".join(module.relative_to(root).with_suffix("").parts))).items()
        if isinstance(value, Route)
    ]


def openapi(root: Path) -> dict[str, Any]:
    """Return the document. Raises ``LookupError`` if a path parameter has no description."""
    found = routes(root)
    schemas = Schemas([served.route for served in found], BY_WEBHOOK)
    paths: dict[str, dict[str, Any]] = {}
    for served in found:
        paths.setdefault(served.route.path, {})[served.route.method.lower()] = _operation(served, schemas)
    errors, used = {_error_name(status): _error(status) for status in PROBLEMS}, json.dumps(paths)
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": SERVERS,
        "tags": [*(_tag(service) for service in dict.fromkeys(served.service for served in found)), WEBHOOK_TAG],
        "paths": paths,
        "webhooks": {_camel(message): {"post": _webhook(message, schemas)} for message in BY_WEBHOOK},
        "components": {
            "securitySchemes": SECURITY_SCHEMES,
            "schemas": {"Problem": PROBLEM, "GatewayMessage": MESSAGE, **schemas.components()},
            "responses": {name: part for name, part in errors.items() if f'/{name}"' in used},
            "headers": {"CallId": CALL_ID_DESCRIPTION},
        },
    }


def openapi_text(root: Path) -> str:
    """Return `docs/openapi.json`."""
    return json.dumps(openapi(root), indent=2, ensure_ascii=False) + "\n"


def _camel(message: type[BaseModel]) -> str:
    return message.__name__[0].lower() + message.__name__[1:]


def _snake(message: type[BaseModel]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", message.__name__).lower()


def _tag(service: str) -> dict[str, str]:
    said = TAGS.get(service) or (inspect.getdoc(import_module(f"services.{service}.routes")) or "").split("\n")[0]
    return {"name": service, "description": said}


def _operation(served: ServedRoute, schemas: Schemas) -> dict[str, Any]:
    route = served.route
    scopes = [] if route.scope in {None, "any"} else [route.scope]
    access = {None: "Public: no key is required.", "any": "Requires a key with any scope."}.get(
        route.scope, f"Requires the scope `{route.scope}`."
    )
    found: dict[str, Any] = {
        "operationId": served.name,
        "tags": [served.service],
        "summary": route.summary,
        "description": access,
        "security": [{scheme: scopes} for scheme in SECURITY_SCHEMES] if route.scope else [],
    }
    if ended := route.deprecation:
        found |= {"deprecated": True, "x-sunset": str(ended.sunset)}
        found["description"] += (
            f" Deprecated since {ended.since}: use `{ended.successor}`. It works until {ended.sunset} at least."
        )
    if scopes:
        found["x-scope"] = route.scope
    if parameters := list(_parameters(route, schemas)):
        found["parameters"] = parameters
    if route.body:
        found["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": schemas.ref(route.body, "validation")}},
        }
    if route.file_types:
        found["requestBody"] = {
            "required": True,
            "content": {media_type: {"schema": FILE} for media_type in route.file_types},
        }
    found["responses"] = _responses(route, schemas)
    return found


def _webhook(message: type[BaseModel], schemas: Schemas) -> dict[str, Any]:
    """Return the operation that the caller's own server implements to receive ``message``."""
    return {
        "operationId": f"receive_{_snake(message)}",
        "tags": [WEBHOOK_TAG["name"]],
        "summary": schemas.components()[message.__name__]["description"],
        "description": "Signed according to Standard Webhooks: verify the signature. Delivered at least once.",
        "security": [],
        "parameters": [{**header, "in": "header", "required": True} for header in WEBHOOK_HEADERS],
        "requestBody": {"required": True, "content": {JSON: {"schema": schemas.ref(message, "serialization")}}},
        "responses": {
            "2XX": {"description": "Received."},
            "410": {"description": "The webhook is deleted and receives nothing more."},
            "default": {"description": "The delivery is retried later, at the earliest after `Retry-After`."},
        },
    }


def _parameters(route: Route, schemas: Schemas) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\+?\}", route.path):
        if name not in PATH_PARAMETERS:
            raise LookupError(f"tools/docs/openapi_parameters.py: PATH_PARAMETERS has no {name!r} of {route.route_key}")
        yield {"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]}
    if route.query:
        for name, schema, required in schemas.properties(route.query):
            parameter = {"name": name, "in": "query", "required": required, "schema": schema}
            parameter |= {"description": schema.pop("description")} if "description" in schema else {}
            yield parameter | ({"example": schema.pop("examples")[0]} if "examples" in schema else {})
    for name, what_for in route.headers.items():
        schema = REQUEST_HEADERS.get(name.lower(), {"type": "string"})
        yield {"name": name, "in": "header", "required": False, "description": what_for, "schema": schema}


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    responses: dict[int, dict[str, Any]] = {}
    for status, model in route.responses.items():
        responses[status] = {"description": SUCCESS[status], "headers": _call_id()}
        if model:
            responses[status]["content"] = {JSON: {"schema": schemas.ref(model, "serialization")}}
        elif route.media_type:
            responses[status]["content"] = {route.media_type: {"schema": {"type": "string"}}}
    for status in _error_statuses(route):
        if status in responses:
            responses[status]["content"] = _either(responses[status].get("content", {}), _error(status)["content"])
        elif route.error_body:
            responses[status] = _error(status, schemas.ref(route.error_body, "serialization"))
        elif status in route.response_headers:
            responses[status] = _error(status)
        else:
            responses[status] = {"$ref": f"#/components/responses/{_error_name(status)}"}
    for status, names in route.response_headers.items():
        # If the gateway itself answers a failure, our headers are missing.
        always = {"required": True} if status in route.responses else {}
        responses[status]["headers"] |= {name: {**RESPONSE_HEADERS[name], **always} for name in names}
    for status, names in route.optional_headers.items():
        responses[status]["headers"] |= {name: RESPONSE_HEADERS[name] for name in names}
    if route.deprecation:
        for response in responses.values():
            response["headers"] |= {name: RESPONSE_HEADERS[name] for name in route.deprecation.headers}
    return {str(status): responses[status] for status in sorted(responses)}


def _error_statuses(route: Route) -> list[int]:
    statuses = {*route.problems, *COMMON_ERRORS}
    statuses |= set(GUARDED_ERRORS) if route.scope else set()
    statuses |= set(BODY_ERRORS) if route.body and not route.error_body else set()
    statuses |= set(FILE_ERRORS) if route.file_types else set()
    statuses |= set(QUERY_ERRORS) if route.query else set()
    statuses |= set(JSON_ERRORS) if route.returns_json and not route.error_body else set()
    return sorted(statuses)


def _error_name(status: int) -> str:
    return f"Error{status}"


def _error(status: int, body: Schema | None = None) -> dict[str, Any]:
    """Return the response for a failure: our own body or problem document, or the gateway's message."""
    code, description, errors = PROBLEMS[status]
    if body:
        content: dict[str, Any] = {JSON: {"schema": body}}
    else:
        example = {**problems.ApiProblem(code, description, errors=errors).document(), "call_id": CALL_ID}
        content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    if message := GATEWAY_MESSAGES.get(status):
        by_gateway = {"schema": {"$ref": "#/components/schemas/GatewayMessage"}, "example": {"message": message}}
        content = _either(content, {JSON: by_gateway})
    return {"description": description, "headers": _call_id(), "content": content}


def _call_id() -> dict[str, Any]:
    return {CALL_ID_HEADER: {"$ref": "#/components/headers/CallId"}}


def _either(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the media types of both; where both have one, either body may come."""
    merged = {**one, **other}
    for media_type in one.keys() & other.keys():
        merged[media_type] = {"schema": {"anyOf": [one[media_type]["schema"], other[media_type]["schema"]]}}
    return merged
